"""The connections of a pipeline file: who may be asked, fixed by the operator of the host, never by a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from fluxion_core.errors import ConfigError, Problem
from fluxion_core.spi import REQUIRED, Options, Secret, option

__all__ = ["HttpConnection", "SqlConnection", "connection_options"]


def _check_base_url(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "an http or https URL with a host was expected"
    if parts.query or parts.fragment or parts.username is not None:
        return "the URL may hold no query, fragment or credentials; use headers or bearer_token"
    return None


def _check_headers(value: Mapping[str, Secret]) -> str | None:
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            return f"{name!r} is no name of a header"
    return None


@attrs.frozen
class HttpConnection(Options):
    """Options of ``connections: {name: {type: http, ...}}``."""

    base_url: str = option(REQUIRED, "Scheme, host, port and the path under which every call lies.", check=_check_base_url)
    headers: dict[str, Secret] = option({}, "Headers of every request; never shown.", check=_check_headers)
    bearer_token: Secret | None = option(None, "Sent as Authorization: Bearer.")
    timeout_seconds: float = option(10.0, "The longest that one request may take to connect, and to be silent.", minimum=0.001)
    max_response_bytes: int = option(10 * 1024 * 1024, "A larger answer is a record error.", minimum=1)
    verify: bool = option(default=True, doc="Whether the server's certificate is checked.")
    ca_file: str | None = option(None, "Certificates to trust in place of the system's.")


@attrs.frozen
class SqlConnection(Options):
    """Options of ``connections: {name: {type: sql, ...}}``."""

    url: Secret = option(REQUIRED, "SQLAlchemy's database URL, for example sqlite:///products.db; never shown.")
    max_rows: int = option(1000, "More rows from one query are a record error.", minimum=1)
    pool_size: int = option(5, "The most database connections at a time.", minimum=1)
    timeout_seconds: float = option(5.0, "How long to wait for a free connection of the pool.", minimum=0.001)


def connection_options(name: str, given: Mapping[str, Any], kind: str, options: type[Options]) -> Any:
    """Return the options of the connection *name*.

    Raises:
        ConfigError: it is of another type, or an option is wrong.
    """
    where = f"connections.{name}"
    if given.get("type") != kind:
        raise ConfigError([Problem(f"{where}.type", f"a connection of type '{kind}' was expected, not '{given.get('type')}'")])
    return options.parse({key: value for key, value in given.items() if key != "type"}, where=where)
