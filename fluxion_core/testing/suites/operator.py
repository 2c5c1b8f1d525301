"""The contract of an expression operator, as tests: the seven rules of ``docs/how-to/write-an-operator.md``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import attrs
import pytest

from fluxion_core.components import name_is_good
from fluxion_core.errors import CompileError, EvaluationError, RecordError
from fluxion_core.language import MISSING, Example, Operator, Program, compile_pipeline, encode_value, own_names
from fluxion_core.spi import Document
from fluxion_core.testing.suites.every_kind import every_kind

__all__ = ["OperatorCase", "OperatorSuite", "empty", "same_value"]


@attrs.frozen(kw_only=True)
class OperatorCase:
    """An operator, whose examples say how it is called.

    *examples* are further ones, such as hold only where the test runs; *wrong* are expressions that ``fluxion lint`` must refuse,
    beside those that follow from what the descriptor declares; *effects* is what an effectful operator is handed.
    """

    operator: Operator
    examples: Sequence[Example] = ()
    wrong: Sequence[Any] = ()
    effects: Any = None

    @property
    def all_examples(self) -> list[Example]:
        """The operator's own examples and those of the case."""
        return [*self.operator.examples, *self.examples]

    @property
    def calls(self) -> list[Example]:
        """The examples that have an answer and are a call of nothing but the operator: their arguments can be varied."""
        return [
            example
            for example in self.all_examples
            if not example.error and isinstance(example.expression, dict) and list(example.expression) == [self.operator.name]
        ]


@attrs.frozen
class _Argument:
    """One argument of an example, which any other expression can be put in the place of."""

    example: Example
    spec: Any
    place: Any

    def expression(self, value: Any) -> Any:
        """Return the example's call with *value* as this argument."""
        (name,) = self.example.expression
        if self.place is None:
            return {name: value}
        spec = self.spec.copy()
        spec[self.place] = value
        return {name: spec}

    def documents(self, values: Sequence[Any]) -> list[Document]:
        """Return the example's document once per value, which stands in the field ``probe``."""
        probes: list[Document] = [{} if value is MISSING else {"probe": value} for value in values]
        return [{**deepcopy(dict(self.example.document)), **probe} for probe in probes]


def _arguments(case: OperatorCase) -> Iterator[_Argument]:
    operator = case.operator
    for example in case.calls:
        (spec,) = example.expression.values()
        if operator.named:
            places: list[Any] = [name for name in (*operator.arguments, *operator.optional) if name not in operator.constants]
        else:
            places = list(range(len(spec))) if isinstance(spec, list) else [None]
        yield from (_Argument(example, spec, place) for place in places)


def _compiled(case: OperatorCase, expression: Any) -> Program:
    return compile_pipeline([{"$project": {"result": expression}}], operators=_added(case.operator))


def _added(operator: Operator) -> list[Operator]:
    """Return what is to be added to the language: nothing, if the operator is one of its own."""
    return [] if operator.name in own_names("operator") else [operator]


def _answers(case: OperatorCase, expression: Any, documents: Sequence[Document], size: int = 1_000) -> list[bytes | str]:
    """Return what the operator answers to each document, in batches of *size*: the value's bytes, or the class of the error."""
    run = _compiled(case, expression).start(context=case.effects)
    numbered = [{**document, "_id": number} for number, document in enumerate(documents)]
    found: dict[int, bytes | str] = {}
    for start in range(0, len(numbered), size):
        output = run.feed(documents=numbered[start : start + size])
        found |= {made["_id"]: _bytes(made.get("result", MISSING)) for made in output.documents}
        found |= {start + (failure.index or 0): type(failure.error).__name__ for failure in output.failures}
    return [found[number] for number in range(len(numbered))]


def _bytes(value: Any) -> bytes:
    return encode_value(math.nan if isinstance(value, float) and math.isnan(value) else value)  # the sign of NaN is nobody's


def _refused(case: OperatorCase, expression: Any) -> bool:
    """Return whether the expression is a problem already when the pipeline is compiled, as ``fluxion lint`` does."""
    try:
        _compiled(case, expression)
    except CompileError:
        return True
    return False


def same_value(expected: Any, found: Any) -> bool:
    """Return whether *found* is what an example says; the last digits of floating-point numbers differ between machines."""
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-12) or (math.isnan(expected) and math.isnan(found))
    return bool(expected == found)


def empty(value: Any) -> None:
    """Empty *value*, as its owner may, if it is an object or an array."""
    if isinstance(value, dict | list):
        value.clear()


def _empty_all(value: Any) -> None:
    """Empty every object and array within *value*, and it."""
    if isinstance(value, dict | list):
        for item in list(value.values() if isinstance(value, dict) else value):
            _empty_all(item)
        empty(value)


class OperatorSuite:
    """Subclass, and return an :class:`OperatorCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> OperatorCase:
        """Return the operator to test; every subclass has its own."""
        msg = "write a fixture `case` that returns an OperatorCase"
        raise NotImplementedError(msg)

    def test_the_descriptor_has_a_name_and_examples(self, case: OperatorCase) -> None:
        """A name that pipelines can say, and an example with an answer: ``fluxion components`` and the reference show both."""
        assert name_is_good("operator", case.operator.name)
        assert case.calls

    def test_rule_1_its_examples_hold(self, case: OperatorCase) -> None:
        """Each example's expression gives what the example says, or is refused or raises where it says ``error``."""
        for example in case.all_examples:
            if example.error and _refused(case, example.expression):
                continue  # of constants alone, it is computed while the pipeline is compiled
            output = _compiled(case, example.expression).start(context=case.effects).feed(documents=[dict(example.document)])
            if example.error:
                assert output.failures, example
                continue
            assert not output.failures, (example, output.failures)
            found = output.documents[0].get("result", MISSING)
            assert same_value(example.expected, found), (example, found)

    def test_rule_2_it_neither_changes_nor_keeps_what_it_gets(self, case: OperatorCase) -> None:
        """The arguments stay as they are, and what becomes of arguments and answers later changes no later answer."""
        for argument in _arguments(case):
            run = _compiled(case, argument.expression("$probe")).start(context=case.effects)
            before = argument.documents(every_kind())
            given = argument.documents(every_kind())
            first = run.feed(documents=given).documents
            assert list(map(encode_value, before)) == list(map(encode_value, given)), argument.expression("$probe")
            answers = list(map(encode_value, first))
            _empty_all(first)
            _empty_all(given)
            again = run.feed(documents=argument.documents(every_kind())).documents
            assert answers == list(map(encode_value, again)), argument.expression("$probe")

    def test_rule_3_anything_may_stand_in_an_argument(self, case: OperatorCase) -> None:
        """Missing, null and every type of BSON: the answer is a value of the language or an ``EvaluationError`` (``RecordError``).

        One that is declared ``total`` has a value for all of them.
        """
        allowed = {error.__name__ for error in (EvaluationError, RecordError) if not case.operator.total}
        found: list[str] = []
        for argument in _arguments(case):
            for value in every_kind():
                what = f"{argument.expression('$probe')} with {value!r}"
                try:
                    (answer,) = _answers(case, argument.expression("$probe"), argument.documents([value]))
                except Exception as error:  # noqa: BLE001  # whatever the operator lets out is what is asked for
                    found.append(f"{what}: {type(error).__name__}: {error}")
                else:
                    found += [f"{what}: {answer}"] if isinstance(answer, str) and answer not in allowed else []
        assert found == []

    def test_rule_4_the_same_arguments_give_the_same_answer(self, case: OperatorCase) -> None:
        """In every run and after whatever came before, if the operator is declared ``pure``."""
        if not case.operator.pure:
            pytest.skip("the operator declares pure=False")
        for argument in _arguments(case):
            documents = argument.documents(every_kind())
            forwards = _answers(case, argument.expression("$probe"), documents)
            assert forwards == _answers(case, argument.expression("$probe"), documents[::-1])[::-1], argument.expression(
                "$probe"
            )

    @pytest.mark.parametrize("size", [1, 2, 7])
    def test_rule_5_the_cut_into_batches_changes_nothing(self, case: OperatorCase, size: int) -> None:
        """Each document gets the answer that it gets among all others at once."""
        for argument in _arguments(case):
            documents = argument.documents(every_kind())
            whole = _answers(case, argument.expression("$probe"), documents)
            assert whole == _answers(case, argument.expression("$probe"), documents, size), argument.expression("$probe")

    def test_rule_6_a_constant_gives_what_a_field_gives(self, case: OperatorCase) -> None:
        """Computed when the pipeline is compiled or for each document: one value. A constant may be refused that is wrong in a field."""
        for argument in _arguments(case):
            for value in every_kind():
                written = argument.expression({"$literal": value}) if value is not MISSING else argument.expression("$$REMOVE")
                (answer,) = _answers(case, argument.expression("$probe"), argument.documents([value]))
                if _refused(case, written):
                    assert isinstance(answer, str), (written, "is refused, and has an answer where it comes from a field")
                else:
                    assert [answer] == _answers(case, written, argument.documents([MISSING])), written

    def test_rule_7_lint_refuses_wrong_arguments(self, case: OperatorCase) -> None:
        """Too few, too many, unknown ones, a field where a constant must stand, and whatever the case says."""
        wrong = [*_misspelled(case.operator, case.calls[0].expression), *case.wrong]
        assert [] == [expression for expression in wrong if not _refused(case, expression)]


def _misspelled(operator: Operator, expression: Mapping[str, Any]) -> Iterator[Any]:
    """Yield calls that contradict what the descriptor declares."""
    if operator.named:
        (spec,) = expression.values()
        yield {operator.name: {**spec, "noSuchArgument": 1}}
        yield from (
            {operator.name: {name: given for name, given in spec.items() if name != left}} for left in operator.arguments
        )
        yield from ({operator.name: {**spec, name: "$probe"}} for name in operator.constants)
        return
    if operator.maximum is not None:
        yield {operator.name: ["$probe"] * (operator.maximum + 1)}
    if operator.minimum > 1:
        yield {operator.name: ["$probe"] * (operator.minimum - 1)}
