"""A compiled pipeline: immutable, shared, and started as often as one likes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.effects import EffectStep
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.parts import StepPart
from fluxion_core.language.compiler.run import Emit, Run
from fluxion_core.language.compiler.written import Written

__all__ = ["PlanStep", "Program"]

SHOWN_STAGES: Final = 20
"""How many stages of a program are told where it is printed."""


class PlanStep(msgspec.Struct, frozen=True):
    """One step of the plan, for people: which stages it runs, how, and whether it gives out as it takes in."""

    kind: str
    stages: tuple[int, ...]
    names: tuple[str, ...]
    streaming: bool
    note: str = ""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled pipeline. Made by :func:`fluxion_core.compile_pipeline`."""

    name: str
    steps: tuple[SegmentStep | EffectStep | StepPart, ...]
    plan: tuple[PlanStep, ...]
    stage_names: tuple[str, ...]
    keeping: Mapping[str, bytes]
    """The stages that keep something from document to document, as bytes."""
    pure: bool
    required_fields: tuple[str, ...] | None
    """Top-level fields of the input that the pipeline reads; ``None`` when it needs whole documents."""
    first: SegmentStep | None
    """The segment that reads the input."""

    def __repr__(self) -> str:
        """Return the stages in one line: the fields hold all that was made of them."""
        shown = " ".join(self.stage_names[:SHOWN_STAGES]) or "no stages"
        more = len(self.stage_names) - SHOWN_STAGES
        return f"<Program {self.name!r}: {shown}{f' and {more} more' if more > 0 else ''}>"

    @property
    def fingerprints(self) -> dict[str, str]:
        """By which it is told whether kept state is that of these stages."""
        import hashlib  # late, as it loads a library that only kept state needs

        return {path: hashlib.sha256(stage).hexdigest()[:16] for path, stage in self.keeping.items()}

    @property
    def source(self) -> str:
        """The generated Python, segment by segment, in the form that reads bytes where there is one."""
        return "\n".join(written.text for written in self._written())

    @property
    def listing(self) -> str:
        """The same for people: before each segment stands what its names stand for, and the user's words with that."""
        from fluxion_core.language.compiler.legend import legend  # late, as only people need it

        return "\n".join(f"{legend(written)}{written.text}" for written in self._written())

    def _written(self) -> Iterator[Written]:
        for step in self.steps:
            if isinstance(step, SegmentStep):
                records = step is self.first and self.required_fields is not None
                yield step.load(records=records).written

    @property
    def stage_steps(self) -> tuple[int, ...]:
        """For every stage the index of the plan's step that runs it."""
        last = {stage: index for index, step in enumerate(self.plan) if step.kind != "effect" for stage in step.stages}
        return tuple(last.get(stage, 0) for stage in range(len(self.stage_names)))

    @property
    def own_stages(self) -> tuple[int, ...]:
        """The stages of which the program runs at least a part, in order: all of them, unless it was cut off another."""
        found: dict[int, None] = {}
        for step in self.steps:
            parts = step.segment.parts if isinstance(step, SegmentStep) else (step,) if isinstance(step, StepPart) else ()
            found.update((part.stage, None) for part in parts)
        return tuple(found)

    @property
    def stateful(self) -> bool:
        """Whether a run keeps anything between documents."""
        return any(step.kind != "stateless" for step in self.plan)

    def start(self, *, emit: Emit = "final", context: Any = None, once: bool = False) -> Run:
        """Return a fresh run; *context* is handed to effectful operators and plugin stages.

        *once*: the run ends with the first failure, and its state, changes and counts are never asked for: it need not be ready
        for that.
        """
        return Run(self, emit, context, once=once)
