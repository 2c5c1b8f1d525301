"""Reading with kafka-python: partitions assigned by us, positions held by us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition, errors

from fluxion_connect_kafka.client import OffsetsGone, Records
from fluxion_connect_kafka.kafka_python_connection import Connection
from fluxion_connect_kafka.options import KafkaSourceOptions
from fluxion_core.spi import Headers

__all__ = ["KafkaPythonConsumer"]


class KafkaPythonConsumer:
    """See :class:`~fluxion_connect_kafka.client.Consumer`."""

    def __init__(self, connection: Connection, config: KafkaSourceOptions) -> None:
        """Connect. Without a group: reading must not depend on the health of the group's coordinator.

        Raises:
            BrokerError: the brokers do not answer, or refuse us.
        """
        self._connection = connection
        self._topic = config.topic
        self._assigned: list[TopicPartition] = []
        settings = {
            "metadata_max_age_ms": int(config.new_partitions_seconds * 1000),
            **connection.settings,
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "isolation_level": config.isolation_level,
        }
        self._consumer = connection.build(KafkaConsumer, f"connecting to read topic '{config.topic}'", **settings)

    def bounds(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the end of each partition."""
        places, timeout = self._places(partitions), self._connection.timeout_ms
        with self._connection.doing(f"asking for the offsets of topic '{self._topic}'"):
            first = self._consumer.beginning_offsets(places, timeout_ms=timeout)
            end = self._consumer.end_offsets(places, timeout_ms=timeout)
        self._connection.forget_log()
        return {place.partition: (first[place], end[place]) for place in places}

    def offsets_since(self, milliseconds: int, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Return, for each partition, the offset of the first record not older than that time."""
        times = dict.fromkeys(self._places(partitions), milliseconds)
        with self._connection.doing(f"asking for the offsets of topic '{self._topic}'"):
            found = self._consumer.offsets_for_times(times, timeout_ms=self._connection.timeout_ms)
        return {place.partition: at.offset if at is not None else None for place, at in found.items()}

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions, each from its offset, beside those assigned before."""
        named = self._places(sorted(offsets))
        self._assigned = sorted(
            {*self._assigned, *named}
        )  # kafka-python drops what is not named, and keeps the rest's positions
        with self._connection.doing(f"reading topic '{self._topic}'"):
            self._consumer.assign(self._assigned)
            for place in named:
                self._consumer.seek(place, offsets[place.partition])

    def poll(self, max_records: int, timeout_seconds: float) -> Sequence[Records]:
        """Return up to *max_records* records, as soon as there is one."""
        try:
            with self._connection.doing(f"reading topic '{self._topic}'"):
                polled = self._consumer.poll(timeout_ms=max(1, int(timeout_seconds * 1000)), max_records=max_records)
                return [self._run(place, records) for place, records in polled.items() if records]
        except Exception as error:
            gone = _gone(error.__cause__ or error)
            if gone:
                raise OffsetsGone(gone) from error
            raise

    def known_partitions(self) -> Sequence[int]:
        """Return the topic's partitions as last heard of."""
        with self._connection.doing(f"reading topic '{self._topic}'"):
            return sorted(self._consumer.partitions_for_topic(self._topic))

    def lag(self) -> int | None:
        """Return how many records wait behind the last poll, as last heard of."""
        waiting: int | None = None
        for place in self._assigned:
            end = self._consumer.highwater(place)
            if end is not None:
                waiting = (waiting or 0) + max(0, end - self._position(place))
        return waiting

    def close(self) -> None:
        """Let go of the connections, at once."""
        self._consumer.close(autocommit=False, timeout_ms=0)

    def _places(self, partitions: Sequence[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]

    def _position(self, place: TopicPartition) -> int:
        position: int = self._consumer.position(place, timeout_ms=0)
        return position

    def _run(self, place: TopicPartition, records: Sequence[Any]) -> Records:
        return _Run(place.partition, max(records[-1].offset + 1, self._position(place)), records)


class _Run:
    """See :class:`~fluxion_connect_kafka.client.Records`."""

    __slots__ = ("_records", "next_offset", "partition", "payloads")

    def __init__(self, partition: int, next_offset: int, records: Sequence[Any]) -> None:
        """Keep *records* of *partition*."""
        self.partition = partition
        self.next_offset = next_offset
        self.payloads: Sequence[bytes] = [record.value or b"" for record in records]
        self._records = records

    def without_tombstones(self) -> _Run:
        """Return the records that have a value."""
        return _Run(self.partition, self.next_offset, [record for record in self._records if record.value is not None])

    def offsets(self) -> Sequence[int]:
        """Return the offset of each record."""
        return [record.offset for record in self._records]

    def keys(self) -> Sequence[bytes | None]:
        """Return the key of each record."""
        return [record.key for record in self._records]

    def timestamps(self) -> Sequence[int]:
        """Return the time of each record in milliseconds since the epoch, -1 for none."""
        return [record.timestamp for record in self._records]

    def headers(self) -> Sequence[Headers]:
        """Return the headers of each record."""
        return [record.headers for record in self._records]


def _gone(error: BaseException) -> dict[int, int]:
    """Return the offsets that *error* says the topic does not have, by partition."""
    if isinstance(error, errors.OffsetOutOfRangeError) and error.args and isinstance(error.args[0], dict):
        return {place.partition: offset for place, offset in error.args[0].items()}
    if isinstance(error, errors.LogTruncationError):
        return {place.partition: at.offset for place, at in error.divergent_offsets.items()}
    return {}
