"""Writes ``$group``: the end of a segment's loop, where a document is folded into its group, and what is done with groups later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from fluxion_core.language.compiler.codegen import Emitter
from fluxion_core.language.compiler.folds import Fold, fold_of
from fluxion_core.language.compiler.guesses import Path, differs
from fluxion_core.language.compiler.nodes import Field, Node, ObjectOf, walk
from fluxion_core.language.compiler.parts import Folding
from fluxion_core.language.compiler.shape import Base, Shape
from fluxion_core.language.compiler.undo import Undo
from fluxion_core.language.compiler.writer import Value, Writer
from fluxion_core.language.encoding import PLAIN_OR_INT, encode_plain, encode_value
from fluxion_core.language.operators import Accumulator
from fluxion_core.language.ordering import identity

if TYPE_CHECKING:
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["FoldingWriter", "group_class"]


class _Column(msgspec.Struct, frozen=True):
    """One accumulator of a ``$group``: its name in the rows, its place in a group, and how it is written out, if it is."""

    name: str
    slot: str
    accumulator: Accumulator
    parameters: Sequence[Node]
    values: Sequence[Node]
    fold: Fold | None
    where: str

    @property
    def places(self) -> list[str]:
        """The places of the state in a group, if it is spread over some."""
        return self.fold.places(self.slot) if self.fold is not None else []

    def set(self, starts: Sequence[str]) -> list[str]:
        """Return the texts that set its places, or its slot, to *starts*."""
        return [f"{place} = {start}" for place, start in zip(self.places or [self.slot], starts, strict=True)]

    def state(self, writer: Writer) -> str:
        """Return the text of the state as the accumulator's functions know it."""
        if self.fold is None or not self.places:
            return self.slot
        return self.fold.state(self.slot, writer.constant(self.accumulator.step))


def _columns(folding: Folding, group: str) -> list[_Column]:
    return [
        _Column(
            name,
            f"{group}s{slot}",
            accumulator,
            parameters,
            values,
            fold_of(accumulator, values),
            f"{folding.where}.{name}.{accumulator.name}",
        )
        for slot, (name, accumulator, parameters, values) in enumerate(folding.fields)
    ]


def group_class(folding: Folding) -> type:
    """Return the class of a group's state: its key, the last batch that touched it, its ordinal if it is kept in a shard, and the places of each accumulator.

    A class with slots and no msgspec.Struct: writing to an attribute takes a seventh of the time.
    """
    places = [place for column in _columns(folding, "") for place in column.places or [column.slot]]
    return type("Group", (), {"__slots__": ("key", "epoch", "ordinal", *places)})


class FoldingWriter:
    """Writes one ``$group`` for *segment*."""

    def __init__(self, segment: SegmentWriter, folding: Folding) -> None:
        self._segment = segment
        self._folding = folding
        self._columns = _columns(folding, "g.")

    @property
    def _writer(self) -> Writer:
        return self._segment.writer

    # ------------------------------------------------------------------------------------------------- in the loop

    def fold(self, *, pending: bool, row: Callable[[], None] | None) -> None:
        """Write the end of the loop's body; *pending*: updates are listed in ``todo``, for the rest of the document may fail.

        *row* writes what each update gives out.
        """
        writer, guesses = self._writer, self._segment.writer.guesses
        if pending:
            found, make_key = self._key(self._folding.key)
            values = self._values()
            make_key()
            writer.line(f"todo.append(({found}, key, {''.join(value.text + ', ' for value in values)}))")
            return
        likely = self._likely()
        if likely:  # asked once for all that is computed from them
            tests = [
                f"not ({differs(value.local, kind)})" if kind == "number" else f"{value.local}.__class__ is {kind}"
                for value, kind in likely.values()
            ]
            with writer.block(f"if {' and '.join(tests)}:"), self._segment.emitter.branch():
                guesses.sure |= likely.keys()
                self._change(*self._key(self._folding.key), self._values())
                guesses.sure -= likely.keys()
            with writer.block("else:"), self._segment.emitter.branch():
                self._change(*self._key(self._folding.key), self._values())
        else:
            found, make_key = self._key(self._folding.key)
            self._change(found, make_key, self._values())
        self._touch(row)

    def _likely(self) -> dict[Path, tuple[Value, str]]:
        """Return the values of elements that are likely to have a class, where no document can be turned away any more."""
        guesses, emitter, found = self._writer.guesses, self._segment.emitter, {}
        if not guesses.open:
            nodes = [self._folding.key, *(value for column in self._columns for value in column.values)]
            for field in (node for top in nodes for node in walk(top) if isinstance(node, Field)):
                path = self._segment.shape.path_of(field.names)
                kind = guesses.classes.get(path) if path is not None else None
                if path is None or kind is None or guesses.known(path, kind):
                    continue
                if path in guesses.numbers or (len(path) > 1 and path[-1] in guesses.of_elements(path[:-1])):
                    found[path] = (emitter.value(field), kind)
        return found

    def _values(self) -> list[Value]:
        """Write what the accumulators take."""
        emitter, found = self._segment.emitter, []
        for column in self._columns:
            values = [emitter.value(node) for node in column.values]
            found += values if column.fold is None else [emitter.sharp(value) for value in values]
        return found

    @property
    def picky(self) -> bool:
        """Whether an accumulator may refuse a value in the midst of a change."""
        return not all(column.accumulator.total for column in self._columns)

    def drain(self, row: Callable[[], None] | None) -> None:
        """Write the updates of a record that are listed in ``todo``; of one that fails, none is left."""
        writer = self._writer
        names = [writer.fresh() for column in self._columns for _ in column.values]
        loop, values = f"for {', '.join(['h', 'key', *names])} in todo:", [Value(name) for name in names]
        if not self.picky and not self._parameterised:
            with writer.block(loop):
                self._change("h", None, values)
                self._touch(row)
            return
        # What cannot fail is done last, unless each change is shown.
        shown = self.picky and row is not None
        steps = self._steps(values)
        first = [step for step in steps if shown or not step[0].accumulator.total]
        undo = writer.assign(f"{writer.constant(Undo)}(groups)", letter="u")
        with writer.block("try:"), writer.block(loop):
            writer.line("g = find(h)")
            with writer.block("if g is None:"):
                self._new("h")
                writer.line(f"{undo}.made(h)")
            for column, arguments in first:
                self._note_before(column, undo, alone=len(first) == 1)
                self._step(column, arguments)
            if row is not None and shown:
                row()
        with writer.block("except FAULTS:"):
            writer.line(f"{undo}()")
            writer.line("raise")
        with writer.block(loop):
            writer.line("g = groups[h]")
            for column, arguments in steps:
                if not shown and column.accumulator.total:
                    self._step(column, arguments)
            self._touch(None if shown else row)

    def _note_before(self, column: _Column, undo: str, *, alone: bool) -> None:
        """Write that *undo* takes note of the state of *column*, which a later step of the record may have to take back."""
        writer = self._writer
        test = "if len(todo) > 1: " if alone else ""
        accumulator = writer.constant(None if column.places else column.accumulator)
        for place in column.places or [column.slot]:
            writer.line(f"{test}{undo}.changes(g, {writer.constant(place.removeprefix('g.'))}, {accumulator})")

    def _key(self, key: Node) -> tuple[str, Callable[[], None]]:
        """Write the identity of the group; return the local that has it, and what writes its key, which only a new group needs.

        A missing key is null, and a missing part of one is a part of its own. Whether a computed part of the key fits 64 bits
        is asked of new groups only: one that does not is equal to no part that does, and equal to the float that it stands for.
        """
        writer, emitter = self._writer, self._segment.emitter
        if isinstance(key, ObjectOf) and key.fields:
            with writer.putting_off([node for _, node in key.fields]) as late:
                fields = {name: emitter.sharp(emitter.value(node)) for name, node in key.fields}
            parts = [self._hash(value) for value in fields.values()]
            writer.line(f"h = ({', '.join(parts)},)")

            def make() -> None:
                for test in late:
                    writer.turn_away(test)
                writer.line(f"key = {Shape(writer, None, fields).build_fields()}")

            return "h", make
        value = emitter.sharp(emitter.value(key))
        if value.kind in {"str", "int"}:
            return value.text, lambda: writer.line(f"key = {value.text}")
        writer.line(f"if {value.text}.__class__ is str or {value.text}.__class__ is int: h = key = {value.text}")
        with writer.block("else:"):
            writer.line(f"key = None if {value.text} is M else {value.text}" if value.may_miss else f"key = {value.text}")
            writer.line(f"h = {writer.constant(identity)}(key)")
        return "h", lambda: None

    def _hash(self, value: Value) -> str:
        if value.kind in {"str", "int"}:
            return value.text
        plain = f"{value.text}.__class__ is str or {value.text}.__class__ is int"
        return f"{value.text} if {plain} else {self._writer.constant(identity)}({value.text})"

    def _change(self, found: str, make_key: Callable[[], None] | None, values: Sequence[Value]) -> None:
        """Write the change of the group of identity *found*; *make_key* writes its key, if there is none yet."""
        writer = self._writer
        steps = self._steps(values)
        begun = [column.fold.begun(arguments) if column.fold is not None else [] for column, arguments in steps]
        writer.line(f"g = find({found})")
        with writer.block("if g is None:"):
            if make_key is not None:
                make_key()
            if all(begun) and not self._parameterised:
                self._begin(place for (column, _), starts in zip(steps, begun, strict=True) for place in column.set(starts))
                writer.line(f"groups[{found}] = g")
            else:
                self._new(found)
            if self._segment.numbered:
                writer.line("g.ordinal = d")
        with writer.block("else:") if all(begun) and not self._parameterised else nullcontext():
            for column, arguments in sorted(steps, key=lambda step: step[0].accumulator.total):
                self._step(column, arguments)

    def _steps(self, values: Sequence[Value]) -> list[tuple[_Column, Sequence[Value]]]:
        """Return each accumulator with its share of *values*."""
        rest = iter(values)
        return [(column, [next(rest) for _ in column.values]) for column in self._columns]

    def _new(self, found: str) -> None:
        """Write the making of a group with the identity *found*, to which nothing has been added yet."""
        writer = self._writer
        if self._parameterised:
            writer.line(f"g = groups[{found}] = new_group(env, state, key)", self._folding.where)
        else:
            self._make(Emitter(writer, Shape(writer, None)))
            writer.line(f"groups[{found}] = g")

    def _touch(self, row: Callable[[], None] | None) -> None:
        """Write that group ``g`` changed."""
        if self._segment.watched:
            self._writer.line("if g.epoch != epoch: g.epoch = epoch; touched(g)")
        if row is not None:
            row()

    def _step(self, column: _Column, arguments: Sequence[Value]) -> None:
        writer, slot = self._writer, column.slot
        general = writer.constant(column.accumulator.step)
        if column.fold is not None:
            column.fold.step(writer, slot, arguments, general)
            return
        texts = ", ".join([slot, *(value.text for value in arguments)])
        writer.line(f"{slot} = {general}({texts})", "" if column.accumulator.total else column.where)

    # ------------------------------------------------------------------------------------------------- rows

    def row(self) -> dict[str, Value]:
        """Write what group ``g`` shows; return its fields."""
        writer = self._writer
        fields = {"_id": Value("g.key", may_miss=False)}
        for column in self._columns:
            text = f"{writer.constant(column.accumulator.result)}({column.state(writer)})"
            for found, test in reversed(column.fold.results(writer, column.slot) if column.fold is not None else []):
                text = f"{found} if {test} else {text}"
            result = writer.assign(text)
            fields[column.name] = Value(result if column.places else f"(None if {result} is M else {result})", may_miss=False)
        return fields

    # ------------------------------------------------------------------------------------------------- functions

    def write_functions(self, *, general: bool) -> None:
        """Write the functions that make a group, and if *general* those that show it and take it to the state store and back."""
        writer = self._writer
        if self._parameterised:
            with writer.define("new_group", "env", "state", "key"):
                writer.line("d = key if key.__class__ is dict else {}")
                self._make(Emitter(writer, Shape(writer, Base("d"))))
                writer.line("return g")
        if not general:  # all code of a segment shares the groups of the first
            return
        with writer.define("group_rows", "groups"):
            writer.line("rows = []; out = rows.append")
            with writer.block("for g in groups:"):
                cells = [f"{writer.constant(name)}: {value.text}" for name, value in self.row().items()]
                writer.line(f"out({{{', '.join(cells)}}})")
            writer.line("return rows")
        with writer.define("group_bytes", "groups"):
            writer.line("rows = []; out = rows.append")
            with writer.block("for g in groups:"):
                self._group_bytes()
            writer.line("return rows")
        with writer.define("restored", "key", "states"):
            self._restored()

    def _begin(self, starts: Iterable[str] = ()) -> None:
        """Write the making of a group, with what sets its places; no ``__init__``, which would cost as much as all of the rest."""
        self._writer.line("; ".join(["g = Group(); g.key = key; g.epoch = -1", *starts]))

    @property
    def _parameterised(self) -> bool:
        """Whether making a group evaluates expressions."""
        return any(column.parameters for column in self._columns)

    def _make(self, emitter: Emitter) -> None:
        """Write the making of group ``g`` of ``key``."""
        writer = self._writer
        starts = []
        for column in self._columns:
            if column.fold is not None and column.places:
                starts += column.set(column.fold.starts)
                continue
            values = [emitter.value(node).text for node in column.parameters]
            text = f"{writer.constant(column.accumulator.initial)}({', '.join(values)})"
            starts.append(f"{column.slot} = {writer.assign(text, column.where if column.parameters else '')}")
        self._begin(starts)

    def _group_bytes(self) -> None:
        writer = self._writer
        tests, stored, states = [], [], []
        for column in self._columns:
            if column.fold is not None and column.places:
                tests.append(column.fold.plain(column.slot))
                stored.append(column.fold.stored(column.slot))
                states.append(column.state(writer))
                continue
            state = writer.assign(f"{writer.constant(column.accumulator.dump)}({column.state(writer)})")
            tests.append(f"{state}.__class__ in {writer.constant(PLAIN_OR_INT)}")
            stored.append(state)
            states.append(state)
        fast, general = writer.constant(encode_plain), writer.constant(encode_value)
        tests = [test for test in tests if test]
        with writer.block(f"if {' and '.join(tests)}:") if tests else nullcontext():
            writer.line(f"try: out({fast}(({''.join(f'{text}, ' for text in stored)}))); continue")
            writer.line("except OverflowError: pass")
        writer.line(f"out({general}([{', '.join(states)}]))")

    def _restored(self) -> None:
        writer = self._writer
        self._begin()
        for index, column in enumerate(self._columns):
            state = f"states[{index}]"
            if column.fold is not None and column.places:
                writer.line(column.fold.restore(column.slot, state))
            else:
                writer.line(f"{column.slot} = {writer.constant(column.accumulator.load)}({state})")
        writer.line("return g")
