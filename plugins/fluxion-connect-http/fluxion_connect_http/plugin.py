"""What this distribution registers with Fluxion."""

from __future__ import annotations

from typing import Any

from fluxion_connect_http.sink import HttpSink
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Sink

FLUXION_SPI = (1, 0)


@hookimpl
def fluxion_register_sinks() -> list[type[Sink[Any]]]:
    """Return the one sink."""
    return [HttpSink]
