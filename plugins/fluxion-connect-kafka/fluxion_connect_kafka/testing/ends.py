"""The source and the sink as a test holds them: open within a ``with`` block, with the options that the test names."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from fluxion_connect_kafka.options import KafkaSinkOptions, KafkaSourceOptions
from fluxion_connect_kafka.sink import KafkaSink
from fluxion_connect_kafka.source import KafkaSource
from fluxion_core.spi import Batch, Context, Json, SealedBatch

__all__ = ["Reader", "Writer", "numbers", "sealed"]

_PATIENCE_SECONDS = 20.0


class _Addressed(Protocol):
    @property
    def bootstrap_servers(self) -> str:
        """The address, ``host:port``."""


class Reader:
    """A source and what it gave; open within a ``with`` block."""

    def __init__(
        self,
        broker: _Addressed,
        topic: str,
        positions: Mapping[str, Json] | None = None,
        *,
        only: Collection[str] | None = None,
        **options: Any,
    ) -> None:
        """Prepare to read *topic* from *positions*, *only* some of its splits if named, with further *options*."""
        values = {"topic": topic, "bootstrap_servers": broker.bootstrap_servers, **options}
        self.source = KafkaSource(KafkaSourceOptions.parse(values, where="source"))
        self.context = Context(pipeline_id=f"test-{topic}")
        self.positions: dict[str, Any] = dict(positions or {})
        self._only = only
        self.batches: list[Batch] = []

    def __enter__(self) -> Self:
        """Open the source."""
        try:
            splits = [split.id for split in self.source.splits(self.context)]
            ours = [split for split in splits if self._only is None or split in self._only]
            self.source.open(self.context, {split: self.positions.get(split) for split in ours})
        except BaseException:
            self.source.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close it."""
        self.source.close()

    def read(self, count: int, max_records: int = 500, patience_seconds: float = _PATIENCE_SECONDS) -> list[bytes]:
        """Poll until *count* payloads have come, or patience ends, and return them."""
        payloads: list[bytes] = []
        deadline = time.monotonic() + patience_seconds
        while len(payloads) < count and time.monotonic() < deadline:
            batch = self.source.poll(max_records, 0.2)
            self.positions |= batch.positions
            self.batches.append(batch)
            payloads += batch.payloads or ()
        return payloads


class Writer:
    """A sink; open within a ``with`` block."""

    def __init__(self, broker: _Addressed, topic: str, **options: Any) -> None:
        """Prepare to write to *topic*, with further *options*."""
        values = {"topic": topic, "bootstrap_servers": broker.bootstrap_servers, **options}
        self.sink = KafkaSink(KafkaSinkOptions.parse(values, where="sink"))

    def __enter__(self) -> KafkaSink:
        """Open the sink."""
        try:
            self.sink.open(Context(pipeline_id="p"))
        except BaseException:
            self.sink.close()
            raise
        return self.sink

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close it."""
        self.sink.close()


def numbers(start: int, end: int) -> list[bytes]:
    """Return the payloads ``{"n":start}`` to ``{"n":end - 1}``."""
    return [b'{"n":%d}' % number for number in range(start, end)]


def sealed(payloads: Sequence[bytes], seq: int = 1) -> SealedBatch:
    """Return a sealed batch of *payloads*."""
    block = b"".join(payload + b"\n" for payload in payloads)
    return SealedBatch(pipeline_id="p", incarnation="i", epoch=1, seq=seq, count=len(payloads), block=block)
