"""What reaches the server: bodies, headers, keys, and over how many connections."""

from __future__ import annotations

import json

import pytest
from fluxion_connect_http.testing import ScriptedServer

from fluxion_core.spi import SealedBatch, WriteResult

RECORDS = (b'{"n":1}', b'{"n":2}', b'{"n":3}')


@pytest.mark.parametrize(
    ("form", "body", "content_type"),
    [
        ("json_array", b'[{"n":1},{"n":2},{"n":3}]', "application/json"),
        ("ndjson", b'{"n":1}\n{"n":2}\n{"n":3}\n', "application/x-ndjson"),
    ],
)
def test_a_batch_is_one_request(open_sink, sealed, form, body, content_type) -> None:
    """A batch travels as one body of the chosen form, byte for byte as sealed."""
    with ScriptedServer() as server:
        result = open_sink(server.url + "/in?a=1", format=form).write(sealed(*RECORDS))
    (request,) = server.requests
    assert result == WriteResult()
    assert (request.method, request.target, request.body) == ("POST", "/in?a=1", body)
    assert request.header("Content-Type") == content_type
    assert request.header("Idempotency-Key") == "p:i:1"


def test_single_sends_one_document_per_request_in_order(open_sink, sealed) -> None:
    """With ``single`` each document has a request and a key of its own."""
    with ScriptedServer() as server:
        open_sink(server.url, format="single").write(sealed(*RECORDS))
    assert [request.body for request in server.requests] == list(RECORDS)
    assert [request.header("Idempotency-Key") for request in server.requests] == ["p:i:1:0", "p:i:1:1", "p:i:1:2"]


def test_payloads_of_another_codec_are_sent_as_they_are(open_sink) -> None:
    """A batch that comes as a column of payloads is sent like one that comes as a block."""
    batch = SealedBatch(pipeline_id="p", incarnation="i", epoch=1, seq=4, count=2, payload_column=[b"1", b"2"])
    with ScriptedServer() as server:
        sink = open_sink(server.url, format="ndjson")
        sink.write(batch)
    assert server.requests[0].body == b"1\n2\n"


def test_a_redelivery_repeats_body_and_key(open_sink, sealed) -> None:
    """The same batch, handed over twice, is the same request twice."""
    with ScriptedServer() as server:
        sink = open_sink(server.url)
        sink.write(sealed(*RECORDS))
        sink.write(sealed(*RECORDS))
    first, second = server.requests
    assert (first.body, first.header("Idempotency-Key")) == (second.body, second.header("Idempotency-Key"))


def test_all_batches_use_one_connection(open_sink, sealed) -> None:
    """The connection stays open between batches."""
    with ScriptedServer() as server:
        sink = open_sink(server.url)
        for seq in range(1, 6):
            sink.write(sealed(*RECORDS, seq=seq))
    assert (len(server.requests), server.connections) == (5, 1)


def test_an_empty_batch_is_left_out_by_default(open_sink, sealed) -> None:
    """``allow_empty: false``: nothing to say, nothing sent."""
    with ScriptedServer() as server:
        assert open_sink(server.url).write(sealed()) == WriteResult()
    assert server.requests == []


@pytest.mark.parametrize(("form", "body"), [("json_array", b"[]"), ("ndjson", b"")])
def test_an_empty_batch_is_sent_on_request(open_sink, sealed, form, body) -> None:
    """``allow_empty: true``: an empty array or an empty body."""
    with ScriptedServer() as server:
        open_sink(server.url, format=form, allow_empty=True).write(sealed())
    assert [request.body for request in server.requests] == [body]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_method_is_the_options(open_sink, sealed, method) -> None:
    """``method`` is the method of every request."""
    with ScriptedServer() as server:
        open_sink(server.url, method=method).write(sealed(*RECORDS))
    assert server.requests[0].method == method


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"headers": {"X-Api-Key": "k1"}}, "x-api-key", "k1"),
        ({"headers": {"content-type": "application/vnd.x+json"}}, "Content-Type", "application/vnd.x+json"),
        ({"bearer_token": "t0ken"}, "Authorization", "Bearer t0ken"),
        ({"username": "Aladdin", "password": "open sesame"}, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ({"idempotency_header": "X-Key"}, "X-Key", "p:i:1"),
        ({"idempotency_header": None}, "Idempotency-Key", None),
    ],
)
def test_headers_are_the_options(open_sink, sealed, options, header, value) -> None:
    """Headers, credentials and the key's header come from the options."""
    with ScriptedServer() as server:
        open_sink(server.url, **options).write(sealed(*RECORDS))
    assert server.requests[0].header(header) == value


def test_the_environment_is_not_consulted(open_sink, sealed, monkeypatch, tmp_path) -> None:
    """Neither a proxy nor a netrc file of the environment changes where and with which credentials we send."""
    (tmp_path / "netrc").write_text("default login eve password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with ScriptedServer() as server:
        open_sink(server.url).write(sealed(*RECORDS))
    assert server.requests[0].header("Authorization") is None


def test_a_key_that_no_header_can_carry_is_percent_encoded(open_sink) -> None:
    """A pipeline id with letters outside ASCII still makes a header, the same every time."""
    batch = SealedBatch(pipeline_id="påske\r\n", incarnation="i", epoch=1, seq=1, count=1, block=b"1\n")
    with ScriptedServer() as server:
        open_sink(server.url).write(batch)
    assert server.requests[0].header("Idempotency-Key") == "p%C3%A5ske%0D%0A:i:1"


def test_a_batch_is_as_large_as_the_options_say(open_sink) -> None:
    """``batch_size`` and ``max_body_bytes`` bound the sealed batches that the runtime makes for this sink."""
    sink = open_sink("http://localhost:1", batch_size=7, max_body_bytes=99)
    assert (sink.max_batch_records, sink.max_batch_bytes) == (7, 99)


def test_cookies_are_not_kept(open_sink, sealed) -> None:
    """What a server sets as a cookie does not come back with the next batch."""
    from fluxion_connect_http.testing import Reply

    with ScriptedServer([Reply(200, headers={"Set-Cookie": "s=1"})]) as server:
        sink = open_sink(server.url)
        sink.write(sealed(*RECORDS))
        sink.write(sealed(*RECORDS, seq=2))
    assert [request.header("Cookie") for request in server.requests] == [None, None]


def test_the_body_is_json(open_sink, sealed) -> None:
    """The array is JSON that a server can parse."""
    with ScriptedServer() as server:
        open_sink(server.url).write(sealed(*RECORDS))
    assert json.loads(server.requests[0].body) == [{"n": 1}, {"n": 2}, {"n": 3}]
