"""What the source and the sink ask of a Kafka client library.

The connector knows Kafka only through these protocols; :mod:`fluxion_connect_kafka.kafka_python_client` keeps them with
kafka-python, :mod:`fluxion_connect_kafka.librdkafka_client` with librdkafka.

Every method may raise :class:`BrokerError`, which says what went wrong in words and whether time can heal it; nothing of the
library's own exceptions comes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from fluxion_core.spi import Headers

__all__ = [
    "KEY_HEADER",
    "BrokerError",
    "Client",
    "Cluster",
    "Committer",
    "Consumer",
    "Fault",
    "OffsetsGone",
    "Outgoing",
    "Producer",
    "Records",
    "TopicDescription",
]

KEY_HEADER = "fluxion-key"
"""Header of every record: ``incarnation:seq:index``, the same on every redelivery, by which a reader can tell repetitions."""


class Fault(Enum):
    """Who or what is to blame."""

    OUTAGE = "the brokers do not answer, or not well, just now"
    REFUSED = "they never will with these options: credentials, certificates, rights, a topic that is not there"


class BrokerError(Exception):
    """The brokers did not do what was asked; the message tells it to a person, without secrets."""

    def __init__(self, message: str, fault: Fault) -> None:
        """Say what happened and whose *fault* it is."""
        super().__init__(message)
        self.fault = fault


class OffsetsGone(Exception):  # a finding, which the source makes into an error or not
    """Reading cannot go on at these offsets (by partition): the topic does not have them."""

    def __init__(self, offsets: Mapping[int, int]) -> None:
        """Name the *offsets*."""
        super().__init__(dict(offsets))
        self.offsets = offsets


class TopicDescription(msgspec.Struct, frozen=True):
    """A topic as the brokers describe it. *id* tells a topic from an earlier one of the same name, where brokers have ids."""

    name: str
    id: str | None
    partitions: Sequence[int]


class Records(Protocol):
    """Records of one partition in order. What is seldom looked at is a method, which makes the column.

    A tombstone is a record without a value; its payload here is empty. *next_offset* is where reading goes on: behind the last
    record, and behind what is no record (ends of transactions) as far as the client knows.
    """

    partition: int
    next_offset: int
    payloads: Sequence[bytes]

    def without_tombstones(self) -> Records:
        """Return the records that have a value."""

    def offsets(self) -> Sequence[int]:
        """Return the offset of each record."""

    def keys(self) -> Sequence[bytes | None]:
        """Return the key of each record."""

    def timestamps(self) -> Sequence[int]:
        """Return the time of each record in milliseconds since the epoch, -1 for none."""

    def headers(self) -> Sequence[Headers]:
        """Return the headers of each record."""


class Outgoing(msgspec.Struct, frozen=True):
    """Records on their way out, by column; each carries one header, :data:`KEY_HEADER` with its entry of *marks*."""

    payloads: Sequence[bytes]
    keys: Sequence[bytes | None]
    marks: Sequence[bytes]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.payloads)

    def only(self, indices: Sequence[int]) -> Outgoing:
        """Return some of the records."""
        payloads, keys, marks = self.payloads, self.keys, self.marks
        return Outgoing([payloads[i] for i in indices], [keys[i] for i in indices], [marks[i] for i in indices])


class Cluster(Protocol):
    """Questions about topics, asked now and then."""

    def topics(self) -> Sequence[TopicDescription]:
        """Return the topics that these credentials may see, without internal ones."""

    def describe(self, topic: str) -> TopicDescription | None:
        """Return the topic, or ``None`` if there is none."""

    def largest_message_bytes(self, topic: str) -> int | None:
        """Return the topic's ``max.message.bytes``, or ``None`` if it may not be asked."""

    def close(self) -> None:
        """Let go of the connections."""


class Consumer(Protocol):
    """Reads the partitions of one topic from offsets that it is told; keeps nothing anywhere."""

    def bounds(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the end (the next offset to be written) of each partition."""

    def offsets_since(self, milliseconds: int, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Return, for each partition, the offset of the first record not older than that time; ``None`` if all are."""

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions, each from its offset, beside those assigned before; one named again begins anew."""

    def poll(self, max_records: int, timeout_seconds: float) -> Sequence[Records]:
        """Return up to *max_records* records, as soon as there is one.

        An empty answer says nothing about the brokers' health: ask :meth:`bounds` for that.

        Raises:
            OffsetsGone: an offset to read from is not in the topic.
        """

    def known_partitions(self) -> Sequence[int]:
        """Return the topic's partitions as last heard of, asking for a second at most."""

    def lag(self) -> int | None:
        """Return how many records wait behind the last poll as last heard of, without asking; ``None`` before anything was."""

    def close(self) -> None:
        """Let go of the connections, at once."""


class Committer(Protocol):
    """Tells the brokers how far a group has come: for people and tools that look, nothing depends on it."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Begin to commit the offsets, by partition, and return at once; a later call may overtake this one."""

    def close(self) -> None:
        """Let go of the connections, after a short time for what is under way."""


class Producer(Protocol):
    """Writes records to one topic."""

    def send(self, records: Outgoing) -> Mapping[int, str]:
        """Write *records* in order and return when all are acknowledged but those that the brokers refuse for what they are.

        The answer holds the refused ones: why, by index. It blocks no longer than the flush timeout, or twice that when
        records were refused, and for as long as it takes to connect where that is still to be done.

        Raises:
            BrokerError: some were not acknowledged; the producer can be used again.
        """

    def close(self) -> None:
        """Let go of the connections, at once; records that are not acknowledged are given up."""


class Client(Protocol):
    """Makes everything above for one component; what it makes is closed by itself."""

    def cluster(self) -> Cluster:
        """Connect to ask about topics."""

    def consumer(self) -> Consumer:
        """Connect to read the topic."""

    def committer(self, group_id: str, on_failure: Callable[[str], None]) -> Committer:
        """Return a committer for the topic, which connects later; failures are told to *on_failure*, from another thread."""

    def producer(self) -> Producer:
        """Connect to write to the topic."""

    def close(self) -> None:
        """Let go of everything that is shared."""
