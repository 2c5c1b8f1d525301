"""Pytest fixtures: brokers of both kinds, to be named in a ``conftest.py``.


    from fluxion_connect_kafka.testing.fixtures import collect_dropped, kafka_broker, probe, small_broker, sweep

    __all__ = ["kafka_broker", "probe", "small_broker", "sweep"]

    def pytest_sessionfinish():
        collect_dropped()

``kafka_broker`` runs a test twice: against the small broker and against Apache Kafka. Where Java or the jars are missing
the second run is skipped with the reason, unless ``FLUXION_REQUIRE_KAFKA=1`` turns the skip into a failure.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from typing import Protocol

import attrs
import pytest

from fluxion_connect_kafka.testing.apache import ApacheKafka, missing_requirement
from fluxion_connect_kafka.testing.broker import SmallBroker
from fluxion_connect_kafka.testing.probe import Probe

__all__ = [
    "KAFKA_MARKS",
    "REQUIRE_VARIABLE",
    "Broker",
    "KindOfBroker",
    "collect_dropped",
    "kafka_broker",
    "probe",
    "small_broker",
    "sweep",
]

REQUIRE_VARIABLE = "FLUXION_REQUIRE_KAFKA"

KAFKA_MARKS = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks for modules that use kafka-python: it drops sockets and generators without closing them, which warns later."""


class Broker(Protocol):
    """What both brokers have in common."""

    @property
    def bootstrap_servers(self) -> str:
        """The address, ``host:port``."""

    def start(self) -> object:
        """Listen (again)."""

    def stop(self) -> None:
        """End without notice; what is stored stays."""

    def close(self) -> None:
        """End for good."""


@attrs.frozen
class KindOfBroker:
    """A running broker, and which kind it is: ``small`` or ``apache``."""

    kind: str
    broker: Broker

    @property
    def bootstrap_servers(self) -> str:
        """The address, ``host:port``."""
        return self.broker.bootstrap_servers

    def stop(self) -> None:
        """Begin an outage."""
        self.broker.stop()

    def start(self) -> None:
        """End an outage."""
        self.broker.start()


def _apache() -> Broker:
    problem = missing_requirement()
    if problem and os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{problem} (and {REQUIRE_VARIABLE}=1)", pytrace=False)
    if problem:
        pytest.skip(problem)
    return ApacheKafka()


@pytest.fixture(autouse=True)
def sweep() -> Iterator[None]:
    """Collect what kafka-python has dropped within the test that caused it, or the next one, not in an innocent one.

    What was there before the first of these tests is not looked at: all that a large suite has imported would take the collector
    longer than most tests.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    yield
    collect_dropped()


def collect_dropped() -> None:
    """Collect what is dropped, sockets that are still open too, and warn of none; for the end of a session as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session", params=["small", "apache"])
def kafka_broker(request: pytest.FixtureRequest) -> Iterator[KindOfBroker]:
    """One broker of each kind for the whole session; every test makes topics of its own on it."""
    broker = SmallBroker() if request.param == "small" else _apache()
    try:
        broker.start()
        yield KindOfBroker(request.param, broker)
    finally:
        broker.close()


@pytest.fixture
def small_broker() -> Iterator[SmallBroker]:
    """A small broker of the test's own, to inject faults into and to look inside."""
    with SmallBroker() as broker:
        yield broker


@pytest.fixture
def probe(kafka_broker: KindOfBroker) -> Iterator[Probe]:
    """A probe on ``kafka_broker``."""
    with Probe(kafka_broker.bootstrap_servers) as probe:
        yield probe
