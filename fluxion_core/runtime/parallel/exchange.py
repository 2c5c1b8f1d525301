"""This process's side of the exchange: tells the workers which rows to fold, and asks them for the groups when a seal is due.

It stands in the tail of the stages where the groups of a ``$group`` are otherwise kept, and answers what is asked of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, Final, Literal

from fluxion_core.errors import FatalError
from fluxion_core.language import decode_value
from fluxion_core.runtime.error_policies import too_many_groups
from fluxion_core.runtime.parallel.channel import Message, pack_list, unpack_list
from fluxion_core.runtime.parallel.part import Part
from fluxion_core.runtime.parallel.workers import Worker, Workers, fault_of

__all__ = ["Exchange"]

_ORDINAL_BYTES: Final = 8


class Exchange:
    """The groups of all *workers*, of which there may be *max_groups*; rows have *columns* values.

    *line_bytes*: where the groups leave the pipeline as lines of JSON, how long one may be: then the workers encode them at the end.
    Used by one thread, that of the stages.
    """

    def __init__(self, workers: Workers, columns: int, max_groups: int, line_bytes: int | None = None) -> None:
        self._workers = workers
        self._columns = columns
        self._max_groups = max_groups
        self._line_bytes = line_bytes
        self._form: Literal["dict", "ended line"] = "dict"
        self._turn = 0
        self._sealed = self._shown = 0  # up to which turn deltas and updates were asked for
        self._coming = False  # a delta that was asked for
        self._delta: dict[bytes, bytes | None] = {}  # what came of it before it was due
        self._ordinals: Sequence[bytes] = ()  # those that were put in order last, and how
        self._order: list[int] = []
        self._counts: dict[int, Sequence[int]] = {member.number: (0, 0, 0) for member in workers.members}

    # ------------------------------------------------------------------------------------------------- in

    def fold(self, part: Part, worker: int, number: int) -> None:
        """Have the rows of *part*, the *number*-th of *worker*, folded next, each by the worker that keeps its group.

        Raises:
            FatalError: a worker is gone.
        """
        self._take_delta()
        self._turn += 1
        self._counts[worker] = part.groups
        owners, *packed = part.blobs
        columns = iter(packed)
        for member, rows in zip(self._workers.members, part.dealt, strict=True):
            if rows and member.number == worker:
                self._tell(member, Message("fold", [self._turn, number]))
            elif rows:
                self._tell(member, Message("fold", [self._turn, None], [owners, *islice(columns, self._columns)]))

    def _tell(self, member: Worker, message: Message) -> None:
        self._workers.send(member, message, of_groups=True)

    # ------------------------------------------------------------------------------------------------- out

    @property
    def count(self) -> int:
        """How many groups there are, as last heard of."""
        return sum(count for count, _, _ in self._counts.values())

    @property
    def changed_keys(self) -> int:
        """How many groups changed since the last delta, as last heard of."""
        return sum(changed for _, changed, _ in self._counts.values())

    @property
    def state_bytes(self) -> int:
        """About how many bytes all groups take in the store."""
        return sum(state_bytes for _, _, state_bytes in self._counts.values())

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the groups that changed as rows of state, by key: new ones in the order in which one process would have met them.

        Raises:
            FatalError: there are too many groups, or a worker is gone.
        """
        self._ask_delta()
        self._take_delta()
        delta, self._delta = self._delta, {}
        if delta and self.count > self._max_groups:
            raise FatalError(too_many_groups(self.count, self._max_groups))
        return delta

    def _ask_delta(self) -> None:
        """Ask for what changed, if something did: the workers may have ended, now that all is told."""
        if self._sealed != self._turn:
            self._sealed = self._turn
            self._put(Message("delta"))
            self._coming = True

    def _take_delta(self) -> None:
        """Take in the delta that was asked for, if one was, for nothing else can be asked or told before."""
        if self._coming:
            self._coming = False
            self._delta.update(self._state_rows(self._answers()))

    @property
    def row_form(self) -> Literal["dict", "ended line"]:
        """The form of the rows that were returned last."""
        return self._form

    def rows(self) -> list[Any]:
        """Return every group, in the order in which one process would have met them; as lines of JSON where *line_bytes* allows it.

        Raises:
            FatalError: a worker is gone.
        """
        if self._line_bytes is not None:
            answers = self._ask(Message("lines", self._line_bytes))
            if all(answers):
                self._form = "ended line"
                return self._in_order([(BytesIO(lines).readlines(), ordinals) for lines, ordinals in answers])
        return self._documents("rows")

    def changed(self) -> list[dict[str, Any]]:
        """Return the groups that changed since the last call, in that order too.

        Raises:
            FatalError: a worker is gone.
        """
        if self._shown == self._turn:
            return []
        self._shown = self._turn
        return self._documents("changed")

    def _documents(self, question: str) -> list[dict[str, Any]]:
        self._form = "dict"
        answers = self._ask(Message(question))
        return self._in_order([(decode_value(rows), ordinals) for rows, ordinals in answers])

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Let each worker take back those of *rows* that it keeps.

        Raises:
            FatalError: a worker is gone.
        """
        self._put(Message("restore", None, [pack_list(list(rows)), pack_list(list(rows.values()))]))
        self._answers()

    def _ask(self, question: Message) -> Sequence[Sequence[bytes]]:
        """Return the blobs of every worker's answer to *question* about what it shows.

        A seal follows, so the workers go on with the delta while their answers are taken in here.
        """
        self._take_delta()
        self._put(question)
        self._ask_delta()
        return self._answers()

    def _put(self, question: Message) -> None:
        for member in self._workers.members:
            self._tell(member, question)

    def _answers(self) -> Sequence[Sequence[bytes]]:
        """Return the blobs of every worker's next answer, and keep the counts that come with them.

        Raises:
            FluxionError: what a worker met while it folded, or a worker is gone.
        """
        found = []
        for member in self._workers.members:
            answer = self._workers.receive(member, of_groups=True)
            if answer.kind == "fault":
                raise fault_of(answer.content)
            if answer.content is not None:
                self._counts[member.number] = answer.content
            found.append(answer.blobs)
        return found

    # ------------------------------------------------------------------------------------------------- in order

    def _state_rows(self, answers: Sequence[Sequence[bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the rows of state of one delta: those of groups that were sealed before come first."""
        old: list[tuple[bytes, bytes]] = []
        fresh = []
        for keys, contents, ordinals in answers:
            rows = list(zip(unpack_list(keys), unpack_list(contents), strict=True))
            known = len(rows) - len(ordinals) // _ORDINAL_BYTES
            old += rows[:known]
            fresh.append((rows[known:], ordinals))
        return [*old, *self._in_order(fresh)]

    def _in_order(self, parts: Sequence[tuple[Sequence[Any], bytes]]) -> list[Any]:
        """Return what is in *parts* by the ordinals that come with each; at the end, rows of state have the order of the groups shown."""
        ordinals = [part for _, part in parts]
        if ordinals != self._ordinals:
            numbers = array("Q", b"".join(ordinals))
            self._ordinals, self._order = ordinals, sorted(range(len(numbers)), key=numbers.__getitem__)
        every = [found for part, _ in parts for found in part]
        return [every[place] for place in self._order]
