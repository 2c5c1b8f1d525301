"""The contract of a stage, as tests: the six rules of ``docs/how-to/write-a-stage.md``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import attrs
import pytest

from fluxion_core.components import name_is_good
from fluxion_core.errors import Problem
from fluxion_core.language import encode_value
from fluxion_core.spi import Context, Document, Stage, StageAnswer
from fluxion_core.testing.suites.every_kind import every_kind, varied

__all__ = ["StageCase", "StageSuite"]


@attrs.frozen(kw_only=True)
class StageCase:
    """A stage, one *specification* of it that is right, and *documents* that it has an answer to; *wrong* specifications are not."""

    stage: type[Stage]
    specification: Any
    documents: Sequence[Document]
    wrong: Sequence[Any] = ()


@contextmanager
def _opened(case: StageCase, context: Context) -> Iterator[Stage]:
    with closing(case.stage(case.specification)) as stage:
        stage.open(context)
        yield stage


def _shown(answers: Sequence[StageAnswer]) -> list[bytes | str]:
    """Return each answer as something that can be compared: the documents' bytes, or the error's words."""
    return [repr(answer) if isinstance(answer, Exception) else encode_value(list(answer)) for answer in answers]


class StageSuite:
    """Subclass, and return a :class:`StageCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> StageCase:
        """Return the stage to test; every subclass has its own."""
        msg = "write a fixture `case` that returns a StageCase"
        raise NotImplementedError(msg)

    @pytest.fixture
    def context(self) -> Context:
        """Return what the stage is opened with; override for one that needs connections or a directory."""
        return Context(pipeline_id="suite", incarnation="00000000000000aa", epoch=1)

    def test_the_class_declares_name_and_purpose(self, case: StageCase) -> None:
        """A stage class has a name that begins with ``$``, and a docstring or ``summary``; ``fluxion components`` shows it."""
        assert name_is_good("stage", case.stage.name)
        assert case.stage.summary or inspect.getdoc(case.stage) != inspect.getdoc(Stage)

    def test_rule_1_check_says_what_is_wrong(self, case: StageCase) -> None:
        """``check`` returns problems with words for what is wrong, nothing for what is right, and raises for no specification."""
        assert list(case.stage.check(case.specification)) == []
        assert [wrong for wrong in case.wrong if not case.stage.check(wrong)] == []
        for given in [*every_kind()[1:], *case.wrong]:
            assert all(isinstance(problem, Problem) and problem.message for problem in case.stage.check(given)), given

    def test_rule_2_every_document_has_one_answer(self, case: StageCase, context: Context) -> None:
        """In order: the documents in its place, or an error; those of the case have no error."""
        with _opened(case, context) as stage:
            answers = list(stage.process(case.documents))
            assert len(case.documents) == len(answers)
            assert [answer for answer in answers if isinstance(answer, Exception)] == []
            assert {dict} >= {type(made) for answer in answers if not isinstance(answer, Exception) for made in answer}
            assert list(stage.process([])) == []

    def test_rule_3_what_came_in_stays_as_it_is(self, case: StageCase, context: Context) -> None:
        """The stage changes no document that it gets."""
        with _opened(case, context) as stage:
            documents = varied(case.documents)
            stage.process(documents)
            assert list(map(encode_value, varied(case.documents))) == list(map(encode_value, documents))

    def test_rule_4_anything_may_stand_in_a_field(self, case: StageCase, context: Context) -> None:
        """Missing, null and every type of BSON: the answer is documents, or an error of that document; nothing is raised."""
        with _opened(case, context) as stage:
            for document in varied(case.documents):
                (answer,) = stage.process([document])
                assert isinstance(answer, Exception) or all(isinstance(made, dict) for made in answer), document

    @pytest.mark.parametrize("size", [1, 2, 7])
    def test_rule_5_the_cut_into_batches_changes_nothing(self, case: StageCase, context: Context, size: int) -> None:
        """Each document has the answer that it has among all others at once."""
        with _opened(case, context) as whole, _opened(case, context) as cut:
            documents = varied(case.documents)
            batches = [documents[start : start + size] for start in range(0, len(documents), size)]
            answers = [answer for batch in batches for answer in cut.process(batch)]
            assert _shown(whole.process(varied(case.documents))) == _shown(answers)

    def test_rule_6_the_same_document_has_the_same_answer(self, case: StageCase, context: Context) -> None:
        """In every run and after whatever came before, if the stage is declared ``pure``."""
        if not case.stage.pure:
            pytest.skip("the stage does not declare pure")
        with _opened(case, context) as stage:
            forwards = _shown(stage.process(varied(case.documents)))
            assert forwards == _shown(stage.process(varied(case.documents)[::-1]))[::-1]

    def test_closing_is_always_allowed(self, case: StageCase, context: Context) -> None:
        """``close`` may come without ``open``, and twice."""
        case.stage(case.specification).close()
        with _opened(case, context) as stage:
            stage.close()
