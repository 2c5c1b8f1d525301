"""Which stages a step of a program belongs to (several to a segment, several steps to some stages), and which records get through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluxion_core.language.compiler.effects import EffectStep
from fluxion_core.language.compiler.frame import stage_of
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.parts import Folding, StepPart

__all__ = ["borders", "counted_stages", "last_passed", "seconds_by_stage"]


def borders(steps: Sequence[Any]) -> tuple[dict[int, int], dict[int, int]]:
    """Return, for every stage, the step into which documents enter it, and the one from which they leave it."""
    found = [
        (stage, index) for index, step in enumerate(steps) if not isinstance(step, EffectStep) for stage in _stages_of(step)
    ]
    return dict(reversed(found)), dict(found)


def last_passed(steps: Sequence[Any]) -> int:
    """Return the step at which a record has got through: the first that keeps documents, else the last of all."""
    for index, step in enumerate(steps):
        if (isinstance(step, StepPart) and not step.streams) or (
            isinstance(step, SegmentStep) and step.segment.folding is not None
        ):
            return index
    return len(steps) - 1


def counted_stages(
    steps: Sequence[Any], enters: Mapping[int, int], leaves: Mapping[int, int]
) -> dict[int, list[tuple[int, bool, bool]]]:
    """Return for each segment its stages, each with whether documents enter it there and leave it there (not as groups)."""
    return {
        index: [
            (stage, enters[stage] == index, leaves[stage] == index and not isinstance(last, Folding))
            for stage, last in {part.stage: part for part in step.segment.parts}.items()
        ]
        for index, step in enumerate(steps)
        if isinstance(step, SegmentStep)
    }


def seconds_by_stage(steps: Sequence[Any], seconds: Sequence[float], stages: int) -> list[float]:
    """Return for each of *stages* how long its steps took; stages of one segment share its time."""
    found = [0.0] * stages
    for step, taken in zip(steps, seconds, strict=True):
        for stage in {stage for stage in _stages_of(step) if stage is not None}:
            found[stage] += taken
    return found


def _stages_of(step: Any) -> Iterable[Any]:
    if isinstance(step, EffectStep):
        return [stage_of(call.where) for call in step.calls]
    return [part.stage for part in step.segment.parts] if isinstance(step, SegmentStep) else [step.stage]
