"""Writing with kafka-python: every record acknowledged, or named."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaProducer, errors

from fluxion_connect_kafka.client import KEY_HEADER, Outgoing
from fluxion_connect_kafka.kafka_python_connection import Connection
from fluxion_connect_kafka.options import KafkaSinkOptions

__all__ = ["KafkaPythonProducer"]

_BATCH_BYTES = 256 * 1024
_LARGEST_REQUEST_BYTES = 64 * 1024 * 1024
_FAREWELL_SECONDS = 2.0
_RECORD_FAULTS: tuple[type[Exception], ...] = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
    errors.InvalidTimestampError,
)


class KafkaPythonProducer:
    """See :class:`~fluxion_connect_kafka.client.Producer`.

    kafka-python's idempotent producer answers everything with the same error after the brokers refused one record, and one
    that ran into a timeout would go on sending what was given up. Both are thrown away and replaced.
    """

    def __init__(self, connection: Connection, config: KafkaSinkOptions) -> None:
        """Connect.

        Raises:
            BrokerError: the brokers do not answer, or refuse us.
        """
        self._connection = connection
        self._config = config
        self._producer: Any = self._connect(idempotent=self._config.all_acknowledge)

    def send(self, records: Outgoing) -> Mapping[int, str]:
        """Write *records* in order; see :class:`~fluxion_connect_kafka.client.Producer`."""
        if self._producer is None:
            self._producer = self._connect(idempotent=self._config.all_acknowledge)
        suspects = self._send_together(records)
        if not suspects:
            return {}
        self._discard()
        return self._send_one_by_one(records, suspects)

    def close(self) -> None:
        """Let go of the connections, at once; records that are not acknowledged are given up."""
        self._discard()

    def _send_together(self, records: Outgoing) -> list[int]:
        """Write *records* and return the indices that failed because of a record, be it theirs or another's."""
        deadline = time.monotonic() + self._config.longest_flush_seconds
        futures: list[Any] = []
        suspects: list[int] = []
        try:
            for index, record in enumerate(zip(records.payloads, records.keys, records.marks, strict=True)):
                try:
                    futures.append(self._begin(*record))
                except _RECORD_FAULTS:
                    futures.append(None)
                    suspects.append(index)
            self._producer.flush(max(0.0, deadline - time.monotonic()))
            suspects += _failed(futures, deadline)
        except (errors.KafkaError, OSError) as error:
            raise self._gave_up(error) from error
        self._connection.forget_log()
        return sorted(suspects)

    def _send_one_by_one(self, records: Outgoing, indices: Sequence[int]) -> dict[int, str]:
        """Write the records at *indices* each alone, in order, and return the reasons of those that are refused."""
        refused: dict[int, str] = {}
        deadline = time.monotonic() + self._config.longest_flush_seconds
        self._producer = self._connect(idempotent=False)
        try:
            for index in indices:
                payload = records.payloads[index]
                try:
                    future = self._begin(payload, records.keys[index], records.marks[index])
                    future.get(max(0.0, deadline - time.monotonic()))
                except _RECORD_FAULTS as error:
                    refused[index] = _reason(error, payload)
        except (errors.KafkaError, OSError) as error:
            raise self._gave_up(error) from error
        self._discard()
        return refused

    def _begin(self, payload: bytes, key: bytes | None, mark: bytes) -> Any:
        return self._producer.send(self._config.topic, payload, key=key, headers=[(KEY_HEADER, mark)])

    def _gave_up(self, error: Exception) -> Exception:
        self._discard()
        return self._connection.explain(error, f"writing to topic '{self._config.topic}'")

    def _connect(self, *, idempotent: bool) -> Any:
        config, properties = self._config, self._connection.properties
        flush_ms = int(config.longest_flush_seconds * 1000)
        compression = None if config.compression_type == "none" else config.compression_type
        settings = {
            "linger_ms": 5,
            "batch_size": _BATCH_BYTES,
            "max_request_size": _LARGEST_REQUEST_BYTES,
            "delivery_timeout_ms": flush_ms,
            "max_block_ms": min(flush_ms, self._connection.timeout_ms),
            "allow_auto_create_topics": False,
            **self._connection.settings,
            "acks": "all" if config.all_acknowledge else 1,
            "compression_type": compression,
            "enable_idempotence": idempotent,
        }
        if not idempotent:
            settings["max_in_flight_requests_per_connection"] = 1  # more would let a repeated batch overtake the next one
        longest = int(settings["delivery_timeout_ms"]) - int(settings["linger_ms"])
        settings["request_timeout_ms"] = min(int(properties.get("request_timeout_ms", 30_000)), max(1, longest - 1))
        return self._connection.build(KafkaProducer, f"connecting to write to topic '{config.topic}'", **settings)

    def _discard(self) -> None:
        """Close the producer so that nothing of it can still arrive, as far as a client can see to that."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._sender.force_close()  # noqa: SLF001  # close() alone waits for what was given up, and leaves it running
        try:
            producer.close(timeout=_FAREWELL_SECONDS)
        except errors.KafkaError:
            return


def _failed(futures: Sequence[Any], deadline: float) -> list[int]:
    """Return the indices of *futures* that failed because of a record.

    Raises:
        KafkaError: one failed for another reason.
    """
    suspects = []
    for index, future in enumerate(futures):
        if future is None or future.succeeded():
            continue
        try:
            future.get(max(0.0, deadline - time.monotonic()))
        except _RECORD_FAULTS:
            suspects.append(index)
    return suspects


def _reason(error: BaseException, payload: bytes) -> str:
    if isinstance(error, errors.MessageSizeTooLargeError | errors.RecordListTooLargeError):
        return f"the brokers refuse a record of {len(payload)} bytes as too large (max.message.bytes of the topic)"
    said = " ".join(str(part) for part in error.args if isinstance(part, str))
    return f"the brokers refuse the record: {type(error).__name__.removesuffix('Error')} {said}".rstrip()
