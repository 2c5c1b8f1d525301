"""The contract of an accumulator, as tests: the eight rules of ``docs/how-to/write-an-operator.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import attrs
import pytest

from fluxion_core.components import name_is_good
from fluxion_core.errors import CompileError
from fluxion_core.language import MISSING, Accumulator, Example, Output, Program, Run, compile_pipeline, encode_value, own_names
from fluxion_core.spi import Document
from fluxion_core.testing.suites.every_kind import varied
from fluxion_core.testing.suites.operator import empty, same_value

__all__ = ["AccumulatorCase", "AccumulatorSuite"]


@attrs.frozen(kw_only=True)
class AccumulatorCase:
    """An accumulator, whose examples say how it is written.

    *examples* are further ones; *wrong* are expressions that ``fluxion lint`` must refuse, beside those that follow from what the
    descriptor declares.
    """

    accumulator: Accumulator
    examples: Sequence[Example] = ()
    wrong: Sequence[Any] = ()

    @property
    def all_examples(self) -> list[Example]:
        """The accumulator's own examples and those of the case."""
        return [*self.accumulator.examples, *self.examples]


def _compiled(case: AccumulatorCase, stage: Document) -> Program:
    added = [] if case.accumulator.name in own_names("accumulator") else [case.accumulator]
    return compile_pipeline([stage], accumulators=added)


def _grouping(case: AccumulatorCase, expression: Any) -> Program:
    return _compiled(case, {"$group": {"_id": None, "result": expression}})


def _result(output: Output) -> bytes:
    """Return the bytes of the one group's value; ``MISSING`` where there is no group, because every document failed."""
    return encode_value([made.get("result", MISSING) for made in output.documents])


def _folded(run: Run, documents: Sequence[Document], size: int) -> Iterator[Output]:
    for start in range(0, len(documents), size):
        yield run.feed(documents=documents[start : start + size])


class AccumulatorSuite:
    """Subclass, and return an :class:`AccumulatorCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> AccumulatorCase:
        """Return the accumulator to test; every subclass has its own."""
        msg = "write a fixture `case` that returns an AccumulatorCase"
        raise NotImplementedError(msg)

    def test_the_descriptor_has_a_name_and_examples(self, case: AccumulatorCase) -> None:
        """A name that pipelines can say, and an example over documents: ``fluxion components`` and the reference show both."""
        assert name_is_good("accumulator", case.accumulator.name)
        assert case.all_examples
        assert all(example.documents for example in case.all_examples)

    def test_rule_1_its_examples_hold(self, case: AccumulatorCase) -> None:
        """Each example's expression over its documents gives what the example says."""
        for example in case.all_examples:
            run = _grouping(case, example.expression).start()
            run.feed(documents=deepcopy([dict(document) for document in example.documents]))
            (group,) = run.finish().documents
            assert same_value(example.expected, group["result"]), (example, group)

    def test_rule_2_it_changes_nothing_that_it_gets_or_gave(self, case: AccumulatorCase) -> None:
        """The documents stay as they are, and a result is not the state: it stays as it is while the group grows, and the other way round."""
        for example in case.all_examples:
            run, untouched = _grouping(case, example.expression).start(), _grouping(case, example.expression).start()
            documents = varied(example.documents)
            before = list(map(encode_value, documents))
            run.feed(documents=documents)
            untouched.feed(documents=varied(example.documents))
            assert before == list(map(encode_value, documents)), example
            for group in run.changed().documents:
                empty(group["result"])
            assert _result(untouched.finish()) == _result(run.finish()), example

    def test_rule_3_anything_may_come(self, case: AccumulatorCase) -> None:
        """Missing, null and every type of BSON are folded; only where ``total`` is false, or ``check`` refuses it, does a record fail."""
        may_fail = not case.accumulator.total or case.accumulator.check is not None
        found: list[str] = []
        for example in case.all_examples:
            for document in varied(example.documents):
                try:
                    run = _grouping(case, example.expression).start()
                    output = run.feed(documents=[document])
                    _result(run.finish())
                except Exception as error:  # noqa: BLE001  # whatever the accumulator lets out is what is asked for
                    found.append(f"{example.expression} over {document!r}: {type(error).__name__}: {error}")
                else:
                    found += [f"{document!r}: {failure.error}" for failure in output.failures if not may_fail]
        assert found == []

    def test_rule_4_a_document_that_fails_is_not_folded(self, case: AccumulatorCase) -> None:
        """What failed has left no trace in the state: the result is that of the others."""
        for example in case.all_examples:
            program = _grouping(case, example.expression)
            run, others = program.start(), program.start()
            failed = {failure.index for failure in run.feed(documents=varied(example.documents)).failures}
            others.feed(documents=[document for index, document in enumerate(varied(example.documents)) if index not in failed])
            assert _result(others.finish()) == _result(run.finish()), example

    @pytest.mark.parametrize("size", [1, 2, 7])
    def test_rule_5_the_cut_into_batches_changes_nothing(self, case: AccumulatorCase, size: int) -> None:
        """The result is the same over any cut, asked for in between or not: ``result`` may come again and again."""
        for example in case.all_examples:
            whole, cut = _grouping(case, example.expression).start(), _grouping(case, example.expression).start()
            whole.feed(documents=varied(example.documents))
            for _ in _folded(cut, varied(example.documents), size):
                cut.changed()
            assert _result(whole.finish()) == _result(cut.finish()), example

    @pytest.mark.parametrize("size", [1, 7])
    def test_rule_6_its_state_survives_a_restart(self, case: AccumulatorCase, size: int) -> None:
        """``dump`` gives a plain value, and ``load`` the state that goes on from it, wherever the run was interrupted."""
        for example in case.all_examples:
            program = _grouping(case, example.expression)
            whole, run = program.start(), program.start()
            whole.feed(documents=varied(example.documents))
            sealed: list[tuple[str, bytes, bytes | None]] = []
            for start in range(0, len(varied(example.documents)), size):
                run.feed(documents=varied(example.documents)[start : start + size])
                sealed += [(name, key, row) for name, rows in run.state_delta().items() for key, row in rows.items()]
                run = program.start()
                run.restore(sealed)
            assert _result(whole.finish()) == _result(run.finish()), example

    def test_rule_7_a_window_gives_what_a_group_gives(self, case: AccumulatorCase) -> None:
        """Over all documents of a partition, ``$setWindowFields`` gives each of them the group's value (``window``)."""
        if not (case.accumulator.window and case.accumulator.group):
            pytest.skip("the accumulator does not stand in both $group and $setWindowFields")
        for example in case.all_examples:
            run = _grouping(case, example.expression).start()
            run.feed(documents=[dict(document) for document in example.documents])
            whole = {**example.expression, "window": {"documents": ["unbounded", "unbounded"]}}
            windows = _compiled(case, {"$setWindowFields": {"sortBy": {"_id": 1}, "output": {"result": whole}}}).start()
            windows.feed(documents=[dict(document) for document in example.documents])
            found = [encode_value([made["result"]]) for made in windows.finish().documents]
            assert [_result(run.finish())] * len(example.documents) == found, example

    def test_rule_8_lint_refuses_wrong_arguments(self, case: AccumulatorCase) -> None:
        """Unknown ones, missing ones, and whatever the case says."""
        accepted = []
        for expression in [*_misspelled(case.accumulator, case.all_examples[0].expression), *case.wrong]:
            try:
                _grouping(case, expression)
            except CompileError:
                continue
            accepted.append(expression)
        assert accepted == []


def _misspelled(accumulator: Accumulator, expression: Any) -> Iterator[Any]:
    """Yield spellings that contradict what the descriptor declares."""
    (spec,) = expression.values()
    named = [*accumulator.parameters, *accumulator.arguments]
    if not named:
        yield {accumulator.name: ["$probe", "$probe"]}
        return
    yield {accumulator.name: {**spec, "noSuchArgument": 1}}
    for left in named:
        if left not in accumulator.optional:
            yield {accumulator.name: {name: given for name, given in spec.items() if name != left}}
