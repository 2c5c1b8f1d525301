"""What this distribution registers with Fluxion."""

from __future__ import annotations

from typing import Any

from fluxion_connect_kafka.sink import KafkaSink
from fluxion_connect_kafka.source import KafkaSource
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Sink, Source

FLUXION_SPI = (1, 0)


@hookimpl
def fluxion_register_sources() -> list[type[Source[Any]]]:
    """Return the one source."""
    return [KafkaSource]


@hookimpl
def fluxion_register_sinks() -> list[type[Sink[Any]]]:
    """Return the one sink."""
    return [KafkaSink]
