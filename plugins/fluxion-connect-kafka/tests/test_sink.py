"""The sink, against both brokers: what arrives, under which keys, and what is refused."""

from __future__ import annotations

import pytest
from fluxion_connect_kafka.options import KafkaSinkOptions
from fluxion_connect_kafka.properties import KAFKA_PYTHON, LIBRDKAFKA
from fluxion_connect_kafka.record_keys import key_reader
from fluxion_connect_kafka.sink import KEY_HEADER
from fluxion_connect_kafka.testing.ends import Writer, sealed
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS

from fluxion_core.spi.signals import FatalError, TransientError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]


def test_payloads_arrive_in_order(kafka_broker, probe, writing) -> None:
    topic = probe.create_topic()
    payloads = [b'{"_id":%d}' % number for number in range(20)]
    with writing(kafka_broker, topic) as sink:
        assert () == tuple(sink.write(sealed(payloads)).refused)
    assert payloads == probe.payloads(topic, 20)


@pytest.mark.parametrize(
    ("payload", "key"), [(b'{"_id":"C-1"}', b"C-1"), (b'{"_id":7}', b"7"), (b'{"_id":{"a":1}}', b'{"a":1}'), (b"{}", None)]
)
def test_the_key_is_the_text_of_the_field_or_its_json(kafka_broker, probe, payload, key, writing) -> None:
    topic = probe.create_topic()
    with writing(kafka_broker, topic) as sink:
        sink.write(sealed([payload]))
    assert [key] == [record.key for record in probe.read(topic, 1)]


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b'{"_id":"a\\"b"}', b'a"b'),
        (b'{"_id":"\\u00e9"}', "\u00e9".encode()),
        (b'{"_id":"a","_id":"b"}', b"b"),
        (b'{"_id":"a","x":{"_id":"b"}}', b"a"),
        (b'{"_id":""}', b""),
        (b'{ "_id": "a"}', b"a"),
        (b'{"x":"{\\"_id\\":","_id":"c"}', b"c"),
        (b'{"_id":null}', None),
        (b'{"_id":["a"]}', b'["a"]'),
        (b'{"_id":"a","_id" :"b"}', b"b"),
        (b'{"_id":"a","\\u005fid":"b"}', b"b"),
        (b'{"_id":"a","is_open":"_id"}', b"a"),
    ],
)
def test_a_key_is_read_as_a_decoder_would(payload, key) -> None:
    read = key_reader("_id")
    assert [key] == read([payload], None)
    assert [key, b"k"] == read([payload, b'{"_id":"k"}'], payload + b'\n{"_id":"k"}\n')


def test_both_clients_write_a_key_into_the_same_partition(kafka_broker, probe) -> None:
    topic = probe.create_topic(7)
    payloads = [b'{"_id":"C-%d"}' % number for number in range(50)]
    for client in (KAFKA_PYTHON, LIBRDKAFKA):
        with Writer(kafka_broker, topic, client=client) as sink:
            sink.write(sealed(payloads))
    places = {(record.key, record.partition) for record in probe.read(topic, 100)}
    assert 50 == len(places)


def test_every_record_carries_the_key_of_its_delivery(kafka_broker, probe, writing) -> None:
    topic = probe.create_topic()
    with writing(kafka_broker, topic) as sink:
        sink.write(sealed([b"{}", b"{}"], seq=3))
    assert [[(KEY_HEADER, b"i:3:0")], [(KEY_HEADER, b"i:3:1")]] == [list(record.headers) for record in probe.read(topic, 2)]


def test_a_record_that_is_too_large_is_refused_alone(kafka_broker, probe, writing) -> None:
    topic = probe.create_topic(max_message_bytes="2000")
    large = b'{"x":"' + b"a" * 5000 + b'"}'
    with writing(kafka_broker, topic) as sink:
        result = sink.write(sealed([b'{"n":1}', large, b'{"n":2}']))
    assert [1] == [refusal.index for refusal in result.refused]
    assert [b'{"n":1}', b'{"n":2}'] == probe.payloads(topic, 2)


def test_records_longer_than_the_limit_are_refused_wherever_they_stand(kafka_broker, probe, writing) -> None:
    topic = probe.create_topic()
    cases = [[20, 21, 20], [21], [10, 10, 21, 10], [2, 2, 2, 40, 2], [19, 20], [30, 2, 30], [20] * 50 + [21]]
    with writing(kafka_broker, topic, max_record_bytes=20) as sink:
        for seq, lengths in enumerate(cases, 1):
            result = sink.write(sealed([b'"' + b"a" * (length - 2) + b'"' for length in lengths], seq=seq))
            assert [index for index, length in enumerate(lengths) if length > 20] == [
                refusal.index for refusal in result.refused
            ]


def test_a_missing_topic_stops(kafka_broker, writing) -> None:
    with pytest.raises(FatalError, match="does not exist"), writing(kafka_broker, "nowhere"):
        pass


def test_brokers_that_die_are_an_outage_and_the_same_batch_can_come_again(small_broker, writing) -> None:
    small_broker.create_topic("t")
    with writing(small_broker, "t", flush_timeout_seconds=1, connect_timeout_seconds=1) as sink:
        sink.write(sealed([b'{"n":1}']))
        small_broker.stop()
        with pytest.raises(TransientError):
            sink.write(sealed([b'{"n":2}'], seq=2))
        small_broker.start()
        assert () == tuple(sink.write(sealed([b'{"n":2}'], seq=2)).refused)


def test_a_missing_acknowledgement_setting_is_refused() -> None:
    with pytest.raises(Exception, match="records as written that nobody has received"):
        KafkaSinkOptions.parse({"topic": "t", "bootstrap_servers": "h:1", "acks": "0"})
