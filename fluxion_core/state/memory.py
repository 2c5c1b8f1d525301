"""State in this process's memory: for tests, and for pipelines that may forget."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import ClassVar

import msgspec

from fluxion_core.spi import (
    Checkpoint,
    Context,
    FencedError,
    Host,
    Lease,
    Options,
    SealedOutput,
    SealRequest,
    StateRow,
    StateStore,
)
from fluxion_core.state.packing import Rows, live_rows
from fluxion_core.state.progress import Progress, Snapshot

__all__ = ["InMemoryStateStore"]


class _Held(msgspec.Struct):
    """One pipeline's state; *progress* stays packed, so that nobody's later changes reach it."""

    incarnation: str
    epoch: int = 0
    progress: bytes = msgspec.field(default_factory=lambda: Progress().pack())
    outputs: list[SealedOutput] = msgspec.field(default_factory=list)
    rows: Rows = msgspec.field(default_factory=dict)
    state_bytes: int = 0


class InMemoryStateStore(StateStore[Options]):
    """State that lasts as long as this object: a pipeline that stops and starts again with it continues.

    It fences as a durable store does: each claim raises the epoch, and an earlier claimant's seals are refused. Since every
    claimant lives in this one process, a claim never waits for another: it takes over.
    """

    name: ClassVar[str] = "memory"
    durable: ClassVar[bool] = False

    def __init__(self, config: Options | None = None) -> None:
        """Make an empty store."""
        super().__init__(config or Options())
        self._pipelines: dict[str, _Held] = {}
        self._lock = Lock()
        self._host = Host()
        self._lease: Lease | None = None

    def open(self, context: Context) -> None:
        """Take the host; there is nothing to open."""
        self._host = context.host

    def claim(self, pipeline_id: str, *, takeover: bool = False) -> Lease:
        """Become the owner of *pipeline_id*, and fence every earlier one."""
        del takeover  # every claim does
        with self._lock:
            held = self._pipelines.setdefault(pipeline_id, _Held(self._host.new_id()))
            held.epoch += 1
            self._lease = Lease(pipeline_id=pipeline_id, epoch=held.epoch, incarnation=held.incarnation)
            return self._lease

    def load(self) -> Checkpoint:
        """Return what was sealed for the pipeline that was claimed last."""
        with self._lock:
            held = self._claimed()
            rows = {operator: dict(keyed) for operator, keyed in held.rows.items()}
            return _progress(held).checkpoint(tuple(held.outputs), rows)

    def seal(self, request: SealRequest) -> None:
        """Take over *request* as a whole or not at all.

        Raises:
            FencedError: a newer claim of the pipeline exists.
        """
        with self._lock:
            held = self._owned(request.lease)
            progress = _progress(held).after(request)
            packed = progress.pack()
            outputs = _waiting([*held.outputs, *request.outputs], progress)
            self._host.reach("sealing")
            held.progress, held.outputs = packed, outputs
            held.state_bytes += _apply(held.rows, request.rows)

    def snapshot(self) -> bytes:
        """Return the whole state of the pipeline that was claimed last."""
        with self._lock:
            held = self._claimed()
            return Snapshot(_progress(held), held.outputs, held.rows).pack()

    def restore(self, snapshot: bytes) -> None:
        """Replace the state of the pipeline that was claimed last.

        Raises:
            StateError: *snapshot* is damaged; nothing was changed.
            FencedError: a newer claim of the pipeline exists.
        """
        whole = Snapshot.unpack(snapshot)
        with self._lock:
            held = self._claimed()
            held.progress, held.outputs, held.rows = whole.progress.pack(), list(whole.outputs), {}
            held.state_bytes = _apply(held.rows, list(live_rows(whole.rows)))

    @property
    def state_bytes(self) -> int:
        """How many bytes the keys and values of the pipeline that was claimed last take."""
        with self._lock:
            return self._pipelines[self._lease.pipeline_id].state_bytes if self._lease else 0

    def _claimed(self) -> _Held:
        if self._lease is None:
            msg = "claim a pipeline first"
            raise ValueError(msg)
        return self._owned(self._lease)

    def _owned(self, lease: Lease) -> _Held:
        held = self._pipelines[lease.pipeline_id]
        if held.epoch != lease.epoch:
            msg = (
                f"pipeline '{lease.pipeline_id}': this run claimed it with epoch {lease.epoch}, "
                f"another has since claimed it with epoch {held.epoch}; this one ends"
            )
            raise FencedError(msg)
        return held


def _progress(held: _Held) -> Progress:
    return Progress.unpack(held.progress, where="memory")


def _waiting(outputs: Sequence[SealedOutput], progress: Progress) -> list[SealedOutput]:
    return [output for output in outputs if output.seq > progress.delivered.get(output.target, 0)]


def _apply(rows: Rows, changes: Sequence[StateRow]) -> int:
    """Apply *changes* to *rows* and return by how many bytes that made them larger."""
    grown = 0
    for operator, key, value in changes:
        keyed = rows.setdefault(operator, {})
        old = keyed.pop(key, None)
        grown -= 0 if old is None else len(key) + len(old)
        if value is not None:
            keyed[key] = value
            grown += len(key) + len(value)
    return grown
