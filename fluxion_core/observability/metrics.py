"""What a pipeline counts: per stage (:class:`StageMetrics`) and as a whole (:class:`MetricsRegistry`).

Counters only rise within one run. Everything may be read from any thread at any time: the runtime writes whole numbers and
floats in place, which Python does atomically, and a snapshot is therefore never torn, at most a batch or a
twentieth of a second old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

__all__ = ["FATES", "Ledger", "MetricsRegistry", "StageCounters", "StageMetrics"]

FATES = ("delivered", "filtered", "skipped", "dead_lettered", "in_flight")
"""What can become of a record that was read."""


class StageCounters(msgspec.Struct):
    """One stage of the pipeline.

    *duration_seconds* is the time of the stage's steps, decoding and sealing left out: stages of one segment run as one loop and share
    its time (*segment* tells which); what an operator asked the outside counts for its stage.
    """

    name: str
    segment: int = 0
    invocations: int = 0
    documents_in: int = 0
    documents_out: int = 0
    failures: int = 0
    duration_seconds: float = 0.0


class StageMetrics(msgspec.Struct):
    """Counters of every stage of one pipeline, in the order of the stages."""

    stages: list[StageCounters] = msgspec.field(default_factory=list)

    def reset(self, names: Sequence[str], segments: Sequence[int]) -> None:
        """Begin to count for stages called *names*, compiled into *segments*."""
        self.stages[:] = [StageCounters(name, segment) for name, segment in zip(names, segments, strict=True)]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return one plain mapping per stage."""
        return [msgspec.structs.asdict(stage) for stage in self.stages]


class Ledger(msgspec.Struct):
    """What became of every record that was read, over all runs of the pipeline's state.

    ``records_in == delivered + filtered + skipped + dead_lettered + in_flight`` holds at every seal. A record counts as
    delivered when its effect, in sealed output or in the state of a ``$group``, is durable. The documents that the sink itself
    refused are counted apart: ``documents_sealed == documents_delivered + documents_refused + documents_waiting``.
    """

    records_in: int = 0
    delivered: int = 0
    filtered: int = 0
    skipped: int = 0
    dead_lettered: int = 0
    documents_sealed: int = 0
    documents_delivered: int = 0
    documents_refused: int = 0

    @property
    def in_flight(self) -> int:
        """Records that were read and are not sealed yet."""
        return self.records_in - self.delivered - self.filtered - self.skipped - self.dead_lettered

    @property
    def documents_waiting(self) -> int:
        """Documents that are sealed and not yet delivered."""
        return self.documents_sealed - self.documents_delivered - self.documents_refused

    def sealed_form(self) -> dict[str, int]:
        """Return the counters as the state store keeps them."""
        return msgspec.structs.asdict(self)

    def snapshot(self) -> dict[str, int]:
        """Return the counters and what follows from them."""
        return {**msgspec.structs.asdict(self), "in_flight": self.in_flight, "documents_waiting": self.documents_waiting}


class MetricsRegistry(msgspec.Struct):
    """Everything that one running pipeline counts.

    Seconds are wall-clock seconds of this run. ``lag_records`` is what waits at the source behind the last poll, ``None`` where
    the source cannot tell. ``queue_depth`` counts polled batches that wait for the stages.
    """

    pipeline_id: str = ""
    stages: StageMetrics = msgspec.field(default_factory=StageMetrics)
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    records_this_run: int = 0
    documents_this_run: int = 0
    batches: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    seals: int = 0
    seal_seconds: float = 0.0
    deliveries: int = 0
    delivery_seconds: float = 0.0
    duplicates_suppressed: int = 0
    retries: int = 0
    failures: int = 0
    pauses: int = 0
    lag_records: int | None = None
    queue_depth: int = 0
    queue_depth_max: int = 0
    sink_queue_documents: int = 0
    sink_queue_documents_max: int = 0
    state_keys: int = 0
    state_bytes: int = 0
    running_seconds: float = 0.0
    status: str = "starting"
    _seconds: Callable[[], float] | None = None

    def begin(self, monotonic: Callable[[], float]) -> None:
        """Let the time of this run go from now on."""
        began = monotonic()
        self._seconds = lambda: monotonic() - began

    def end(self) -> None:
        """Stop the time of this run."""
        self.running_seconds, self._seconds = self._elapsed(), None

    def _elapsed(self) -> float:
        seconds = self._seconds
        return self.running_seconds if seconds is None else seconds()

    def observe_queue(self, depth: int) -> None:
        """Note how many batches wait for the stages."""
        self.queue_depth = depth
        self.queue_depth_max = max(self.queue_depth_max, depth)

    def observe_sink_queue(self, documents: int) -> None:
        """Note how many sealed documents wait for the sink."""
        self.sink_queue_documents = documents
        self.sink_queue_documents_max = max(self.sink_queue_documents_max, documents)

    @property
    def throughput(self) -> float:
        """Records per second of this run."""
        seconds = self._elapsed()
        return self.records_this_run / seconds if seconds else 0.0

    def snapshot(self) -> Mapping[str, Any]:
        """Return everything as plain values, with the stages and the ledger nested."""
        plain = msgspec.structs.asdict(self)
        del plain["_seconds"]
        plain["running_seconds"] = self._elapsed()
        plain["stages"] = self.stages.snapshot()
        plain["ledger"] = self.ledger.snapshot()
        plain["dead_letters"] = self.ledger.dead_lettered
        plain["throughput"] = self.throughput
        return plain
