"""The source, against both brokers: where reading begins, goes on and is reported."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from fluxion_connect_kafka.options import KafkaSourceOptions
from fluxion_connect_kafka.properties import KAFKA_PYTHON, LIBRDKAFKA
from fluxion_connect_kafka.source import KafkaSource
from fluxion_connect_kafka.testing.ends import numbers
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError

from fluxion_core.spi import Context
from fluxion_core.spi.signals import FatalError, StateError, TransientError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

PATIENCE_SECONDS = 20.0


def committed(probe: Any, group: str) -> dict[tuple[str, int], int]:
    try:
        return dict(probe.committed(group))
    except (CoordinatorLoadInProgressError, CoordinatorNotAvailableError):  # the first group of a cluster takes its time
        return {}


def test_a_first_run_begins_at_the_beginning(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 5))
    with reading(kafka_broker, topic) as reader:
        assert numbers(0, 5) == reader.read(5)


def test_reading_goes_on_at_the_position(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 5))
    with reading(kafka_broker, topic) as reader:
        reader.read(5)
        positions = reader.positions
    probe.produce(topic, numbers(5, 8))
    with reading(kafka_broker, topic, positions) as reader:
        assert numbers(5, 8) == reader.read(3)


def test_latest_begins_at_the_end(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 5))
    with reading(kafka_broker, topic, start_from="latest") as reader:
        probe.produce(topic, numbers(5, 7))
        assert numbers(5, 7) == reader.read(2)


def test_a_point_of_time_begins_there(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 2), timestamp_ms=1_767_225_600_000)
    probe.produce(topic, numbers(2, 4), timestamp_ms=1_767_225_700_000)
    with reading(kafka_broker, topic, start_from="2026-01-01T00:01:00Z") as reader:
        assert numbers(2, 4) == reader.read(2)


def test_a_batch_has_at_most_the_records_that_were_asked_for(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 50))
    with reading(kafka_broker, topic) as reader:
        assert numbers(0, 50) == reader.read(50, max_records=7)
        assert 7 == max(len(batch) for batch in reader.batches)


@pytest.mark.parametrize(("tombstones", "expected"), [("keep", [b"{}", b"", b""]), ("skip", [b"{}", b""])])
def test_a_record_without_a_value_is_kept_empty_or_skipped(kafka_broker, probe, reading, tombstones, expected) -> None:
    topic = probe.create_topic()
    probe.produce(topic, [b"{}", None, b""], key=b"k")
    with reading(kafka_broker, topic, tombstones=tombstones) as reader:
        assert expected == reader.read(len(expected))
        assert [b"k"] * len(expected) == [key for batch in reader.batches for key in batch.keys or ()]


def test_keys_headers_and_timestamps_come_beside_the_payloads(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, [b"{}"], key=b"k", headers=[("h", b"v")], timestamp_ms=1_767_225_600_500)
    with reading(kafka_broker, topic) as reader:
        assert [b"{}"] == reader.read(1)
        batch = next(batch for batch in reader.batches if len(batch))
    assert [b"k"] == batch.keys
    assert [("h", b"v")] == list(batch.headers[0])
    assert [1_767_225_600.5] == batch.timestamps
    assert 0 == batch.record_positions[0]["offset"]


def test_every_partition_is_a_split_with_a_position(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic(3)
    for partition in range(3):
        probe.produce(topic, numbers(partition, partition + 1), partition=partition)
    with reading(kafka_broker, topic) as reader:
        assert sorted(numbers(0, 3)) == sorted(reader.read(3))
        assert {"0": 1, "1": 1, "2": 1} == {split: position["offset"] for split, position in reader.positions.items()}


def test_records_of_several_partitions_in_one_batch_keep_their_places(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic(2)
    for partition in (0, 1):
        probe.produce(topic, numbers(10 * partition, 10 * partition + 5), partition=partition, key=b"%d" % partition)
    with reading(kafka_broker, topic) as reader:
        reader.read(10)
        found = {
            (payload, split, position["offset"], key)
            for batch in reader.batches
            for payload, split, position, key in zip(
                batch.payloads, batch.splits, batch.record_positions, batch.keys, strict=True
            )
        }
    expected = {(b'{"n":%d}' % (10 * part + n), str(part), n, b"%d" % part) for part in (0, 1) for n in range(5)}
    assert expected == found


def test_new_partitions_are_noticed(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    properties = {"metadata_max_age_ms": 200}
    with reading(kafka_broker, topic, new_partitions_seconds=0.1, client_properties=properties) as reader:
        probe.produce(topic, numbers(0, 1))
        reader.read(1)
        probe.add_partitions(topic, 2)
        probe.close()  # its producer knows one partition only
        probe.produce(topic, numbers(1, 2), partition=1)
        assert numbers(1, 2) == reader.read(1)
        assert {"0", "1"} == set(reader.positions)


def test_old_partitions_are_read_on_when_new_ones_come(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    properties = {"metadata_max_age_ms": 200}
    with reading(kafka_broker, topic, new_partitions_seconds=0.1, client_properties=properties) as reader:
        probe.add_partitions(topic, 2)
        probe.produce(topic, numbers(0, 1), partition=1)
        assert numbers(0, 1) == reader.read(1)
        probe.produce(topic, numbers(1, 3), partition=0)
        assert numbers(1, 3) == reader.read(2)


def test_a_source_that_was_given_some_of_the_partitions_reads_those_only(kafka_broker, probe, reading) -> None:
    """One process of several: the others' partitions are theirs, and a new one is nobody's before the next start."""
    topic = probe.create_topic(3)
    properties = {"metadata_max_age_ms": 200}
    with reading(kafka_broker, topic, only={"0", "2"}, new_partitions_seconds=0.1, client_properties=properties) as reader:
        probe.add_partitions(topic, 4)
        probe.close()  # its producer knows three partitions only
        for partition in range(4):
            probe.produce(topic, numbers(partition, partition + 1), partition=partition)
        assert [*numbers(0, 1), *numbers(2, 3)] == sorted(reader.read(2))
        assert [] == reader.read(1, patience_seconds=1.5)
        assert {"0", "2"} == set(reader.positions)


def test_a_position_counts_with_the_other_client(kafka_broker, probe, reading, client) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 3))
    with reading(kafka_broker, topic) as reader:
        reader.read(2, max_records=2)
        positions = reader.positions
    (other,) = {KAFKA_PYTHON, LIBRDKAFKA} - {client}
    with reading(kafka_broker, topic, positions, client=other) as reader:
        assert numbers(2, 3) == reader.read(1)


def test_latest_is_chosen_once_for_a_partition_that_has_had_no_record(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic(2)
    with reading(kafka_broker, topic, start_from="latest") as reader:
        probe.produce(topic, numbers(0, 1), partition=0)
        reader.read(1)
        positions = reader.positions
    probe.produce(topic, numbers(1, 3), partition=1)
    with reading(kafka_broker, topic, positions, start_from="latest") as reader:
        assert numbers(1, 3) == reader.read(2)


def test_a_partition_added_while_nothing_ran_is_read_from_its_beginning(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    with reading(kafka_broker, topic, start_from="latest") as reader:
        reader.source.poll(1, 0.1)
        probe.produce(topic, numbers(0, 1))
        reader.read(1)
        positions = reader.positions
    probe.add_partitions(topic, 2)
    probe.close()  # its producer knows one partition only
    probe.produce(topic, numbers(1, 3), partition=1)
    with reading(kafka_broker, topic, positions, start_from="latest") as reader:
        assert numbers(1, 3) == reader.read(2)


def test_records_that_are_gone_are_an_error(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 10))
    probe.delete_records(topic, 0, 5)
    with pytest.raises(StateError, match="has offsets 5 to 10, not 2"), reading(kafka_broker, topic, {"0": {"offset": 2}}):
        pass


def test_on_request_reading_goes_on_behind_what_is_gone(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 10))
    probe.delete_records(topic, 0, 5)
    with reading(kafka_broker, topic, {"0": {"offset": 2}}, on_out_of_range="earliest") as reader:
        assert numbers(5, 10) == reader.read(5)


def test_a_missing_topic_stops_and_names_the_one_that_is_close(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    with (
        pytest.raises(FatalError, match=f"topic '{topic}x' does not exist; did you mean '{topic}'"),
        reading(kafka_broker, f"{topic}x"),
    ):
        pass


def test_discover_lists_topics(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic(2)
    reader = reading(kafka_broker, topic)
    found = {stream.name: stream.details for stream in reader.source.discover(reader.context)}
    reader.source.close()
    assert {"partitions": 2} == found[topic]


def test_lag_is_what_waits_behind_the_last_poll(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 10))
    with reading(kafka_broker, topic) as reader:
        reader.read(4, max_records=4)
        assert 10 - reader.positions["0"]["offset"] == reader.source.lag()


def test_sealed_positions_are_committed_to_the_group(kafka_broker, probe, reading) -> None:
    topic = probe.create_topic()
    probe.produce(topic, numbers(0, 3))
    with reading(kafka_broker, topic, group_id=f"group-{topic}") as reader:
        reader.read(3)
        reader.source.commit(reader.positions)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := committed(probe, f"group-{topic}")) != {(topic, 0): 3} and time.monotonic() < deadline:
            time.sleep(0.05)
    assert {(topic, 0): 3} == found


def test_brokers_that_are_away_are_an_outage(small_broker, client) -> None:
    small_broker.create_topic("t")
    address = small_broker.bootstrap_servers
    small_broker.stop()
    given = {"topic": "t", "bootstrap_servers": address, "connect_timeout_seconds": 0.5, "client": client}
    source = KafkaSource(KafkaSourceOptions.parse(given))
    try:
        with pytest.raises(TransientError, match="no answer within"):
            source.splits(Context(pipeline_id="p"))
    finally:
        source.close()


def test_a_broker_that_dies_while_reading_is_an_outage_and_reading_goes_on_after_it(small_broker, reading) -> None:
    small_broker.create_topic("t")
    options = {"connect_timeout_seconds": 1, "health_check_seconds": 0.1}
    with reading(small_broker, "t", **options) as reader:
        small_broker.stop()
        with pytest.raises(TransientError):
            reader.read(1)
        threading.Timer(0.2, small_broker.start).start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                reader.source.open(reader.context, {"0": reader.positions.get("0")})
                break
            except TransientError:
                continue
        assert [] == reader.source.poll(1, 0.1).payloads
