"""Both brokers keep Kafka's protocol as kafka-python sees it. Where they would differ, Apache Kafka is right."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from fluxion_connect_kafka.testing.probe import Probe, send_all
from fluxion_connect_kafka.testing.waiting import drained
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]


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
    assert len(drained(consumer, 1)) == 1
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
        drained(consumer, 1)
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
    topic = probe.create_topic()
    group = f"group-{topic}"
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
