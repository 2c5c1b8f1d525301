"""The source ``kafka``: the partitions of one topic, read from the positions that the state store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, Literal, TypeVar

from fluxion_connect_kafka.client import Client, Committer, Consumer, OffsetsGone, Records
from fluxion_connect_kafka.clients import connect, told
from fluxion_connect_kafka.columns import Column
from fluxion_connect_kafka.options import KafkaSourceOptions
from fluxion_core.errors import did_you_mean
from fluxion_core.spi import Batch, Context, Json, Options, Source, Split, StreamDescriptor
from fluxion_core.spi.signals import FatalError, StateError, TransientError

__all__ = ["KafkaSource"]

T = TypeVar("T")

_TURN_SECONDS = 0.25


class KafkaSource(Source[KafkaSourceOptions]):
    """Reads the partitions of a topic; where reading resumes is kept with the pipeline's state, not in the group.

    A position is ``{"offset": n, "topic_id": id}``: a topic that was deleted and made anew is told from the old one.
    """

    name: ClassVar[str] = "kafka"
    options: ClassVar[type[Options]] = KafkaSourceOptions
    parallel: ClassVar[Literal["no", "pieces", "splits"]] = "splits"

    def __init__(self, config: KafkaSourceOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._context = Context(pipeline_id="-")
        self._client: Client | None = None
        self._consumer: Consumer | None = None
        self._committer: Committer | None = None
        self._topic_id: str | None = None
        self._listed: frozenset[int] = frozenset()
        self._assigned: set[int] = set()
        self._watches = True
        self._unreported: dict[str, Json] = {}
        self._heard_at = 0.0
        self._looked_at = 0.0

    # ------------------------------------------------------------------------------------------------- opening

    def _connected(self, context: Context) -> Client:
        self._context = context
        if self._client is None:
            self._client = connect(self.config, context)
        return self._client

    def splits(self, context: Context) -> Sequence[Split]:
        """Return one split per partition.

        Raises:
            TransientError: the brokers do not answer just now.
            FatalError: they refuse us, or there is no such topic.
        """
        client = self._connected(context)

        def ask() -> Sequence[Split]:
            cluster = client.cluster()
            try:
                described = cluster.describe(self.config.topic)
                if described is None:
                    near = did_you_mean(self.config.topic, [topic.name for topic in cluster.topics()])
                    raise FatalError(f"topic '{self.config.topic}' does not exist; {near or 'create it, or check the name'}")
                self._topic_id = described.id
                self._listed = frozenset(described.partitions)
                return [Split(str(partition), f"{self.config.topic}/{partition}") for partition in described.partitions]
            finally:
                cluster.close()

        return told(ask)

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Assign the partitions that are named and seek to their positions.

        All that ``splits`` listed, or that the topic has: later ones are noticed and read as well. Some of them: these only, since
        another process reads the rest, and nobody can tell whose a new one is before the next start shares them out.
        """
        client = self._connected(context)
        self._close_consumer()
        self._consumer = consumer = told(client.consumer)
        partitions = sorted(int(split) for split in positions)
        starts = told(lambda: self._starts(consumer, partitions, positions))
        told(lambda: consumer.assign(starts))
        self._assigned = set(partitions)
        self._watches = self._assigned.issuperset(self._listed or told(consumer.known_partitions))
        # Where a partition was begun must be kept before its first record: a restart would choose again, and skip what came meanwhile.
        self._unreported = {str(part): self._position(start) for part, start in starts.items() if positions[str(part)] is None}
        now = context.host.clock.monotonic()
        self._heard_at = self._looked_at = now

    def _starts(self, consumer: Consumer, partitions: Sequence[int], positions: Mapping[str, Json | None]) -> dict[int, int]:
        bounds = consumer.bounds(partitions)
        fresh = [partition for partition in partitions if positions[str(partition)] is None]
        if len(fresh) < len(partitions):  # not a first run: these were added to the topic since, and none of them was read
            starts = {partition: bounds[partition][0] for partition in fresh}
        else:
            starts = self._first_offsets(consumer, fresh, bounds)
        for partition in partitions:
            position = positions[str(partition)]
            if isinstance(position, dict):
                starts[partition] = self._resumed(partition, position, bounds[partition])
        return starts

    def _first_offsets(
        self, consumer: Consumer, partitions: Sequence[int], bounds: Mapping[int, tuple[int, int]]
    ) -> dict[int, int]:
        milliseconds = self.config.start_milliseconds
        if milliseconds is not None and partitions:
            found = consumer.offsets_since(milliseconds, partitions)
            return {
                partition: bounds[partition][1] if found[partition] is None else int(found[partition] or 0)
                for partition in partitions
            }
        side = 1 if self.config.start_from == "latest" else 0
        return {partition: bounds[partition][side] for partition in partitions}

    def _resumed(self, partition: int, position: Mapping[str, Any], bounds: tuple[int, int]) -> int:
        known = position.get("topic_id")
        if known is not None and self._topic_id is not None and known != self._topic_id:
            raise StateError(
                f"topic '{self.config.topic}' is not the one that was read before: it was deleted and made again; "
                "give the pipeline another id, or remove its state to start over"
            )
        offset = int(position["offset"])
        first, end = bounds
        if first <= offset <= end:
            return offset
        return self._out_of_range(partition, offset, bounds)

    def _out_of_range(self, partition: int, offset: int, bounds: tuple[int, int]) -> int:
        first, end = bounds
        where = f"partition {partition} of topic '{self.config.topic}' has offsets {first} to {end}, not {offset}"
        if self.config.on_out_of_range == "fail":
            raise StateError(f"{where}: records were removed before they were read; set on_out_of_range to go on without them")
        chosen = first if self.config.on_out_of_range == "earliest" else end
        self._context.logger.warning("%s: going on at %d; records are lost", where, chosen)
        return chosen

    # ------------------------------------------------------------------------------------------------- reading

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return the next records; looks for new partitions and asks after the brokers' health now and then."""
        consumer = self._consumer
        if consumer is None:
            raise TransientError("the consumer is not connected")
        if self.config.longest_poll_seconds is not None:
            timeout_seconds = min(timeout_seconds, self.config.longest_poll_seconds)
        if self.config.queue_capacity is not None:
            max_records = min(max_records, self.config.queue_capacity)
        now = self._context.host.clock.monotonic()
        self._look_for_partitions(consumer, now)
        try:
            found = told(lambda: self._wait_for_records(consumer, max_records, timeout_seconds))
        except OffsetsGone as error:
            self._continue_elsewhere(consumer, error.offsets)
            return Batch.empty()
        if found:
            self._heard_at = now
        elif now - self._heard_at >= self.config.health_check_seconds:
            told(lambda: consumer.bounds(sorted(self._assigned)))
            self._heard_at = now
        return self._batch(found)

    def _wait_for_records(self, consumer: Consumer, max_records: int, timeout_seconds: float) -> Sequence[Records]:
        """Poll in short turns, since the client cannot be told of a stop while it waits."""
        clock, stopping = self._context.host.clock, self._context.stopping
        deadline = clock.monotonic() + timeout_seconds
        while True:
            left = 0.0 if stopping.is_set() else max(0.0, deadline - clock.monotonic())
            found = consumer.poll(max_records, min(left, _TURN_SECONDS))
            if found or left <= _TURN_SECONDS:
                return found

    def _look_for_partitions(self, consumer: Consumer, now: float) -> None:
        if not self._watches or now - self._looked_at < self.config.new_partitions_seconds:
            return
        self._looked_at = now
        new = sorted(set(consumer.known_partitions()) - self._assigned)
        if new:
            starts = {partition: first for partition, (first, _) in told(lambda: consumer.bounds(new)).items()}
            told(lambda: consumer.assign(starts))
            self._assigned.update(new)
            self._unreported |= {str(part): self._position(start) for part, start in starts.items()}
            self._context.logger.info("topic '%s' has new partitions: %s", self.config.topic, ", ".join(map(str, new)))

    def _continue_elsewhere(self, consumer: Consumer, offsets: Mapping[int, int]) -> None:
        bounds = told(lambda: consumer.bounds(sorted(offsets)))
        starts = {partition: self._out_of_range(partition, offset, bounds[partition]) for partition, offset in offsets.items()}
        told(lambda: consumer.assign(starts))

    def _batch(self, found: Sequence[Records]) -> Batch:
        if self.config.tombstones == "skip":
            found = [records.without_tombstones() for records in found]
        positions, self._unreported = self._unreported, {}
        splits: list[str] = []
        for records in found:
            split = str(records.partition)
            positions[split] = self._position(records.next_offset)
            splits += [split] * len(records.payloads)
        count = len(splits)
        return Batch(
            positions=positions,
            payloads=found[0].payloads if len(found) == 1 else _joined(records.payloads for records in found),
            splits=splits,
            record_positions=Column(
                count, lambda: [self._position(offset) for records in found for offset in records.offsets()]
            ),
            keys=Column(count, lambda: _joined(records.keys() for records in found)),
            timestamps=Column(
                count, lambda: [None if ms < 0 else ms / 1000 for records in found for ms in records.timestamps()]
            ),
            headers=Column(count, lambda: _joined(records.headers() for records in found)),
        )

    def _position(self, offset: int) -> Json:
        return {"offset": offset} if self._topic_id is None else {"offset": offset, "topic_id": self._topic_id}

    # ------------------------------------------------------------------------------------------------- beside the reading

    def commit(self, positions: Mapping[str, Json]) -> None:
        """Commit what is sealed to the group, for lag tools; nothing depends on it."""
        if not self.config.commit_offsets or self._client is None:
            return
        if self._committer is None:
            group = self.config.group_id or f"fluxion-{self._context.pipeline_id}"
            self._committer = self._client.committer(group, lambda reason: self._context.logger.warning("%s", reason))
        self._committer.commit(
            {int(split): int(position["offset"]) for split, position in positions.items() if isinstance(position, dict)}
        )

    def lag(self) -> int | None:
        """Return how many records wait, as last heard of."""
        return self._consumer.lag() if self._consumer is not None else None

    def discover(self, context: Context) -> Sequence[StreamDescriptor]:
        """Return the topics that these credentials may see."""
        cluster = told(self._connected(context).cluster)
        try:
            topics = told(cluster.topics)
            return [StreamDescriptor(topic.name, {"partitions": len(topic.partitions)}) for topic in topics]
        finally:
            cluster.close()

    def _close_consumer(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
        self._consumer = None

    def close(self) -> None:
        """Let go of everything."""
        self._close_consumer()
        if self._committer is not None:
            self._committer.close()
        if self._client is not None:
            self._client.close()
        self._committer = self._client = None


def _joined(columns: Iterable[Iterable[T]]) -> list[T]:
    return list(chain.from_iterable(columns))
