"""A compiled pipeline and one run of it.

A :class:`Program` is immutable and shared; a :class:`Run` holds the state of one pass over documents: groups, counters, and what
blocking stages keep back. Generated code is loaded when a form of input first needs it.
"""

from __future__ import annotations

import hashlib
import linecache
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from fluxion_core.errors import EvaluationError, RecordError
from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.compiler.parts import Folding, PerDocument, StateRow, Step, StepPart
from fluxion_core.language.compiler.segment import Segment, Written, group_class, row_class
from fluxion_core.language.encoding import decode_value, encode_json_lines, encode_value
from fluxion_core.language.ordering import identity
from fluxion_core.language.values import MISSING

__all__ = ["Failure", "Output", "PlanStep", "Program", "Run"]

Emit = Literal["final", "updates", "each"]
FAULTS = (EvaluationError, RecursionError, ArithmeticError, MemoryError)
"""What a document can be at fault for; anything else is a bug and is not hidden."""


@attrs.frozen
class PlanStep:
    """One step of the plan, for people: which stages it runs, how, and whether it gives out as it takes in."""

    kind: str
    stages: tuple[int, ...]
    names: tuple[str, ...]
    streaming: bool
    note: str = ""


@attrs.frozen
class Failure:
    """A record (*index* in what was fed, or ``None`` for a later document) that a stage, or the decoder, could not take."""

    index: int | None
    stage: int | None
    path: str
    error: Exception
    document: Any = None


@attrs.define
class Output:
    """What came out: rows in one of three forms, and the fates of the records that went in."""

    rows: list[Any] = attrs.field(factory=list)
    form: Literal["dict", "struct", "line"] = "dict"
    names: tuple[str, ...] = ()
    passed: int = 0
    filtered: int = 0
    failures: list[Failure] = attrs.field(factory=list)

    @property
    def count(self) -> int:
        """How many documents came out."""
        return len(self.rows)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents as dicts."""
        if self.form == "line":
            decode = Decoder(None)
            return decode.payloads(self.rows, None).documents
        if self.form == "struct":
            attributes = [(name, f"f{index}") for index, name in enumerate(self.names)]
            return [
                {name: value for name, attribute in attributes if (value := getattr(row, attribute)) is not MISSING}
                for row in self.rows
            ]
        return self.rows

    def json_lines(self) -> bytes:
        """Return the documents as newline-ended JSON."""
        if self.form == "line":
            return b"\n".join([*self.rows, b""])
        return encode_json_lines(self.rows)


class Loaded:
    """A segment's generated text, turned into a function."""

    def __init__(self, written: Written, name: str, slots: int | None) -> None:
        self.written = written
        digest = hashlib.sha256("\0".join([written.text, *map(repr, written.constants)]).encode()).hexdigest()[:12]
        self.filename = f"<fluxion {name} {digest}>"
        linecache.cache[self.filename] = (len(written.text), None, written.text.splitlines(keepends=True), self.filename)
        self.namespace: dict[str, Any] = {
            **written.constants,
            "M": MISSING,
            "FAULTS": FAULTS,
            "EvaluationError": EvaluationError,
        }
        if slots is not None:
            self.namespace["Group"] = group_class(slots)
        if written.row_fields is not None:
            self.namespace["Row"] = row_class(written.row_fields)
        exec(compile(written.text, self.filename, "exec"), self.namespace)  # noqa: S102  # the compiler's own text; user text stays in the table
        self.function = self.namespace["segment"]

    def path_of(self, fault: BaseException) -> str:
        """Return the user's path of the expression that raised *fault*."""
        path = ""
        trace = fault.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                path = self.written.paths[trace.tb_lineno - 1] or path
            trace = trace.tb_next
        return path


@attrs.frozen(kw_only=True)
class SegmentStep:
    """A segment in the plan; its code is loaded per form of input and output."""

    segment: Segment
    name: str
    _loaded: dict[Any, Loaded] = attrs.field(factory=dict, eq=False, repr=False)

    def load(
        self,
        *,
        attributes: Mapping[str, str] | None = None,
        output: Literal["dict", "struct", "index"] = "dict",
        each: bool = False,
    ) -> Loaded:
        """Return the code for one form of input and output."""
        key = (tuple(attributes or ()) if attributes is not None else None, output, each)
        found = self._loaded.get(key)
        if found is None:
            written = self.segment.write(attributes=attributes, output=output, each=each)
            folding = self.segment.folding
            found = Loaded(written, self.name, len(folding.fields) if folding else None)
            self._loaded[key] = found
        return found


@attrs.frozen(kw_only=True)
class EffectStep:
    """Effectful calls: the arguments of a whole batch are gathered, each operator is asked once, the answers go on beside."""

    calls: tuple[Any, ...]
    gathers: tuple[SegmentStep, ...]


@attrs.frozen(kw_only=True)
class Program:
    """A compiled pipeline. Made by :func:`fluxion_core.compile_pipeline`."""

    name: str
    steps: tuple[SegmentStep | EffectStep | StepPart, ...]
    plan: tuple[PlanStep, ...]
    stage_names: tuple[str, ...]
    fingerprints: Mapping[str, str]
    pure: bool
    required_fields: tuple[str, ...] | None
    """Top-level fields of the input that the pipeline reads; ``None`` when it needs whole documents."""
    first: SegmentStep | None
    """The segment that reads the input."""

    @property
    def source(self) -> str:
        """The generated Python, segment by segment, in the form that reads bytes where there is one."""
        texts = []
        for step in self.steps:
            if isinstance(step, SegmentStep):
                attributes = None
                if step is self.first and self.required_fields is not None:
                    attributes = Decoder(self.required_fields).attributes
                texts.append(step.load(attributes=attributes).written.text)
        return "\n".join(texts)

    @property
    def stage_steps(self) -> tuple[int, ...]:
        """For every stage the index of the plan's step that runs it."""
        last = {stage: index for index, step in enumerate(self.plan) if step.kind != "effect" for stage in step.stages}
        return tuple(last.get(stage, 0) for stage in range(len(self.stage_names)))

    @property
    def stateful(self) -> bool:
        """Whether a run keeps anything between documents."""
        return any(step.kind != "stateless" for step in self.plan)

    def start(self, *, emit: Emit = "final", context: Any = None) -> Run:
        """Return a fresh run; *context* is handed to effectful operators and plugin stages."""
        return Run(self, emit, context)


class Groups:
    """The state of one ``$group``: every group by its key, and those that were touched since they were last asked for."""

    def __init__(self, step: SegmentStep, folding: Folding, loaded: Loaded) -> None:
        self.groups: dict[Any, Any] = {}
        self.epoch = 0
        self.touched: list[Any] = []
        self._unsealed: dict[int, Any] = {}
        self._folding = folding
        self._loaded = loaded
        self.step = step
        self._row_bytes = 0.0

    def use(self, loaded: Loaded) -> None:
        """Share the state between forms of input: the class of a group is that of the first form."""
        if loaded is not self._loaded:
            loaded.namespace["Group"] = self._loaded.namespace["Group"]

    def _row(self, group: Any) -> dict[str, Any]:
        row: dict[str, Any] = self._loaded.namespace["group_row"](group)
        return row

    def rows(self) -> list[dict[str, Any]]:
        """Return every group."""
        row = self._loaded.namespace["group_row"]
        return [row(group) for group in self.groups.values()]

    def changed(self) -> list[dict[str, Any]]:
        """Return the groups touched since the last call, in the order of their first touch."""
        touched = self._turn()
        self._unsealed.update((id(group), group) for group in touched)
        return [self._row(group) for group in touched]

    def _turn(self) -> list[Any]:
        touched, self.touched = self.touched, []
        self.epoch += 1
        return touched

    def delta(self) -> list[tuple[bytes, bytes | None]]:
        """Return the changed groups as rows of state."""
        unsealed = {**self._unsealed, **{id(group): group for group in self._turn()}}
        self._unsealed = {}
        fields = self._folding.fields
        rows: list[tuple[bytes, bytes | None]] = []
        for group in unsealed.values():
            slots = [accumulator.dump(getattr(group, f"s{slot}")) for slot, (_, accumulator, _, _) in enumerate(fields)]
            rows.append((encode_value(group.key), encode_value(slots)))
        if rows:
            self._row_bytes = sum(len(key) + len(content or b"") for key, content in rows) / len(rows)
        return rows

    @property
    def state_bytes(self) -> int:
        """About how many bytes all groups take in the store, from those that were sealed last."""
        return int(self._row_bytes * len(self.groups))

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take back groups."""
        group = self._loaded.namespace["Group"]
        loads = [accumulator.load for _, accumulator, _, _ in self._folding.fields]
        for packed, content in rows.items():
            key = decode_value(packed)
            slots = [load(state) for load, state in zip(loads, decode_value(content), strict=True)]
            self.groups[key if key.__class__ is str else identity(key)] = group(key, -1, *slots)
        if rows:
            self._row_bytes = sum(map(len, [*rows, *rows.values()])) / len(rows)


class Run:
    """One pass over documents. Not thread-safe; feed it from one thread."""

    def __init__(self, program: Program, emit: Emit, context: Any) -> None:
        self.program = program
        self.now = datetime.now(UTC)
        self.max_record_bytes: int | None = None
        self.random = random.random
        self._emit = emit
        self._context = context
        self._each = {
            index
            for index, step in enumerate(program.steps)
            if emit == "each" and isinstance(step, SegmentStep) and step.segment.folding and not _blocking_after(program, index)
        }
        self._counts = [[0, 0, 0] for _ in program.stage_names]
        self._states: dict[int, Any] = {}
        self._failures: list[Failure] = []
        self._dirty_counters: dict[int, int] = {}
        for index, step in enumerate(program.steps):
            if isinstance(step, SegmentStep):
                folding = step.segment.folding
                if folding is not None:
                    self._states[index] = Groups(step, folding, step.load())
                else:
                    self._states[index] = None
            elif isinstance(step, StepPart):
                self._states[index] = step.start(self)
        self.counters: dict[int, Counter] = {}
        for step in program.steps:
            for part in step.segment.parts if isinstance(step, SegmentStep) else ():
                limits = part.counter() if isinstance(part, PerDocument) else None
                if limits is not None:
                    self.counters[part.stage] = Counter(*limits)
        self._decoders: dict[str, tuple[Decoder, Loaded | None, str]] = {}

    # ------------------------------------------------------------------------------------------------- feeding

    @property
    def context(self) -> Any:
        """What was handed to ``start``."""
        return self._context

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
        """Run a batch, given in one of three forms; return what leaves at once, and the fates of its records."""
        output = Output()
        self._failures = output.failures
        if documents is not None:
            count = len(documents)
            self._pass(0, documents, None, output)
        else:
            count = block.count(b"\n") if block is not None else len(payloads or ())
            self._feed_bytes(block, payloads or (), output)
        failed = len({failure.index for failure in output.failures if failure.index is not None})
        output.filtered = max(0, count - failed - output.passed)
        return output

    def _feed_bytes(self, block: bytes | None, payloads: Sequence[bytes], output: Output) -> None:
        decoder, loaded, form = self._reading()
        limit = self.max_record_bytes
        decoded = decoder.block(block, limit) if block is not None else decoder.payloads(payloads, limit)
        output.failures += [Failure(index, None, "", error) for index, error in decoded.refused]
        if form == "index" and loaded is not None:
            indexes = decoded.indexes if decoded.indexes is not None else range(len(decoded.documents))
            self._pass(0, decoded.documents, indexes, output, loaded)
            if output.rows:
                lines = block.split(b"\n") if block is not None else payloads
                output.rows = [lines[index] for index in output.rows]
            output.form = "line"
            return
        self._pass(0, decoded.documents, decoded.indexes, output, loaded)

    def _reading(self) -> tuple[Decoder, Loaded | None, str]:
        """Return how bytes are read: the decoder, the code for what it makes, and the form of the rows."""
        found = self._decoders.get("bytes")
        if found is None:
            found = self._decoders["bytes"] = self._choose_reading()
        return found

    def _choose_reading(self) -> tuple[Decoder, Loaded | None, str]:
        program = self.program
        first = program.first
        if first is None:
            return Decoder(None), None, "dict"
        alone = len(program.steps) == 1 and first.segment.folding is None
        passes = alone and first.load().written.passes
        try:
            if passes:
                fields = first.load(output="index").written
                decoder = Decoder(fields.loads if not fields.whole else None)
                return decoder, first.load(attributes=decoder.attributes, output="index"), "index"
            if program.required_fields is None:
                return Decoder(None), None, "dict"
            decoder = Decoder(program.required_fields)
            if alone:
                return decoder, first.load(attributes=decoder.attributes, output="struct"), "struct"
            return decoder, first.load(attributes=decoder.attributes, each=0 in self._each), "dict"
        except ValueError:  # a name that msgspec cannot take as a field's name
            return Decoder(None), None, "dict"

    # ------------------------------------------------------------------------------------------------- the chain

    def _pass(
        self, start: int, documents: Sequence[Any], indexes: Sequence[int] | None, output: Output, loaded: Loaded | None = None
    ) -> None:
        """Run *documents* through the steps from *start* on; what reaches the end is added to *output*."""
        rows: Sequence[Any] = documents
        origins: Sequence[int | None] | None = indexes
        answers: Sequence[Any] | None = None
        first = start == 0
        for index in range(start, len(self.program.steps)):
            step = self.program.steps[index]
            if isinstance(step, EffectStep):
                rows, origins, answers = self._ask(step, rows, origins)
                continue
            if isinstance(step, StepPart):
                output.passed += self._distinct(rows, origins) if first and index == self._last_passed else 0
                rows, origins = self._step(index, step, rows), None
                first = False
                continue
            code = loaded if loaded is not None and index == start else step.load(each=index in self._each)
            rows, origins, passed = self._segment(index, step, code, rows, origins, answers)
            answers = None
            if first and index == self._last_passed:
                output.passed += passed
            if step.segment.folding is not None:
                first = False
            if index == len(self.program.steps) - 1 and code.written.row_fields is not None:
                output.form, output.names = "struct", code.written.row_fields
        output.rows += rows
        if not self.program.steps:
            output.passed += len(rows)

    @property
    def _last_passed(self) -> int:
        """Index of the step at which a record has got through: the first that keeps documents, else the last of all."""
        for index, step in enumerate(self.program.steps):
            if isinstance(step, StepPart) or (isinstance(step, SegmentStep) and step.segment.folding is not None):
                return index
        return len(self.program.steps) - 1

    @staticmethod
    def _distinct(rows: Sequence[Any], origins: Sequence[int | None] | None) -> int:
        return len(rows) if origins is None else len(set(origins))

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
        if state is not None:
            state.use(code)
        made: list[Any] = []
        kept: list[int | None] = []
        frame = _Frame(self, code, origins)
        counted = code.function(rows, origins if origins is not None else range(len(rows)), answers, frame, made, kept, state)
        passed = self._count(step, code, len(rows), counted, frame.failed)
        if step.segment.tracks:
            return made, kept, len(set(kept)) if state is None else passed
        return made, None, passed

    def _count(self, step: SegmentStep, code: Loaded, fed: int, counted: Sequence[int], failed: Sequence[int | None]) -> int:
        """Add to the counts of the stages; return how many of the records got through."""
        dropped: dict[int, int] = {}
        passed = None
        for (stage, role), number in zip(code.written.counters, counted, strict=True):
            if role == "passed":
                passed = number
            else:
                dropped[stage] = dropped.get(stage, 0) + (number if role == "dropped" else -number)
        current = fed
        everything_dropped = 0
        done: set[int] = set()
        for part in step.segment.parts:
            if part.stage in done:
                continue
            done.add(part.stage)
            lost = sum(stage == part.stage for stage in failed)
            count = self._counts[part.stage]
            count[0] += current
            current -= dropped.get(part.stage, 0) + lost
            count[1] += 0 if isinstance(part, Folding) else current
            count[2] += lost
            everything_dropped += dropped.get(part.stage, 0)
        return passed if passed is not None else fed - everything_dropped - len(failed)

    def _step(self, index: int, step: StepPart, rows: Sequence[Any]) -> list[Any]:
        made: list[Any] = self._states[index].feed(rows)
        count = self._counts[step.stage]
        count[0] += len(rows)
        count[1] += len(made)
        return made

    # ------------------------------------------------------------------------------------------------- effects

    def _ask(
        self, step: EffectStep, rows: Sequence[Any], origins: Sequence[int | None] | None
    ) -> tuple[list[Any], list[int | None], list[tuple[Any, ...]]]:
        documents = list(rows)
        places: list[int | None] = list(origins if origins is not None else range(len(documents)))
        answers: list[tuple[Any, ...]] = [() for _ in documents]
        for call, gather in zip(step.calls, step.gathers, strict=True):
            gathered: list[Any] = []
            kept: list[int | None] = []
            code = gather.load()
            positions = range(len(documents))
            frame = _Gathering(self, code, places)
            code.function(documents, positions, answers, frame, gathered, kept, None)
            calls = [_arguments(call, row["_"]) for row in gathered]
            given = call.operator.evaluate_batch(calls, self._context) if calls else ()
            stage = _stage_of(call.where)
            remaining = []
            for position, answer in zip(kept, given, strict=True):
                assert position is not None  # noqa: S101  # a range gave it
                if isinstance(answer, Exception):
                    self._failures.append(Failure(places[position], stage, call.where, answer, documents[position]))
                    self._counts[stage][2] += 1
                else:
                    remaining.append((documents[position], places[position], (*answers[position], answer)))
            documents = [document for document, _, _ in remaining]
            places = [place for _, place, _ in remaining]
            answers = [answer for _, _, answer in remaining]
        return documents, places, answers

    # ------------------------------------------------------------------------------------------------- the end

    def changed(self) -> Output:
        """Return the groups that changed since the last call, as the stages after the group make them."""
        output = Output()
        self._failures = output.failures
        for index, step in enumerate(self.program.steps):
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                self._pass(index + 1, self._emitted(step, self._states[index].changed()), None, output)
                break
        output.passed = 0
        return output

    def finish(self) -> Output:
        """Return what was held back until the end of input."""
        output = Output()
        self._failures = output.failures
        for index, step in enumerate(self.program.steps):
            held: list[Any] = []
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                groups = self._states[index]
                if index in self._each:
                    held = []
                elif self._emit == "updates" and not _blocking_after(self.program, index):
                    held = groups.changed()
                else:
                    held = groups.rows()
                self._emitted(step, held)
            elif isinstance(step, StepPart):
                held = self._states[index].finish()
                self._counts[step.stage][1] += len(held)
            if held:
                self._pass(index + 1, held, None, output)
        output.passed = 0
        return output

    def _emitted(self, step: SegmentStep, rows: list[Any]) -> list[Any]:
        folding = step.segment.folding
        if folding is not None:
            self._counts[folding.stage][1] += len(rows)
        return rows

    # ------------------------------------------------------------------------------------------------- state

    def _operator_ids(self) -> Iterable[tuple[str, Any]]:
        for index, step in enumerate(self.program.steps):
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                yield f"{step.segment.folding.stage}", self._states[index]
            elif isinstance(step, StepPart):
                yield f"{step.stage}.{index}", self._states[index]

    def state_delta(self) -> list[StateRow]:
        """Return the rows of state that changed since the last call."""
        rows: list[StateRow] = [(name, key, value) for name, state in self._operator_ids() for key, value in state.delta()]
        for stage, counter in self.counters.items():
            if self._dirty_counters.get(stage) != counter.seen:
                self._dirty_counters[stage] = counter.seen
                rows.append((f"{stage}", b"", encode_value(counter.seen)))
        return rows

    def restore(self, rows: Iterable[StateRow]) -> None:
        """Take back what ``state_delta`` gave out, in a fresh run."""
        tables: dict[str, dict[bytes, bytes]] = {}
        for name, key, value in rows:
            if value is None:
                tables.get(name, {}).pop(key, None)
            else:
                tables.setdefault(name, {})[key] = value
        for name, state in self._operator_ids():
            state.restore(tables.get(name, {}))
        for stage, counter in self.counters.items():
            found = tables.get(f"{stage}", {}).get(b"")
            if found is not None:
                counter.seen = self._dirty_counters[stage] = decode_value(found)

    @property
    def state_keys(self) -> int:
        """How many groups are kept."""
        return sum(len(state.groups) for state in self._states.values() if isinstance(state, Groups))

    @property
    def state_bytes(self) -> int:
        """About how many bytes the sealed state takes."""
        return sum(state.state_bytes for state in self._states.values() if isinstance(state, Groups))

    def stage_counts(self) -> list[tuple[int, int, int]]:
        """Return documents in, documents out and failures of every stage."""
        return [(into, out, failed) for into, out, failed in self._counts]

    def fail(self, frame: _Frame, index: int | None, document: Any, fault: BaseException) -> None:
        """Keep what a document failed with."""
        path = frame.code.path_of(fault)
        stage = _stage_of(path)
        frame.failed.append(stage)
        if isinstance(fault, EvaluationError):
            error = EvaluationError(fault.message, fault.path or path)
        elif isinstance(fault, RecursionError):
            error = EvaluationError("a value is nested too deeply", path)
        elif isinstance(fault, MemoryError):
            error = EvaluationError("a value is too large", path)
        else:
            error = EvaluationError(str(fault) or fault.__class__.__name__, path)
        self._failures.append(Failure(index, stage, path, error, document if isinstance(document, dict) else None))


class _Frame:
    """What generated code sees of its run: the clock, randomness, counters, and where to report a failure."""

    def __init__(self, run: Run, code: Loaded, origins: Sequence[int | None] | None) -> None:
        self.now = run.now
        self.random = run.random
        self.counters = run.counters
        self.code = code
        self.origins = origins
        self.failed: list[int | None] = []
        self._run = run

    def fail(self, origin: int | None, document: Any, fault: BaseException) -> None:
        """Report that *document*, made from record *origin*, failed."""
        self._run.fail(self, origin, document, fault)

    def fail_at(self, position: int, document: Any, fault: BaseException) -> None:
        """Report that the document at *position* of what the segment was given failed."""
        self._run.fail(self, self.origins[position] if self.origins is not None else position, document, fault)


class _Gathering(_Frame):
    """The frame of a segment that gathers arguments: its documents are numbered by position, and the places are known."""

    def __init__(self, run: Run, code: Loaded, places: Sequence[int | None]) -> None:
        super().__init__(run, code, None)
        self._places = places

    def fail(self, origin: int | None, document: Any, fault: BaseException) -> None:
        """Report that the document at position *origin* failed."""
        super().fail(None if origin is None else self._places[origin], document, fault)


@attrs.define
class Counter:
    """How many documents a ``$limit`` let through or a ``$skip`` dropped. *ends*: a full one ends the input."""

    limit: int
    ends: bool
    seen: int = 0

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.seen >= self.limit


def _blocking_after(program: Program, index: int) -> bool:
    return any(
        isinstance(step, StepPart) or (isinstance(step, SegmentStep) and step.segment.folding is not None)
        for step in program.steps[index + 1 :]
    )


def _arguments(call: Any, values: Sequence[Any]) -> Any:
    operator = call.operator
    if operator.named:
        return dict(zip((*operator.arguments, *operator.optional), values, strict=True))
    return tuple(values)


def _stage_of(path: str) -> int | None:
    if not path.startswith("stages["):
        return None
    return int(path[7 : path.index("]")])
