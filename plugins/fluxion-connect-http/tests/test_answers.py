"""What each answer means: done, later, never; and how long is waited between attempts."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Never

import pytest
from fluxion_connect_http.testing import Reply, ScriptedServer
from fluxion_connect_http.verdicts import Verdict, retry_after_seconds, verdict_on

from fluxion_core.spi import FatalError, TransientError, WriteResult

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def test_every_status_has_a_verdict() -> None:
    """The classes of statuses, whole."""
    later = {408, 409, 425, 429, *range(500, 600)}
    records = {400, 413, 422}
    for status in range(200, 600):
        expected = (
            Verdict.PARTLY if status == 207
            else Verdict.DONE if status < 300
            else Verdict.LATER if status in later
            else Verdict.RECORDS if status in records
            else Verdict.NEVER
        )  # fmt: skip
        assert verdict_on(status) is expected, status


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_success(open_sink, sealed, status) -> None:
    """Any 2xx but 207 means that the batch is written."""
    with ScriptedServer([Reply(status)]) as server:
        assert open_sink(server.url).write(sealed(b"1")) == WriteResult()


@pytest.mark.parametrize("trouble", [Reply(408), Reply(425), Reply(429), Reply(500), Reply(503), Reply(drop=True)])
def test_trouble_that_passes_is_retried_with_the_same_request(open_sink, sealed, trouble) -> None:
    """Body and key of a repetition are those of the first attempt."""
    with ScriptedServer([trouble, trouble]) as server:
        open_sink(server.url).write(sealed(b"1", b"2"))
    assert {(request.body, request.header("Idempotency-Key")) for request in server.requests} == {(b"[1,2]", "p:i:1")}
    assert len(server.requests) == 3


def test_the_waits_double_up_to_the_cap(open_sink, sealed, clock) -> None:
    """With dice that throw the most, full jitter waits the whole exponential backoff, capped."""
    with ScriptedServer(decide=lambda _: Reply(500)) as server:
        sink = open_sink(server.url, max_retries=5, backoff_seconds=1, max_backoff_seconds=6)
        with pytest.raises(TransientError):
            sink.write(sealed(b"1"))
    assert clock.waits == [1, 2, 4, 6, 6]
    assert len(server.requests) == 6


def test_a_retry_after_is_waited_for(open_sink, sealed, clock) -> None:
    """The server's own wish replaces the backoff, up to the cap."""
    replies = [Reply(429, headers={"Retry-After": "3"}), Reply(503, headers={"Retry-After": "3600"})]
    with ScriptedServer(replies) as server:
        open_sink(server.url, max_backoff_seconds=6).write(sealed(b"1"))
    assert clock.waits == [3, 6]


def test_giving_up_hands_the_servers_wish_on(open_sink, sealed) -> None:
    """The TransientError carries the uncapped Retry-After, and says what the server said."""
    reply = Reply(503, b"down for\n  maintenance\x07", {"Retry-After": "120"})
    with ScriptedServer(decide=lambda _: reply) as server, pytest.raises(TransientError) as caught:
        open_sink(server.url, max_retries=0).write(sealed(b"1"))
    assert caught.value.retry_after_seconds == 120
    assert str(caught.value) == f"{server.url}: the server answered 503: down for maintenance"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0), ("17", 17), (" 17 ", 17),
        ("Wed, 01 May 2024 12:00:30 GMT", 30), ("Wed, 01 May 2024 11:00:00 GMT", 0),
        ("Wednesday, 01-May-24 12:00:30 GMT", 30), ("Wed May  1 12:00:30 2024", 30),
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None), ("9" * 5000, None),
        ("Wed, 99 Foo 2024 12:00:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(header, seconds) -> None:
    """Seconds, or a date in any of HTTP's three spellings; anything else is no wish."""
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 402, 403, 404, 405, 406, 410, 411, 415, 421, 428, 431, 451])
def test_refusals_of_us_stop_the_pipeline_at_once(open_sink, sealed, status) -> None:
    """No second request is sent after an answer that will not change."""
    with ScriptedServer(decide=lambda _: Reply(status)) as server, pytest.raises(FatalError, match=f"answered {status}"):
        open_sink(server.url).write(sealed(b"1", b"2"))
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed_and_named(open_sink, sealed) -> None:
    """The letter says where the redirect leads, without its query."""
    reply = Reply(307, headers={"Location": "http://169.254.169.254/latest?token=s3cr3t"})
    with ScriptedServer([reply]) as server, pytest.raises(FatalError) as caught:
        open_sink(server.url).write(sealed(b"1"))
    assert "redirected to http://169.254.169.254/latest; redirects are not followed" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert len(server.requests) == 1


def test_a_server_that_is_down_is_transient(open_sink, sealed) -> None:
    """Connection refused: the environment's fault."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(TransientError, match=f"^{url}: connection refused$"):
            open_sink(url, max_retries=1).write(sealed(b"1"))


def test_a_server_that_never_answers_is_transient(open_sink, sealed) -> None:
    """After the read timeout nobody knows whether the batch was written: the same comes again."""
    with ScriptedServer([Reply(hang=True)]) as server, pytest.raises(TransientError, match=r"no answer within 0\.1 s$"):
        open_sink(server.url, max_retries=0, read_timeout_seconds=0.1).write(sealed(b"1"))
    assert len(server.requests) == 1


def test_a_body_that_never_ends_does_not_hold_the_batch_up(open_sink, sealed) -> None:
    """The status decides; the rest of the answer is waited for no longer than the read timeout."""
    with ScriptedServer([Reply(200, drip=True)]) as server:
        assert open_sink(server.url, read_timeout_seconds=0.2).write(sealed(b"1")) == WriteResult()


def test_an_answer_is_read_to_its_bound_only(open_sink, sealed) -> None:
    """A megabyte of complaint makes a short message."""
    with ScriptedServer([Reply(403, b"x" * 1_000_000)]) as server, pytest.raises(FatalError) as caught:
        open_sink(server.url).write(sealed(b"1"))
    assert len(str(caught.value)) < 400


def _no_such_host(*_arguments: object, **_named: object) -> Never:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_an_unknown_host_is_fatal_at_the_first_attempt(open_sink, sealed, monkeypatch) -> None:
    """A name without an address at the start is a mistake in the pipeline file."""
    monkeypatch.setattr(socket, "getaddrinfo", _no_such_host)
    with pytest.raises(FatalError, match=r"http://no\.invalid/x: unknown host; correct the endpoint"):
        open_sink("http://no.invalid/x").write(sealed(b"1"))


def test_an_unknown_host_is_transient_once_it_was_known(open_sink, sealed, monkeypatch, context) -> None:
    """A name that had an address before has lost it for now, also after the sink was opened again."""
    with ScriptedServer() as server:
        sink = open_sink(server.url, max_retries=0)
        sink.write(sealed(b"1"))
        sink.open(context)
        monkeypatch.setattr(socket, "getaddrinfo", _no_such_host)
        with pytest.raises(TransientError, match="unknown host"):
            sink.write(sealed(b"2", seq=2))


def test_a_name_server_that_does_not_answer_is_transient(open_sink, sealed, monkeypatch) -> None:
    """Without an answer nobody knows whether the name is wrong."""

    def silent(*_arguments: object, **_named: object) -> Never:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(TransientError, match="the name server gives no answer"):
        open_sink("http://no.invalid/x", max_retries=0).write(sealed(b"1"))


def test_a_stopping_pipeline_waits_for_nothing(open_sink, sealed, clock, context) -> None:
    """When the pipeline begins to stop during a pause, the batch is given back at once; it stays sealed."""
    clock.before_wait = context.stopping.set
    with ScriptedServer(decide=lambda _: Reply(503)) as server, pytest.raises(TransientError, match="503"):
        open_sink(server.url, max_retries=50).write(sealed(b"1"))
    assert (len(server.requests), len(clock.waits)) == (1, 1)


def test_a_stopping_pipeline_still_delivers_what_can_be_delivered(open_sink, sealed, context) -> None:
    """The last batches of a drain are sent although the pipeline is stopping."""
    context.stopping.set()
    with ScriptedServer() as server:
        open_sink(server.url).write(sealed(b"1"))
    assert len(server.requests) == 1
