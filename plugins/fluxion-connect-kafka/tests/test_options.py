"""What the options accept, and what they say about the rest."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from fluxion_connect_kafka.clients import connect, told
from fluxion_connect_kafka.durations import seconds_of
from fluxion_connect_kafka.options import KafkaSinkOptions, KafkaSourceOptions
from fluxion_connect_kafka.source import KafkaSource

from fluxion_core.errors import ConfigError
from fluxion_core.spi import Context
from fluxion_core.spi.signals import FatalError

NEEDED = {"topic": "orders.v1", "bootstrap_servers": "h:9092"}


def source(**options: Any) -> KafkaSourceOptions:
    """Parse options of the source."""
    return KafkaSourceOptions.parse({**NEEDED, **options}, where="source")


def problems(kind: Any, options: dict[str, Any]) -> list[str]:
    """Return what parsing says about *options*, in lines."""
    with pytest.raises(ConfigError) as caught:
        kind.parse({**NEEDED, **options}, where="x")
    return str(caught.value).splitlines()


def test_servers_are_a_list_or_text_with_commas() -> None:
    assert ["a:1", "b:2"] == source(bootstrap_servers="a:1,b:2").bootstrap_servers
    assert ["a:1", "b:2"] == source(bootstrap_servers=["a:1", "b:2"]).bootstrap_servers


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1m", 60.0), ("PT1.5S", 1.5), ("PT1M", 60.0)])
def test_lengths_of_time_have_units(text, seconds) -> None:
    assert seconds == seconds_of(text)
    assert seconds == source(poll_timeout=text).longest_poll_seconds
    assert seconds == KafkaSinkOptions.parse({**NEEDED, "flush_timeout": text}, where="sink").longest_flush_seconds


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00"])
def test_a_point_of_time_is_utc_unless_it_says_otherwise(text) -> None:
    assert int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp() * 1000) == source(start_from=text).start_milliseconds


@pytest.mark.parametrize(
    ("kind", "options", "option", "message"),
    [
        (KafkaSourceOptions, {"topic": "a b"}, "topic", "a b"),
        (KafkaSourceOptions, {"topic": ""}, "topic", ""),
        (KafkaSourceOptions, {"bootstrap_servers": "host"}, "bootstrap_servers", "host"),
        (KafkaSourceOptions, {"bootstrap_servers": "host:x"}, "bootstrap_servers", "host:x"),
        (KafkaSourceOptions, {"topicc": "t"}, "topicc", "did you mean 'topic'"),
        (KafkaSourceOptions, {"start_from": "erliest"}, "start_from", "expected earliest, latest or a point of time"),
        (KafkaSourceOptions, {"poll_timeout": "5"}, "poll_timeout", "write it with a unit"),
        (KafkaSourceOptions, {"poll_timeout": "1s", "poll_timeout_seconds": 1}, "poll_timeout", "given twice"),
        (KafkaSourceOptions, {"queue_capacity": 0}, "queue_capacity", "0 is too small"),
        (KafkaSourceOptions, {"sasl_username": "u"}, "sasl_username", "has no effect with security_protocol PLAINTEXT"),
        (KafkaSourceOptions, {"ssl_ciphers": "X"}, "ssl_ciphers", "has no effect with security_protocol PLAINTEXT"),
        (KafkaSourceOptions, {"security_protocol": "SSL", "ssl_keyfile": "k.pem"}, "ssl_certfile", "required with ssl_keyfile"),
        (KafkaSinkOptions, {"acks": "0"}, "acks", "records as written that nobody has received"),
        (KafkaSinkOptions, {"acks": 2}, "acks", "expected all, or 1"),
        (KafkaSinkOptions, {"key": "a.b"}, "key", "no top-level field"),
        (KafkaSinkOptions, {"flush_timeout": "0s"}, "flush_timeout", "expected more than 0"),
        (KafkaSinkOptions, {"compression_type": "lzma"}, "compression_type", "expected one of"),
    ],
)  # fmt: skip
def test_mistakes_name_the_option_and_what_is_expected(kind, options, option, message) -> None:
    lines = problems(kind, options)
    assert any(line.startswith(f"x.{option}: ") and message in line for line in lines), lines


def test_a_login_needs_all_its_parts() -> None:
    lines = problems(KafkaSourceOptions, {"security_protocol": "SASL_SSL"})
    wanted = ["x.sasl_mechanism", "x.sasl_username", "x.sasl_password"]
    assert wanted == [line.split(": ")[0] for line in lines]


@pytest.mark.parametrize("name", ["fetch_max_bytes", "fetch.max.bytes", "fetch-max-bytes"])
def test_a_property_of_the_client_has_the_client_s_name_or_dots(name) -> None:
    assert {name: 1000} == source(client_properties={name: 1000}).client_properties


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (KafkaSourceOptions, "enable.auto.commit", "the connector sets it itself"),
        (KafkaSourceOptions, "auto_offset_reset", "the connector sets it itself"),
        (KafkaSourceOptions, "value_deserializer", "it would load code"),
        (KafkaSourceOptions, "partition.assignment.strategy", "it would load code"),
        (KafkaSourceOptions, "ssl_cafile", "is an option of its own"),
        (KafkaSourceOptions, "socks5_proxy", "elsewhere"),
        (KafkaSourceOptions, "sasl.jaas.config", "elsewhere"),
        (KafkaSourceOptions, "fetch_max_byte", "did you mean 'fetch_max_bytes'"),
        (KafkaSinkOptions, "enable.idempotence", "the connector sets it itself"),
        (KafkaSinkOptions, "transactional_id", "the connector sets it itself"),
        (KafkaSinkOptions, "partitioner", "it would load code"),
        (KafkaSinkOptions, "acks", "is an option of its own"),
    ],
)
def test_properties_that_break_a_promise_or_open_a_door_are_refused(kind, name, message) -> None:
    (line,) = problems(kind, {"client_properties": {name: "x"}})
    assert line.startswith("x.client_properties: ")
    assert message in line


@pytest.mark.parametrize(
    ("kind", "client", "name", "message"),
    [
        (KafkaSourceOptions, "librdkafka", "fetch_max_wait_ms", "known to kafka-python only, and the client here is librdkafka"),
        (KafkaSourceOptions, "kafka-python", "queued.min.messages", "known to librdkafka only, and the client here is kafka-python"),
        (KafkaSinkOptions, "librdkafka", "max.block.ms", "known to kafka-python only"),
        (KafkaSinkOptions, "kafka-python", "message.timeout.ms", "known to librdkafka only"),
        (KafkaSinkOptions, "librdkafka", "plugin.library.paths", "it would load code"),
        (KafkaSinkOptions, "librdkafka", "delivery.report.only.error", "the connector sets it itself"),
        (KafkaSourceOptions, "librdkafka", "ssl.ca.location", "it names a file"),
        (KafkaSourceOptions, "librdkafka", "queued.min.mesages", "did you mean 'queued_min_messages'"),
    ],
)  # fmt: skip
def test_a_property_that_the_chosen_client_does_not_know_is_refused(kind, client, name, message) -> None:
    (line,) = problems(kind, {"client": client, "client_properties": {name: 1}})
    assert line.startswith("x.client_properties: ")
    assert message in line


def test_librdkafka_takes_its_own_properties() -> None:
    properties = {"queued.min.messages": 1000, "fetch_wait_max_ms": 50}
    assert properties == source(client="librdkafka", client_properties=properties).client_properties


def test_a_client_that_is_not_installed_names_its_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(FatalError, match=r"pip install 'fluxion-connect-kafka\[librdkafka\]'"):
        KafkaSource(source(client="librdkafka")).splits(Context(pipeline_id="p"))


def test_a_value_that_librdkafka_refuses_names_the_property() -> None:
    client = connect(source(client="librdkafka", client_properties={"fetch.min.bytes": "many"}), Context(pipeline_id="p"))
    with pytest.raises(FatalError, match=r"Invalid value .*fetch\.min\.bytes"):
        told(client.consumer)
    client.close()
