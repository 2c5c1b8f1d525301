"""``$httpCall``: a request per distinct arguments, through a named connection."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fluxion_core.errors import EvaluationError, FatalError, RecordError, TransientError
from fluxion_core.language import MISSING, Operator
from fluxion_enrich.batches import ask_once
from fluxion_enrich.connections import HttpConnection, connection_options

if TYPE_CHECKING:
    import requests  # imported by the first call: loading a plugin must stay cheap

__all__ = ["HTTP_CALL"]

_PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_LATER: Final = frozenset({408, 425, 429})
_REFUSED_FOR_GOOD: Final = frozenset({401, 403, 407})
_MAXIMUM_RETRY_AFTER_SECONDS: Final = 300.0

_sessions: WeakKeyDictionary[Any, dict[tuple[str, int], requests.Session]] = WeakKeyDictionary()
_lock = threading.Lock()


def _session(effects: Any, name: str) -> requests.Session:
    """Return this thread's session for a connection: requests' sessions keep connections open, and are for one thread."""
    with _lock:
        sessions = _sessions.setdefault(effects, {})
        key = (name, threading.get_ident())
        if key not in sessions:
            import requests

            session = requests.Session()
            session.trust_env = False
            effects.on_close(session.close)
            sessions[key] = session
        return sessions[key]


def _segment(value: Any, name: str) -> str:
    """Return *value* as one path segment that stays one."""
    text = _text(value, f"pathValues.{name}")
    if text in {"", ".", ".."}:
        raise RecordError(f"$httpCall: {text!r} is no path segment for {{{name}}}")
    return quote(text, safe="")


def _text(value: Any, role: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    found = "missing" if value is MISSING or value is None else type(value).__name__
    raise RecordError(f"$httpCall: {role} must be text, a number or a boolean, not {found}")


def _header(name: str, value: Any) -> str:
    text = _text(value, f"headers.{name}")
    if re.search(r"[\r\n\0]", text):
        raise RecordError(f"$httpCall: header {name} holds a line break")
    return text


def _object(value: Any, role: str) -> Mapping[str, Any]:
    if value is MISSING or value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordError(f"$httpCall: {role} must be an object, not {type(value).__name__}")
    return value


def _path(pattern: str, values: Mapping[str, Any]) -> str:
    return _PLACE.sub(lambda found: _segment(values.get(found[1], MISSING), found[1]), pattern)


def _ask(call: Mapping[str, Any], effects: Any) -> Any:
    import requests

    name = call["connection"]
    connection: HttpConnection = connection_options(name, effects, "http", HttpConnection)
    path = call["path"] if call["path"] is not MISSING else ""
    url = connection.base_url.rstrip("/") + "/" + _path(path, _object(call["pathValues"], "pathValues")).lstrip("/")
    query = {key: _text(value, f"query.{key}") for key, value in _object(call["query"], "query").items() if value is not None}
    headers = {key: secret.reveal() for key, secret in connection.headers.items()}
    if connection.bearer_token is not None:
        headers["Authorization"] = f"Bearer {connection.bearer_token.reveal()}"
    headers |= {key: _header(key, value) for key, value in _object(call["headers"], "headers").items()}
    method = call["method"] if call["method"] is not MISSING else "GET"
    body = None
    if call["body"] is not MISSING:
        body = json.dumps(call["body"], default=str).encode()
        headers.setdefault("Content-Type", "application/json")
    try:
        with _session(effects, name).request(
            method,
            url,
            params=query,
            headers=headers,
            data=body,
            timeout=connection.timeout_seconds,
            allow_redirects=False,
            stream=True,
            verify=_trusted(connection, name),
        ) as response:
            return _answer(response, connection, name, call["onNotFound"])
    except requests.exceptions.SSLError as error:
        raise FatalError(f"$httpCall: connection '{name}': TLS failed: {type(error).__name__}; check the certificate") from None
    except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL) as error:
        raise RecordError(f"$httpCall: connection '{name}': {type(error).__name__}") from None
    except requests.exceptions.RequestException as error:
        asked = connection.base_url
        raise TransientError(f"$httpCall: connection '{name}' ({asked}) does not answer: {_reason(error)}") from None


def _trusted(connection: HttpConnection, name: str) -> bool | str:
    """Return which certificates requests is to trust: a file, the system's own, or any."""
    if connection.ca_file is None:
        return connection.verify
    if not connection.ca_file.exists():
        raise FatalError(f"$httpCall: connection '{name}': there is no file {connection.ca_file}; check its ca_file")
    return str(connection.ca_file)


def _reason(error: BaseException) -> str:
    """Return the system's own words for what went wrong below requests, or the kind of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _answer(response: requests.Response, connection: HttpConnection, name: str, on_not_found: Any) -> Any:
    status = response.status_code
    if status in _LATER or status >= 500:  # server errors
        raise TransientError(f"$httpCall: connection '{name}' answered {status}", retry_after_seconds=_retry_after(response))
    if status in _REFUSED_FOR_GOOD:
        raise FatalError(f"$httpCall: connection '{name}' answered {status}; check its credentials")
    if status == 404 and on_not_found is not MISSING:  # not found
        return on_not_found
    if not 200 <= status < 300:  # success
        advice = "; onNotFound gives an answer in its place" if status == 404 else ""
        raise RecordError(f"$httpCall: connection '{name}' answered {status}{advice}")
    return _decoded(response, connection, name)


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _MAXIMUM_RETRY_AFTER_SECONDS) if text.isdecimal() else None


def _decoded(response: requests.Response, connection: HttpConnection, name: str) -> Any:
    content = bytearray()
    for chunk in response.iter_content(65536):
        content += chunk
        if len(content) > connection.max_response_bytes:
            raise RecordError(f"$httpCall: connection '{name}' answered more than {connection.max_response_bytes} bytes")
    if not content:
        return None
    if "json" in response.headers.get("Content-Type", ""):
        try:
            return json.loads(bytes(content))
        except (ValueError, RecursionError):
            raise RecordError(f"$httpCall: connection '{name}' answered something that is not JSON") from None
    return content.decode(response.encoding or "utf-8", "replace")


def evaluate_batch(calls: Sequence[Mapping[str, Any]], effects: Any) -> list[Any]:
    """Return the answer to every call: the decoded JSON of its response, text otherwise, null for an empty one.

    Raises:
        TransientError: the server is away or answered 408, 425, 429 or 5xx.
        FatalError: it refused the credentials, or its certificate is not trusted.
        ConfigError: there is no such connection, or it is not of type http.
    """
    return ask_once(calls, lambda call: _ask(call, effects), effects)


def _check(constants: Mapping[str, Any]) -> None:
    """Find what is wrong with the constants when the pipeline is compiled, so that ``fluxion lint`` tells of it."""
    method = constants.get("method", MISSING)
    if method is not MISSING and method not in _METHODS:
        raise EvaluationError(f"'{method}' is no method; there are {', '.join(_METHODS)}")
    path, values = constants.get("path", MISSING), constants.get("pathValues")
    path = "" if path is MISSING else path
    if not isinstance(path, str):
        raise EvaluationError("the path must be text")
    if any(segment in {".", ".."} for segment in path.split("/")):
        raise EvaluationError("the path may not hold '.' or '..' segments")
    if isinstance(values, Mapping) and (absent := [place for place in _PLACE.findall(path) if place not in values]):
        raise EvaluationError(f"nothing is given for {{{absent[0]}}} of the path; name it under pathValues")


HTTP_CALL = Operator(
    name="$httpCall",
    pure=False,
    foldable=False,
    evaluate_batch=evaluate_batch,
    connection=("http", HttpConnection),
    check=_check,
    arguments=("connection",),
    optional=("method", "path", "pathValues", "query", "headers", "body", "onNotFound"),
    constants=("connection", "method", "path"),
    summary="What an HTTP server answers: decoded JSON, else text; null where nothing comes.",
    family="enrichment",
)
"""``{$httpCall: {connection: "crm", path: "/customers/{id}", pathValues: {id: "$customerId"}}}``."""
