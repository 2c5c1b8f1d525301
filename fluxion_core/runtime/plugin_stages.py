"""Stages that plugins register, as stages of the language: checked when the pipeline is compiled, asked a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from fluxion_core.errors import PluginError, Problem
from fluxion_core.language import AnsweringStep, StageForm, StepPart
from fluxion_core.runtime.bugs import check_answers
from fluxion_core.runtime.decoding import check_documents
from fluxion_core.runtime.effects import EffectContext
from fluxion_core.spi import Document, Stage

__all__ = ["stage_form"]


class _PluginStage(StepPart, kw_only=True, eq=False):
    """One use of a plugin's stage in a pipeline."""

    kind: ClassVar[str] = "stateless"
    streams: ClassVar[bool] = True
    stage_class: type[Stage]
    specification: Any

    def start(self, environment: Any) -> AnsweringStep:
        """Return the stage, open, for one run."""
        return _PluginStep(self.stage_class(self.specification), environment.context)


class _PluginStep(AnsweringStep):
    """Hands batches to the stage; an outage is waited out, a failing document is that document's."""

    def __init__(self, stage: Stage, effects: EffectContext | None) -> None:
        self._stage = stage
        self._effects = effects
        if effects is not None:
            effects.on_close(stage.close)
            effects.patience.call(lambda: stage.open(effects.context))

    def answers(self, documents: Sequence[Document]) -> Sequence[Sequence[Document] | BaseException]:
        """Return what the stage answers."""
        stage = self._stage
        if self._effects is None:
            answers = stage.process(documents)
        else:
            answers = self._effects.patience.call(lambda: stage.process(documents))
        call = f"stage '{stage.name}': process()"
        check_answers(answers, len(documents), call, "documents")
        for kind in {*map(type, answers)}:
            if not issubclass(kind, Sequence | BaseException) or kind is str:
                msg = f"{call} answered with {kind.__name__}; the contract says a list of documents, or an error (this is a bug in that component)"
                raise PluginError(msg)
        check_documents([made for answer in answers if not isinstance(answer, BaseException) for made in answer], call)
        return answers


def stage_form(stage: type[Stage]) -> StageForm:
    """Return *stage* as the language knows stages."""

    def parse(parser: Any, specification: Any, where: str) -> Sequence[StepPart]:
        problems = stage.check(specification)
        if not isinstance(problems, Sequence) or not all(isinstance(problem, Problem) for problem in problems):
            msg = f"stage '{stage.name}': check() gave {problems!r:.100}; the contract says a list of Problem (this is a bug in that component)"
            raise PluginError(msg)
        for problem in problems:
            parser.problem(f"{where}.{problem.path}" if problem.path else where, problem.message, problem.hint)
        if problems:
            return []
        return [_PluginStage(where=where, stage_class=stage, specification=specification, pure=stage.pure)]

    return StageForm(name=stage.name, parse=parse, kind="stateless", note=stage.summary, family="plugin")
