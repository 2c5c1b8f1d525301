"""Topics and their partitions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import attrs

from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.log import PartitionLog

__all__ = ["Topic", "Topics"]


@attrs.define
class Topic:
    """A named list of partition logs with its settings (``max.message.bytes`` is the one that is obeyed)."""

    name: str
    partitions: list[PartitionLog]
    settings: dict[str, str] = attrs.field(factory=dict)
    id: uuid.UUID = attrs.field(factory=uuid.uuid4)

    def grow(self, partitions: int) -> None:
        """Add empty partitions until there are that many.

        Raises:
            Refused: there are as many already.
        """
        if partitions <= len(self.partitions):
            raise Refused(Code.INVALID_PARTITIONS)
        self.partitions += [PartitionLog() for _ in range(partitions - len(self.partitions))]


class Topics:
    """Every topic of the broker."""

    def __init__(self) -> None:
        """Begin without topics."""
        self._topics: dict[str, Topic] = {}

    def __iter__(self) -> Iterator[Topic]:
        """Iterate over the topics."""
        return iter(tuple(self._topics.values()))

    def get(self, name: str) -> Topic | None:
        """Return the topic *name*, if there is one."""
        return self._topics.get(name)

    def create(self, name: str, partitions: int, settings: Mapping[str, str] | None = None) -> Topic:
        """Create a topic.

        Raises:
            Refused: it exists, or would have no partition.
        """
        if name in self._topics:
            raise Refused(Code.TOPIC_ALREADY_EXISTS)
        if partitions < 1:
            raise Refused(Code.INVALID_PARTITIONS)
        topic = Topic(name, [PartitionLog() for _ in range(partitions)], dict(settings or {}))
        self._topics[name] = topic
        return topic

    def delete(self, name: str) -> Topic:
        """Remove the topic *name* with everything in it, and return it.

        Raises:
            Refused: there is no such topic.
        """
        topic = self._topics.pop(name, None)
        if topic is None:
            raise Refused(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return topic

    def partition(self, name: str, index: int) -> PartitionLog:
        """Return the log of a partition.

        Raises:
            Refused: there is no such topic or partition.
        """
        topic = self._topics.get(name)
        if topic is None or not 0 <= index < len(topic.partitions):
            raise Refused(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return topic.partitions[index]
