"""The HTTP sink under the suite that every sink can use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.sink import HttpSink
from fluxion_connect_http.testing import Request, ScriptedServer

from fluxion_core.testing.suites import SinkCase, SinkSuite


class TestHttpSink(SinkSuite):
    """In each of the three forms of a body."""

    @pytest.fixture(params=["json_array", "ndjson", "single"])
    def case(self, request: pytest.FixtureRequest) -> Iterator[SinkCase]:
        """A server that keeps what it is sent."""
        with ScriptedServer() as server:
            options = HttpSinkOptions.parse({"endpoint": server.url, "format": request.param}, where="sink")
            yield SinkCase(
                make=lambda: HttpSink(options), read=lambda: [one for got in server.requests for one in _documents(got)]
            )


class _Deduplicating:
    """A receiver that keeps the promise of ``Idempotency-Key``: a key that it has seen changes nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Any]] = {}

    def keep(self, request: Request) -> None:
        """Keep what is new."""
        self.kept.setdefault(request.header("Idempotency-Key") or "", _documents(request))


def test_with_a_receiver_that_looks_at_the_key_redeliveries_are_harmless(open_sink, sealed) -> None:
    """The keys are what makes at-least-once delivery exactly-once in effect."""
    receiver = _Deduplicating()
    with ScriptedServer() as server:
        for _ in range(3):
            open_sink(server.url).write(sealed(b'{"n":1}', b'{"n":2}', seq=1))
        open_sink(server.url).write(sealed(b'{"n":3}', seq=2))
    for request in server.requests:
        receiver.keep(request)
    assert [{"n": 1}, {"n": 2}, {"n": 3}] == [document for documents in receiver.kept.values() for document in documents]


def _documents(request: Request) -> list[Any]:
    text = request.body.decode()
    if text.startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines()]
