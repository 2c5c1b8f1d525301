"""Writing with librdkafka: every record acknowledged, or named."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fluxion_connect_kafka.client import KEY_HEADER, BrokerError, Outgoing
from fluxion_connect_kafka.librdkafka_codes import NO_TIME_LEFT, RECORD_FAULTS, TOO_LARGE
from fluxion_connect_kafka.librdkafka_connection import LibrdkafkaConnection
from fluxion_connect_kafka.options import KafkaSinkOptions

__all__ = ["LibrdkafkaProducer"]

_BATCH_BYTES = 256 * 1024
_LARGEST_RECORD_BYTES = 64 * 1024 * 1024
_QUEUED_RECORDS = 1_000_000
_TURN_SECONDS = 0.05
_ANY_PARTITION, _NOW = -1, 0
_START_SECONDS = 1.5
"""What connecting may take: librdkafka asks for a producer's id half a second after the start, and again after each half second."""
Failure: TypeAlias = "tuple[KafkaError, bytes | None, bytes | None]"
"""What librdkafka says of a record, and the record's payload and key."""


class LibrdkafkaProducer:
    """See :class:`~fluxion_connect_kafka.client.Producer`.

    librdkafka reports only the records that failed. One that timed out may be on its way still, so the client is thrown away
    with everything in it before the records come again.
    """

    def __init__(self, connection: LibrdkafkaConnection, config: KafkaSinkOptions) -> None:
        """Prepare to write.

        Raises:
            BrokerError: librdkafka refuses a setting.
        """
        self._connection = connection
        self._config = config
        self._failures: list[Failure] = []
        self._what = f"writing to topic '{config.topic}'"
        self._producer: Any = self._connect()

    def send(self, records: Outgoing) -> Mapping[int, str]:
        """Write *records* in order; see :class:`~fluxion_connect_kafka.client.Producer`."""
        deadline = time.monotonic() + self._config.longest_flush_seconds
        if self._producer is None:
            self._producer = self._connect()
        if not self._started:
            deadline += _START_SECONDS
        suspects = _found(self._send(records, deadline), records)
        if suspects:
            return self._send_one_by_one(records, suspects)
        self._connection.forget_errors()
        return {}

    def close(self) -> None:
        """Let go of the connections, at once; records that are not acknowledged are given up."""
        self._discard()

    def _send(self, records: Outgoing, deadline: float) -> Sequence[Failure]:
        """Write *records* and return those that failed because of a record, be it theirs or another's.

        Raises:
            BrokerError: one failed for another reason, or was not acknowledged in time.
        """
        self._failures.clear()
        topic, produce = self._config.topic, self._producer.produce
        headers: dict[str, bytes] = {}  # one for all: it is read when a record is handed over, not later
        try:
            for payload, key, mark in zip(records.payloads, records.keys, records.marks, strict=True):
                headers[KEY_HEADER] = mark
                try:
                    produce(topic, payload, key, _ANY_PARTITION, None, None, _NOW, headers)  # names would cost a third more
                except BufferError:
                    self._produce_later(payload, key, headers, deadline)
                except KafkaException as error:
                    self._failures.append((error.args[0], payload, key))
            left = self._producer.flush(max(0.0, deadline - time.monotonic()))
        except BrokerError:
            self._discard()
            raise
        grave = next((error for error, _, _ in self._failures if error.code() not in RECORD_FAULTS), None)
        if grave is None and not left:
            self._started = True
            return list(self._failures)
        self._discard()
        if grave is None or grave.code() == NO_TIME_LEFT:
            raise self._connection.refusal(self._what) or self._out_of_time()
        raise self._connection.explain(grave, self._what)

    def _produce_later(self, payload: bytes, key: bytes | None, headers: Mapping[str, bytes], deadline: float) -> None:
        """Wait until the client's queue takes the record.

        Raises:
            BrokerError: it does not in time.
        """
        while time.monotonic() < deadline:
            self._producer.poll(_TURN_SECONDS)
            try:
                self._producer.produce(self._config.topic, payload, key, headers=headers)
            except BufferError:
                continue
            except KafkaException as error:
                self._failures.append((error.args[0], payload, key))
            return
        raise self._out_of_time()

    def _send_one_by_one(self, records: Outgoing, indices: Sequence[int]) -> dict[int, str]:
        """Write the records at *indices* each alone, in order, and return the reasons of those that are refused."""
        refused: dict[int, str] = {}
        deadline = time.monotonic() + self._config.longest_flush_seconds
        for index in indices:
            for error, payload, _ in self._send(records.only([index]), deadline):
                refused[index] = _reason(error, payload or b"")
        return refused

    def _reported(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append((error, message.value(), message.key()))

    def _out_of_time(self) -> BrokerError:
        return self._connection.silence(self._what, self._config.longest_flush_seconds)

    def _connect(self) -> Any:
        config, connection = self._config, self._connection
        self._started = False
        connection.forget_errors()
        settings = {
            "linger.ms": 5,
            "batch.size": _BATCH_BYTES,
            "message.max.bytes": _LARGEST_RECORD_BYTES,
            "queue.buffering.max.messages": _QUEUED_RECORDS,
            "message.timeout.ms": int((config.longest_flush_seconds + _START_SECONDS) * 1000),
            **connection.settings,
            **connection.properties,
            "acks": "all" if config.all_acknowledge else 1,
            "compression.type": config.compression_type,
            "enable.idempotence": config.all_acknowledge,
            "partitioner": "murmur2_random",  # as the Java client and kafka-python do, so that a key has one partition
            "delivery.report.only.error": True,
            "on_delivery": self._reported,
        }
        return connection.build(Producer, f"connecting to write to topic '{config.topic}'", settings)

    def _discard(self) -> None:
        """Close the producer so that nothing of it can still arrive, as far as a client can see to that."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(0)


def _found(failures: Sequence[Failure], records: Outgoing) -> list[int]:
    """Return the indices of the *records* that failed; of equal ones it does not matter which."""
    if not failures:
        return []
    places: dict[tuple[bytes, bytes], deque[int]] = {}
    for index, (payload, key) in enumerate(zip(records.payloads, records.keys, strict=True)):
        places.setdefault((payload, key or b""), deque()).append(index)
    # librdkafka gives nothing back where nothing was given
    return sorted(places[payload or b"", key or b""].popleft() for _, payload, key in failures)


def _reason(error: KafkaError, payload: bytes) -> str:
    if error.code() in TOO_LARGE:
        return f"the brokers refuse a record of {len(payload)} bytes as too large (max.message.bytes of the topic)"
    return f"the brokers refuse the record: {error.str().removeprefix('Broker: ')}"
