"""Both brokers keep Kafka's group protocol as kafka-python sees it. Where they would differ, Apache Kafka is right."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from fluxion_connect_kafka.testing.probe import Probe
from fluxion_connect_kafka.testing.waiting import drained, wait_until
from kafka import OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import CommitFailedError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

GROUP_SETTINGS = {
    "session_timeout_ms": 3000,
    "heartbeat_interval_ms": 200,
    "request_timeout_ms": 15000,
}


def new_group() -> str:
    """Return a group id that nobody else has."""
    return f"group-{uuid.uuid4().hex[:8]}"


def subscribed(probe: Probe, group: str, topic: str, **settings: Any) -> Any:
    """Return a consumer that joins *group* for *topic* with its first poll, and has heard of the partitions by then.

    One that joins before it has heard of them joins again when it does, and kafka-python 3.0.12 forgets that second join if a
    poll ends between its JoinGroup and its SyncGroup: the assignment is then never applied, and no later poll asks again.
    """
    consumer = probe.consumer(group_id=group, **{**GROUP_SETTINGS, **settings})
    consumer.subscribe([topic])
    assert consumer.partitions_for_topic(topic)
    return consumer


class Member(threading.Thread):
    """A group member that polls in a thread of its own."""

    def __init__(self, probe: Probe, group: str, topic: str, **settings: Any) -> None:
        """Join *group* for *topic* and begin to poll."""
        super().__init__(daemon=True)
        self.consumer = subscribed(probe, group, topic, **settings)
        self._leaving = threading.Event()
        self._vanishes = False
        self.start()

    def run(self) -> None:
        """Poll until told to leave, and say so to the others unless the member just vanishes."""
        while not self._leaving.is_set():
            self.consumer.poll(100)
        if not self._vanishes:
            self.consumer.close()

    def owns(self, count: int) -> bool:
        """Return whether the member is assigned *count* partitions."""
        return len(self.consumer.assignment()) == count

    def vanish(self) -> None:
        """Stop sending anything, without a farewell. Nobody polls by then: a poll would run the client's network itself."""
        self._vanishes = True
        self.leave()
        self.consumer._net.stop()

    def leave(self) -> None:
        """Leave the group."""
        self._leaving.set()
        self.join()


def test_a_group_resumes_at_its_committed_offset(probe: Probe) -> None:
    """What one member committed, with metadata, is where the next one begins."""
    topic, group = probe.create_topic(), new_group()
    probe.produce(topic, [b"%d" % i for i in range(10)])
    partition = TopicPartition(topic, 0)
    first = subscribed(probe, group, topic)
    assert len(drained(first, 10)) == 10
    first.commit({partition: OffsetAndMetadata(7, "seven", -1)})
    assert first.committed(partition, metadata=True).metadata == "seven"
    first.close()
    second = subscribed(probe, group, topic)
    assert [record.offset for record in drained(second, 3)] == [7, 8, 9]
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


def test_a_static_member_comes_back_without_a_rebalance(probe: Probe) -> None:
    """With a ``group_instance_id`` the generation stays when the member restarts."""
    topic, group = probe.create_topic(), new_group()
    generations = []
    for _ in range(2):
        consumer = subscribed(probe, group, topic, group_instance_id="one")
        wait_until(lambda: consumer.poll(100) or consumer.assignment())  # noqa: B023  # called at once
        generations.append(consumer.group_metadata().generation_id)
        consumer.close()
    assert generations[0] == generations[1]


def test_a_commit_of_an_old_generation_is_refused(probe: Probe) -> None:
    """Whoever was left behind by a rebalance cannot move the group's offsets."""
    topic, group = probe.create_topic(), new_group()
    consumer = subscribed(probe, group, topic)
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
