import pytest
from fluxion_enrich.http_call import HTTP_CALL

from fluxion_core.errors import FatalError, RecordError, TransientError
from fluxion_core.language import MISSING


def call(**given):
    names = (*HTTP_CALL.arguments, *HTTP_CALL.optional)
    return {**dict.fromkeys(names, MISSING), "connection": "crm", **given}


def ask(effects, *calls):
    return HTTP_CALL.evaluate_batch(calls, effects)


def test_the_answer_is_the_decoded_json(server, http_effects) -> None:
    server.answers["/v1/customers/7"] = (200, {}, {"name": "Ada"})
    assert ask(http_effects, call(path="/customers/{id}", pathValues={"id": 7})) == [{"name": "Ada"}]


def test_equal_arguments_are_asked_once(server, http_effects) -> None:
    answers = ask(http_effects, *(call(path="/c/{id}", pathValues={"id": number % 3}) for number in range(30)))
    assert len(answers) == 30
    assert {"/v1/c/0", "/v1/c/1", "/v1/c/2"} == {path for _, path, _, _ in server.requests}
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("value", "path"), [("a/b", "/v1/c/a%2Fb"), ("../admin", "/v1/c/..%2Fadmin"), ("x?y=1#z", "/v1/c/x%3Fy%3D1%23z")]
)
def test_a_document_fills_one_path_segment(server, http_effects, value, path) -> None:
    ask(http_effects, call(path="/c/{id}", pathValues={"id": value}))
    assert [path] == [path for _, path, _, _ in server.requests]


@pytest.mark.parametrize("value", [".", "..", "", None, MISSING, ["a"]])
def test_what_is_no_segment_is_a_record_error_and_asks_nobody(server, http_effects, value) -> None:
    (answer,) = ask(http_effects, call(path="/c/{id}", pathValues={"id": value}))
    assert isinstance(answer, RecordError)
    assert server.requests == []


def test_a_line_break_in_a_header_is_a_record_error(server, http_effects) -> None:
    (answer,) = ask(http_effects, call(path="/c", headers={"X-A": "a\r\nX-B: b"}))
    assert isinstance(answer, RecordError)
    assert server.requests == []


def test_the_token_is_sent_and_never_shown(server, http_effects) -> None:
    server.answers["/v1/c"] = (400, {}, {})
    (answer,) = ask(http_effects, call(path="/c"))
    assert server.requests[0][2]["Authorization"] == "Bearer s3cr3t-token"
    assert "s3cr3t" not in str(answer)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, TransientError), (503, TransientError), (429, TransientError), (401, FatalError), (403, FatalError)],
)
def test_an_outage_or_a_refusal_concerns_the_whole_batch(server, http_effects, status, kind) -> None:
    server.answers["/v1/c"] = (status, {}, {})
    with pytest.raises(kind):
        ask(http_effects, call(path="/c"))


def test_retry_after_is_passed_on(server, http_effects) -> None:
    server.answers["/v1/c"] = (503, {"Retry-After": "7"}, {})
    with pytest.raises(TransientError) as caught:
        ask(http_effects, call(path="/c"))
    assert caught.value.retry_after_seconds == 7


def test_a_404_is_a_record_error_unless_an_answer_is_given(server, http_effects) -> None:
    server.answers["/v1/c"] = (404, {}, {})
    (answer,) = ask(http_effects, call(path="/c"))
    assert isinstance(answer, RecordError)
    assert str(answer) == "$httpCall: connection 'crm' answered 404; onNotFound gives an answer in its place"
    assert ask(http_effects, call(path="/c", onNotFound=None)) == [None]


def test_redirects_are_not_followed(server, http_effects) -> None:
    server.answers["/v1/c"] = (302, {"Location": "http://127.0.0.1:1/"}, {})
    (answer,) = ask(http_effects, call(path="/c"))
    assert isinstance(answer, RecordError)
    assert len(server.requests) == 1


def test_a_server_that_is_away_is_an_outage(server, http_effects) -> None:
    server.close()
    try:
        with pytest.raises(TransientError) as caught:
            ask(http_effects, call(path="/c"))
        assert str(caught.value) == f"$httpCall: connection 'crm' ({server.url}/v1) does not answer: Connection refused"
    finally:
        server._server.socket.close()
        server.close = lambda: None


def test_too_large_an_answer_is_a_record_error(server, http_effects) -> None:
    http_effects.connections["crm"]["max_response_bytes"] = 10
    (answer,) = ask(http_effects, call(path="/c"))
    assert isinstance(answer, RecordError)
    assert "more than 10 bytes" in str(answer)


def test_a_relative_ca_file_is_one_beside_the_pipeline_file(http_effects, tmp_path) -> None:
    http_effects.base_dir = tmp_path
    http_effects.connections["crm"] |= {"base_url": "https://127.0.0.1:9", "ca_file": "ca.pem"}
    with pytest.raises(FatalError, match=f"connection 'crm': there is no file {tmp_path}/ca.pem; check its ca_file"):
        ask(http_effects, call(path="/c"))
