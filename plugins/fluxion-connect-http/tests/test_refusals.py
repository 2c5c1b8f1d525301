"""Records that the server refuses: exactly they are reported, found in few requests."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from fluxion_connect_http.testing import Reply, Request, ScriptedServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluxion_core.spi import FatalError, Refusal, TransientError, WriteResult


def refuses(bad: set[int], accepted: list[int], status: int = 422) -> Callable[[Request], Reply]:
    """A server that takes a body whole, or refuses it because of a number in *bad*."""

    def decide(request: Request) -> Reply:
        numbers = json.loads(request.body)
        if bad.intersection(numbers):
            return Reply(status, b"bad number")
        accepted.extend(numbers)
        return Reply(200)

    return decide


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 40), bad=st.sets(st.integers(0, 39), max_size=4), status=st.sampled_from([400, 413, 422]))
def test_bisection_finds_exactly_the_refused(open_sink, sealed, count, bad, status) -> None:
    """The refused records are reported, all others are written once and in order, within 1 + 2 k log2 n requests."""
    bad = {number for number in bad if number < count}
    accepted: list[int] = []
    with ScriptedServer(decide=refuses(bad, accepted, status)) as server:
        result = open_sink(server.url).write(sealed(*(str(number).encode() for number in range(count))))
    assert [refusal.index for refusal in result.refused] == sorted(bad)
    assert accepted == [number for number in range(count) if number not in bad]
    assert len(server.requests) <= 1 + 2 * len(bad) * math.ceil(math.log2(count) if count > 1 else 0)


def test_each_part_has_a_key_of_its_own(open_sink, sealed) -> None:
    """The parts' keys follow from the batch and the place alone, so they are the same on a redelivery."""
    with ScriptedServer(decide=refuses({2}, [])) as server:
        result = open_sink(server.url).write(sealed(b"0", b"1", b"2", b"3"))
    keys = [(request.body, request.header("Idempotency-Key")) for request in server.requests]
    assert keys == [
        (b"[0,1,2,3]", "p:i:1"),
        (b"[0,1]", "p:i:1:0-2"),
        (b"[2,3]", "p:i:1:2-4"),
        (b"[2]", "p:i:1:2"),
        (b"[3]", "p:i:1:3"),
    ]
    assert result == WriteResult(refused=(Refusal(2, "the server answered 422: bad number"),))


def test_a_single_document_is_refused_at_once(open_sink, sealed) -> None:
    """With ``single`` the refused request names the record; no second request asks again."""
    with ScriptedServer([Reply(200), Reply(400, b"no"), Reply(200)]) as server:
        result = open_sink(server.url, format="single").write(sealed(b"1", b"2", b"3"))
    assert result == WriteResult(refused=(Refusal(1, "the server answered 400: no"),))
    assert len(server.requests) == 3


def test_an_outage_in_the_middle_goes_on_where_it_stopped(open_sink, sealed, context) -> None:
    """The same batch, handed over again after a TransientError, is not sent from its beginning."""
    with ScriptedServer([Reply(200), Reply(422), Reply(503)]) as server:
        sink = open_sink(server.url, format="single", max_retries=0)
        with pytest.raises(TransientError):
            sink.write(sealed(b"1", b"2", b"3"))
        sink.open(context)
        result = sink.write(sealed(b"1", b"2", b"3"))
    assert [request.body for request in server.requests] == [b"1", b"2", b"3", b"3"]
    assert [refusal.index for refusal in result.refused] == [1]


def test_an_empty_array_that_is_refused_refuses_nothing(open_sink, sealed) -> None:
    """There is no record to blame in an empty batch."""
    with ScriptedServer([Reply(400)]) as server:
        assert open_sink(server.url, allow_empty=True).write(sealed()) == WriteResult()
    assert len(server.requests) == 1


def test_a_207_names_the_refused(open_sink, sealed) -> None:
    """The documented body of a 207 becomes refusals; the rest is written."""
    body = b'{"refused": [{"index": 1, "reason": "too old"}, {"index": 2}]}'
    with ScriptedServer([Reply(207, body)]) as server:
        result = open_sink(server.url).write(sealed(b"1", b"2", b"3"))
    assert result == WriteResult(
        refused=(Refusal(1, "the server answered 207: too old"), Refusal(2, "the server answered 207"))
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"refused": 3}', b'{"refused": [{"index": 9}]}', b'{"refused": [{"index": true}]}',
             b'{"refused": [{"index": -1}]}', b'{"refused": [1]}', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_a_207_that_names_nothing_stops_the_pipeline(open_sink, sealed, body) -> None:
    """Guessing which records were written would lose some of them."""
    with ScriptedServer([Reply(207, body)]) as server, pytest.raises(FatalError, match="207 without saying which"):
        open_sink(server.url).write(sealed(b"1", b"2"))


def test_the_kill_point_in_the_middle_of_a_batch_is_reached(open_sink, sealed, context, monkeypatch) -> None:
    """``written-half`` stands between the two halves of a batch of single documents."""
    seen: list[tuple[str, int]] = []
    with ScriptedServer() as server:
        sink = open_sink(server.url, format="single")
        monkeypatch.setattr(context.host, "reach", lambda name: seen.append((name, len(server.requests))))
        sink.write(sealed(b"1", b"2", b"3", b"4"))
    assert seen == [("written-half", 2)]
