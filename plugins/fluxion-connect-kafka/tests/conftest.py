"""Fixtures of this room: brokers of both kinds, from the kit that the package ships, and the ends of the connector with each client."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fluxion_connect_kafka.properties import KAFKA_PYTHON, LIBRDKAFKA
from fluxion_connect_kafka.testing.ends import Reader, Writer
from fluxion_connect_kafka.testing.fixtures import collect_dropped, kafka_broker, probe, small_broker, sweep

__all__ = ["kafka_broker", "probe", "small_broker", "sweep"]


def pytest_sessionfinish() -> None:
    """Collect what the last test has left behind."""
    collect_dropped()


@pytest.fixture(params=[KAFKA_PYTHON, LIBRDKAFKA])
def client(request: pytest.FixtureRequest) -> Any:
    """The option ``client``: what is true with one library is true with the other."""
    return request.param


@pytest.fixture
def reading(client: str) -> Callable[..., Reader]:
    """``Reader`` with that client."""
    return partial(Reader, client=client)


@pytest.fixture
def writing(client: str) -> Callable[..., Writer]:
    """``Writer`` with that client."""
    return partial(Writer, client=client)
