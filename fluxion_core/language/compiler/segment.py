"""Writes one segment: a run of per-document stages fused into one loop, ending in rows, in the original bytes, or in groups."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from copy import deepcopy
from typing import Final, Literal

import msgspec

from fluxion_core.language.allowance import FREE_BYTES, checked_size
from fluxion_core.language.compiler.codegen import Emitter
from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.fan_out import too_many_rows
from fluxion_core.language.compiler.folding import FoldingWriter
from fluxion_core.language.compiler.guesses import Classes, Guesses, Path, differs
from fluxion_core.language.compiler.likely import Likely
from fluxion_core.language.compiler.nodes import Call, Constant, Field, Node
from fluxion_core.language.compiler.parts import Folding, Part, PerDocument
from fluxion_core.language.compiler.row_lists import RowLists
from fluxion_core.language.compiler.shape import Base, Shape
from fluxion_core.language.compiler.undo import by_record
from fluxion_core.language.compiler.writer import ALLOWANCE, NUMBERS, Value, Writer
from fluxion_core.language.compiler.written import Written

__all__ = ["Segment", "SegmentWriter"]

_ROWS: Final = "r0"
"""The local that counts the documents that came of the one at hand."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment is made of. *calls*: effectful calls whose answers come in beside the documents."""

    parts: tuple[Part, ...]
    calls: tuple[Call, ...] = ()
    tracks: bool = False
    """Whether the record of each row is told beside it."""
    columns: int | None = None
    """How many values a row has, of which each goes into a list of its own; ``None``: a row is a document."""
    shares: bool = False
    """Whether several of its documents may come of one record, which is folded as a whole or not at all."""
    numbered: bool = False
    """Whether ordinals come in place of documents, of which only *calls* ask: a group keeps that of the first."""
    measures: bool = False
    """Whether the documents that come out are measured: the stages use values so often that they could grow without bound."""

    @property
    def folding(self) -> Folding | None:
        """The ``$group`` at its end, if that is how it ends."""
        last = self.parts[-1] if self.parts else None
        return last if isinstance(last, Folding) else None

    @property
    def fans_out(self) -> PerDocument | None:
        """The last part that makes several documents of one, if there is one."""
        found = [part for part in self.parts if isinstance(part, PerDocument) and part.fans_out]
        return found[-1] if found else None

    def write(
        self, *, records: bool = False, output: Literal["dict", "struct", "index"] = "dict", each: bool = False
    ) -> Written:
        """Return the text for documents that are dicts, or *records*: decoded in part; *each*: a group comes out when touched."""
        demand = Demand() if records else None
        draft = SegmentWriter(self, demand, output, each=each, careful=True).write()
        if demand is not None:
            demand.settle_record()
        return SegmentWriter(self, demand, output, each=each, careful=draft.may_fail).write()

    def write_for(
        self, classes: Classes, written: Written, likely: Likely | None, *, output: str, each: bool, once: bool
    ) -> Written:
        """Return the text for the same documents as that of *written*, if they have *classes*; others are turned away.

        *likely*: what the decoder made sure of. *once*: the run ends with the first failure, and nobody asks what changed.
        """

        def writer(*, careful: bool, inline: bool) -> SegmentWriter:
            guesses = Guesses(classes, inline=inline, unbounded=inline and likely is None)
            if likely is not None:
                guesses.sure, guesses.numbers = set(likely.sure), set(likely.numbers)
            return SegmentWriter(self, written.demand, output, each=each, careful=careful, guesses=guesses, once=once)

        if once and self.folding is not None:
            return writer(careful=False, inline=True).write()
        return writer(careful=writer(careful=True, inline=False).write().may_fail, inline=False).write()

    @property
    def turns_away(self) -> bool:
        """Whether a document can be turned away from its code: nothing is counted or asked on the way to where it is found odd."""
        return not self.calls and not any(isinstance(part, PerDocument) and part.counter() is not None for part in self.parts)


class SegmentWriter:
    """Writes the loop of one segment; stages call it to filter, to fan out and to change the current document."""

    def __init__(
        self,
        segment: Segment,
        demand: Demand | None,
        output: str,
        *,
        each: bool,
        careful: bool,
        guesses: Guesses | None = None,
        once: bool = False,
    ) -> None:
        self._segment, self.numbered = segment, segment.numbered
        self._output = output
        self._careful = careful
        self._each = each
        self.watched = not once
        """Whether anybody asks afterwards which groups changed and how many documents got where."""
        self._guesses = guesses if guesses is not None else Guesses()
        self.writer = Writer(self._guesses)
        self._base = Base("d", demand, path=())
        self.shape = Shape(self.writer, self._base)
        self.emitter = Emitter(self.writer, self.shape)
        self._lists = RowLists(self.writer, segment.columns, segment.tracks)
        self._open = ExitStack()
        self._counters: list[tuple[int, str]] = []
        self._fans_out = any(isinstance(part, PerDocument) and part.fans_out for part in segment.parts)
        self._passes = False
        self._row_form: Literal["dict", "struct", "columns"] = "dict" if segment.columns is None else "columns"
        self._row_fields: tuple[str, ...] = ()
        self._current: Part | None = None
        self._opened = 0
        self._looped = ""
        self._filters = False
        self._counts_rows = False
        self._folding = FoldingWriter(self, segment.folding) if segment.folding is not None else None
        self._together, self._row = segment.shares and careful, ""  # the documents of one record are gone through together
        self._pending = self._folding is not None and careful and (self._fans_out or self._together or self._folding.picky)

    # ------------------------------------------------------------------------------------------------- for stages

    def keep_if(self, test: str) -> None:
        """Drop the current document unless *test* holds."""
        if test == "True":
            return
        with self.writer.block(f"if not {test}:" if test.isidentifier() else f"if not ({test}):"):
            self.drop()

    def drop(self) -> None:
        """Write that the current document is dropped."""
        self._filters = True
        self.count_more("dropped", "1")
        self.writer.line("continue")

    def count_more(self, role: str, number: str) -> None:
        """Write that *number* documents more are counted, if anybody asks."""
        if self.watched:
            self.writer.line(f"{self.count(role)} += {number}")

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
            return Value(self.writer.assign(value.text), value.may_miss, value.kind, doublings=value.doublings)
        return value

    def open(self, items: str, head: str) -> None:
        """Open a loop over *items*: what follows, to the end of the segment, is written within it. Nothing is turned away from there."""
        self._guesses.open = False
        self._looped, self._filters = items, False
        self._open.enter_context(self.writer.block(head))
        self.shape.enter()
        self._opened += 1

    def count_rows(self, items: str, array: Value, where: str) -> None:
        """Write that a loop over local *items*, the elements of *array*, ends with an error where too many documents come of one.

        It does not where it is the first and the array stands in the input: such a loop is as long as the input.
        """
        writer = self.writer
        if not self._opened and array.path is not None:
            return
        check = f"{writer.constant(too_many_rows)}(env.row_limit)"
        if not self._opened:
            writer.line(f"if len({items}) > env.row_limit: {check}", where)
        else:
            self._counts_rows = True
            writer.line(f"{_ROWS} += len({items})")
            writer.line(f"if {_ROWS} > env.row_limit: {check}", where)

    def takes_array(self, value: Value) -> bool:
        """Return whether *value* can be taken for an array; if so, it is written that others are turned away."""
        if not self._guesses.array_at(value.path):
            return False
        if not self._guesses.known(value.path, "list"):
            self.writer.turn_away(differs(value.local, "list"))
        return True

    def look_ahead(self, items: str, array: Value) -> None:
        """Write the search for odd documents ahead of a loop over local *items*, the elements of *array*."""
        guesses = self._guesses
        if not guesses.open:
            return
        for path, kind in guesses.classes.items():
            names = tuple(name for name in path if name is not None)
            if names == path and self.shape.base is self._base and self.shape.unchanged(names[0]):
                value = self.emitter.sharp(self.emitter.value(Field("", names)))
                if kind == "int" and not guesses.known(path, kind):
                    self.writer.turn_away(differs(value.local, kind, bounded=True))
        if array.path is not None:
            self._look_at_elements(items, array, (*array.path, None))

    def _look_at_elements(self, items: str, array: Value, path: Path) -> None:
        writer, guesses = self.writer, self._guesses
        if guesses.inline:
            return
        item = writer.fresh("e")
        # Only numbers can make it fail; those that the decoder knows for numbers cannot.
        numbers = {known: kind for known, kind in guesses.classes.items() if kind in NUMBERS}
        numbers = {known: kind for known, kind in numbers.items() if not guesses.known(known, "number")}
        tests = [differs(item, numbers[path], bounded=True)] if path in numbers else []
        fields = {known: known[-1] for known in numbers if known[:-1] == path and known[-1] is not None}
        demand = array.demand.elements() if array.demand is not None else None
        if fields:
            tests.append(f"{item}.__class__ is not {writer.constant(demand.record) if demand is not None else 'dict'}")
        for known, name in fields.items():
            reading = f"{item}.{demand.attribute(name)}" if demand is not None else f"{item}[{writer.constant(name)}]"
            tests.append(differs(reading, numbers[known], bounded=True))
        if tests:
            with writer.block(f"for {item} in {items}:"):
                writer.turn_away(" or ".join(tests))
            guesses.sure.update([path, *fields])

    # ------------------------------------------------------------------------------------------------- writing

    def write(self) -> Written:
        """Return the whole text."""
        writer = self.writer
        with writer.define("segment", "docs", "origins", "answers", "env", "rows", "kept", "state") as function:
            function.binds = True
            head = len(writer.function.lines)
            self._loop()
            names = [f"n{index}" for index in range(len(self._counters))]
            zeros = [f"{name} = 0" for name in names]
            writer.function.lines[head:head] = [f"    {'; '.join(zeros)}"] if zeros else []
            writer.function.paths[head:head] = [""] if zeros else []
            if self._counts_rows:
                self._begin_document(f"{_ROWS} = 0")
            if writer.takes:
                self._begin_document(f"{ALLOWANCE}.made = {ALLOWANCE}.done = 0")
                writer.function.lines.insert(head, f"    {ALLOWANCE} = env.allowance")
                writer.function.paths.insert(head, "")
            writer.line(f"return ({''.join(name + ', ' for name in names)})")
        if self._folding is not None:
            self._folding.write_functions(general=not self._guesses.classes)
        text, paths = writer.text()
        return Written(
            text,
            paths,
            writer.constants,
            tuple(self._base.loads),
            self._base.whole,
            self._passes,
            self._base.demand.decodes_into if self._base.demand is not None else None,
            self._row_form,
            self._row_fields,
            writer.may_fail,
            tuple(self._counters),
            self._guesses.asked,
            self._base.demand,
        )

    def _begin_document(self, text: str) -> None:
        """Write *text* where the work on a document begins, once it is known that it is needed."""
        function = self.writer.function
        head, depth = (self._row, 4) if self._together else ("try:", 3)
        body = next(place for place, line in enumerate(function.lines) if line.strip() == head) + 1
        function.lines.insert(body, "    " * depth + text)
        function.paths.insert(body, "")

    def _loop(self) -> None:
        writer, segment = self.writer, self._segment
        self._lists.begin()
        if self._folding is not None:
            self._folding.begin()
        numbered = segment.tracks or self._output == "index"
        names, columns = (["i", "d"], ["origins", "docs"]) if numbered else (["d"], ["docs"])
        if segment.calls:
            answered = [writer.fresh("a") for _ in segment.calls]
            self.emitter.answers = {id(call): Value(name) for call, name in zip(segment.calls, answered, strict=True)}
            names += answered
            columns.append("*answers")
        source, rest = f"zip({', '.join(columns)})", "rest"
        if columns[0] == "docs":  # the place of a document is told from how many are left
            source, rest = "docs", "rest" if len(columns) == 1 else f"zip(rest, {', '.join(columns[1:])})"
        source = f"{writer.constant(by_record)}({source})" if self._together else source
        self._row = f"for {', '.join(names)} in {'part' if self._together else rest}:"
        at, place = ("", "i") if "i" in names else ("_at", "len(docs) - rest.__length_hint__() - 1")
        writer.line(f"rest = iter({source})")
        with writer.block("for i, part in rest:" if self._together else self._row):
            takes_back = (self._fans_out or self._together) and (self._folding is None or self._each)
            if takes_back:
                self._lists.note()
            with writer.block("try:"):
                self._body()
            if self._guesses.classes:
                # A field that is not there (dicts are asked without a second thought), a whole number beyond every float.
                ways = [*(["KeyError"] if self._base.demand is None else []), *([] if self._fans_out else ["OverflowError"])]
                with writer.block(f"except {'(' + ', '.join(['Odd', *ways]) + ')' if ways else 'Odd'}:"):
                    writer.line(f"env.odd{at}({place}, d, rows, kept, state){self._folding.texts if self._folding else ''}")
            with writer.block("except FAULTS as fault:"):
                if takes_back:
                    self._lists.take_back()
                writer.line(f"env.fail{at}({place}, d, fault)")

    def _body(self) -> None:
        writer, segment = self.writer, self._segment
        flagged = self._fans_out and not segment.tracks and self.watched
        if flagged:
            self._current = None
            self._passed = self.count("passed")
        pending = self._pending
        marks = segment.tracks and not self._each  # rows that are given out mark their records themselves
        if pending:
            writer.line("todo = []")
        with writer.block(self._row) if self._together else nullcontext(), self._open:
            if self._guesses.classes and self._base.demand is None:  # another class of dict may make what it is asked for
                writer.turn_away("d.__class__ is not dict")
            for part in segment.parts:
                self._current = part
                if isinstance(part, PerDocument):
                    part.write(self)
            if self._folding is not None:
                self._fold(self._folding, pending=pending, marks=marks)
            else:
                self._emit(self.shape)
            every = self._opened == 1 and not self._filters  # something comes of every element
            if flagged and not pending and not every:
                writer.line("seen = 1")
        if pending and self._folding is not None:
            self._folding.drain(self._touched if self._each else None)
            if marks:
                writer.line("if todo: kept.append(i)")
        if flagged and not pending and not every:
            self._begin_document("seen = 0")
            writer.line(f"{self._passed} += seen")
        elif flagged:
            writer.line(f"if {'todo' if pending else self._looped}: {self._passed} += 1")

    def _fold(self, folding: FoldingWriter, *, pending: bool, marks: bool) -> None:
        """Write that the document at hand goes into its group, and with *marks* that its record is told."""
        if self._segment.measures:
            check = self.writer.constant(checked_size)
            self.writer.line(f"{check}({self.shape.document()})", self._segment.parts[-1].where)
        folding.fold(pending=pending, row=self._touched if self._each else None)
        if marks and not pending:
            self.writer.line("kept.append(i)")

    def _touched(self) -> None:
        """Write the giving out of a group that was touched."""
        if self._folding is not None:
            self._emit(Shape(self.writer, None, self._folding.row()))

    def _emit(self, shape: Shape) -> None:
        writer = self.writer
        unchanged = shape.untouched and shape.base is self._base
        if self._output == "index" and unchanged:
            self._passes = True
            self._lists.add("i")
            return
        if self._segment.columns is not None:
            texts = [value.text for value in shape.fields.values()]
            names = [text if text.isidentifier() else writer.assign(text) for text in texts]
            self._measure_large(f"({''.join(name + ', ' for name in names)})")
            self._lists.add_values(names)
            return
        if self._output == "struct" and shape.base is None and not self._segment.measures:
            self._row_form, self._row_fields = "struct", tuple(shape.fields)
            values = f"({''.join(value.text + ', ' for value in shape.fields.values())})"
            self._measure_large(values)
            row = f"Row{values}"
        else:
            self._passes = unchanged
            row = shape.document()
            if self._segment.measures and self._folding is None:
                row = writer.assign(f"{writer.constant(checked_size)}({row})", self._segment.parts[-1].where, letter="o")
            elif not unchanged:
                self._measure_large(row)
        self._lists.add(row)

    def _measure_large(self, row: str) -> None:
        """Write that *row* is measured where something large was made for its document."""
        if self.writer.takes and self._folding is None:
            check = self.writer.constant(checked_size)
            self.writer.line(f"if {ALLOWANCE}.made > {FREE_BYTES}: {check}({row})", self._segment.parts[-1].where)
