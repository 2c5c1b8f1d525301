"""Steps 2, 3 and 7 of the loop: open a sink, agree with it on what it holds, and hand it sealed batches in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from fluxion_core.errors import FatalError, FencedError, PluginError, StateError
from fluxion_core.runtime.outputs import unpack
from fluxion_core.runtime.queues import Delivered, SealedQueue
from fluxion_core.runtime.retry import Patience
from fluxion_core.spi import Checkpoint, Codec, Context, Cursor, Lease, SealedBatch, SealedOutput, Sink, WriteResult

__all__ = ["Outlet"]


class Outlet(msgspec.Struct, kw_only=True):
    """One sink with everything that stands before it: *target* is "sink" or "dead_letter"; *state_place* says where the state is."""

    target: str
    sink: Sink[Any]
    codec: Codec[Any]
    context: Context
    lease: Lease
    patience: Patience
    state_place: str
    queue: SealedQueue = msgspec.field(default_factory=SealedQueue)
    sealed_seq: int = 0
    delivered_seq: int = 0

    def open(self, checkpoint: Checkpoint) -> int:
        """Open the sink (step 2), compare cursors, and queue what it lacks (step 3); return how many batches it had already.

        Raises:
            StateError: sink and state do not belong together; refusing is better than guessing.
            FencedError: a newer owner has written to the sink.
        """
        self.sealed_seq = checkpoint.sealed.get(self.target, 0)
        self.delivered_seq = checkpoint.delivered.get(self.target, 0)
        cursor = self.patience.call(self._open_sink)
        self.context.host.reach("opened")
        held = self._agreed_seq(cursor)
        waiting = [output for output in checkpoint.outputs if output.target == self.target]
        _check_contiguous(waiting, self.delivered_seq + 1, self.target)
        for output in waiting:
            self.queue.put(output)
        return held - self.delivered_seq

    def _open_sink(self) -> Cursor | None:
        with self._told_apart():
            return self.sink.open(self.context)

    def _write(self, batch: SealedBatch) -> WriteResult:
        with self._told_apart():
            return self.sink.write(batch)

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Let an error say that it is of the dead-letter sink, which knows as little of that as the other sink does."""
        try:
            yield
        except (FatalError, StateError) as error:
            if self.target == "dead_letter":
                error.args = (f"dead-letter sink: {error}",)
            raise

    def _agreed_seq(self, cursor: Cursor | None) -> int:
        """Return the last seq that the sink holds, if its cursor and our state can both be true."""
        if self.sink.dedupe != "batch":
            return self.delivered_seq
        if cursor is None:
            if self.delivered_seq:
                self._refuse(f"holds nothing, but {self.delivered_seq} batches were delivered to it", self._forgetful_advice)
            return 0
        if cursor.incarnation != self.context.incarnation:
            self._refuse("was written from another state (its incarnation differs)")
        if cursor.epoch > self.lease.epoch:
            msg = (
                f"{self._name}: a newer owner (epoch {cursor.epoch}, ours {self.lease.epoch}) has written to it; this one stops"
            )
            raise FencedError(msg)
        if not self.delivered_seq <= cursor.seq <= self.sealed_seq:
            self._refuse(
                f"is at batch {cursor.seq}, but the state has delivered {self.delivered_seq} and sealed {self.sealed_seq}"
            )
        return cursor.seq

    @property
    def _name(self) -> str:
        return f"{self.target.replace('_', '-')} '{self.sink.name}'"

    @property
    def _forgetful_advice(self) -> str:
        if self.sink.durable:
            return ""
        return (
            f"what it holds ends with the process, and the state ({self.state_place}) does not: keep the state in memory too "
            '(state: {type: memory}; StateConfig("memory") as state_store in Python), or remove the state to start over'
        )

    def _refuse(self, finding: str, advice: str = "") -> None:
        advice = advice or (
            "state and target must come from the same runs: bring back the one that is missing or older, or, to start over, "
            f"remove what the target holds and the state ({self.state_place})"
        )
        msg = f"{self._name}: the target {finding}; {advice}"
        raise StateError(msg)

    def seal_next(self, count: int, data: bytes) -> SealedOutput:
        """Return the next sealed output of this target, numbered but not yet queued."""
        self.sealed_seq += 1
        return SealedOutput(self.target, self.sealed_seq, count, data)

    def deliver(self, output: SealedOutput) -> Delivered:
        """Hand *output* to the sink until it is durable (step 7); return what became of it."""
        host = self.context.host
        batch = self.as_batch(output)
        host.reach("writing")
        started = host.clock.monotonic()
        result = self.patience.call(lambda: self._write(batch), recover=self._open_sink)
        host.reach("written" if self.target == "sink" else "dead-lettered")
        self._check_answer(result, output)
        self.queue.done(output)
        return Delivered(output, result, host.clock.monotonic() - started)

    def as_batch(self, output: SealedOutput) -> SealedBatch:
        """Return *output* as the sink sees it."""
        return SealedBatch(
            pipeline_id=self.lease.pipeline_id,
            incarnation=self.context.incarnation,
            epoch=self.lease.epoch,
            seq=output.seq,
            count=output.count,
            **unpack(output.data),
        )

    def _check_answer(self, result: object, output: SealedOutput) -> None:
        if not isinstance(result, WriteResult):
            msg = f"{self._name}: write() returned {type(result).__name__}; the contract says WriteResult"
            raise PluginError(msg)
        if any(not 0 <= refusal.index < output.count for refusal in result.refused):
            msg = f"{self._name}: write() refused a record outside its batch of {output.count}"
            raise PluginError(msg)

    def close(self) -> None:
        """Close the sink."""
        self.sink.close()


def _check_contiguous(outputs: Sequence[SealedOutput], first: int, target: str) -> None:
    expected = list(range(first, first + len(outputs)))
    if [output.seq for output in outputs] != expected:
        msg = f"state: the sealed batches for the {target} are {[output.seq for output in outputs]}; expected {expected}"
        raise StateError(msg)
