"""What goes wrong on the wire: error codes, dropped connections and delays are ridden out, or told in the right class."""

from __future__ import annotations

import time

import pytest
from fluxion_connect_kafka.testing.broker import Code, Delay, Drop, DropAfter
from fluxion_connect_kafka.testing.ends import numbers, sealed
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from fluxion_connect_kafka.testing.probe import Probe

from fluxion_core.spi.signals import FatalError, StateError, TransientError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

TOPIC = "t"
PATIENCE_SECONDS = 10.0


@pytest.fixture
def hand(small_broker):
    """A probe on the small broker, with a topic."""
    small_broker.create_topic(TOPIC)
    with Probe(small_broker.bootstrap_servers) as probe:
        yield probe


PASSING_READ_FAULTS = [
    ("Fetch", Code.NOT_LEADER_OR_FOLLOWER),
    ("Fetch", Code.UNKNOWN_TOPIC_OR_PARTITION),
    ("Fetch", Drop()),
    ("Fetch", DropAfter()),
    ("Fetch", Delay(0.3)),
    ("Metadata", Drop()),
    ("ListOffsets", Code.NOT_LEADER_OR_FOLLOWER),
    ("ListOffsets", Drop()),
]


@pytest.mark.parametrize(("api", "fault"), PASSING_READ_FAULTS, ids=str)
def test_reading_rides_out_what_passes(small_broker, hand, api, fault, reading) -> None:
    hand.produce(TOPIC, numbers(0, 20))
    small_broker.fail(api, fault)
    with reading(small_broker, TOPIC) as reader:
        first = reader.read(5, max_records=5)
        small_broker.fail(api, fault)
        assert numbers(0, 20) == first + reader.read(15)


@pytest.mark.parametrize("fault", [Code.NOT_LEADER_OR_FOLLOWER, Code.REQUEST_TIMED_OUT, Drop(), Delay(0.3)], ids=str)
def test_writing_rides_out_what_passes(small_broker, hand, fault, writing) -> None:
    small_broker.fail("Produce", fault, fault)
    with writing(small_broker, TOPIC) as sink:
        assert () == tuple(sink.write(sealed(numbers(0, 20))).refused)
    assert numbers(0, 20) == hand.payloads(TOPIC)


def test_an_answer_that_is_lost_does_not_write_twice(small_broker, hand, writing) -> None:
    """The producer is idempotent: what was carried out is not carried out again."""
    with writing(small_broker, TOPIC) as sink:
        small_broker.fail("Produce", DropAfter())
        sink.write(sealed(numbers(0, 20)))
    assert numbers(0, 20) == hand.payloads(TOPIC)


def test_a_missing_right_to_write_stops(small_broker, hand, writing) -> None:
    with writing(small_broker, TOPIC) as sink:
        small_broker.fail("Produce", Code.TOPIC_AUTHORIZATION_FAILED)
        with pytest.raises(FatalError, match=r"writing to topic 't': TopicAuthorizationFailed.* ask for an ACL"):
            sink.write(sealed(numbers(0, 1)))


def test_a_missing_right_to_read_stops(small_broker, hand, reading) -> None:
    with reading(small_broker, TOPIC) as reader:
        small_broker.fail("Fetch", *[Code.TOPIC_AUTHORIZATION_FAILED] * 5)
        with pytest.raises(FatalError, match="ask for an ACL"):
            reader.read(1)


def test_records_that_the_brokers_refuse_are_refused_and_the_rest_arrives(small_broker, hand, writing) -> None:
    """One code for the batch; sent one by one, only the second is refused again."""
    with writing(small_broker, TOPIC) as sink:
        small_broker.fail("Produce", Code.INVALID_RECORD, Code.NONE, Code.INVALID_RECORD)
        result = sink.write(sealed(numbers(0, 3)))
        assert [1] == [refusal.index for refusal in result.refused]
        assert () == tuple(sink.write(sealed(numbers(3, 5), seq=2)).refused)
    assert [*numbers(0, 1), *numbers(2, 5)] == hand.payloads(TOPIC)


def test_brokers_that_never_acknowledge_are_an_outage_within_the_flush_timeout(small_broker, hand, writing) -> None:
    with writing(small_broker, TOPIC, flush_timeout_seconds=0.5) as sink:
        small_broker.fail("Produce", Delay(5.0))
        with pytest.raises(TransientError, match=r"writing to topic 't'"):
            sink.write(sealed(numbers(0, 1)))


def test_records_that_disappear_while_reading_stop_it(small_broker, hand, reading) -> None:
    hand.produce(TOPIC, numbers(0, 1))
    with reading(small_broker, TOPIC) as reader:
        assert numbers(0, 1) == reader.read(1)
        small_broker.fail("Fetch", *[Code.OFFSET_OUT_OF_RANGE] * 3)  # a fetch that waits already finds nothing and is repeated
        with pytest.raises(StateError, match="records were removed before they were read"):
            reader.read(1)


def test_a_group_that_cannot_be_committed_to_does_not_stop_the_reading(small_broker, hand, caplog, reading) -> None:
    warning = "committing offsets of group 'g' (for lag tools only)"
    hand.produce(TOPIC, numbers(0, 4))
    with reading(small_broker, TOPIC, group_id="g") as reader:
        reader.read(2, max_records=2)
        small_broker.fail("OffsetCommit", *[Code.GROUP_AUTHORIZATION_FAILED] * 2)
        reader.source.commit(reader.positions)
        assert numbers(2, 4) == reader.read(2)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while warning not in caplog.text and time.monotonic() < deadline:
            reader.source.poll(1, 0.05)
    assert warning in caplog.text
