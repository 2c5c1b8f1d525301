"""One run of a program: the chain of its steps, and all that is kept between documents."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import add
from typing import TYPE_CHECKING, Any, Literal

from fluxion_core.errors import EvaluationError, FluxionError
from fluxion_core.language.compiler.adapting import Adapting
from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.compiler.effects import EffectStep
from fluxion_core.language.compiler.fan_out import LIMIT_ROWS, SLICE, Sliced
from fluxion_core.language.compiler.frame import Counter, Frame, stage_of
from fluxion_core.language.compiler.groups import Groups, KeptGroups
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep
from fluxion_core.language.compiler.output import Failure, Output, of_good_records
from fluxion_core.language.compiler.parts import (
    FAULTS,
    AnsweringStep,
    Folding,
    Part,
    PerDocument,
    StateRow,
    StepPart,
    evaluation_error,
    latest,
)
from fluxion_core.language.compiler.reading import blocking_after, choose_reading, put_lines
from fluxion_core.language.compiler.steps import Tally, borders, counted_stages, last_passed, seconds_by_stage
from fluxion_core.language.encoding import decode_value, encode_value

if TYPE_CHECKING:
    from fluxion_core.language.compiler.program import Program

__all__ = ["Emit", "Run"]

Emit = Literal["final", "updates", "each"]


class Run:
    """One pass over documents. Not thread-safe; feed it from one thread."""

    def __init__(self, program: Program, emit: Emit, context: Any, *, once: bool = False) -> None:
        self.program, self._once = program, once
        self.now = datetime.now(UTC)
        self.max_record_bytes: int | None = None
        self.max_rows_per_record = LIMIT_ROWS
        self.skips_blank_lines = False
        self.adapts_after = 2_000
        """After how many documents the code is written for the classes that came."""
        self.random = random.random
        self.monotonic: Callable[[], float] = lambda: 0.0  # the host's clock, if somebody wants to know how long steps take
        self._seconds = [0.0] * len(program.steps)
        self.outer: Mapping[str, Any] = {}
        self._emit = emit
        self.context = context
        """What was handed to ``start``."""
        self._each = {
            index
            for index, step in enumerate(program.steps)
            if emit == "each" and isinstance(step, SegmentStep) and step.segment.folding and not blocking_after(program, index)
        }
        self.counts = [[0, 0, 0] for _ in program.stage_names]
        self._enters, self._leaves = borders(program.steps)
        self._counted = counted_stages(program.steps, self._enters, self._leaves)
        self._tallies: dict[Loaded, Tally] = {}
        self._last_passed = last_passed(program.steps)
        self._states: dict[int, Any] = {}
        self._grouped: list[KeptGroups] = []
        self._adapting: dict[Loaded, Adapting] = {}
        self.failures: list[Failure] = []
        self._dirty_counters: dict[str, int] = {}
        for index, step in enumerate(program.steps):
            if isinstance(step, SegmentStep):
                folding = step.segment.folding
                self._states[index] = None
                if folding is not None:
                    self._states[index] = groups = Groups(step, folding, step.load())
                    self._grouped.append(groups)
            elif isinstance(step, StepPart):
                self._states[index] = step.start(self)
        self.counters: dict[str, Counter] = {}
        for step in program.steps:
            for part in step.segment.parts if isinstance(step, SegmentStep) else ():
                limits = part.counter() if isinstance(part, PerDocument) else None
                if limits is not None:
                    self.counters[part.id] = Counter(*limits)
        self._decoders: dict[str, tuple[Decoder, Loaded | None, str]] = {}

    # ------------------------------------------------------------------------------------------------- feeding

    @property
    def done(self) -> bool:
        """Whether no further document can change the result (a ``$limit`` is full)."""
        return any(counter.full for counter in self.counters.values() if counter.ends)

    def feed(
        self,
        *,
        documents: Sequence[dict[str, Any]] | None = None,
        payloads: Sequence[bytes] | None = None,
        block: bytes | None = None,
    ) -> Output:
        """Run a batch, given in one of three forms; return what leaves at once, and the fates of its records.

        A line of *block* without a byte is no record.
        """
        output = Output()
        self.failures = output.failures
        if documents is not None:
            output.records = len(documents)
            self._pass(0, documents, None, output)
        else:
            output.records = self._feed_bytes(block, payloads or (), output)
        failed = len({failure.index for failure in output.failures} - {None}) if output.failures else 0
        output.filtered = max(0, output.records - failed - output.passed)
        return output

    def _feed_bytes(self, block: bytes | None, payloads: Sequence[bytes], output: Output) -> int:
        decoder, loaded, form = self._reading()
        decoder.skips_blank = self.skips_blank_lines
        limit = self.max_record_bytes
        adapting = self._adapting.get(loaded) if loaded is not None else None
        code = adapting.decoded() if adapting is not None else None
        likely = code.likely if code is not None else None
        decoded = decoder.block(block, limit, likely) if block is not None else decoder.payloads(payloads, limit, likely)
        if adapting is not None and code is not None:
            adapting.tried(failed=not decoded.likely)
            loaded = code if decoded.likely else loaded
        output.failures += [Failure(index, None, "", error) for index, error in decoded.refused]
        if form == "index":
            indexes = decoded.indexes if decoded.indexes is not None else range(len(decoded.documents))
            if loaded is not None:
                self._pass(0, decoded.documents, indexes, output, loaded)
            else:
                output.rows, output.passed = list(indexes), len(decoded.documents)
            put_lines(output, decoded.block, decoded.lines, payloads)
        else:
            self._pass(0, decoded.documents, decoded.indexes, output, loaded)
        return decoded.count

    def _reading(self) -> tuple[Decoder, Loaded | None, str]:
        """Return how bytes are read: the decoder, the code for what it makes, and the form of the rows."""
        found = self._decoders.get("bytes")
        if found is None:
            found = self._decoders["bytes"] = choose_reading(self.program, each=0 in self._each)
        return found

    # ------------------------------------------------------------------------------------------------- the chain

    def _pass(
        self, start: int, documents: Sequence[Any], indexes: Sequence[int] | None, output: Output, loaded: Loaded | None = None
    ) -> None:
        """Run *documents* through the steps from *start* on; what reaches the end is added to *output*."""
        rows: Sequence[Any] = documents
        self._fed = len(documents)
        first = start == 0
        origins: Sequence[int | None] | None = indexes if first else [None] * len(rows)
        answers: Sequence[Any] | None = None
        passed = len(documents)  # records, of which each may have become several rows
        began = self.monotonic()
        for index in range(start, len(self.program.steps)):
            if index > start:
                self._seconds[index - 1] -= began - (began := self.monotonic())
                if not rows and index > self._last_passed:
                    break
            step = self.program.steps[index]
            if isinstance(step, EffectStep):
                rows, origins, answers = step.ask(self, rows, origins)
                continue
            if not isinstance(step, SegmentStep):
                rows, origins = self._step(index, step, rows, origins)
                holds = not step.streams
            else:
                code = loaded if loaded is not None and index == start else step.load(each=index in self._each)
                rows, origins, passed = self._segment(index, step, code, rows, origins, answers)
                answers, holds = None, step.segment.folding is not None
                if index == len(self.program.steps) - 1 and code.written.row_form != "dict":
                    output.form, output.names = code.written.row_form, code.written.row_fields
            if first and origins is not None:
                rows, origins, passed = of_good_records(rows, origins, output.failures, columns=output.form == "columns")
            if first and index == self._last_passed:
                output.passed += passed
            first = first and not holds
            if not first:
                origins = [None] * len(rows)  # what was held back is no record's any more
        if self.program.steps:
            self._seconds[-1] += self.monotonic() - began
        else:
            output.passed += passed
        output.rows += rows
        output.origins = origins

    def _segment(
        self,
        index: int,
        step: SegmentStep,
        code: Loaded,
        rows: Sequence[Any],
        origins: Sequence[int | None] | None,
        answers: Sequence[Any] | None,
    ) -> tuple[list[Any], list[int | None] | None, int]:
        state = self._states[index]
        if index and state is None and answers is None and len(rows) > SLICE and (place := step.segment.fans_out):
            sliced = Sliced(self._fed, self.max_rows_per_record)
            for part in sliced.slices(rows, origins):
                for origin in sliced.add(*self._segment(index, step, code, *part, None)[:2]):
                    self._note(place, sliced.fault(place.where), origin)
            return sliced.rows, sliced.origins if step.segment.tracks else None, len(set(sliced.origins))
        adapting = None
        if index == 0 and answers is None:
            general = code.general or code
            adapting = self._adapting.get(general)
            if adapting is None:
                adapting = self._adapting[general] = Adapting(step, general, self.adapts_after, once=self._once)
            code = adapting.code(rows) if code is general else code
        if state is not None:
            state.use(code)
        made: list[Any] = [[] for _ in range(step.segment.columns or 0)]
        kept: list[int | None] = []
        frame = Frame(self, code, origins, step.segment.parts)
        counted = code.function(rows, origins if origins is not None else range(len(rows)), answers, frame, made, kept, state)
        for odd in frame.counted:
            counted = tuple(map(add, counted, odd))
        if adapting is not None:
            adapting.note(len(rows), len(frame.counted))
        passed = self._count(index, code, len(rows), counted, frame.failed)
        return made, kept if step.segment.tracks else None, passed

    def _count(self, index: int, code: Loaded, fed: int, counted: Sequence[int], failed: Sequence[int | None]) -> int:
        """Add to the counts of the stages; return how many of the records got through."""
        tally = self._tallies.get(code)
        if tally is None:
            tally = self._tallies[code] = Tally.of(code.written.counters, self._counted[index])
        current = fed
        everything_dropped = 0
        for stage, enters, leaves, dropped in tally.stages:
            lost = failed.count(stage) if failed else 0
            gone = 0
            for place, sign in dropped:
                gone += sign * counted[place]
            count = self.counts[stage]
            if enters:
                count[0] += current
            current -= gone + lost
            if leaves:
                count[1] += current
            count[2] += lost
            everything_dropped += gone
        return counted[tally.passed] if tally.passed is not None else fed - everything_dropped - len(failed)

    def _step(
        self, index: int, step: StepPart, rows: Sequence[Any], origins: Sequence[int | None] | None
    ) -> tuple[list[Any], list[int | None] | None]:
        state = self._states[index]
        count = self.counts[step.stage]
        count[0] += len(rows) if self._enters[step.stage] == index else 0
        kept: list[int | None] | None = None
        if isinstance(state, AnsweringStep):
            made, kept = self._one_by_one(state, step, rows, origins)
        else:
            made = state.feed(rows)
        count[1] += len(made) if self._leaves[step.stage] == index else 0
        return made, kept

    def _one_by_one(
        self, state: AnsweringStep, step: StepPart, rows: Sequence[Any], origins: Sequence[int | None] | None
    ) -> tuple[list[Any], list[int | None]]:
        made: list[Any] = []
        kept: list[int | None] = []
        for position, (document, answer) in enumerate(zip(rows, state.answers(rows), strict=True)):
            origin = origins[position] if origins is not None else position
            if isinstance(answer, BaseException):
                self._note(step, answer, origin, document)
                continue
            made += answer
            kept += [origin] * len(answer)
        return made, kept

    def _note(self, step: Part, fault: BaseException, origin: int | None, document: Any = None) -> None:
        """Keep what a step failed with."""
        plain = isinstance(fault, FluxionError) and not isinstance(fault, EvaluationError)
        error: Any = fault if plain else evaluation_error(fault, step.where)
        path = step.where if plain else error.path
        self.failures.append(Failure(origin, step.stage, path, error, document))
        self.counts[step.stage][2] += 1

    # ------------------------------------------------------------------------------------------------- the end

    def changed(self) -> Output:
        """Return the groups that changed since the last call, as the stages after the group make them."""
        output = Output()
        self.failures = output.failures
        for index, step in enumerate(self.program.steps):
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                self._pass(index + 1, self._emitted(index, step, self._states[index].changed()), None, output)
                break
        output.passed = 0
        return output

    def finish(self) -> Output:
        """Return what was held back until the end of input."""
        output = Output()
        self.failures = output.failures
        for index, step in enumerate(self.program.steps):
            held: list[Any] = []
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                held = self._finish_groups(index, step.segment.folding)
                self._emitted(index, step, held)
            elif isinstance(step, StepPart):
                held = self._finish_step(index, step)
            if held:
                self._pass(index + 1, held, None, output)
        output.passed = 0
        return output

    def _finish_groups(self, index: int, folding: Folding) -> list[Any]:
        groups, updates = self._states[index], self._emit == "updates" and not blocking_after(self.program, index)
        try:
            return [] if index in self._each else groups.changed() if updates else groups.rows()
        except FAULTS as fault:
            self._note(folding, fault, None)
            return []

    def _finish_step(self, index: int, step: StepPart) -> list[Any]:
        try:
            held: list[Any] = self._states[index].finish()
        except FAULTS as fault:
            self._note(step, fault, None)
            return []
        self.counts[step.stage][1] += len(held) if self._leaves[step.stage] == index else 0
        return held

    def _emitted(self, index: int, step: SegmentStep, rows: list[Any]) -> list[Any]:
        folding = step.segment.folding
        if folding is not None and self._leaves[folding.stage] == index:
            self.counts[folding.stage][1] += len(rows)
        return rows

    # ------------------------------------------------------------------------------------------------- state

    def _operator_ids(self) -> Iterable[tuple[str, Any]]:
        for index, step in enumerate(self.program.steps):
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                yield step.segment.folding.id, self._states[index]
            elif isinstance(step, StepPart):
                yield f"{step.stage}.{index}", self._states[index]

    def state_delta(self) -> dict[str, dict[bytes, bytes | None]]:
        """Return the rows of state that changed since the last call: operator id, key, and content (``None``: deleted)."""
        rows = {name: changed for name, state in self._operator_ids() if (changed := state.delta())}
        for name, counter in self.counters.items():
            if self._dirty_counters.get(name) != counter.seen:
                self._dirty_counters[name] = counter.seen
                rows.setdefault(name, {})[b""] = encode_value(counter.seen)
        return rows

    def restore(self, rows: Iterable[StateRow]) -> None:
        """Take back what ``state_delta`` gave out, row by row and a later row of a key after an earlier one, in a fresh run."""
        tables = latest(rows)
        for name, state in self._operator_ids():
            state.restore(tables.get(name, {}))
        for name, counter in self.counters.items():
            found = tables.get(name, {}).get(b"")
            if found is not None:
                counter.seen = self._dirty_counters[name] = decode_value(found)

    @property
    def state_keys(self) -> int:
        """How many groups are kept."""
        return sum(state.count for state in self._grouped)

    @property
    def changed_keys(self) -> int:
        """How many groups the next :meth:`state_delta` holds, or a few more."""
        return sum(state.changed_keys for state in self._grouped)

    @property
    def state_bytes(self) -> int:
        """About how many bytes the sealed state takes."""
        return sum(state.state_bytes for state in self._grouped)

    def stage_seconds(self) -> list[float]:
        """Return how long every stage took so far, with those that it is one loop with, by the clock in *monotonic*."""
        return seconds_by_stage(self.program.steps, self._seconds, len(self.counts))

    def stage_counts(self) -> list[tuple[int, int, int]]:
        """Return documents in, documents out and failures of every stage."""
        return [(into, out, failed) for into, out, failed in self.counts]

    def fail(self, frame: Frame, index: int | None, document: Any, fault: BaseException) -> None:
        """Keep what a document failed with."""
        error = frame.error_of(fault)
        stage = stage_of(error.path)
        frame.failed.append(stage)
        self.failures.append(Failure(index, stage, error.path, error, document if isinstance(document, dict) else None))
