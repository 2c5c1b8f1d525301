"""Source and sink under the suites that every connector can use, against the small broker, with each client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fluxion_connect_kafka.options import KafkaSinkOptions, KafkaSourceOptions
from fluxion_connect_kafka.sink import KafkaSink
from fluxion_connect_kafka.source import KafkaSource
from fluxion_connect_kafka.testing.broker import SmallBroker
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS
from fluxion_connect_kafka.testing.probe import Probe

from fluxion_core.testing.suites import SinkCase, SinkSuite, SourceCase, SourceSuite

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

PAYLOADS = [b'{"n":1}', b"not json", b"", b'{"n":4}', b"\xff\x00", b'{"n":6}']


@pytest.fixture
def hand(small_broker: SmallBroker) -> Iterator[Probe]:
    """A probe on the small broker."""
    with Probe(small_broker.bootstrap_servers) as probe:
        yield probe


class TestKafkaSource(SourceSuite):
    """A topic of one partition, whose order counts."""

    @pytest.fixture
    def case(self, small_broker: SmallBroker, hand: Probe, client: str) -> SourceCase:
        """Six records."""
        topic = hand.create_topic()
        hand.produce(topic, PAYLOADS)
        return _source_case(small_broker, topic, client)


class TestKafkaSourceOfSeveralPartitions(SourceSuite):
    """A topic of three partitions, one of them empty."""

    @pytest.fixture
    def case(self, small_broker: SmallBroker, hand: Probe, client: str) -> SourceCase:
        """Six records, on two of the partitions."""
        topic = hand.create_topic(3)
        hand.produce(topic, PAYLOADS[:4], partition=0)
        hand.produce(topic, PAYLOADS[4:], partition=2)
        return _source_case(small_broker, topic, client)


def _source_case(broker: SmallBroker, topic: str, client: str) -> SourceCase:
    given = {"topic": topic, "bootstrap_servers": broker.bootstrap_servers, "client": client}
    options = KafkaSourceOptions.parse(given, where="source")
    return SourceCase(make=lambda: KafkaSource(options), payloads=PAYLOADS)


class TestKafkaSink(SinkSuite):
    """A topic of one partition."""

    @pytest.fixture
    def case(self, small_broker: SmallBroker, hand: Probe, client: str) -> SinkCase:
        """An empty topic."""
        topic = hand.create_topic()
        given = {"topic": topic, "bootstrap_servers": small_broker.bootstrap_servers, "client": client}
        options = KafkaSinkOptions.parse(given, where="sink")

        def read() -> list[Any]:
            return [json.loads(payload) for payload in hand.payloads(topic)]

        return SinkCase(make=lambda: KafkaSink(options), read=read)
