"""Committing a group's offsets with librdkafka."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from fluxion_connect_kafka.librdkafka_connection import LibrdkafkaConnection

__all__ = ["LibrdkafkaGroup"]

_TURN_SECONDS = 0.05


class LibrdkafkaGroup:
    """See :class:`~fluxion_connect_kafka.commit_thread.GroupOffsets`."""

    def __init__(self, connection: LibrdkafkaConnection, topic: str, group_id: str) -> None:
        """Prepare; the connection is made with the first commit."""
        self._connection = connection
        self._topic = topic
        self._group_id = group_id
        self._consumer: Any = None
        self._answers: list[KafkaError | None] = []

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the offsets and wait for the answer."""
        what = f"committing offsets of group '{self._group_id}' (for lag tools only)"
        if self._consumer is None:
            settings = {
                **self._connection.settings,
                "group.id": self._group_id,
                "enable.auto.commit": False,
                "on_commit": self._answered,
            }
            self._consumer = self._connection.build(Consumer, what, settings)
        self._answers.clear()
        deadline = time.monotonic() + self._connection.timeout_seconds
        with self._connection.doing(what):
            places = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
            self._consumer.commit(offsets=places, asynchronous=True)
            while not self._answers:
                if time.monotonic() > deadline:
                    raise self._connection.refusal(what) or self._connection.silence(what)
                self._consumer.poll(_TURN_SECONDS)
            if self._answers[0] is not None:
                raise KafkaException(self._answers[0])

    def _answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        self._answers.append(error or next((place.error for place in places if place.error), None))

    def close(self) -> None:
        """Let go of the connections, at once."""
        if self._consumer is not None:
            self._consumer.close()
