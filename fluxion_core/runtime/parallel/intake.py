"""The source side of the loop when workers read: hands the input out, takes the parts in, and keeps them in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import msgspec

from fluxion_core.errors import FluxionError
from fluxion_core.runtime.intake import Intake
from fluxion_core.runtime.parallel.channel import Message
from fluxion_core.runtime.parallel.part import Part
from fluxion_core.runtime.parallel.workers import Worker, Workers, fault_of
from fluxion_core.spi import Batch, EndOfInput, Json, Split

__all__ = ["PartBatch", "PieceIntake", "SplitIntake"]

_PENDING: Final = 2
"""Pieces that a worker has at a time: the one that it works on, and the next."""
_AHEAD: Final = 4
"""For each worker, how many pieces may be read ahead of the first that is not done: what bounds the memory of parts out of order."""
_CREDIT: Final = 4
"""Parts that a worker with splits of its own may send before the first of them is taken in."""
_TURN_SECONDS: Final = 0.05
"""How long to wait for parts before looking again whether to stop, or whether there is more to hand out."""


@attrs.frozen(kw_only=True)
class PartBatch(Batch):
    """A batch that went through the head of the stages already. *piece* is what to read to see its records again."""

    part: Part
    number: int
    """Which of the parts of *worker* this is."""
    worker: int
    piece: Json = None

    def __len__(self) -> int:
        """Return the number of records."""
        return self.part.records

    def __bool__(self) -> bool:
        """Return whether there are records."""
        return self.part.records > 0


def _batch_of(member: Worker, message: Message, pieces: dict[int, Json] | None = None) -> PartBatch:
    """Return the part that *message* of *member* brings; the piece of which it is, if any, is taken from *pieces*."""
    number, part = Part.of(message)
    piece = pieces.pop(number) if pieces is not None else None
    return PartBatch(positions=part.positions, payloads=(), part=part, number=number, worker=member.number, piece=piece)


class _WorkedIntake(Intake, kw_only=True):
    """What both ways of reading share."""

    workers: Workers

    def poll(self, timeout_seconds: float) -> Batch:
        """Return the next part; an outage that a worker met is waited out here.

        Raises:
            EndOfInput: everything was read, and all of it was returned.
            FatalError: a worker is gone.
        """
        batch = self.patience.call(lambda: self._next(timeout_seconds), recover=self._recover)
        self.positions.update(batch.positions)
        self.metrics.lag_records = self._waiting()
        return batch

    def _next(self, timeout_seconds: float) -> Batch:
        raise NotImplementedError

    def _recover(self) -> None:
        """Go on after an outage."""

    def _waiting(self) -> int | None:
        return self._advisory.lag()

    def _start(self, member: Worker, positions: Mapping[str, Json | None] | None) -> None:
        order = [self.context.incarnation, self.context.epoch, positions]
        self.workers.send(member, Message("open", order))

    def close(self) -> None:
        """Close the source and end the workers."""
        self.workers.close()
        super().close()


class PieceIntake(_WorkedIntake, kw_only=True):
    """Cuts the source into numbered pieces, gives each to a worker that has room, and returns the parts in the pieces' order."""

    _next_number: int = 0
    _due: int = 0
    _pieces: dict[int, Json] = msgspec.field(default_factory=dict)
    _again: deque[int] = msgspec.field(default_factory=deque)
    _parts: dict[int, PartBatch] = msgspec.field(default_factory=dict)
    _ended: bool = False

    def open(self, splits: list[Split], sealed: Mapping[str, Json]) -> None:
        """Open the source where the last seal left it."""
        super().open(splits, sealed)
        for member in self.workers.members:
            self._start(member, None)

    def _next(self, timeout_seconds: float) -> Batch:
        clock = self.context.host.clock
        deadline = clock.monotonic() + timeout_seconds
        self._take_in(0.0)  # so that a worker that is lost is missed even when there is nothing to do
        while True:
            self._hand_out(deadline - clock.monotonic())
            if self._due in self._parts:
                self._due += 1
                return self._parts.pop(self._due - 1)
            if self._ended and self._due == self._next_number:
                raise EndOfInput
            left = deadline - clock.monotonic()
            if left <= 0 or self.context.stopping.is_set():
                return Batch.empty()
            if self._due < self._next_number:
                self._take_in(min(left, _TURN_SECONDS))

    def _hand_out(self, timeout_seconds: float) -> None:
        """Give pieces to all workers that have room, waiting for one only if nothing else is under way."""
        while not self.context.stopping.is_set():
            member = min(self.workers.members, key=lambda member: len(member.pending))
            if len(member.pending) >= _PENDING:
                return
            if self._again:
                number = self._again.popleft()
            elif self._ended or self._next_number - self._due >= _AHEAD * len(self.workers.members):
                return
            else:
                try:
                    piece = self.source.next_piece(timeout_seconds if self._due == self._next_number else 0.0)
                except EndOfInput:
                    self._ended = self.workers.exhausted = True
                    return
                if piece is None:
                    return
                number = self._next_number
                self._pieces[number] = piece
                self._next_number += 1
            member.pending.add(number)
            self.workers.send(member, Message("piece", [number, self._pieces[number]]))

    def _take_in(self, timeout_seconds: float) -> None:
        faults: list[FluxionError] = []
        for member, message in self.workers.answers(timeout_seconds):
            if message.kind == "part":
                batch = _batch_of(member, message, self._pieces)
                member.pending.discard(batch.number)
                self._parts[batch.number] = batch
            elif message.kind == "fault":
                number = message.content[0]
                if number is not None:
                    member.pending.discard(number)
                    self._again.append(number)
                faults.append(fault_of(message.content))
        if faults:
            raise faults[0]


class SplitIntake(_WorkedIntake, kw_only=True):
    """Gives each worker splits of its own, and returns the parts as they come."""

    _owners: dict[str, Worker] = msgspec.field(default_factory=dict)
    _arrived: deque[tuple[Worker, PartBatch]] = msgspec.field(default_factory=deque)
    _reading: set[int] = msgspec.field(default_factory=set)
    _stuck: list[Worker] = msgspec.field(default_factory=list)
    _lags: dict[int, int | None] = msgspec.field(default_factory=dict)

    def open(self, splits: list[Split], sealed: Mapping[str, Json]) -> None:
        """Deal the splits out to the workers, which open them where the last seal left them."""
        self.positions = {split.id: sealed.get(split.id) for split in splits} | dict(sealed)
        members = self.workers.members
        self._owners = _dealt(self.positions, members)
        for member in members:
            own = {split: self.positions[split] for split, owner in self._owners.items() if owner is member}
            if own:
                self._reading.add(member.number)
                self._start(member, own)
                self.workers.send(member, Message("more", _CREDIT))

    def _next(self, timeout_seconds: float) -> Batch:
        clock = self.context.host.clock
        deadline = clock.monotonic() + timeout_seconds
        while not self._arrived:
            if not self._reading:
                raise EndOfInput
            left = deadline - clock.monotonic()
            if left <= 0 or self.context.stopping.is_set():
                return Batch.empty()
            self._take_in(min(left, _TURN_SECONDS))
        member, batch = self._arrived.popleft()
        self._lags[member.number] = batch.part.lag
        self._owners.update((split, member) for split in batch.positions)
        self.workers.send(member, Message("more", 1))
        return batch

    def _take_in(self, timeout_seconds: float) -> None:
        faults: list[FluxionError] = []
        for member, message in self.workers.answers(timeout_seconds):
            if message.kind == "part":
                self._arrived.append((member, _batch_of(member, message)))
            elif message.kind == "end":
                self._reading.discard(member.number)
            elif message.kind == "warning":
                self._warn(message.content)
            elif message.kind == "fault":
                self._stuck.append(member)
                faults.append(fault_of(message.content))
        if faults:
            raise faults[0]

    def _recover(self) -> None:
        """Have the workers that met an outage open their splits again, each where its own reading has come to."""
        stuck, self._stuck = self._stuck, []
        for member in stuck:
            self.workers.send(member, Message("retry"))

    def _waiting(self) -> int | None:
        lags: Sequence[int | None] = list(self._lags.values())
        known = [lag for lag in lags if lag is not None]
        return sum(known) if len(known) == len(lags) else None

    def _commit(self, positions: Mapping[str, Json]) -> None:
        for member in self.workers.members:
            own = {split: position for split, position in positions.items() if self._owners.get(split) is member}
            if own:
                self.workers.send(member, Message("commit", own))


def _dealt(positions: Mapping[str, Json | None], members: Sequence[Worker]) -> dict[str, Worker]:
    """Return the worker of each split.

    A split that is new goes to one that has others, if any was read before: a source can tell by them that this is no first run.
    """
    known = [split for split, position in positions.items() if position is not None]
    owners = {split: members[index % len(members)] for index, split in enumerate(known)}
    takers = members[: len(known)] or members
    fresh = [split for split in positions if split not in owners]
    return owners | {split: takers[(len(known) + index) % len(takers)] for index, split in enumerate(fresh)}
