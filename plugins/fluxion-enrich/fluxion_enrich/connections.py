"""The connections of a pipeline file: who may be asked, fixed by the operator of the host, never by a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import attrs

from fluxion_core.errors import ConfigError, Problem
from fluxion_core.spi import REQUIRED, Options, Secret, option

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["HttpConnection", "SqlConnection", "connection_options", "located", "url_problem"]


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
    ca_file: Path | None = option(None, "PEM file of the authorities to trust in place of the system's.")


def url_problem(value: Secret) -> str | None:
    """Return what is wrong with a database URL, without a word of its password; nothing is connected to.

    The exceptions of SQLAlchemy and of Python quote what they could not read, which is often the rest of a password.
    """
    import sqlalchemy  # only who has such a connection should wait for it
    from sqlalchemy import exc

    encode = "percent-encode the password (@ is %40)"
    try:
        url = sqlalchemy.make_url(value.reveal())
        driver = url.drivername
        if _holds_rest_of_password(url, value.reveal()):
            return f"user, password and host cannot be told apart; {encode}"
        if url.get_backend_name() == "sqlite":
            sqlalchemy.create_engine(url)
        else:
            url.get_dialect().import_dbapi()
    except exc.NoSuchModuleError:
        return f"no dialect or driver '{driver}' is installed for SQLAlchemy; check the name, or pip install the package that has it"
    except ImportError as error:
        module = f" (no module '{error.name}')" if error.name else ""
        return f"the database driver of '{driver}' is not installed{module}; pip install it"
    except (exc.ArgumentError, ValueError):
        return f"this is no database URL (for example sqlite:///products.db); if it holds a password, {encode}"
    return None


def _holds_rest_of_password(url: sqlalchemy.URL, text: str) -> bool:
    """Whether a ``@`` within the password was taken for the end of it: the rest would be a host, which drivers show."""
    if url.username is None:
        return False
    names = text.partition("=")[0]  # values of the query may hold it
    return "@" in f"{url.host or ''}{url.database or ''}" or names.count("@") > 1 + url.username.count("@")


def located(url: sqlalchemy.URL, base_dir: Path) -> sqlalchemy.URL:
    """Return *url* with the file of an SQLite database that is named relatively taken from *base_dir*."""
    database = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or database.startswith(":memory:"):
        return url
    if not database.startswith("file:"):
        return url.set(database=str(base_dir / database))
    path = unquote(database.removeprefix("file:"))
    return url if path.startswith(("/", ":memory:")) else url.set(database=f"file:{quote(str(base_dir / path))}")


@attrs.frozen
class SqlConnection(Options):
    """Options of ``connections: {name: {type: sql, ...}}``."""

    url: Secret = option(
        REQUIRED, "SQLAlchemy's database URL, for example sqlite:///products.db; never shown.", check=url_problem
    )
    max_rows: int = option(1000, "More rows from one query are a record error.", minimum=1)
    pool_size: int = option(5, "The most database connections at a time.", minimum=1)
    timeout_seconds: float = option(5.0, "How long to wait for a free connection of the pool.", minimum=0.001)


def connection_options(name: str, effects: Any, kind: str, options: type[Options]) -> Any:
    """Return the options of the connection *name*; relative paths start where the pipeline file is.

    Raises:
        ConfigError: it is of another type, or an option is wrong.
    """
    where, given = f"connections.{name}", effects.connection(name)
    if given.get("type") != kind:
        raise ConfigError([Problem(f"{where}.type", f"a connection of type '{kind}' was expected, not '{given.get('type')}'")])
    told = {key: value for key, value in given.items() if key != "type"}
    return options.parse(told, where=where, base_dir=effects.base_dir)
