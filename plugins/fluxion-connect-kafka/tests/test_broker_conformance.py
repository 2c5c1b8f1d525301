"""Both brokers keep Kafka's protocol as kafka-python sees it. Where they would differ, Apache Kafka is right."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from fluxion_connect_kafka.testing.probe import Probe, send_all
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import (
    CommitFailedError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

PATIENCE_SECONDS = 60.0
GROUP_SETTINGS = {
    "session_timeout_ms": 3000,
    "heartbeat_interval_ms": 200,
    "request_timeout_ms": 15000,
    "metadata_max_age_ms": 1000,  # a member that joined before it had heard of the topic notices soon
}


def new_group() -> str:
    """Return a group id that nobody else has."""
    return f"group-{uuid.uuid4().hex[:8]}"


def wait_until(condition: Callable[[], object]) -> None:
    """Return when *condition* holds; fail when it does not come true in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def drain(consumer: Any, count: int) -> list[Any]:
    """Poll until *count* records have come."""
    records: list[Any] = []
    wait_until(lambda: records.extend(r for rs in consumer.poll(100).values() for r in rs) or len(records) >= count)
    return records


class Member(threading.Thread):
    """A group member that polls in a thread of its own."""

    def __init__(self, probe: Probe, group: str, topic: str, **settings: Any) -> None:
        """Join *group* for *topic* and begin to poll."""
        super().__init__(daemon=True)
        self.consumer = probe.consumer(group_id=group, **{**GROUP_SETTINGS, **settings})
        self.consumer.partitions_for_topic(topic)  # a join that beats the topic's metadata is given nothing for a long time
        self.consumer.subscribe([topic])
        self._leaving = threading.Event()
        self._vanished = False
        self.start()

    def run(self) -> None:
        """Poll until told to leave."""
        try:
            while not self._leaving.is_set():
                self.consumer.poll(100)
            self.consumer.close()
        except Exception:  # the client notices, one way or another, that its network is gone
            if not self._vanished:
                raise

    def owns(self, count: int) -> bool:
        """Return whether the member is assigned *count* partitions."""
        return len(self.consumer.assignment()) == count

    def vanish(self) -> None:
        """Stop sending anything, without a farewell."""
        self._vanished = True
        self.consumer._net.stop()

    def leave(self) -> None:
        """Leave the group."""
        self._leaving.set()
        self.join(PATIENCE_SECONDS)


@contextmanager
def transactional(probe: Probe, transactional_id: str) -> Iterator[Any]:
    """A transactional producer that is ready to begin."""
    producer = probe.producer(transactional_id=transactional_id, max_block_ms=8000)
    try:
        producer.init_transactions()
        yield producer
    finally:
        producer.close(timeout=0)


def transact(producer: Any, topic: str, payloads: Sequence[bytes], *, commit: bool) -> None:
    """Write *payloads* in one transaction and end it."""
    producer.begin_transaction()
    for payload in payloads:
        producer.send(topic, payload)
    producer.flush()
    (producer.commit_transaction if commit else producer.abort_transaction)()


# -- topics ------------------------------------------------------------------------------------------------------------


def test_a_new_topic_has_as_many_partitions_as_asked(probe: Probe) -> None:
    """CreateTopics makes the topic that Metadata then describes."""
    topic = probe.create_topic(partitions=3)
    assert len(probe.admin.describe_topics([topic])[0]["partitions"]) == 3


def test_a_topic_cannot_be_created_twice(probe: Probe) -> None:
    """The second creation is refused."""
    topic = probe.create_topic()
    with pytest.raises(TopicAlreadyExistsError):
        probe.admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})


def test_partitions_can_be_added(probe: Probe) -> None:
    """CreatePartitions lets a topic grow."""
    topic = probe.create_topic(partitions=1)
    probe.add_partitions(topic, 3)
    assert sorted(probe.end_offsets(topic)) == [0, 1, 2]


def test_a_deleted_topic_is_gone(probe: Probe) -> None:
    """A topic that was deleted cannot be deleted again."""
    topic = probe.create_topic()
    probe.admin.delete_topics([topic])
    with pytest.raises(UnknownTopicOrPartitionError):
        probe.admin.delete_topics([topic])


def test_topic_settings_can_be_read_back(probe: Probe) -> None:
    """DescribeConfigs shows what CreateTopics was given."""
    topic = probe.create_topic(cleanup_policy="compact")
    described = probe.admin.describe_configs([ConfigResource("TOPIC", topic)])
    assert described["topic"][topic]["cleanup.policy"]["value"] == "compact"


# -- records -----------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_with_everything_it_was_sent_with(probe: Probe) -> None:
    """Key, value, headers (order, empty values) and timestamp survive the round trip."""
    topic = probe.create_topic()
    headers = [("h", b"1"), ("h", b"2"), ("e", b"")]
    probe.produce(topic, [b"\x00\xff"], key=b"k", headers=headers, timestamp_ms=1_700_000_000_123)
    (record,) = probe.read(topic)
    assert (record.key, record.value, record.timestamp) == (b"k", b"\x00\xff", 1_700_000_000_123)
    assert list(record.headers) == headers


def test_records_keep_their_order_within_a_partition(probe: Probe) -> None:
    """A thousand records, several batches, one order."""
    topic = probe.create_topic()
    payloads = [b"%d" % i for i in range(1000)]
    probe.produce(topic, payloads)
    assert probe.payloads(topic) == payloads


@pytest.mark.parametrize("codec", ["gzip"])
def test_compressed_batches_come_back(probe: Probe, codec: str) -> None:
    """The broker keeps a compressed batch as it is."""
    topic = probe.create_topic()
    with probe.producer(compression_type=codec) as producer:
        send_all(producer, topic, [b"hello" * 100] * 50)
    assert probe.payloads(topic) == [b"hello" * 100] * 50


def test_a_message_above_the_limit_is_refused(probe: Probe) -> None:
    """``max.message.bytes`` of the topic is kept, and what was within it is stored."""
    topic = probe.create_topic(max_message_bytes="100000")
    probe.produce(topic, [b"x" * 90_000])
    with pytest.raises(MessageSizeTooLargeError):
        probe.produce(topic, [b"x" * 200_000])
    assert probe.end_offsets(topic) == {0: 1}


def test_a_batch_larger_than_the_fetch_limit_is_still_delivered(probe: Probe) -> None:
    """The first batch of a fetch comes whole, or a consumer could never pass it."""
    topic = probe.create_topic()
    probe.produce(topic, [b"x" * 500_000])
    assert probe.payloads(topic, max_partition_fetch_bytes=1000) == [b"x" * 500_000]


def test_an_idle_fetch_waits_and_wakes_for_a_new_record(probe: Probe) -> None:
    """A long poll answers when something comes, long before its time is over."""
    topic = probe.create_topic()
    consumer = probe.consumer(fetch_max_wait_ms=10_000, request_timeout_ms=30_000)
    consumer.assign([TopicPartition(topic, 0)])
    assert consumer.poll(timeout_ms=300) == {}
    probe.produce(topic, [b"x"])
    started = time.monotonic()
    assert len(drain(consumer, 1)) == 1
    assert time.monotonic() - started < 5
    consumer.close()


# -- offsets -----------------------------------------------------------------------------------------------------------


def test_begin_and_end_offsets(probe: Probe) -> None:
    """ListOffsets knows both ends of a partition."""
    topic = probe.create_topic()
    probe.produce(topic, [b"a", b"b", b"c"])
    partition = TopicPartition(topic, 0)
    consumer = probe.consumer()
    assert (consumer.beginning_offsets([partition]), consumer.end_offsets([partition])) == ({partition: 0}, {partition: 3})
    consumer.close()


def test_offsets_for_times(probe: Probe) -> None:
    """ListOffsets finds the first record that is not older than a point of time, and none after the last."""
    topic = probe.create_topic()
    base = 1_700_000_000_000
    for second in range(10):
        probe.produce(topic, [b"%d" % second], timestamp_ms=base + 1000 * second)
    partition = TopicPartition(topic, 0)
    consumer = probe.consumer()
    assert consumer.offsets_for_times({partition: base + 3500})[partition].offset == 4
    assert consumer.offsets_for_times({partition: base + 10_000})[partition] is None
    consumer.close()


def test_an_offset_beyond_the_end_is_out_of_range(probe: Probe) -> None:
    """With ``auto_offset_reset='none'`` the consumer says so instead of jumping."""
    topic = probe.create_topic()
    consumer = probe.consumer(auto_offset_reset="none")
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek(TopicPartition(topic, 0), 10**6)
    with pytest.raises(OffsetOutOfRangeError):
        drain(consumer, 1)
    consumer.close()


def test_deleted_records_are_gone(probe: Probe) -> None:
    """DeleteRecords moves the beginning; what is behind it stays."""
    topic = probe.create_topic()
    probe.produce(topic, [b"%d" % i for i in range(10)])
    probe.delete_records(topic, 0, 4)
    assert probe.payloads(topic) == [b"%d" % i for i in range(4, 10)]


def test_admin_sees_the_end_of_a_partition(probe: Probe) -> None:
    """The admin client's way to ask for offsets."""
    topic = probe.create_topic()
    probe.produce(topic, [b"a"])
    partition = TopicPartition(topic, 0)
    assert probe.admin.list_partition_offsets({partition: OffsetSpec.LATEST})[partition].offset == 1


# -- groups ------------------------------------------------------------------------------------------------------------


def test_a_group_resumes_at_its_committed_offset(probe: Probe) -> None:
    """What one member committed, with metadata, is where the next one begins."""
    topic, group = probe.create_topic(), new_group()
    probe.produce(topic, [b"%d" % i for i in range(10)])
    partition = TopicPartition(topic, 0)
    first = probe.consumer(group_id=group, **GROUP_SETTINGS)
    first.subscribe([topic])
    assert len(drain(first, 10)) == 10
    first.commit({partition: OffsetAndMetadata(7, "seven", -1)})
    assert first.committed(partition, metadata=True).metadata == "seven"
    first.close()
    second = probe.consumer(group_id=group, **GROUP_SETTINGS)
    second.subscribe([topic])
    assert [record.offset for record in drain(second, 3)] == [7, 8, 9]
    second.close()


def test_an_outsider_commits_into_a_group_without_members(probe: Probe) -> None:
    """A consumer that assigns its partitions itself commits under a group id of its own."""
    topic, group = probe.create_topic(), new_group()
    consumer = probe.consumer(group_id=group)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(5, "", -1)})
    consumer.close()
    assert probe.committed(group) == {(topic, 0): 5}


@pytest.mark.parametrize("assignor", [RangePartitionAssignor, CooperativeStickyAssignor])
def test_partitions_are_shared_and_taken_back(probe: Probe, assignor: type) -> None:
    """A second member gets half of the partitions; when it leaves, the first has all of them again."""
    topic, group = probe.create_topic(partitions=4), new_group()
    first = Member(probe, group, topic, partition_assignment_strategy=[assignor])
    wait_until(lambda: first.owns(4))
    second = Member(probe, group, topic, partition_assignment_strategy=[assignor])
    wait_until(lambda: first.owns(2) and second.owns(2))
    second.leave()
    wait_until(lambda: first.owns(4))
    first.leave()


def test_a_silent_member_is_evicted(probe: Probe) -> None:
    """A member that sends no heartbeat for its session timeout is none any more: the broker is asked, not another member."""
    topic, group = probe.create_topic(partitions=4), new_group()
    member = Member(probe, group, topic)
    wait_until(lambda: member.owns(4))
    member.vanish()
    wait_until(lambda: not probe.admin.describe_groups([group])[group]["members"])
    member.leave()


def test_a_static_member_comes_back_without_a_rebalance(probe: Probe) -> None:
    """With a ``group_instance_id`` the generation stays when the member restarts."""
    topic, group = probe.create_topic(), new_group()
    generations = []
    for _ in range(2):
        consumer = probe.consumer(group_id=group, group_instance_id="one", **GROUP_SETTINGS)
        consumer.subscribe([topic])
        wait_until(lambda: consumer.poll(100) or consumer.assignment())  # noqa: B023  # called at once
        generations.append(consumer.group_metadata().generation_id)
        consumer.close()
    assert generations[0] == generations[1]


def test_a_commit_of_an_old_generation_is_refused(probe: Probe) -> None:
    """Whoever was left behind by a rebalance cannot move the group's offsets."""
    topic, group = probe.create_topic(), new_group()
    consumer = probe.consumer(group_id=group, **GROUP_SETTINGS)
    consumer.subscribe([topic])
    wait_until(lambda: consumer.poll(100) or consumer.assignment())
    generation = consumer._coordinator._generation
    consumer._coordinator._generation = type(generation)(99, generation.member_id, generation.protocol)
    with pytest.raises(CommitFailedError):
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})
    consumer.close(timeout_ms=1000)


def test_an_outsider_cannot_commit_into_a_group_with_members(probe: Probe) -> None:
    """A group id is either for members or for somebody who assigns, not for both."""
    topic, group = probe.create_topic(), new_group()
    member = Member(probe, group, topic)
    wait_until(lambda: member.owns(1))
    outsider = probe.consumer(group_id=group)
    outsider.assign([TopicPartition(topic, 0)])
    with pytest.raises(CommitFailedError):
        outsider.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})
    outsider.close()
    member.leave()


def test_admin_lists_describes_and_deletes_groups(probe: Probe) -> None:
    """The admin client's view of a group without members."""
    topic, group = probe.create_topic(), new_group()
    consumer = probe.consumer(group_id=group)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})
    consumer.close()
    assert group in [listed["group_id"] for listed in probe.admin.list_groups()]
    assert probe.admin.describe_groups([group])[group]["group_state"] == "Empty"
    probe.admin.delete_groups([group])
    assert group not in [listed["group_id"] for listed in probe.admin.list_groups()]


# -- transactions ------------------------------------------------------------------------------------------------------


def test_readers_of_committed_records_see_no_aborted_and_no_open_ones(probe: Probe) -> None:
    """Committed, aborted, committed, then an open transaction: only committed ones are visible, and the end is before it."""
    topic = probe.create_topic()
    with transactional(probe, topic) as producer:
        transact(producer, topic, [b"c0", b"c1"], commit=True)
        transact(producer, topic, [b"a0", b"a1"], commit=False)
        transact(producer, topic, [b"c2"], commit=True)
        producer.begin_transaction()
        producer.send(topic, b"open")
        producer.flush()
        assert probe.payloads(topic, isolation_level="read_committed") == [b"c0", b"c1", b"c2"]
        assert len(probe.payloads(topic, isolation_level="read_uncommitted")) == 6
        producer.commit_transaction()
    assert probe.payloads(topic, isolation_level="read_committed") == [b"c0", b"c1", b"c2", b"open"]


def test_offsets_of_a_transaction_count_when_it_commits(probe: Probe) -> None:
    """Offsets sent to an aborted transaction vanish, to an open one they are not stable, to a committed one they hold."""
    topic, group = probe.create_topic(), new_group()
    partition = TopicPartition(topic, 0)
    consumer = probe.consumer(group_id=group, isolation_level="read_committed")
    consumer.assign([partition])
    with transactional(probe, topic) as producer:
        producer.begin_transaction()
        producer.send_offsets_to_transaction({partition: OffsetAndMetadata(7, "", -1)}, probe.outsider(group))
        producer.abort_transaction()
        assert consumer.committed(partition) is None
        producer.begin_transaction()
        producer.send_offsets_to_transaction({partition: OffsetAndMetadata(9, "", -1)}, probe.outsider(group))
        with pytest.raises(KafkaTimeoutError):
            consumer.committed(partition, timeout_ms=500)
        producer.commit_transaction()
    assert consumer.committed(partition) == 9
    consumer.close()


def test_a_newer_owner_of_a_transactional_id_fences_the_older(probe: Probe) -> None:
    """``init_transactions`` aborts the older one's transaction, and nothing of it becomes visible."""
    topic = probe.create_topic()
    with transactional(probe, topic) as zombie:
        zombie.begin_transaction()
        zombie.send(topic, b"zombie")
        zombie.flush()
        with transactional(probe, topic) as owner:
            with pytest.raises(Exception, match=r"Fenced|Epoch|epoch|fenced"):
                commit_once_more(zombie, topic)
            transact(owner, topic, [b"owner"], commit=True)
    assert probe.payloads(topic, isolation_level="read_committed") == [b"owner"]


def commit_once_more(producer: Any, topic: str) -> None:
    """Go on with an open transaction and commit it."""
    producer.send(topic, b"more").get(8)
    producer.commit_transaction()
