"""What a worker process does: it reads its share of the source, runs the head of the stages, and sends what comes of it.

A worker decides nothing and keeps nothing that matters: when the other side of its channel is gone, so is it.
"""

from __future__ import annotations

import logging
import select
import signal
import traceback
from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs
import msgspec

from fluxion_core.errors import FluxionError, TransientError
from fluxion_core.runtime.advisory import AdvisoryCalls
from fluxion_core.runtime.bugs import bug_text
from fluxion_core.runtime.parallel.channel import Channel, Closed, Message
from fluxion_core.runtime.parallel.division import Division
from fluxion_core.runtime.parallel.head import Head
from fluxion_core.runtime.parallel.part import pack_records
from fluxion_core.runtime.parallel.shard import KeptShard
from fluxion_core.runtime.process import settle
from fluxion_core.spi import Context, EndOfInput, Host, Json, KillPoints

__all__ = ["Assignment", "work"]


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is started with. *seed* decides what the stages draw."""

    division: Division
    seed: int
    context: Context
    """The surroundings of the source; incarnation and epoch come with the order to open it."""
    number: int = 1
    """Which worker this is, counted from 1."""
    sharded: bool = False
    """Whether each worker keeps a share of the groups."""


def work(channel: Channel, groups: Channel, assignment: Assignment) -> None:
    """Be a worker until the other side of *channel* and *groups* is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a terminal signals the whole group, and the other side decides when to end
    settle()
    worker = _Worker(channel, groups, assignment)
    try:
        channel.send(Message("ready"))
        worker.follow()
    except Closed:
        return
    finally:
        worker.close()


class _Worker:
    def __init__(self, channel: Channel, groups: Channel, assignment: Assignment) -> None:
        division, context = assignment.division, assignment.context
        host = Host(clock=context.host.clock, files=context.host.files, kill_points=KillPoints())
        self._channel = channel
        self._waiting, self._full = select.poll(), select.poll()
        self._waiting.register(channel, select.POLLIN)
        self._full.register(channel, select.POLLOUT)
        self._shard = None
        if assignment.sharded:
            self._shard = KeptShard(groups, division.cut, assignment.number - 1, division.processes, host.clock)
            self._waiting.register(groups, select.POLLIN)
            self._full.register(groups, select.POLLIN)
        self._context = attrs.evolve(context, host=host, logger=logging.getLogger(f"fluxion.pipeline.{context.pipeline_id}"))
        self._source = division.source
        self._advisory = AdvisoryCalls(source=self._source, warn=lambda text: self._send(Message("warning", text)))
        self._runtime = division.runtime
        self._registered = division.registered
        self._head = Head(division, host, assignment.seed, self._shard)
        self._positions: dict[str, Json | None] = {}
        self._credit = 0
        self._number = assignment.number - 1  # of the next part of splits: those of all workers differ
        self._step = division.processes
        self._reading = False
        self._knows_splits = False
        self._orders: Mapping[str, Callable[[Any], None]] = {
            "open": self._open,
            "piece": self._piece,
            "more": self._more,
            "commit": self._commit,
            "retry": self._retry,
        }

    def follow(self) -> None:
        """Do what the other side orders, and read on in between.

        Raises:
            Closed: the other side is gone.
        """
        while True:
            reads = self._reading and self._credit
            ready = {descriptor for descriptor, _ in self._waiting.poll(0 if reads else None)}
            if self._obeyed(ready):
                continue
            if ready:
                order = self._channel.receive()
                self._guarded(lambda order=order: self._orders[order.kind](order.content), None)  # type: ignore[misc]  # a default
            else:
                self._guarded(self._poll, None)

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()

    def _send(self, message: Message) -> None:
        """Send *message*; who should take it in may be waiting for an answer about the groups, so these go first."""
        self._channel.send(message, self._obey_while_full if self._shard is not None else None)

    def _obey_while_full(self) -> None:
        self._obeyed({descriptor for descriptor, _ in self._full.poll()})

    def _obeyed(self, ready: Collection[int]) -> bool:
        """Take the next order about the groups, if its channel is *ready*; return whether there was one."""
        if self._shard is None or self._shard.channel.fileno() not in ready:
            return False
        try:
            self._shard.obey()
        except Closed:
            raise
        except BaseException as error:  # noqa: BLE001  # what it folded is wrong now: the next answer that is waited for is this
            self._shard.channel.send(self._fault(error, None))
        return True

    def _guarded(self, action: Callable[[], None], piece: int | None) -> None:
        """Do *action*; what goes wrong is told, and the other side says how to go on."""
        try:
            action()
        except Closed:
            raise
        except BaseException as error:  # noqa: BLE001  # told to the other side, which raises it where somebody listens
            self._reading = False
            self._send(self._fault(error, piece))

    def _fault(self, error: BaseException, piece: int | None) -> Message:
        """Return *error* for the other side: what it is called there, its text, and for --debug where it came up."""
        name, text = type(error).__name__, str(error)
        if not isinstance(error, FluxionError):
            name, text = "PluginError", bug_text(error, self._registered)
        retry = error.retry_after_seconds if isinstance(error, TransientError) else None
        return Message("fault", [piece, name, text, retry, "".join(traceback.format_exception(error))])

    # ------------------------------------------------------------------------------------------------- pieces

    def _open(self, order: Any) -> None:
        incarnation, epoch, positions = order
        self._context = attrs.evolve(self._context, incarnation=incarnation, epoch=epoch)
        if positions is not None:
            self._positions = positions
            self._retry(None)  # an outage here is told, and tried again

    def _piece(self, order: Any) -> None:
        number, piece = order

        def read() -> None:
            self._send(self._head.take(self._source.read_piece(self._context, piece), number).message(number))

        self._guarded(read, number)

    # ------------------------------------------------------------------------------------------------- splits

    def _retry(self, _: Any) -> None:
        if not self._knows_splits:
            self._source.splits(self._context)  # a source may count on being asked before it is opened
            self._knows_splits = True
        self._source.open(self._context, dict(self._positions))
        self._reading = True

    def _more(self, count: int) -> None:
        self._credit += count

    def _commit(self, positions: Mapping[str, Json]) -> None:
        self._advisory.commit(lambda: self._source.commit(positions))

    def _poll(self) -> None:
        try:
            batch = self._source.poll(self._runtime.micro_batch_size, self._runtime.max_wait_seconds)
        except EndOfInput:
            self._reading = False
            self._send(Message("end"))
            return
        if not batch and not batch.positions:
            return
        self._positions.update(batch.positions)
        part = self._head.take([batch], self._number)
        kept = pack_records(batch) if part.origins else None
        self._send(msgspec.structs.replace(part, kept=kept, lag=self._advisory.lag()).message(self._number))
        self._number += self._step
        self._credit -= 1
