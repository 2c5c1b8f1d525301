"""Cuts a program in two: a *head* that any process can run over any part of the input, and a *tail* that sees it all, in order.

The head is what stands before the first stage that keeps something between documents. Where that is a ``$group``, the head also
evaluates its key and its values, so that what goes from head to tail are columns of plain values and no documents. Feeding the rows of
the heads to the tail in the order of the input gives what the whole program gives, to the last bit of a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.groups import Groups, KeptGroups
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep
from fluxion_core.language.compiler.nodes import Call, Constant, Node, ObjectOf
from fluxion_core.language.compiler.output import Output
from fluxion_core.language.compiler.parts import Folding, Part, PerDocument
from fluxion_core.language.compiler.program import Program
from fluxion_core.language.compiler.run import Emit, Run
from fluxion_core.language.compiler.segment import Segment, SegmentWriter
from fluxion_core.language.compiler.sharding import Shard, Sharding
from fluxion_core.language.operators import Operator

__all__ = ["Cut", "TailRun", "cut_program"]

_COLUMN: Final = Operator(name="$column", function=lambda: None, minimum=0, maximum=0)


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A program as head and tail; without a *tail* every document leaves the head as it leaves the program."""

    head: Program
    tail: Program | None
    columns: int | None
    """How many values each row has on its way from head to tail; ``None``: rows are documents."""
    fans_out: bool
    """Whether one record may become several rows in the head."""
    sharding: Sharding | None = None
    """How the groups at the head of the tail can be dealt out over processes; ``None``: they cannot."""

    @property
    def ends_in_groups(self) -> bool:
        """Whether the groups at the head of the tail leave the program as they are."""
        return self.sharding is not None and self.tail is not None and len(self.tail.steps) == 1

    def start_head(self, *, tracks: bool) -> Run:
        """Return a fresh run of the head; *tracks*: whether it tells the record of each row."""
        step = self.head.first
        if tracks or step is None or not step.segment.tracks:
            return self.head.start()
        untracked = SegmentStep(segment=msgspec.structs.replace(step.segment, tracks=False), name=step.name)
        return msgspec.structs.replace(self.head, steps=(untracked,), first=untracked).start()

    def start_tail(self, *, emit: Emit, context: Any, groups: KeptGroups | None = None) -> TailRun:
        """Return a fresh run of the tail; its first ``$group`` is kept in *groups*, if given.

        Raises:
            ValueError: there is no tail.
        """
        if self.tail is None:
            msg = "the program has no tail: nothing is kept between documents"
            raise ValueError(msg)
        run = TailRun(self, self.tail, emit, context)
        if groups is not None:
            run.keep_groups(groups)
        return run

    def start_shard(self, number: int, shards: int) -> Shard:
        """Return shard *number* of *shards*, counted from 0, without groups.

        Raises:
            ValueError: the groups cannot be dealt out.
        """
        step = self.tail.steps[0] if self.tail is not None else None
        if self.tail is None or self.sharding is None or not isinstance(step, SegmentStep):
            msg = "the program has no $group whose groups could be dealt out"
            raise ValueError(msg)
        numbered = SegmentStep(segment=msgspec.structs.replace(step.segment, numbered=True), name=step.name)
        alone = msgspec.structs.replace(self.tail, steps=(numbered,), first=numbered)
        return Shard(self.sharding, TailRun(self, alone, "final", None), number, shards)


class TailRun(Run):
    """One run of a tail: fed with the rows of heads, in the order of the input."""

    def __init__(self, cut: Cut, tail: Program, emit: Emit, context: Any) -> None:
        super().__init__(tail, emit, context)
        self._cut = cut
        self._kept: KeptGroups | None = None
        self._columns: Sequence[Sequence[Any]] = ()  # of the rows at hand

    @property
    def groups(self) -> Groups:
        """The groups of the ``$group`` at its head."""
        found: Groups = self._states[0]
        return found

    def keep_groups(self, groups: KeptGroups) -> None:
        """Leave the groups of the ``$group`` at its head to somebody else, who is given the rows as well."""
        self._kept = groups
        self._states[0] = groups
        self._grouped[0] = groups

    def finish(self) -> Output:
        """Return what was held back; as lines, if somebody else keeps the groups and gives them so."""
        output = super().finish()
        if self._kept is not None:
            output.form = self._kept.row_form
        return output

    def fold(self, columns: Sequence[Sequence[Any]], ordinals: Sequence[int]) -> None:
        """Run rows, of which none can fail, into a ``$group`` and no further; a new group keeps the one of *ordinals* beside its first row."""
        self._columns = columns
        self._pass(0, ordinals, None, Output())
        self._columns = ()

    def feed_columns(
        self, columns: Sequence[Sequence[Any]], origins: Sequence[int], *, records: int, failed: int, passed: int
    ) -> Output:
        """Do what :meth:`feed_rows` does with the *columns* of the rows."""
        self._columns = columns
        output = self.feed_rows(range(len(origins)), origins, records=records, failed=failed, passed=passed)
        self._columns = ()
        return output

    def feed_rows(self, rows: Sequence[Any], origins: Sequence[int], *, records: int, failed: int, passed: int) -> Output:
        """Run the *rows* of one batch of *records*; *origins* tells the record of each.

        *failed* and *passed* are how many records failed in the head and how many left it. The fates in the answer are those of
        the batch: what was filtered or failed in the head is counted, the failures of the head are not in it.
        """
        output = Output()
        self.failures = output.failures
        self._pass(0, rows, origins, output)
        return self._fates(output, records - failed, passed)

    def feed_lines(self, block: bytes, origins: Sequence[int], *, records: int, failed: int, passed: int) -> Output:
        """Do the same with rows that left the head as the lines that they came in."""
        output = Output()
        self.failures = output.failures
        self._feed_bytes(block, (), output)
        output.failures[:] = [
            failure if failure.index is None else msgspec.structs.replace(failure, index=origins[failure.index])
            for failure in output.failures
        ]
        return self._fates(output, records - failed, passed)

    def _segment(
        self,
        index: int,
        step: SegmentStep,
        code: Loaded,
        rows: Sequence[Any],
        origins: Sequence[int | None] | None,
        answers: Sequence[Any] | None,
    ) -> tuple[list[Any], list[int | None] | None, int]:
        beside = self._columns if index == 0 and self._cut.columns else answers
        return super()._segment(index, step, code, rows, origins, beside)

    def _fates(self, output: Output, records: int, passed: int) -> Output:
        lost = len({failure.index for failure in output.failures if failure.index is not None})
        if self._cut.fans_out and self._cut.columns is not None:  # rows were counted where records are meant
            output.passed = passed - lost
        output.filtered = max(0, records - lost - output.passed)
        return output


class _Columns(PerDocument, kw_only=True, eq=False):
    """Goes on with a row of the values that a ``$group`` wants of a document."""

    values: tuple[Node, ...]

    def nodes(self) -> Iterable[Node]:
        """Return the values."""
        return self.values

    def write(self, segment: SegmentWriter) -> None:
        """Replace the document."""
        segment.shape.replace({f"c{index}": segment.emitter.value(node) for index, node in enumerate(self.values)})


def cut_program(program: Program) -> Cut | None:
    """Return *program* in two, or ``None`` where nothing stands before the first stage that keeps something."""
    if not program.steps:
        return Cut(head=program, tail=None, columns=None, fans_out=False)
    first = program.steps[0]
    if not isinstance(first, SegmentStep) or first.segment.calls:
        return None
    parts = first.segment.parts
    place = next((index for index, part in enumerate(parts) if _keeps(part)), len(parts))
    if place == len(parts) and len(program.steps) == 1:
        return Cut(head=program, tail=None, columns=None, fans_out=any(map(_fans_out, parts)))
    folding = parts[place] if place < len(parts) else None
    if isinstance(folding, Folding) and _may_fail(folding):
        # A group that fails within a record leaves out the rest of that record: its rows must not be told apart from it.
        place = next((index for index, part in enumerate(parts[:place]) if _fans_out(part)), place)
        folding = parts[place]
    if isinstance(folding, Folding):
        return _cut_columns(program, first, folding)
    return _cut_documents(program, first, place) if place else None


def _keeps(part: Part) -> bool:
    return isinstance(part, Folding) or (isinstance(part, PerDocument) and part.counter() is not None)


def _fans_out(part: Part) -> bool:
    return isinstance(part, PerDocument) and part.fans_out


def _may_fail(folding: Folding) -> bool:
    return any(parameters or not accumulator.total for _, accumulator, parameters, _ in folding.fields)


def _cut_columns(program: Program, step: SegmentStep, folding: Folding) -> Cut:
    """Cut before the ``$group`` at the end of the first segment."""
    sent: list[Node] = []
    columns: list[Call] = []
    fields: list[tuple[int, str]] | None = None

    def column(node: Node) -> Node:
        if isinstance(node, Constant):
            return node
        sent.append(node)
        columns.append(Call(node.where, _COLUMN, ()))
        return columns[-1]

    key = folding.key
    if isinstance(key, ObjectOf) and key.fields:
        fields = [(place, name) for place, (name, node) in enumerate(key.fields) if not isinstance(node, Constant)]
        key = ObjectOf(key.where, tuple((name, column(node)) for name, node in key.fields))
    else:
        key = column(key)
    has_key = bool(sent)
    accumulated = tuple(
        (name, accumulator, parameters, tuple(column(node) for node in values))
        for name, accumulator, parameters, values in folding.fields
    )
    parts = step.segment.parts[:-1]
    wanted = _Columns(where=folding.where, stage=folding.stage, place=folding.place, values=tuple(sent))
    tail = Segment(parts=(msgspec.structs.replace(folding, key=key, fields=accumulated),), calls=tuple(columns))
    return Cut(
        head=_head(program, Segment(parts=(*parts, wanted), tracks=True, columns=len(sent))),
        tail=_tail(program, tail, tracks=step.segment.tracks),
        columns=len(sent),
        fans_out=any(map(_fans_out, parts)),
        sharding=Sharding(fields=fields) if has_key and not _may_fail(folding) else None,
    )


def _cut_documents(program: Program, step: SegmentStep, place: int) -> Cut:
    """Cut before part *place* of the first segment, or behind it."""
    parts = step.segment.parts
    head = Segment(parts=parts[:place], tracks=True, measures=step.segment.measures)
    rest = Segment(parts=parts[place:], measures=step.segment.measures)
    fans_out = any(map(_fans_out, parts[:place]))
    return Cut(
        head=_head(program, head),
        tail=_tail(program, rest, tracks=rest.folding is None or step.segment.tracks),
        columns=None,
        fans_out=fans_out,
    )


def _head(program: Program, segment: Segment) -> Program:
    step = SegmentStep(segment=segment, name=f"{program.name} head")
    written = step.load().written
    return msgspec.structs.replace(
        program, steps=(step,), first=step, keeping={}, required_fields=None if written.whole else written.loads
    )


def _tail(program: Program, segment: Segment, *, tracks: bool) -> Program:
    """Return the rest of *program*, in as many steps, for their numbers name the state that they keep."""
    step = SegmentStep(segment=msgspec.structs.replace(segment, tracks=tracks), name=f"{program.name} tail")
    return msgspec.structs.replace(program, steps=(step, *program.steps[1:]), first=step, required_fields=None)
