"""A clock that does not wait, sealed batches to send, and a sink that is open."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.sink import HttpSink

from fluxion_core.spi import Clock, Context, Host, SealedBatch


class QuickClock(Clock):
    """Waits are written down in ``waits`` and take no time."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.before_wait: Callable[[], None] = lambda: None

    def wait(self, event: Event, seconds: float) -> bool:
        """Write the wait down."""
        self.waits.append(seconds)
        self.before_wait()
        return event.is_set()


class FullDice(random.Random):
    """Always throws the largest value, so that full jitter waits the whole backoff."""

    def random(self) -> float:
        """Return the largest."""
        return 1.0


@pytest.fixture
def clock() -> QuickClock:
    """The clock of ``context``."""
    return QuickClock()


@pytest.fixture
def context(clock: QuickClock) -> Context:
    """What the sink is opened with."""
    return Context(pipeline_id="p", host=Host(clock=clock, rng=FullDice()), logger=logging.getLogger("fluxion.test"))


@pytest.fixture
def open_sink(context: Context) -> Iterator[Callable[..., HttpSink]]:
    """Make and open sinks; closes them all."""
    sinks: list[HttpSink] = []

    def make(endpoint: str, **options: Any) -> HttpSink:
        sink = HttpSink(HttpSinkOptions.parse({"endpoint": endpoint, **options}, where="sink"))
        sinks.append(sink)
        sink.open(context)
        return sink

    yield make
    for sink in sinks:
        sink.close()


@pytest.fixture
def sealed() -> Callable[..., SealedBatch]:
    """Make sealed batches of pipeline ``p``, incarnation ``i``."""

    def make(*records: bytes, seq: int = 1) -> SealedBatch:
        block = b"".join(record + b"\n" for record in records)
        return SealedBatch(pipeline_id="p", incarnation="i", epoch=1, seq=seq, count=len(records), block=block)

    return make
