"""The sink ``kafka``: sealed batches into a topic, acknowledged by all in-sync replicas before they count as written."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import ClassVar

from fluxion_connect_kafka.client import KEY_HEADER, Client, Outgoing, Producer
from fluxion_connect_kafka.clients import connect, told
from fluxion_connect_kafka.options import KafkaSinkOptions
from fluxion_connect_kafka.record_keys import key_reader
from fluxion_core.spi import Context, Cursor, Options, Refusal, SealedBatch, Sink, WriteResult
from fluxion_core.spi.signals import FatalError, TransientError

__all__ = ["KEY_HEADER", "KafkaSink"]


class KafkaSink(Sink[KafkaSinkOptions]):
    """Writes results to a topic, at least once; every record carries the header ``fluxion-key``, by which a reader can drop repetitions."""

    name: ClassVar[str] = "kafka"
    options: ClassVar[type[Options]] = KafkaSinkOptions

    def __init__(self, config: KafkaSinkOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._client: Client | None = None
        self._producer: Producer | None = None
        self._limit_bytes: int | None = config.max_record_bytes
        self._keys_of = key_reader(config.key_field)
        self._indices: list[bytes] = []  # the decimal numbers from 0, which every batch needs again

    @property
    def max_batch_records(self) -> int | None:
        """The option ``batch_size``."""
        return self.config.batch_size

    def open(self, context: Context) -> Cursor | None:
        """Connect; a topic keeps no cursor of ours."""
        if self._client is None:
            self._client = connect(self.config, context)
        client = self._client

        def check() -> None:
            cluster = client.cluster()
            try:
                if cluster.describe(self.config.topic) is None:
                    raise FatalError(f"topic '{self.config.topic}' does not exist; create it, or check the name")
                if self._limit_bytes is None:
                    self._limit_bytes = cluster.largest_message_bytes(self.config.topic)
            finally:
                cluster.close()

        told(check)
        if self._producer is None:
            self._producer = told(client.producer)
        return None

    def write(self, batch: SealedBatch) -> WriteResult:
        """Write the batch and wait for every acknowledgement; records that are too large, or that the brokers refuse, are refused."""
        producer = self._producer
        if producer is None:
            raise TransientError("the producer is not connected")
        payloads = batch.payloads
        records = Outgoing(payloads, self._keys_of(payloads, batch.block), self._marks(batch))
        refused = self._too_large(payloads, batch.block)
        sent: Sequence[int] = range(len(records))
        if refused:
            sent = [index for index in sent if index not in refused]
            records = records.only(sent)
        for position, reason in told(lambda: producer.send(records)).items():
            refused[sent[position]] = reason
        return WriteResult(refused=[Refusal(index, refused[index]) for index in sorted(refused)])

    def _marks(self, batch: SealedBatch) -> Sequence[bytes]:
        """Return the key of each record."""
        self._indices += [b"%d" % index for index in range(len(self._indices), batch.count)]
        stem = batch.record_key(0).encode()[:-1]  # what follows is the index
        return [stem + index for index in islice(self._indices, batch.count)]

    def _too_large(self, payloads: Sequence[bytes], block: bytes | None) -> dict[int, str]:
        limit = self._limit_bytes
        if limit is None or _all_within(limit, block):
            return {}
        return {
            index: f"the record has {len(payload)} bytes; the topic takes {limit}"
            for index, payload in enumerate(payloads)
            if len(payload) > limit
        }

    def close(self) -> None:
        """Let go of everything."""
        if self._producer is not None:
            self._producer.close()
        if self._client is not None:
            self._client.close()
        self._producer = self._client = None


def _all_within(limit_bytes: int, block: bytes | None) -> bool:
    """Return whether a look at few bytes shows that no record of *block* is longer: a newline in each stretch of half the length."""
    stretch = max(limit_bytes // 2, 1)
    return block is not None and all(block.find(b"\n", start, start + stretch) >= 0 for start in range(0, len(block), stretch))
