"""Passwords come in and never out again: not in errors, reprs or logs, whatever the brokers say."""

from __future__ import annotations

import base64
import logging
import traceback
from typing import Any

import pytest
from fluxion_connect_kafka.options import KafkaSinkOptions, KafkaSourceOptions
from fluxion_connect_kafka.sink import KafkaSink
from fluxion_connect_kafka.source import KafkaSource
from fluxion_connect_kafka.testing.broker import SmallBroker
from fluxion_connect_kafka.testing.broker.cluster import Settings
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS

from fluxion_core.errors import ConfigError
from fluxion_core.spi import Context
from fluxion_core.spi.signals import FatalError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]

CANARY = "c4nary/+ =&!"
FORMS = [CANARY, repr(CANARY.encode())[2:-1], base64.b64encode(CANARY.encode()).decode(), f"u\\x00{CANARY}"]
LOGIN = {
    "topic": "t",
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "u",
    "sasl_password": CANARY,
    "connect_timeout_seconds": 3,
}


def shown(error: BaseException) -> str:
    """Return everything that a log or a terminal could show of *error*."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def reach(role: str, address: str, client: str) -> str:
    """Open a component with the login and return its reprs."""
    if role == "source":
        source = KafkaSource(KafkaSourceOptions.parse({**LOGIN, "bootstrap_servers": address, "client": client}, where=role))
        try:
            source.splits(Context(pipeline_id="p"))
        finally:
            source.close()
        return repr(source) + repr(source.config) + str(source.config.redacted())
    sink = KafkaSink(KafkaSinkOptions.parse({**LOGIN, "bootstrap_servers": address, "client": client}, where=role))
    try:
        sink.open(Context(pipeline_id="p"))
    finally:
        sink.close()
    return repr(sink) + repr(sink.config) + str(sink.config.redacted())


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Any:
    """Everything that any logger says from DEBUG on, the client's own included."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="kafka")
    caplog.set_level(logging.DEBUG, logger="librdkafka")
    return caplog


@pytest.mark.parametrize("role", ["source", "sink"])
def test_a_login_that_works_shows_no_password(logs, role, client) -> None:
    with SmallBroker(settings=Settings(users={"u": CANARY})) as broker:
        broker.create_topic("t")
        seen = reach(role, broker.bootstrap_servers, client)
    assert [] == [form for form in FORMS if form in seen + logs.text]


@pytest.mark.parametrize("role", ["source", "sink"])
def test_a_login_that_is_refused_stops_and_shows_no_password(logs, role, client) -> None:
    with (
        SmallBroker(settings=Settings(users={"u": "another"})) as broker,
        pytest.raises(FatalError, match="check sasl_mechanism, sasl_username and sasl_password") as caught,
    ):
        reach(role, broker.bootstrap_servers, client)
    assert [] == [form for form in FORMS if form in shown(caught.value) + logs.text]


@pytest.mark.parametrize("kind", [KafkaSourceOptions, KafkaSinkOptions])
@pytest.mark.parametrize("option", ["sasl_password", "ssl_password"])
def test_a_mistake_in_a_password_does_not_show_it(kind, option) -> None:
    with pytest.raises(ConfigError) as caught:
        kind.parse({**LOGIN, "bootstrap_servers": "h:1", option: [CANARY]}, where="x")
    assert CANARY not in shown(caught.value)
