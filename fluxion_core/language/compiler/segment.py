"""Writes one segment: a run of per-document stages fused into one loop, ending in rows, in the original bytes, or in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from typing import Any, Literal

import attrs
import msgspec

from fluxion_core.language.compiler.codegen import Emitter
from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.inline import FLAT, FOLDS, RESULTS, flat
from fluxion_core.language.compiler.library import checked_size
from fluxion_core.language.compiler.nodes import Call, Constant, Node, ObjectOf
from fluxion_core.language.compiler.parts import Folding, Part, PerDocument
from fluxion_core.language.compiler.shape import Base, Shape
from fluxion_core.language.compiler.writer import Value, Writer
from fluxion_core.language.encoding import PLAIN, encode_plain, encode_value
from fluxion_core.language.operators import Accumulator
from fluxion_core.language.ordering import group_identity, identity
from fluxion_core.language.values import MISSING

__all__ = ["Segment", "SegmentWriter", "Written"]


@attrs.frozen
class Written:
    """The text of a segment and what it needs to run."""

    text: str
    paths: list[str]
    constants: dict[str, Any]
    loads: tuple[str, ...]
    """Top-level fields of the input that are read."""
    whole: bool
    """Whether the whole input document is used."""
    passes: bool
    """Whether what comes out is the input document, unchanged."""
    record: type[msgspec.Struct] | None
    """What documents are decoded into, if not into dicts."""
    row_fields: tuple[str, ...] | None
    """Names of the fields of each row, in order, if the rows are structs."""
    may_fail: bool
    counters: tuple[tuple[int, str], ...]
    """What the returned numbers count: (stage, ``dropped`` | ``added`` | ``passed``)."""


@attrs.frozen(kw_only=True)
class Segment:
    """What a segment is made of. *calls*: effectful calls whose answers come in beside the documents."""

    parts: tuple[Part, ...]
    calls: tuple[Call, ...] = ()
    tracks: bool = False
    measures: bool = False
    """Whether the documents that come out are measured: the stages use values so often that they could grow without bound."""

    @property
    def folding(self) -> Folding | None:
        """The ``$group`` at its end, if that is how it ends."""
        last = self.parts[-1] if self.parts else None
        return last if isinstance(last, Folding) else None

    def write(
        self,
        *,
        records: bool = False,
        output: Literal["dict", "struct", "index"] = "dict",
        each: bool = False,
    ) -> Written:
        """Return the text for documents that are dicts, or *records*: decoded in part; *each*: a group comes out when touched."""
        demand = Demand() if records else None
        draft = SegmentWriter(self, demand, output, each=each, careful=True).write()
        if demand is not None:
            demand.settle_record()
        return SegmentWriter(self, demand, output, each=each, careful=draft.may_fail).write()


class SegmentWriter:
    """Writes the loop of one segment; stages call it to filter, to fan out and to change the current document."""

    def __init__(self, segment: Segment, demand: Demand | None, output: str, *, each: bool, careful: bool) -> None:
        self._segment = segment
        self._output = output
        self._careful = careful
        self._each = each
        self.writer = Writer()
        self._base = Base("d", demand)
        self.shape = Shape(self.writer, self._base)
        self.emitter = Emitter(self.writer, self.shape)
        self._open = ExitStack()
        self._counters: list[tuple[int, str]] = []
        self._fans_out = any(isinstance(part, PerDocument) and part.fans_out for part in segment.parts)
        self._passes = False
        self._row_fields: tuple[str, ...] | None = None
        self._current: Part | None = None

    # ------------------------------------------------------------------------------------------------- for stages

    def keep_if(self, test: str) -> None:
        """Drop the current document unless *test* holds."""
        if test == "True":
            return
        counter = self.count("dropped")
        with self.writer.block(f"if not {test}:" if test.isidentifier() else f"if not ({test}):"):
            self.writer.line(f"{counter} += 1")
            self.writer.line("continue")

    def count(self, role: str) -> str:
        """Return a local that counts for the stage that is being written; it begins at 0 with every batch.

        *role*: documents ``dropped``, or ``added`` (one document became three: 2 were added).
        """
        self._counters.append((self._current.stage if self._current is not None else -1, role))
        return f"n{len(self._counters) - 1}"

    def result(self, node: Node) -> Value:
        """Write *node* as the value of a field; a constant that could be changed later is copied."""
        value = self.emitter.value(node)
        if isinstance(node, Constant) and isinstance(node.value, list | dict):
            return Value(self.writer.assign(f"{self.writer.constant(deepcopy)}({value.text})"), may_miss=False)
        if not value.text.isidentifier():
            return Value(self.writer.assign(value.text), value.may_miss, value.kind)
        return value

    def open(self, head: str) -> None:
        """Open a loop: what follows, to the end of the segment, is written within it."""
        self._open.enter_context(self.writer.block(head))
        self.shape.enter()

    # ------------------------------------------------------------------------------------------------- writing

    def write(self) -> Written:
        """Return the whole text."""
        writer = self.writer
        segment = self._segment
        with writer.define("segment", "docs", "origins", "answers", "env", "rows", "kept", "state"):
            head = len(writer.function.lines)
            self._loop()
            names = [f"n{index}" for index in range(len(self._counters))]
            zeros = [f"{name} = 0" for name in names]
            writer.function.lines[head:head] = [f"    {'; '.join(zeros)}"] if zeros else []
            writer.function.paths[head:head] = [""] if zeros else []
            writer.line(f"return ({''.join(name + ', ' for name in names)})")
        if segment.folding is not None:
            self._write_folding_functions(segment.folding)
        text, paths = writer.text()
        return Written(
            text,
            paths,
            writer.constants,
            tuple(self._base.loads),
            self._base.whole,
            self._passes,
            self._base.demand.decodes_into if self._base.demand is not None else None,
            self._row_fields,
            writer.may_fail,
            tuple(self._counters),
        )

    def _loop(self) -> None:
        writer, segment = self.writer, self._segment
        writer.line("out = rows.append")
        if segment.folding is not None:
            writer.line("groups = state.groups; epoch = state.epoch; touched = state.touched.append")
        names = ["d"]
        columns = ["docs"]
        if segment.tracks or self._output == "index":
            names.insert(0, "i")
            columns.insert(0, "origins")
        if segment.calls:
            answered = [writer.fresh("a") for _ in segment.calls]
            self.emitter.answers = {id(call): Value(name) for call, name in zip(segment.calls, answered, strict=True)}
            names.append(f"({', '.join(answered)},)")
            columns.append("answers")
        source = "docs" if len(columns) == 1 else f"zip({', '.join(columns)})"
        writer.line(f"rest = iter({source})")
        with writer.block(f"for {', '.join(names)} in rest:" if len(names) > 1 else "for d in rest:"):
            if self._fans_out:
                writer.line("before = len(rows)")
            with writer.block("try:"):
                self._body()
            with writer.block("except FAULTS as fault:"):
                if self._fans_out:
                    writer.line("del rows[before:]")
                    if segment.tracks:
                        writer.line("del kept[before:]")
                if "i" in names:
                    writer.line("env.fail(i, d, fault)")
                else:
                    writer.line("env.fail_at(len(docs) - rest.__length_hint__() - 1, d, fault)")

    def _body(self) -> None:
        writer, segment = self.writer, self._segment
        flagged = self._fans_out and not segment.tracks
        if flagged:
            self._current = None
            self._passed = self.count("passed")
        pending = self._fans_out and segment.folding is not None and self._careful
        if flagged or pending:
            writer.line("todo = []" if pending else "seen = 0")
        with self._open:
            for part in segment.parts:
                self._current = part
                if isinstance(part, PerDocument):
                    part.write(self)
            if segment.folding is not None:
                self._fold(segment.folding, pending=pending)
            else:
                self._emit()
            if flagged and not pending:
                writer.line("seen = 1")
        if pending and segment.folding is not None:
            values = [writer.fresh() for _, _, _, nodes in segment.folding.fields for _ in nodes]
            with writer.block(f"for {', '.join(['h', 'key', *values])} in todo:"):
                self._update(segment.folding, None, [Value(name) for name in values])
        if flagged:
            writer.line(f"if todo: {self._passed} += 1" if pending else f"{self._passed} += seen")

    def _emit(self) -> None:
        writer = self.writer
        unchanged = self.shape.untouched and self.shape.base is self._base
        if self._output == "index" and unchanged:
            self._passes = True
            writer.line("out(i)")
            return
        if self._output == "struct" and self.shape.base is None and not self._segment.measures:
            self._row_fields = tuple(self.shape.fields)
            row = f"Row({', '.join(value.text for value in self.shape.fields.values())})"
        else:
            self._passes = unchanged
            row = self.shape.document()
            if self._segment.measures:
                last = self._segment.parts[-1]
                row = writer.assign(f"{writer.constant(checked_size)}({row})", last.where, letter="o")
        writer.line(f"out({row})")
        if self._segment.tracks:
            writer.line("kept.append(i)")

    # ------------------------------------------------------------------------------------------------- $group

    def _fold(self, folding: Folding, *, pending: bool) -> None:
        writer = self.writer
        make_key = self._key(folding.key)
        values = [self.emitter.value(node) for _, _, _, nodes in folding.fields for node in nodes]
        if pending:
            make_key()
            writer.line(f"todo.append((h, key, {''.join(value.text + ', ' for value in values)}))")
            return
        self._update(folding, make_key, values)

    def _key(self, key: Node) -> Callable[[], None]:
        """Write the identity of the group, ``h``; return what writes its key, which only a new group needs.

        Null and missing are one group; the key shows what the first document had.
        """
        writer = self.writer
        if isinstance(key, ObjectOf) and key.fields:
            fields = {name: self.emitter.value(node) for name, node in key.fields}
            parts = [self._hash(value) for value in fields.values()]
            writer.line(f"h = ({', '.join(parts)},)")
            return lambda: writer.line(f"key = {Shape(writer, None, fields).build_fields()}")
        value = self.emitter.value(key)
        writer.line(f"if {value.text}.__class__ is str or {value.text}.__class__ is int: h = key = {value.text}")
        with writer.block("else:"):
            writer.line(f"key = None if {value.text} is M else {value.text}" if value.may_miss else f"key = {value.text}")
            writer.line(f"h = {writer.constant(identity)}(key)")
        return lambda: None

    def _hash(self, value: Value) -> str:
        plain = f"{value.text}.__class__ is str or {value.text}.__class__ is int"
        return f"{value.text} if {plain} else {self.writer.constant(group_identity)}({value.text})"

    def _update(self, folding: Folding, make_key: Callable[[], None] | None, values: Sequence[Value] = ()) -> None:
        writer = self.writer
        writer.line("g = groups.get(h)")
        parameterised = any(parameters for _, _, parameters, _ in folding.fields)
        with writer.block("if g is None:"):
            if make_key is not None:
                make_key()
            writer.line("g = groups[h] = new_group(env, state, key)", folding.where if parameterised else "")
        index = 0
        steps = []
        for slot, (name, accumulator, _, nodes) in enumerate(folding.fields):
            arguments = [value.text for value in values[index : index + len(nodes)]]
            index += len(nodes)
            steps.append(
                (accumulator.total, f"g.s{slot}", accumulator, arguments, f"{folding.where}.{name}.{accumulator.name}")
            )
        for total, slot_text, accumulator, arguments, where in sorted(steps, key=lambda step: step[0]):
            general = writer.constant(accumulator.step)
            fold = FOLDS.get(accumulator.name) if accumulator.family != "plugin" else None
            if fold is not None:
                fold(writer, slot_text, arguments, general)
            else:
                writer.line(f"{slot_text} = {general}({', '.join([slot_text, *arguments])})", "" if total else where)
        writer.line("if g.epoch != epoch: g.epoch = epoch; touched(g)")
        if self._each:
            writer.line("out(group_row(g))")
            if self._segment.tracks:
                writer.line("kept.append(i)")

    def _write_folding_functions(self, folding: Folding) -> None:
        self._write_new_group(folding)
        self._write_group_row(folding)
        self._write_group_states(folding)

    def _write_new_group(self, folding: Folding) -> None:
        writer = self.writer
        with writer.define("new_group", "env", "state", "key"):
            writer.line("d = None")
            shape = Shape(writer, None, {"_id": Value("key", may_miss=False)})
            emitter = Emitter(writer, shape)
            states = []
            for name, accumulator, parameters, _ in folding.fields:
                values = [emitter.value(node).text for node in parameters]
                where = f"{folding.where}.{name}.{accumulator.name}" if parameters else ""
                state = writer.assign(f"{writer.constant(accumulator.initial)}({', '.join(values)})", where)
                states.append(state)
            self._write_group(folding, states)

    def _write_group_row(self, folding: Folding) -> None:
        writer = self.writer
        with writer.define("group_row", "g"):
            cells = [f"{writer.constant('_id')}: g.key"]
            for slot, (name, accumulator, _, _) in enumerate(folding.fields):
                general = f"{writer.constant(accumulator.result)}({_state_of(slot, accumulator)})"
                if places_of(accumulator):
                    text, test = RESULTS[accumulator.name](writer, f"g.s{slot}")
                    cells.append(f"{writer.constant(name)}: {writer.assign(f'({text}) if {test} else {general}')}")
                    continue
                result = writer.assign(general)
                cells.append(f"{writer.constant(name)}: None if {result} is M else {result}")
            writer.line(f"return {{{', '.join(cells)}}}")

    def _write_group_states(self, folding: Folding) -> None:
        """Write the ways of a group into the state store and back."""
        writer = self.writer
        accumulators = [accumulator for _, accumulator, _, _ in folding.fields]
        with writer.define("group_bytes", "g"):
            states, plain = [], []
            for slot, accumulator in enumerate(accumulators):
                state = _state_of(slot, accumulator)
                if places_of(accumulator):
                    whole, _, _, decimals, *_ = flat(f"g.s{slot}", places_of(accumulator))
                    plain.append(f"{decimals} is None and -{2**63} <= {whole} < {2**63}")
                else:
                    state = writer.assign(f"{writer.constant(accumulator.dump)}({state})")
                    whole = f"{state}.__class__ is int and -{2**63} <= {state} < {2**63}"
                    plain.append(f"({state}.__class__ in {writer.constant(PLAIN)} or {whole})")
                states.append(state)
            text = f"[{', '.join(states)}]"
            fast, general = writer.constant(encode_plain), writer.constant(encode_value)
            writer.line(f"return {fast}({text}) if {' and '.join(plain) or True} else {general}({text})")
        with writer.define("restored", "key", "states"):
            states = [
                f"states[{slot}]" if places_of(accumulator) else f"{writer.constant(accumulator.load)}(states[{slot}])"
                for slot, accumulator in enumerate(accumulators)
            ]
            self._write_group(folding, states)

    def _write_group(self, folding: Folding, states: Sequence[str]) -> None:
        """Write the making of a group; no ``__init__``, which would cost as much as all of the rest."""
        self.writer.line("g = Group(); g.key = key; g.epoch = -1")
        for slot, ((_, accumulator, _, _), state) in enumerate(zip(folding.fields, states, strict=True)):
            self.writer.line(f"{', '.join(flat(f'g.s{slot}', places_of(accumulator))) or f'g.s{slot}'} = {state}")
        self.writer.line("return g")


def places_of(accumulator: Accumulator) -> int:
    """Return how many places the state of *accumulator* takes in a group itself; 0: it is kept as it is."""
    return FLAT.get(accumulator.name, 0) if accumulator.family != "plugin" else 0


def _state_of(slot: int, accumulator: Accumulator) -> str:
    places = places_of(accumulator)
    return f"[{', '.join(flat(f'g.s{slot}', places))}]" if places else f"g.s{slot}"


def group_class(folding: Folding) -> type:
    """Return the class of a group's state: its key, the last batch that touched it, and the places of each accumulator.

    A class with slots and no msgspec.Struct: writing to an attribute takes a seventh of the time.
    """
    places = [
        name
        for slot, (_, accumulator, _, _) in enumerate(folding.fields)
        for name in flat(f"s{slot}", places_of(accumulator)) or [f"s{slot}"]
    ]
    return type("Group", (), {"__slots__": ("key", "epoch", *places)})


def row_class(names: Sequence[str]) -> type:
    """Return the class of rows with fields *names*: what is missing is left out when a row is encoded."""
    fields = [(f"f{index}", Any, MISSING) for index in range(len(names))]
    return msgspec.defstruct("Row", fields, rename={f"f{index}": name for index, name in enumerate(names)}, gc=False)
