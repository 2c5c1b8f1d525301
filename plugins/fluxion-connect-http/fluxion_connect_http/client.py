"""One HTTP session to one endpoint: the only module that knows the client library.

Redirects are not followed, the environment (proxies, netrc) is not consulted, cookies are not kept, TLS is 1.2 or newer.
"""

from __future__ import annotations

import logging
import socket
import ssl
import warnings
from base64 import b64encode
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import attrs
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from fluxion_connect_http.bodies import CONTENT_TYPES
from fluxion_connect_http.letters import EXCERPT_BYTES, Scrubber, printable, secrets_of_url
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_core.spi import Clock, FatalError, TransientError

__all__ = ["Answer", "HttpClient", "UnknownHost"]

_DRAINED_BYTES = 64 * 1024
_REPORT_BYTES = 1024 * 1024
_MULTI_STATUS = 207
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class UnknownHost(TransientError):
    """The name of the host has no address: a mistake at the first attempt, an outage later."""


@attrs.frozen(kw_only=True)
class Answer:
    """What the server said: *excerpt* is fit for messages, *body* is kept only where it lists refused records (207)."""

    status: int
    excerpt: str = ""
    retry_after: str | None = None
    location: str = ""
    body: bytes = b""


class HttpClient:
    """Sends bodies to the endpoint of *config* over one connection that is kept open."""

    def __init__(self, config: HttpSinkOptions, clock: Clock) -> None:
        """Make the session; reaches no network.

        Raises:
            FatalError: a certificate file cannot be used, or the endpoint cannot be asked by this client.
        """
        self._config = config
        self._clock = clock
        authorization = _authorization(config)
        self._scrubber = Scrubber.of(_secrets(config, authorization))
        self._session = _session(config)
        self._session.headers.update(_headers(config, authorization))
        self._check_endpoint()
        _keep_queries_out_of_logs()

    def send(self, body: bytes, key: str) -> Answer:
        """Send *body* once, under *key*, and return the answer, whatever its status.

        Raises:
            UnknownHost: the host has no address.
            TransientError: no answer came; the server may or may not have seen the request.
            FatalError: the server cannot be trusted (TLS).
        """
        name = self._config.idempotency_header
        try:
            response = self._session.request(
                self._config.method,
                self._config.endpoint,
                data=body,
                headers={name: key} if name else None,
                timeout=(self._config.connect_timeout_seconds, self._config.read_timeout_seconds),
                allow_redirects=False,
                stream=True,
            )
        except _BROKEN as error:
            raise self._failure(error) from None  # the library's own text holds the URL with its query
        with response:
            return self._answer(response)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _check_endpoint(self) -> None:
        try:
            requests.Request(self._config.method, self._config.endpoint).prepare()
        except (requests.RequestException, UnicodeError):
            msg = f"{self._config.safe_endpoint}: not a URL that can be asked; expected http(s)://host[:port]/path"
            raise FatalError(msg) from None

    def _answer(self, response: requests.Response) -> Answer:
        succeeded = 200 <= response.status_code < 300
        body = self._read(response, _REPORT_BYTES if response.status_code == _MULTI_STATUS else _DRAINED_BYTES)
        encoded = "content-encoding" in response.headers
        return Answer(
            status=response.status_code,
            excerpt="" if succeeded or encoded else self._scrubber.excerpt(body[:EXCERPT_BYTES]),
            retry_after=response.headers.get("Retry-After"),
            location=_safe_location(response.headers.get("Location", "")),
            body=body if response.status_code == _MULTI_STATUS else b"",
        )

    def _read(self, response: requests.Response, limit: int) -> bytes:
        """Return up to *limit* bytes. A body that ends within it leaves the connection fit for the next request.

        The status has come already: what breaks, drips or never ends after it changes nothing but the message.
        """
        deadline = self._clock.monotonic() + self._config.read_timeout_seconds
        pieces: list[bytes] = []
        size = 0
        try:
            while size < limit and self._clock.monotonic() < deadline:
                piece = response.raw.read1(limit - size, decode_content=False)
                if not piece:
                    return b"".join(pieces)
                pieces.append(piece)
                size += len(piece)
        except _BROKEN:
            pass
        response.raw.close()
        return b"".join(pieces)

    def _failure(self, error: Exception) -> TransientError | FatalError:
        endpoint, config = self._config.safe_endpoint, self._config
        for cause in _causes(error):
            if isinstance(cause, socket.gaierror):
                return _no_address(cause, endpoint)
            if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                return FatalError(f"{endpoint}: TLS failed: {_tls_reason(cause)}; see verify and client_certificate")
        if isinstance(error, requests.ConnectTimeout):
            return TransientError(f"{endpoint}: no connection within {config.connect_timeout_seconds:g} s")
        if isinstance(error, requests.Timeout):
            return TransientError(f"{endpoint}: no answer within {config.read_timeout_seconds:g} s")
        return TransientError(f"{endpoint}: {_reason(error)}")


def _session(config: HttpSinkOptions) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = config.verify if isinstance(config.verify, bool) else str(_existing(config.verify, "verify"))
    session.mount("http://", HTTPAdapter(pool_maxsize=1))
    session.mount("https://", _TlsAdapter(_tls_context(config), pool_maxsize=1))
    if config.verify is False:  # the sink warns once per start in its own words
        warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    return session


class _TlsAdapter(HTTPAdapter):
    """Gives every connection the same TLS settings."""

    def __init__(self, context: ssl.SSLContext, **options: Any) -> None:
        self._context = context
        super().__init__(**options)

    def init_poolmanager(self, *positional: Any, **named: Any) -> None:
        super().init_poolmanager(*positional, **named, ssl_context=self._context)


def _tls_context(config: HttpSinkOptions) -> ssl.SSLContext:
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    if config.verify is False:
        context.check_hostname = False
    if config.client_certificate is not None:
        _load_certificate(context, config, config.client_certificate)
    if isinstance(config.verify, Path):
        _load_authorities(context, _existing(config.verify, "verify"))
    return context


def _load_certificate(context: ssl.SSLContext, config: HttpSinkOptions, certificate: Path) -> None:
    password = config.client_key_password.reveal() if config.client_key_password else ""  # never ask on the terminal
    key = _existing(config.client_key, "client_key") if config.client_key else None
    try:
        context.load_cert_chain(_existing(certificate, "client_certificate"), key, password)
    except (OSError, ValueError) as error:
        msg = f"client_certificate: {certificate} cannot be used: {_reason(error)}; expected PEM, key and certificate matching"
        raise FatalError(msg) from None


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        msg = f"verify: {path} cannot be used: {_reason(error)}; expected a PEM file of CA certificates"
        raise FatalError(msg) from None


def _existing(path: Path, name: str) -> Path:
    if not path.exists():
        msg = f"{name}: {path} does not exist; expected a PEM file"
        raise FatalError(msg)
    return path


def _authorization(config: HttpSinkOptions) -> str | None:
    if config.bearer_token is not None:
        return f"Bearer {config.bearer_token.reveal()}"
    if config.username is None or config.password is None:
        return None
    pair = f"{config.username}:{config.password.reveal()}".encode()
    return f"Basic {b64encode(pair).decode()}"


def _headers(config: HttpSinkOptions, authorization: str | None) -> Mapping[str, str]:
    return {
        "User-Agent": "fluxion-connect-http",
        "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
        "Accept-Encoding": "identity",
        "Content-Type": CONTENT_TYPES[config.format],
        **({"Authorization": authorization} if authorization else {}),
        **{name: value.reveal() for name, value in config.headers.items()},
    }


def _secrets(config: HttpSinkOptions, authorization: str | None) -> list[str]:
    secrets = [value.reveal() for value in config.headers.values()]
    secrets += [value.reveal() for value in (config.bearer_token, config.password) if value is not None]
    secrets += [authorization.partition(" ")[2]] if authorization else []
    return secrets + secrets_of_url(config.endpoint)


def _keep_queries_out_of_logs() -> None:
    """The client library logs each request's path and query at DEBUG; the query may hold a secret."""
    logger = logging.getLogger("urllib3.connectionpool")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def _safe_location(location: str) -> str:
    try:
        return printable(urlunsplit(urlsplit(location)._replace(query="", fragment="")))[:200]
    except ValueError:
        return ""


def _causes(error: BaseException) -> list[BaseException]:
    """Return *error* and everything it wraps, outermost first; the client libraries wrap in three different ways."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return found


def _no_address(cause: socket.gaierror, endpoint: str) -> TransientError:
    if cause.errno == socket.EAI_AGAIN:
        return TransientError(f"{endpoint}: the name server gives no answer for the host")
    return UnknownHost(f"{endpoint}: unknown host")


def _tls_reason(error: ssl.SSLError) -> str:
    return printable(getattr(error, "verify_message", "") or (error.reason or "handshake failed").replace("_", " ").lower())


def _reason(error: Exception) -> str:
    """Return what the operating system or the protocol said, without a URL."""
    for cause in reversed(_causes(error)):
        if isinstance(cause, OSError) and cause.strerror:
            return printable(cause.strerror).lower()
    return "the connection broke before the answer was complete"
