"""Writes ``$group``: the end of a segment's loop, where a document is folded into its group, and what is done with groups later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import msgspec

from fluxion_core.language.compiler.codegen import Emitter
from fluxion_core.language.compiler.group_columns import Column, columns_of
from fluxion_core.language.compiler.guesses import Path, differs
from fluxion_core.language.compiler.nodes import Field, ObjectOf, walk
from fluxion_core.language.compiler.parts import Folding
from fluxion_core.language.compiler.shape import Base, Shape
from fluxion_core.language.compiler.undo import Undo
from fluxion_core.language.compiler.writer import Value, Writer
from fluxion_core.language.encoding import PLAIN_OR_INT, encode_plain, encode_value
from fluxion_core.language.ordering import identity

if TYPE_CHECKING:
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["FoldingWriter"]


class _Key(msgspec.Struct, frozen=True):
    """The key of a group in the text: what it is *found* by, the *kind* of that if it is known, and what writes the key of a new one."""

    found: str
    kind: str = ""
    make: Callable[[], None] = lambda: None


class FoldingWriter:
    """Writes one ``$group`` for *segment*."""

    def __init__(self, segment: SegmentWriter, folding: Folding) -> None:
        self._segment = segment
        self._folding = folding
        self._columns = columns_of(folding, "g.")

    @property
    def _writer(self) -> Writer:
        return self._segment.writer

    # ------------------------------------------------------------------------------------------------- in the loop

    def begin(self) -> None:
        """Write what stands ahead of the loop."""
        self._writer.line(
            f"groups = state.groups; find = groups.get; epoch = state.epoch; touched = state.touched.append{self.texts}"
        )

    @property
    def texts(self) -> str:
        """What fetches ``texts``, ahead of the loop and whenever other code may have made a group; nothing where it is not used."""
        return "; texts = state.texts()" * self._by_text

    @property
    def _by_text(self) -> bool:
        """Whether groups may be found by text: the key is one value, and unwound elements are asked for their classes one by one."""
        return self._writer.guesses.inline and not isinstance(self._folding.key, ObjectOf)

    def fold(self, *, pending: bool, row: Callable[[], None] | None) -> None:
        """Write the end of the loop's body; *pending*: updates are listed in ``todo``, for the rest of the document may fail.

        *row* writes what each update gives out.
        """
        writer = self._writer
        if pending:
            key = self._key()
            values = self._values()
            key.make()
            writer.line(f"todo.append(({key.found}, key, {''.join(value.text + ', ' for value in values)}))")
            return
        likely = self._likely()
        if likely:  # asked once for all that is computed from them
            tests = {
                path: f"not ({differs(value.local, kind)})" if kind == "number" else f"{value.local}.__class__ is {kind}"
                for path, (value, kind) in likely.items()
            }
            first = "elif" if self._change_found(likely, tests) else "if"
            with writer.block(f"{first} {' and '.join(tests.values())}:"), self._taking(likely.keys()):
                self._change(self._key(), self._values())
            with writer.block("else:"), self._segment.emitter.branch():
                self._change(self._key(), self._values())
        else:
            self._change(self._key(), self._values())
        self._touch(row)

    @contextmanager
    def _taking(self, likely: AbstractSet[Path]) -> Iterator[None]:
        """Write a branch in which the values at these paths have the classes that are likely."""
        sure = self._writer.guesses.sure
        with self._segment.emitter.branch():
            sure.update(likely)
            yield
            sure.difference_update(likely)

    def _change_found(self, likely: Mapping[Path, tuple[Value, str]], tests: Mapping[Path, str]) -> bool:
        """Write what is done if the key is a text, as is likely, and its group is there; return whether that is likely.

        What finds a group among those of texts and of null is one, so its class is not asked: that is a twentieth of the work on an
        element. (A value of no class of the language could say that it is equal to a text, and would then be counted as that text.)
        """
        writer, key = self._writer, self._folding.key
        path = self._segment.shape.path_of(key.names) if isinstance(key, Field) and self._by_text else None
        if path is None or path not in likely:
            return False
        text, kind = likely[path]
        if kind != "str":
            return False
        others = " and ".join(test for other, test in tests.items() if other != path)
        writer.line(f"try: g = texts({text.text})" + (f" if {others} else None" if others else ""))
        writer.line("except Exception: g = None")  # it has no hash, or does not let itself be compared
        with writer.block("if g is not None:"), self._taking(tests.keys() - {path}):  # it may be null
            self._apply(self._steps(self._values()))
        return True

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
        drained = _Key("h")
        if not self.picky and not self._parameterised:
            with writer.block(loop):
                self._change(drained, values)
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
                self._note_class(drained)
                self._new(drained)
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

    def _note_before(self, column: Column, undo: str, *, alone: bool) -> None:
        """Write that *undo* takes note of the state of *column*, which a later step of the record may have to take back."""
        writer = self._writer
        test = "if len(todo) > 1: " if alone else ""
        accumulator = writer.constant(None if column.places else column.accumulator)
        for place in column.places or [column.slot]:
            writer.line(f"{test}{undo}.changes(g, {writer.constant(place.removeprefix('g.'))}, {accumulator})")

    def _key(self) -> _Key:
        """Write the identity of the group.

        A missing key is null, and a missing part of one is a part of its own. Whether a computed part of the key fits 64 bits
        is asked of new groups only: one that does not is equal to no part that does, and equal to the float that it stands for.
        """
        writer, emitter, key = self._writer, self._segment.emitter, self._folding.key
        if isinstance(key, ObjectOf) and key.fields:
            with writer.putting_off([node for _, node in key.fields]) as late:
                fields = {name: emitter.sharp(emitter.value(node)) for name, node in key.fields}
            parts = [self._hash(value) for value in fields.values()]
            writer.line(f"h = ({', '.join(parts)},)")

            def make() -> None:
                for test in late:
                    writer.turn_away(test)
                writer.line(f"key = {Shape(writer, None, fields).build_fields()}")

            return _Key("h", make=make)
        value = emitter.sharp(emitter.value(key))
        if value.kind in {"str", "int"}:
            return _Key(value.text, value.kind, lambda: writer.line(f"key = {value.text}"))
        writer.line(f"if {value.text}.__class__ is str or {value.text}.__class__ is int: h = key = {value.text}")
        with writer.block("else:"):
            writer.line(f"key = None if {value.text} is M else {value.text}" if value.may_miss else f"key = {value.text}")
            writer.line(f"h = {writer.constant(identity)}(key)")
        return _Key("h")

    def _note_class(self, key: _Key) -> None:
        """Write that a new group is one that ``texts`` must not find, if so."""
        if key.kind == "str" or isinstance(self._folding.key, ObjectOf):
            return
        test = "if h.__class__ is not str and h is not None: " if not key.kind else ""
        self._writer.line(f"{test}texts = state.no_texts()")

    def _hash(self, value: Value) -> str:
        if value.kind in {"str", "int"}:
            return value.text
        plain = f"{value.text}.__class__ is str or {value.text}.__class__ is int"
        return f"{value.text} if {plain} else {self._writer.constant(identity)}({value.text})"

    def _change(self, key: _Key, values: Sequence[Value]) -> None:
        """Write the change of the group of *key*."""
        writer = self._writer
        steps = self._steps(values)
        begun = [column.fold.begun(arguments) if column.fold is not None else [] for column, arguments in steps]
        writer.line(f"g = find({key.found})")
        with writer.block("if g is None:"):
            key.make()
            self._note_class(key)
            if all(begun) and not self._parameterised:
                self._begin(place for (column, _), starts in zip(steps, begun, strict=True) for place in column.set(starts))
                writer.line(f"groups[{key.found}] = g")
            else:
                self._new(key)
            if self._segment.numbered:
                writer.line("g.ordinal = d")
        with writer.block("else:") if all(begun) and not self._parameterised else nullcontext():
            self._apply(steps)

    def _apply(self, steps: Sequence[tuple[Column, Sequence[Value]]]) -> None:
        """Write what each accumulator of group ``g`` does, those that may fail first."""
        for column, arguments in sorted(steps, key=lambda step: step[0].accumulator.total):
            self._step(column, arguments)

    def _steps(self, values: Sequence[Value]) -> list[tuple[Column, Sequence[Value]]]:
        """Return each accumulator with its share of *values*."""
        rest = iter(values)
        return [(column, [next(rest) for _ in column.values]) for column in self._columns]

    def _new(self, key: _Key) -> None:
        """Write the making of a group of *key*, to which nothing has been added yet."""
        writer = self._writer
        if self._parameterised:
            writer.line(f"g = groups[{key.found}] = new_group(env, state, key)", self._folding.where)
        else:
            self._make(Emitter(writer, Shape(writer, None)))
            writer.line(f"groups[{key.found}] = g")

    def _touch(self, row: Callable[[], None] | None) -> None:
        """Write that group ``g`` changed."""
        if self._segment.watched:
            self._writer.line("if g.epoch != epoch: g.epoch = epoch; touched(g)")
        if row is not None:
            row()

    def _step(self, column: Column, arguments: Sequence[Value]) -> None:
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
                text = f"{found} if {test} else {text}" if test else found
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
