"""What the options accept, and what they say about the rest."""

from __future__ import annotations

import pytest
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.rules import wrong_header_name, wrong_header_value
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core.errors import ConfigError
from fluxion_core.spi import Secret

URL = "http://localhost/in"


def problems(**options: object) -> list[str]:
    """Return what parsing says about *options*, in lines."""
    with pytest.raises(ConfigError) as caught:
        HttpSinkOptions.parse({"endpoint": URL, **options}, where="sink")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("endpoint", ["http://h", "https://h:8443/a/b?c=d", "https://[::1]:1/", "http://127.0.0.1/%20"])
def test_endpoints_that_are_taken(endpoint) -> None:
    """Http and https, with port, path and query."""
    assert HttpSinkOptions.parse({"endpoint": endpoint}).endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("ftp://h/x", "names no server"), ("file:///etc/passwd", "names no server"), ("//h/x", "names no server"),
        ("http://", "names no server"), ("http:///x", "names no server"), ("", "names no server"), ("h/x", "names no server"),
        ("http://h:0/", "names no server"), ("http://h:99999/", "cannot be parsed"), ("http://h:x/", "cannot be parsed"),
        ("http://[::1/", "cannot be parsed"), ("http://u:s3cr3t@h/", "holds credentials"), ("http://u@h/", "holds credentials"),
        ("http://@h/", "holds credentials"), ("http://h/#x", "fragment"), ("http://h/a b", "a blank"),
        ("http://h/\r\nX: y", "a blank"), ("http://h/\x00", "a blank"), (" http://h/", "a blank"),
    ],
)  # fmt: skip
def test_endpoints_that_are_refused(endpoint, message) -> None:
    """Each mistake has its words, and no credential of the URL is among them."""
    (line,) = problems(endpoint=endpoint)
    assert line.startswith("sink.endpoint: ")
    assert message in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"username": "u"}, "sink.username: basic authentication needs both username and password"),
        ({"password": "p"}, "sink.username: basic authentication needs both username and password"),
        ({"username": "u:v", "password": "p"}, "sink.username: holds a colon, which basic authentication cannot carry"),
        ({"bearer_token": ""}, "sink.bearer_token: is empty"),
        ({"bearer_token": "s3cr3t\n"},
         "sink.bearer_token: holds a line break or another control character (perhaps from the end of a file)"),
        ({"bearer_token": "t", "username": "u", "password": "p"},
         "sink.bearer_token: goes in place of username and password; set one of the two"),
        ({"bearer_token": "t", "headers": {"authorization": "x"}},
         "sink.headers: 'Authorization' is also made from bearer_token or username; set one of them"),
        ({"headers": {"idempotency-key": "x"}},
         "sink.headers: 'Idempotency-Key' carries the key of each request; see idempotency_header"),
        ({"headers": {"Host": "evil"}}, "sink.headers: 'Host' is set by the HTTP client itself; remove it"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "sink.headers: 'x-a' is given twice (names of headers ignore case)"),
        ({"headers": {"X A": "1"}}, "sink.headers: 'X A' is no header name; expected letters, digits and hyphens"),
        ({"headers": {"X-A": " 1"}}, "sink.headers: the value of 'X-A' begins or ends with a blank"),
        ({"idempotency_header": "X\r\nY"},
         r"sink.idempotency_header: 'X\r\nY' is no header name; expected letters, digits and hyphens"),
        ({"client_key": "k.pem"}, "sink.client_certificate: missing, although client_key or client_key_password is set"),
        ({"verify": False}, "sink.verify: TLS options do nothing for an http:// endpoint; use https:// or remove them"),
        ({"format": "single", "allow_empty": True},
         "sink.allow_empty: an empty batch holds no document to send with format: single; remove it"),
        ({"max_retries": -1}, "sink.max_retries: -1 is too small; expected 0 to 100"),
        ({"method": "GET"}, "sink.method: GET (text) does not fit; expected one of POST, PUT, PATCH"),
        ({"timeout": 3}, "sink.timeout: unknown option 'timeout'"),
    ],
)  # fmt: skip
def test_mistakes_and_their_letters(options, line) -> None:
    """One line per mistake: where, what, what to do."""
    assert problems(**options)[0].startswith(line)


@given(st.text(max_size=20))
def test_no_header_value_with_a_line_break_or_nul_passes(value) -> None:
    """Whatever passes can stand in a header: no CR, LF or NUL, and ISO-8859-1 throughout."""
    if wrong_header_value(value) is None:
        assert not set(value) & {"\r", "\n", "\0"}
        value.encode("latin-1")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\x1b[31m", "\x7f", "€", "\n", "a\x0bb"])
def test_header_injection_is_refused_without_repeating_the_value(value) -> None:
    """Every value of the corpus is refused at parse time, and the message does not show it."""
    (line,) = problems(headers={"X-A": value})
    assert line.startswith("sink.headers: the value of 'X-A' ")
    assert value.strip() == "" or value not in line


@pytest.mark.parametrize("name", ["", "X:", "X\n", "X Y", "É", "X\0", "X\r\nY: z", '"X"', "(x)", "X/Y"])
def test_bad_header_names_are_refused(name) -> None:
    """Only tokens are names."""
    assert wrong_header_name(name) is not None


def test_the_camel_case_of_booleans_and_paths(tmp_path) -> None:
    """``verify`` takes a boolean, text from the environment, or a path relative to the pipeline file."""
    endpoint = "https://h/"
    assert HttpSinkOptions.parse({"endpoint": endpoint, "verify": "false"}).verify is False
    assert HttpSinkOptions.parse({"endpoint": endpoint, "verify": "ca.pem"}, base_dir=tmp_path).verify == tmp_path / "ca.pem"


def test_repr_and_redaction_show_no_secret() -> None:
    """Neither a header's value, nor a credential, nor the query of the endpoint is shown."""
    options = HttpSinkOptions.parse({
        "endpoint": "https://h/x?key=s3cr3t", "headers": {"X-Api-Key": "s3cr3t"}, "username": "u", "password": "s3cr3t",
        "client_certificate": "c.pem", "client_key_password": "s3cr3t",
    })  # fmt: skip
    assert "s3cr3t" not in repr(options) + str(options) + str(options.redacted())
    assert options.redacted()["endpoint"] == "https://h/x?***"
    assert options.redacted()["headers"] == {"X-Api-Key": "***"}
    assert options.headers == {"X-Api-Key": Secret("s3cr3t")}
