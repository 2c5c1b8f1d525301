"""A secret that is in every option and in every answer of the server never comes out again."""

from __future__ import annotations

import base64
import logging
import traceback
from urllib.parse import quote

import pytest
from fluxion_connect_http.letters import EXCERPT_BYTES, Scrubber, secrets_of_url
from fluxion_connect_http.testing import Reply, ScriptedServer
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core.errors import ConfigError, FluxionError
from fluxion_core.spi import WriteResult

CANARY = "c4nary/+ =&!"
FORMS = (CANARY, quote(CANARY, safe=""), base64.b64encode(f"u:{CANARY}".encode()).decode())

AUTHS = [
    {"bearer_token": CANARY},
    {"username": "u", "password": CANARY},
    {"headers": {"X-Api-Key": CANARY}},
]


def tell_all(request, status: int, canary: str = CANARY) -> Reply:
    """Answer with everything that the client sent, and the plain secret in the head of the answer."""
    text = f"{request.target} {dict(request.headers)} {canary}"
    return Reply(status, text.encode(), {"Location": f"http://h/x?key={quote(CANARY)}", "X-Echo": CANARY})


def shown(error: BaseException) -> str:
    """Return everything that a log or a terminal could show of *error*."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize("auth", AUTHS, ids=["bearer", "basic", "header"])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 422, 500])
def test_an_answer_that_repeats_the_secret_is_scrubbed(open_sink, sealed, caplog, auth, status) -> None:
    """Errors, refusals, logs at DEBUG and reprs stay clean."""
    caplog.set_level(logging.DEBUG)
    seen = ""
    with ScriptedServer(decide=lambda request: tell_all(request, status)) as server:
        sink = open_sink(f"{server.url}/in?key={quote(CANARY, safe='')}", max_retries=1, **auth)
        try:
            result: WriteResult | None = sink.write(sealed(b"1"))
        except FluxionError as error:
            result, seen = None, shown(error)
    seen += repr(result) + repr(sink.config) + str(sink.config.redacted()) + caplog.text
    assert server.requests
    assert [form for form in FORMS if form in seen] == []


@pytest.mark.parametrize("auth", AUTHS, ids=["bearer", "basic", "header"])
def test_a_server_that_is_down_shows_no_secret(open_sink, sealed, caplog, auth) -> None:
    """The client library's own errors hold the URL with its query; ours do not."""
    caplog.set_level(logging.DEBUG)
    with ScriptedServer() as server:
        url = server.url
    with pytest.raises(FluxionError) as caught:
        open_sink(f"{url}/in?key={quote(CANARY, safe='')}", max_retries=1, **auth).write(sealed(b"1"))
    assert [form for form in FORMS if form in shown(caught.value) + caplog.text] == []


@pytest.mark.parametrize(
    "options",
    [
        {"headers": f"X-Api-Key: {CANARY}"}, {"headers": [CANARY]}, {"headers": {"X-Api-Key": [CANARY]}},
        {"headers": {"X-Api-Key": f"{CANARY}\n"}}, {"bearer_token": f"{CANARY}\n"}, {"bearer_token": [CANARY]},
        {"password": [CANARY]}, {"endpoint": f"http://u:{CANARY}@h/"},
    ],
)  # fmt: skip
def test_a_mistake_in_a_secret_option_does_not_show_it(open_sink, options) -> None:
    """The letter about a secret of the wrong form names the option only."""
    with pytest.raises(ConfigError) as caught:
        open_sink(**{"endpoint": "http://localhost:1", **options})
    assert CANARY not in shown(caught.value)


@given(before=st.text(max_size=30), after=st.text(max_size=30), filler=st.integers(0, EXCERPT_BYTES + 10))
def test_no_excerpt_holds_a_secret_whatever_stands_around_it(before, after, filler) -> None:
    """Control characters, blanks and the cut at 2 KiB do not let a part of it through."""
    secret = "0123456789abcdef"
    body = ("\x07" * filler + before + secret + after).encode("utf-8", "replace")
    excerpt = Scrubber.of([secret]).excerpt(body)
    assert secret[:8] not in excerpt
    assert len(excerpt) <= 200
    assert excerpt.isprintable()


def test_the_parts_of_a_url_that_may_be_secret() -> None:
    """The query, each of its values, and their other spelling."""
    assert set(secrets_of_url("http://h/x?key=a%20b%2Fc")) == {"key=a%20b%2Fc", "key=a b/c", "a b/c", "a%20b%2Fc"}
