"""Two ways to drive a :class:`~fluxion_core.runtime.loop.Loop`: a thread each for source, stages and sinks, or one alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol

from fluxion_core.config.model import RuntimeConfig
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.runtime.checkpoints import check_splits
from fluxion_core.runtime.deadline import DrainDeadline
from fluxion_core.runtime.delivery import Outlet
from fluxion_core.runtime.intake import Intake
from fluxion_core.runtime.loop import Loop
from fluxion_core.runtime.queues import Delivered, EndMark, Inbox
from fluxion_core.runtime.retry import Abandoned
from fluxion_core.spi import Batch, Checkpoint, EndOfInput, Lease, Split

__all__ = ["Driven", "Inline", "Threaded"]

_IDLE_SHARE = 0.3
"""Of the time since the last seal: who has waited that much for the source keeps up with it."""


class Driven(Protocol):
    """What a drive needs of the execution that it drives for."""

    bound: BoundPipeline
    config: RuntimeConfig
    metrics: MetricsRegistry
    stopping: Event
    """Set when polling should end."""
    abandoned: Event
    """Set when everything should end, sealed or not."""
    deadline: DrainDeadline
    """By when a stop gives up waiting for the outside."""
    inbox: Inbox
    """What waits for the stages."""

    def announce(self, lease: Lease, *, resumed: bool) -> None:
        """Tell that the pipeline is open."""

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Run *target* in a thread of its own; its failure stops the pipeline."""

    def wake_on_end(self, wake: Callable[[], None]) -> None:
        """Call *wake* when everything should end, for a thread that waits on something of its own."""


class Drive:
    """What both ways of driving a loop share."""

    def __init__(self, execution: Driven, loop: Loop, intake: Intake, checkpoint: Checkpoint) -> None:
        self.execution = execution
        self.loop = loop
        self.intake = intake
        self.checkpoint = checkpoint
        self.clock = loop.host.clock
        self._all_sealed = Event()

    def opened(self, splits: Sequence[Split]) -> None:
        """Announce that steps 1 and 2 are done."""
        check_splits(self.execution.bound, self.checkpoint.positions, splits)
        self.execution.announce(self.loop.lease, resumed=bool(self.checkpoint.meta))

    def concluded(self) -> None:
        """Note how the loop has ended."""
        self.execution.metrics.status = "finished" if self.loop.finished else "stopped"


class Inline(Drive):
    """Polls, runs, seals and delivers in turns, in the thread that calls."""

    def run(self) -> None:
        """Drive the loop to its end."""
        outlets = list(self.loop.outlets.values())
        try:
            for outlet in outlets:
                outlet.open(self.checkpoint)
            splits = self.intake.splits()
            self.opened(splits)
            self.intake.open(splits, self.checkpoint.positions)
            self._deliver()
            self._poll_to_the_end()
            self._seal_and_deliver()
            self.loop.host.reach("draining")
            self.loop.settle_marks()
            self.concluded()
        finally:
            self.intake.close()
            for outlet in outlets:
                outlet.close()

    def _poll_to_the_end(self) -> None:
        while not self.execution.stopping.is_set():
            if self.loop.run.done:
                self.loop.finish()
                return
            try:
                batch = self.intake.poll(self.execution.config.max_wait_seconds)
            except EndOfInput:
                self.loop.finish()
                return
            except Abandoned:
                return
            if batch or batch.positions:
                self.loop.take(batch)
            if self.loop.seal_wait_seconds(idle=not batch) == 0.0:
                self._seal_and_deliver()

    def _seal_and_deliver(self) -> None:
        while self.loop.seal_wait_seconds(idle=True) is not None:
            self.intake.sealed_up_to(self.loop.seal())
            self.intake.commit()
            self._deliver()

    def _deliver(self) -> None:
        for outlet in self.loop.outlets.values():
            while (output := outlet.queue.take(wait=False)) is not None:
                self.loop.apply(outlet.deliver(output))


class Threaded(Drive):
    """A thread each for the source and for every sink; the calling thread runs the stages and seals."""

    def __init__(self, execution: Driven, loop: Loop, intake: Intake, checkpoint: Checkpoint) -> None:
        super().__init__(execution, loop, intake, checkpoint)
        self._sealed_at = self.clock.monotonic()
        self._waited_seconds = 0.0  # for batches, since then

    def run(self) -> None:
        """Drive the loop to its end."""
        self._start_sinks()
        self._start_source()
        self._take_until_the_end()
        self._drain()
        self.concluded()

    # ------------------------------------------------------------------------------------------------- threads

    def _start_sinks(self) -> None:
        for target, outlet in self.loop.outlets.items():
            opened = Event()
            self.execution.wake_on_end(outlet.queue.close)
            self.execution.spawn(target, lambda outlet=outlet, opened=opened: self._deliver_forever(outlet, opened))  # type: ignore[misc]  # lambda defaults
            self._await(opened)

    def _deliver_forever(self, outlet: Outlet, opened: Event) -> None:
        try:
            outlet.open(self.checkpoint)
            opened.set()
            while (output := outlet.queue.take()) is not None:
                self.execution.inbox.report(outlet.deliver(output))
        finally:
            outlet.close()

    def _start_source(self) -> None:
        opened = Event()
        self.execution.spawn("source", lambda: self._poll_forever(opened))
        self._await(opened)

    def _poll_forever(self, opened: Event) -> None:
        exhausted = False
        try:
            splits = self.intake.splits()
            self.opened(splits)
            self.intake.open(splits, self.checkpoint.positions)
            opened.set()
            exhausted = self._poll_until_stopped()
            self.execution.inbox.put(EndMark(exhausted))
            self._commit_the_last_seal()
        except Abandoned:
            opened.set()
            self.execution.inbox.put(EndMark(exhausted))
            self._await_the_last_seal()  # groups that the source's workers keep are asked for by it
        finally:
            self.intake.close()

    def _commit_the_last_seal(self) -> None:
        """Stay until everything that was polled is sealed, so that the source learns of it before it is closed."""
        if self._await_the_last_seal():
            self.intake.commit()

    def _await_the_last_seal(self) -> bool:
        """Wait until everything that was polled is sealed; return whether it is."""
        while not self._all_sealed.wait(0.05):
            if self.execution.abandoned.is_set():
                return False
        return True

    def _poll_until_stopped(self) -> bool:
        """Poll into the inbox; return whether the source has ended."""
        execution = self.execution
        while not execution.stopping.is_set():
            try:
                batch = self.intake.poll(execution.config.max_wait_seconds)
            except EndOfInput:
                return True
            if (batch or batch.positions) and not execution.inbox.put(batch):
                return False
            self.intake.commit()
        return False

    def _await(self, opened: Event) -> None:
        while not opened.wait(0.05):
            self._give_up_in_time()

    def _give_up_in_time(self) -> None:
        if self.execution.abandoned.is_set() or self.execution.deadline.passed:
            raise Abandoned

    # ------------------------------------------------------------------------------------------------- the stages' thread

    def _take_until_the_end(self) -> None:
        execution, loop = self.execution, self.loop
        while True:
            if loop.run.done:
                execution.stopping.set()
                loop.finish()
                return
            item = self._take()
            if isinstance(item, EndMark):
                if item.exhausted:
                    loop.finish()
                return
            if isinstance(item, Delivered):
                loop.apply(item)
            elif isinstance(item, Batch):
                loop.take(item)
            elif execution.abandoned.is_set():
                raise Abandoned
            self._seal_if_due()

    def _take(self) -> Batch | EndMark | Delivered | None:
        inbox = self.execution.inbox
        if inbox.depth:
            return inbox.take(self._wait_seconds())
        began = self.clock.monotonic()
        item = inbox.take(self._wait_seconds())
        self._waited_seconds += self.clock.monotonic() - began
        return item

    def _idle_in_seconds(self) -> float:
        """Return after how long a wait the source is idle: an empty inbox alone says only that it was slower for a moment."""
        since = self.clock.monotonic() - self._sealed_at
        return max(0.0, (_IDLE_SHARE * since - self._waited_seconds) / (1 - _IDLE_SHARE))

    def _wait_seconds(self) -> float | None:
        """Return how long there is nothing to do but to wait for a batch or a report; ``None``: until one comes."""
        seconds = self.loop.seal_wait_seconds(idle=False)
        if seconds and not self.execution.inbox.depth:
            soonest = self.loop.seal_wait_seconds(idle=True) or 0.0
            seconds = min(seconds, max(soonest, self._idle_in_seconds()))
        if seconds == 0.0 and not self._sinks_have_room(0):
            return None  # a seal is due and a sink is behind: its next report wakes us
        return seconds

    def _sinks_have_room(self, timeout_seconds: float) -> bool:
        limit = self.execution.config.queue_capacity
        return all(outlet.queue.wait_below(limit, timeout_seconds) for outlet in self.loop.outlets.values())

    def _seal_if_due(self) -> None:
        inbox, loop = self.execution.inbox, self.loop
        idle = inbox.depth == 0 and self._idle_in_seconds() == 0.0
        if loop.seal_wait_seconds(idle=idle) != 0.0:
            return
        full = loop.output_bytes >= self.execution.config.seal_max_bytes
        while not self._sinks_have_room(0.5 if full else 0):
            self._give_up_in_time()
            if not full:
                return  # a sink is behind: let the next seal grow instead of the queue
        self._seal()

    def _seal(self) -> None:
        self.intake.sealed_up_to(self.loop.seal())
        self._sealed_at, self._waited_seconds = self.clock.monotonic(), 0.0

    def _drain(self) -> None:
        """Step 8: seal what was taken, deliver what is sealed, within the drain timeout if somebody is waiting for us."""
        execution, loop = self.execution, self.loop
        if execution.metrics.status in {"running", "waiting"}:
            execution.metrics.status = "draining"
        while True:
            if loop.seal_wait_seconds(idle=True) is not None:
                self.intake.sealed_up_to(loop.seal())
            self._all_sealed.set()
            if all(
                not outlet.queue.documents and outlet.delivered_seq == outlet.sealed_seq for outlet in loop.outlets.values()
            ):
                break
            report = execution.inbox.take_report(0.2)
            if report is not None:
                loop.apply(report)
            self._give_up_in_time()
        loop.host.reach("draining")
        loop.settle_marks()
        for outlet in loop.outlets.values():
            outlet.queue.close()
