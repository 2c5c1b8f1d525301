"""Which stages a step of a program belongs to (several to a segment, several steps to some stages), and which records get through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fluxion_core.language.compiler.effects import EffectStep
from fluxion_core.language.compiler.frame import stage_of
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.parts import Folding, StepPart

__all__ = ["Tally", "borders", "counted_stages", "last_passed", "seconds_by_stage"]


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


class Tally(msgspec.Struct, frozen=True):
    """What the numbers that a segment's code counted say: where that of the records that *passed* stands, if it is one of them, and
    for each stage whether documents enter and leave it there, and the places of the numbers to add up for those that it dropped.
    """

    passed: int | None
    stages: Sequence[tuple[int, bool, bool, Sequence[tuple[int, int]]]]

    @classmethod
    def of(cls, counters: Sequence[tuple[int, str]], stages: Sequence[tuple[int, bool, bool]]) -> Tally:
        """Return that of code with these *counters*, each a stage and what it is of, which runs *stages*."""
        dropped = [
            (stage, place, 1 if role == "dropped" else -1) for place, (stage, role) in enumerate(counters) if role != "passed"
        ]
        return cls(
            next((place for place, (_, role) in enumerate(counters) if role == "passed"), None),
            [
                (stage, enters, leaves, [(place, sign) for of, place, sign in dropped if of == stage])
                for stage, enters, leaves in stages
            ],
        )


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
