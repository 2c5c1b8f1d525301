"""Everything that the small broker remembers, and what a request handler is given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import attrs

from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.faults import Faults
from fluxion_connect_kafka.testing.broker.groups import Groups
from fluxion_connect_kafka.testing.broker.log import PartitionLog
from fluxion_connect_kafka.testing.broker.topics import Topic, Topics
from fluxion_connect_kafka.testing.broker.transactions import Transactions
from fluxion_connect_kafka.testing.broker.wire import Fields

__all__ = ["Call", "Cluster", "Handler", "Settings", "code_of"]


@attrs.frozen(kw_only=True)
class Settings:
    """How the broker behaves.

    *auto_create_partitions* is the size of a topic that comes into being when it is first mentioned; 0 turns that off.
    *max_message_bytes* limits a record batch, unless the topic says otherwise. *users* (names and passwords) turns
    SASL/PLAIN on.
    """

    auto_create_partitions: int = 4
    max_message_bytes: int = 1_048_588
    initial_rebalance_delay_seconds: float = 0.05
    users: Mapping[str, str] | None = None


class Cluster:
    """Topics, groups, transactions and faults of the one broker."""

    def __init__(self, settings: Settings) -> None:
        """Begin with nothing."""
        self.settings = settings
        self.topics = Topics()
        self.groups = Groups(settings.initial_rebalance_delay_seconds)
        self.transactions = Transactions(self.topics, self.groups)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        """How many requests of each kind came in."""
        self.host = "127.0.0.1"
        self.port = 0
        self.grew = asyncio.Condition()
        """Notified when there may be something new to fetch."""

    def topic_or_new(self, name: str) -> Topic:
        """Return a topic, created on the spot where the settings allow it.

        Raises:
            Refused: there is none.
        """
        topic = self.topics.get(name)
        if topic is not None:
            return topic
        if not self.settings.auto_create_partitions:
            raise Refused(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return self.topics.create(name, self.settings.auto_create_partitions)

    def append(self, name: str, index: int, data: bytes) -> int:
        """Append a batch to a partition and return its offset.

        Raises:
            Refused: there is no such partition, or the batch is not acceptable.
        """
        log = self.topics.partition(name, index)
        topic = self.topics.get(name)
        own_limit = topic.settings.get("max.message.bytes") if topic is not None else None
        return log.append(data, max_bytes=int(own_limit or self.settings.max_message_bytes))

    def end_for(self, log: PartitionLog, isolation_level: int) -> int:
        """Return the offset up to which a reader of that isolation level may see."""
        return log.stable_end if isolation_level else log.end

    async def announce_growth(self) -> None:
        """Wake the fetches that wait for something new."""
        async with self.grew:
            self.grew.notify_all()


@attrs.frozen(kw_only=True)
class Call:
    """One request on its way through a handler; *error* is what a fault wants the answer to say."""

    request: Any
    version: int
    error: Code = Code.NONE

    def check(self) -> None:
        """Raise the error that a fault wants.

        Raises:
            Refused: there is one.
        """
        if self.error:
            raise Refused(self.error)


Handler: TypeAlias = Callable[[Cluster, Call], Awaitable["Fields | None"]]
"""Answers one kind of request; ``None`` means that the client expects no answer."""


def code_of(action: Callable[[], object]) -> Code:
    """Run *action* and return the code that the answer carries: NONE, or why it was refused."""
    try:
        action()
    except Refused as refused:
        return refused.code
    return Code.NONE
