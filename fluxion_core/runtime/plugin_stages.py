"""Stages that plugins register, as stages of the language: checked when the pipeline is compiled, asked a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from fluxion_core.errors import PluginError
from fluxion_core.language import AnsweringStep, StageForm, StepPart
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
        if len(answers) != len(documents):
            raise PluginError(f"stage {stage.name}: process() gave {len(answers)} answers to {len(documents)} documents")
        check_documents(
            [made for answer in answers if not isinstance(answer, BaseException) for made in answer],
            f"stage '{stage.name}': process()",
        )
        return answers


def stage_form(stage: type[Stage]) -> StageForm:
    """Return *stage* as the language knows stages."""

    def parse(parser: Any, specification: Any, where: str) -> Sequence[StepPart]:
        problems = stage.check(specification)
        for problem in problems:
            parser.problem(f"{where}.{problem.path}" if problem.path else where, problem.message, problem.hint)
        if problems:
            return []
        return [_PluginStage(where=where, stage_class=stage, specification=specification, pure=stage.pure)]

    return StageForm(name=stage.name, parse=parse, kind="stateless", note=stage.summary, family="plugin")
