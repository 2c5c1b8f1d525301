"""The bounded queues between source, stages and sink: where backpressure happens.

Both hold plain values under one lock. A full queue blocks its producer, an empty one its consumer; both let go
when the pipeline is abandoned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, RLock
from typing import Any

import msgspec

from fluxion_core.spi import Batch, SealedOutput, WriteResult

__all__ = ["Delivered", "EndMark", "Inbox", "SealedQueue"]


class EndMark(msgspec.Struct, frozen=True):
    """Stands in the inbox behind the last batch: the source has ended (*exhausted*) or stopped polling."""

    exhausted: bool


class Delivered(msgspec.Struct, frozen=True):
    """A sealed output is durable in its sink."""

    output: SealedOutput
    result: WriteResult
    seconds: float


class Inbox:
    """What waits for the stages: at most *capacity* polled batches, and any number of delivery reports.

    Who has filled it sleeps until half of it is taken: threads that wake each other for every batch spend a fifth of the time on it.
    """

    def __init__(self, capacity: int, observe: Callable[[int], None]) -> None:
        """Make an empty one; *observe* learns of every new depth."""
        self._capacity = capacity
        self._observe = observe
        self._batches: deque[Batch | EndMark] = deque()
        self._reports: deque[Delivered] = deque()
        lock = RLock()
        self._filled = Condition(lock)
        self._room = Condition(lock)
        self._closed = False

    @property
    def depth(self) -> int:
        """How many batches wait."""
        return len(self._batches)

    def put(self, item: Batch | EndMark) -> bool:
        """Add *item*, waiting while the queue is full; return whether it was taken (not once closed)."""
        with self._room:
            if len(self._batches) >= self._capacity:
                self._room.wait_for(lambda: self._closed or len(self._batches) <= self._capacity // 2)
            if self._closed:
                return False
            self._batches.append(item)
            self._observe(len(self._batches))
            self._filled.notify()
            return True

    def report(self, report: Delivered) -> None:
        """Add a delivery report; never waits."""
        with self._filled:
            self._reports.append(report)
            self._filled.notify()

    def take(self, timeout_seconds: float | None) -> Batch | EndMark | Delivered | None:
        """Return the next report, else the next batch; ``None`` when the time is over or the inbox is closed."""
        with self._filled:
            self._filled.wait_for(lambda: self._closed or self._reports or self._batches, timeout_seconds)
            if self._reports:
                return self._reports.popleft()
            if self._closed or not self._batches:
                return None
            item = self._batches.popleft()
            self._observe(len(self._batches))
            if len(self._batches) <= self._capacity // 2:
                self._room.notify()
            return item

    def take_report(self, timeout_seconds: float | None) -> Delivered | None:
        """Return the next delivery report, leaving batches where they are."""
        if timeout_seconds == 0 and not self._reports:
            return None  # asked for after every batch
        with self._filled:
            self._filled.wait_for(lambda: self._closed or bool(self._reports), timeout_seconds)
            return self._reports.popleft() if self._reports else None

    def close(self) -> None:
        """Wake everybody up and take nothing more."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()
            self._room.notify_all()


class SealedQueue:
    """Sealed outputs on their way to one sink, in order, counted in documents."""

    def __init__(self) -> None:
        self._outputs: deque[SealedOutput] = deque()
        self._changed = Condition()
        self._closed = False
        self._documents = 0

    @property
    def documents(self) -> int:
        """How many documents wait, the batch being written included."""
        return self._documents

    def put(self, output: SealedOutput) -> None:
        """Add *output*; the seal has happened, so this never waits."""
        with self._changed:
            self._outputs.append(output)
            self._documents += output.count
            self._changed.notify_all()

    def take(self, *, wait: bool = True) -> SealedOutput | None:
        """Return the next output, which counts as waiting until :meth:`done`; ``None`` once closed (or if not to *wait*)."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._closed or bool(self._outputs))
            return None if self._closed or not self._outputs else self._outputs.popleft()

    def done(self, output: SealedOutput) -> None:
        """Note that *output* is delivered."""
        with self._changed:
            self._documents -= output.count
            self._changed.notify_all()

    def wait_below(self, documents: int, timeout_seconds: float | None) -> bool:
        """Wait until fewer than *documents* wait or nothing does; return whether that is so."""
        room: Callable[[], Any] = lambda: self._closed or self._documents < documents or not self._documents  # noqa: E731  # read twice
        with self._changed:
            return bool(self._changed.wait_for(room, timeout_seconds))

    def close(self) -> None:
        """Wake everybody up and hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
