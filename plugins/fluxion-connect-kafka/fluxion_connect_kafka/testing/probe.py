"""A test's own hand on a broker: makes topics, puts records in, takes them out, all with plain kafka-python."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from kafka import ConsumerGroupMetadata, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

__all__ = ["Probe", "send_all"]

_PATIENCE_SECONDS = 45.0
_POLL_MILLISECONDS = 100


class Probe:
    """Everything a test wants to do to a broker besides what it tests. Works as a context manager.

    *settings* go to every client, for a broker that asks for TLS or a login.
    """

    def __init__(self, bootstrap_servers: str, **settings: Any) -> None:
        """Remember the address; clients are made when they are needed."""
        self.settings = {"bootstrap_servers": bootstrap_servers, "bootstrap_timeout_ms": 10_000, **settings}
        self._admin: Any = None
        self._producer: Any = None

    def __enter__(self) -> Self:
        """Return the probe itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of the clients; the probe can be used again."""
        for client in (self._producer, self._admin):
            if client is not None:
                client.close()
        self._admin = self._producer = None

    @property
    def admin(self) -> Any:
        """The ``KafkaAdminClient``."""
        if self._admin is None:
            self._admin = KafkaAdminClient(**self.settings)
        return self._admin

    def create_topic(self, partitions: int = 1, *, name: str = "", **configs: str) -> str:
        """Create a topic and return its name; without *name* it gets one that nobody else has."""
        topic = name or f"topic-{uuid.uuid4().hex[:12]}"
        wanted: dict[str, Any] = {"num_partitions": partitions, "replication_factor": 1}
        if configs:
            wanted["configs"] = {key.replace("_", "."): value for key, value in configs.items()}
        self.admin.create_topics({topic: wanted})
        self._wait_for(topic, partitions)
        return topic

    def add_partitions(self, topic: str, total: int) -> None:
        """Let *topic* have *total* partitions."""
        self.admin.create_partitions({topic: total})
        self._wait_for(topic, total)

    def _wait_for(self, topic: str, partitions: int) -> None:
        """Return when *topic* can be written to: a real broker elects leaders after it has said yes."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            described = self.admin.describe_topics([topic])[0]
            ready = [part for part in described["partitions"] if part["leader_id"] >= 0]
            if not described["error_code"] and len(ready) == partitions:
                return
            time.sleep(0.01)
        msg = f"topic {topic} did not get its {partitions} partitions within {_PATIENCE_SECONDS:g} s"
        raise TimeoutError(msg)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Let a partition begin at the offset *before*."""
        self.admin.delete_records({TopicPartition(topic, partition): before})

    def producer(self, **settings: Any) -> Any:
        """Return a ``KafkaProducer``."""
        return KafkaProducer(**{**self.settings, "linger_ms": 5, **settings})

    def produce(self, topic: str, payloads: Iterable[bytes | None], **fields: Any) -> None:
        """Write *payloads* and return when they are acknowledged; *fields* go to ``KafkaProducer.send``."""
        if self._producer is None:
            self._producer = self.producer()
        send_all(self._producer, topic, payloads, **fields)

    def consumer(self, **settings: Any) -> Any:
        """Return a ``KafkaConsumer`` that begins at the beginning and commits nothing by itself."""
        defaults = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
        return KafkaConsumer(**{**self.settings, **defaults, **settings})

    def read(self, topic: str, count: int | None = None, **settings: Any) -> list[Any]:
        """Return the records of *topic*, partition by partition: *count* of them, or as many as there are now."""
        consumer = self.consumer(**settings)
        try:
            partitions = sorted(TopicPartition(topic, index) for index in consumer.partitions_for_topic(topic) or ())
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            return sorted(_drain(consumer, count, ends), key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()

    def payloads(self, topic: str, count: int | None = None, **settings: Any) -> list[bytes]:
        """Return the payloads of :meth:`read`."""
        return [record.value for record in self.read(topic, count, **settings)]

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the end of each partition of *topic*."""
        consumer = self.consumer()
        try:
            partitions = [TopicPartition(topic, index) for index in consumer.partitions_for_topic(topic) or ()]
            return {partition.partition: end for partition, end in consumer.end_offsets(partitions).items()}
        finally:
            consumer.close()

    def committed(self, group_id: str) -> dict[tuple[str, int], int]:
        """Return the committed offsets of a group, by topic and partition."""
        offsets = self.admin.list_group_offsets(group_id).get(group_id, {})
        return {(where.topic, where.partition): offset.offset for where, offset in offsets.items()}

    @staticmethod
    def outsider(group_id: str) -> ConsumerGroupMetadata:
        """Return group metadata of somebody who is not a member, for ``send_offsets_to_transaction``."""
        return ConsumerGroupMetadata(group_id=group_id)


def send_all(producer: Any, topic: str, payloads: Iterable[bytes | None], **fields: Any) -> None:
    """Write *payloads* with *producer* and return when every one is acknowledged; the first error of any is raised."""
    futures = [producer.send(topic, payload, **fields) for payload in payloads]
    producer.flush(timeout=_PATIENCE_SECONDS)
    for future in futures:
        future.get(_PATIENCE_SECONDS)


def _drain(consumer: Any, count: int | None, ends: dict[TopicPartition, int]) -> Sequence[Any]:
    records: list[Any] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _unfinished(consumer, records, count, ends):
        if time.monotonic() > deadline:
            msg = f"read {len(records)} records, expected {count if count is not None else ends}"
            raise TimeoutError(msg)
        for polled in consumer.poll(timeout_ms=_POLL_MILLISECONDS).values():
            records.extend(polled)
    return records


def _unfinished(consumer: Any, records: Sequence[Any], count: int | None, ends: dict[TopicPartition, int]) -> bool:
    if count is not None:
        return len(records) < count
    return any(consumer.position(partition) < end for partition, end in ends.items())
