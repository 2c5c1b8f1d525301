"""Committing a group's offsets with kafka-python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from fluxion_connect_kafka.kafka_python_connection import Connection

__all__ = ["KafkaPythonGroup"]


class KafkaPythonGroup:
    """See :class:`~fluxion_connect_kafka.commit_thread.GroupOffsets`."""

    def __init__(self, connection: Connection, topic: str, group_id: str) -> None:
        """Prepare; the connection is made with the first commit."""
        self._connection = connection
        self._topic = topic
        self._group_id = group_id
        self._consumer: Any = None

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the offsets and wait for the answer."""
        what = f"committing offsets of group '{self._group_id}' (for lag tools only)"
        if self._consumer is None:
            settings = {**self._connection.settings, "group_id": self._group_id, "enable_auto_commit": False}
            self._consumer = self._connection.build(KafkaConsumer, what, **settings)
        places = {TopicPartition(self._topic, part): OffsetAndMetadata(offset, "", -1) for part, offset in offsets.items()}
        with self._connection.doing(what):
            self._consumer.commit(places, timeout_ms=self._connection.timeout_ms)

    def close(self) -> None:
        """Let go of the connections, at once."""
        if self._consumer is not None:
            self._consumer.close(autocommit=False, timeout_ms=0)
