"""Reading with librdkafka: partitions assigned by us, positions held by us."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from fluxion_connect_kafka.client import BrokerError, OffsetsGone, Records
from fluxion_connect_kafka.librdkafka_codes import GONE, PARTITION_END, PASSING, REFUSALS
from fluxion_connect_kafka.librdkafka_connection import LibrdkafkaConnection
from fluxion_connect_kafka.options import KafkaSourceOptions
from fluxion_core.spi import Headers

__all__ = ["LibrdkafkaConsumer"]

_FIRST, _END = -2, -1
"""Points of time that ListOffsets understands as the two ends of a partition."""

_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.1


class LibrdkafkaConsumer:
    """See :class:`~fluxion_connect_kafka.client.Consumer`."""

    def __init__(self, connection: LibrdkafkaConnection, config: KafkaSourceOptions) -> None:
        """Prepare to read. librdkafka wants the name of a group, but nothing is read from it or written to it.

        Raises:
            BrokerError: librdkafka refuses a setting.
        """
        self._connection = connection
        self._topic = config.topic
        self._next: dict[int, int] = {}
        self._partitions: Sequence[int] = ()
        self._failure: OffsetsGone | BrokerError | None = None
        settings = {
            "topic.metadata.refresh.interval.ms": int(config.new_partitions_seconds * 1000),
            **connection.settings,
            **connection.properties,
            "group.id": connection.settings["client.id"],
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "isolation.level": config.isolation_level,
        }
        self._consumer = connection.build(Consumer, f"connecting to read topic '{config.topic}'", settings)

    def bounds(self, partitions: Sequence[int]) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the end of each partition."""
        first, end = (self._list_offsets(when, partitions) for when in (_FIRST, _END))
        self._connection.forget_errors()
        return {partition: (first[partition], end[partition]) for partition in partitions}

    def offsets_since(self, milliseconds: int, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Return, for each partition, the offset of the first record not older than that time."""
        found = self._list_offsets(milliseconds, partitions)
        return {partition: offset if offset >= 0 else None for partition, offset in found.items()}

    def _list_offsets(self, when: int, partitions: Sequence[int]) -> dict[int, int]:
        """Ask until the timeout: librdkafka tells of a leader that moved, or of a connection that broke, and asks no second time."""
        deadline = time.monotonic() + self._connection.timeout_seconds
        with self._connection.doing(f"asking for the offsets of topic '{self._topic}'", self._serve):
            while True:
                try:
                    return self._ask_once(when, partitions, deadline)
                except KafkaException as error:
                    if error.args[0].code() in REFUSALS or time.monotonic() + _PAUSE_SECONDS > deadline:
                        raise
                time.sleep(_PAUSE_SECONDS)

    def _ask_once(self, when: int, partitions: Sequence[int], deadline: float) -> dict[int, int]:
        if not partitions:
            return {}
        places = [TopicPartition(self._topic, partition, when) for partition in partitions]
        found = self._consumer.offsets_for_times(places, timeout=max(_PAUSE_SECONDS, deadline - time.monotonic()))
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
        return {place.partition: place.offset for place in found}

    def _serve(self) -> None:
        """Let librdkafka report errors; only before there is anything to read, since it might come along."""
        if not self._next:
            self._consumer.consume(1, 0)

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions, each from its offset, beside those assigned before."""
        again = [TopicPartition(self._topic, partition) for partition in sorted(offsets) if partition in self._next]
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in sorted(offsets.items())]
        with self._connection.doing(f"reading topic '{self._topic}'"):
            if again:
                self._consumer.incremental_unassign(again)
            self._consumer.incremental_assign(places)
        self._next.update(offsets)

    def poll(self, max_records: int, timeout_seconds: float) -> Sequence[Records]:
        """Return up to *max_records* records, as soon as there is one; errors that came along are raised by the next call."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        consume = self._consumer.consume
        try:
            messages = consume(max_records, 0)
            if not messages:  # to ask for more than one would wait for all of them
                messages = consume(1, timeout_seconds)
                if messages and max_records > 1:
                    messages += consume(max_records - 1, 0)
        except KafkaException as error:
            raise self._connection.explain(error.args[0], f"reading topic '{self._topic}'") from error
        if found := self._of_one_partition(messages):
            return [found]
        return self._of_several(messages)

    def _of_one_partition(self, messages: Sequence[Message]) -> Records | None:
        """Return what a fetch mostly brings, records of one partition and no event, after a single look at each; else ``None``."""
        if not messages or messages[0].partition() != (partition := messages[-1].partition()):
            return None
        values = [message.value() for message in messages if message.error() is None and message.partition() == partition]
        if len(values) != len(messages):
            return None
        return self._run(partition, messages, values)

    def _of_several(self, messages: Sequence[Message]) -> Sequence[Records]:
        """Return the records by runs of one partition, and take the events apart.

        Raises:
            OffsetsGone: an offset to read from is not in the topic, and nothing else came.
            BrokerError: librdkafka reports another error, and nothing else came.
        """
        plain, events = messages, []
        if any(map(Message.error, messages)):
            plain = [message for message in messages if message.error() is None]
            events = [message for message in messages if message.error() is not None]
        ends = {event.partition(): event.offset() for event in events if event.error().code() == PARTITION_END}
        found = list(self._runs(plain, ends))
        for partition, end in ends.items():
            self._next[partition] = max(self._next[partition], end)
        self._failure = self._failure_of(events)
        if found or self._failure is None:
            return found
        failure, self._failure = self._failure, None
        raise failure

    def _runs(self, messages: Sequence[Message], ends: Mapping[int, int]) -> Iterator[Records]:
        start = 0
        for partition, run in groupby(map(Message.partition, messages)):
            stop = start + len(list(run))
            part = messages[start:stop]
            yield self._run(partition, part, list(map(Message.value, part)), ends.get(partition, 0))
            start = stop

    def _run(self, partition: int, messages: Sequence[Message], values: Sequence[bytes | None], end: int = 0) -> Records:
        """Return *messages* of *partition* as records, behind which reading goes on, or at *end* if that is further."""
        self._next[partition] = next_offset = max(messages[-1].offset() + 1, end)
        return _Run(partition, next_offset, messages, values)

    def _failure_of(self, events: Sequence[Message]) -> OffsetsGone | BrokerError | None:
        gone = {event.partition(): self._next[event.partition()] for event in events if event.error().code() in GONE}
        if gone:
            return OffsetsGone(gone)
        error = next((event.error() for event in events if event.error().code() not in PASSING), None)
        return self._connection.explain(error, f"reading topic '{self._topic}'") if error is not None else None

    def known_partitions(self) -> Sequence[int]:
        """Return the topic's partitions; as last heard of, where the brokers do not answer within a second."""
        try:
            described = self._consumer.list_topics(self._topic, timeout=min(_LOOK_SECONDS, self._connection.timeout_seconds))
        except KafkaException:
            return self._partitions or sorted(self._next)
        self._partitions = sorted(described.topics[self._topic].partitions)
        return self._partitions

    def lag(self) -> int | None:
        """Return how many records wait behind the last poll, as last heard of."""
        waiting: int | None = None
        for partition, offset in list(self._next.items()):
            try:
                _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            except RuntimeError:  # closed meanwhile: another thread may ask
                return None
            if end >= 0:
                waiting = (waiting or 0) + max(0, end - offset)
        return waiting

    def close(self) -> None:
        """Let go of the connections, at once."""
        self._consumer.close()


class _Run:
    """See :class:`~fluxion_connect_kafka.client.Records`."""

    __slots__ = ("_messages", "next_offset", "partition", "payloads")

    def __init__(self, partition: int, next_offset: int, messages: Sequence[Message], values: Sequence[bytes | None]) -> None:
        """Keep *messages* of *partition*, whose *values* are these."""
        self.partition = partition
        self.next_offset = next_offset
        self.payloads: Sequence[bytes] = values if all(values) else [value or b"" for value in values]  # type: ignore[assignment]
        self._messages = messages

    def without_tombstones(self) -> _Run:
        """Return the records that have a value."""
        kept = [message for message in self._messages if message.value() is not None]
        return _Run(self.partition, self.next_offset, kept, list(map(Message.value, kept)))

    def offsets(self) -> Sequence[int]:
        """Return the offset of each record."""
        return list(map(Message.offset, self._messages))

    def keys(self) -> Sequence[bytes | None]:
        """Return the key of each record."""
        return list(map(Message.key, self._messages))

    def timestamps(self) -> Sequence[int]:
        """Return the time of each record in milliseconds since the epoch, -1 for none."""
        return [time if kind else -1 for kind, time in map(Message.timestamp, self._messages)]

    def headers(self) -> Sequence[Headers]:
        """Return the headers of each record."""
        return [message.headers() or [] for message in self._messages]
