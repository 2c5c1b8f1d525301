"""Committing a group's offsets with kafka-python, beside the reading and never in its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from fluxion_connect_kafka.client import BrokerError
from fluxion_connect_kafka.kafka_python_connection import Connection

__all__ = ["KafkaPythonCommitter"]

_FAREWELL_SECONDS = 1.0


class KafkaPythonCommitter:
    """See :class:`~fluxion_connect_kafka.client.Committer`: a thread that commits the newest offsets it was told."""

    def __init__(self, connection: Connection, topic: str, group_id: str, on_failure: Callable[[str], None]) -> None:
        """Prepare; the connection is made with the first commit."""
        self._connection = connection
        self._topic = topic
        self._group_id = group_id
        self._on_failure = on_failure
        self._consumer: Any = None
        self._waiting: dict[int, int] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"kafka-commit-{topic}", daemon=True)
        self._thread.start()

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Begin to commit the offsets; those not yet on their way are overtaken."""
        with self._changed:
            self._waiting.update(offsets)
            self._changed.notify()

    def close(self) -> None:
        """Let go, after a second at most for the last commit."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_FAREWELL_SECONDS)

    def _run(self) -> None:
        while (offsets := self._next()) is not None:
            try:
                self._commit(offsets)
            except BrokerError as error:
                if not self._closing:
                    self._on_failure(str(error))
        if self._consumer is not None:
            self._consumer.close(autocommit=False, timeout_ms=0)

    def _next(self) -> dict[int, int] | None:
        """Wait for offsets and take them; ``None`` when closing and there are none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            taken, self._waiting = self._waiting, {}
            return taken or None

    def _commit(self, offsets: Mapping[int, int]) -> None:
        what = f"committing offsets of group '{self._group_id}' (for lag tools only)"
        if self._consumer is None:
            settings = {**self._connection.settings, "group_id": self._group_id, "enable_auto_commit": False}
            self._consumer = self._connection.build(KafkaConsumer, what, **settings)
        places = {TopicPartition(self._topic, part): OffsetAndMetadata(offset, "", -1) for part, offset in offsets.items()}
        with self._connection.doing(what):
            self._consumer.commit(places, timeout_ms=self._connection.timeout_ms)
