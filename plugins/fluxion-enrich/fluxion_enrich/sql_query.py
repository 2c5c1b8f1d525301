"""``$sqlQuery``: literal SQL with bound parameters, per distinct parameters, through a named connection."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from fluxion_core.errors import ConfigError, EvaluationError, FatalError, Problem, RecordError, TransientError
from fluxion_core.language import MISSING, Operator
from fluxion_enrich.batches import ask_once
from fluxion_enrich.connections import SqlConnection, connection_options, located, url_problem

if TYPE_CHECKING:
    import sqlalchemy  # imported by the first call: loading a plugin must stay cheap
    from sqlalchemy import exc

__all__ = ["SQL_QUERY"]

_MODES: Final = ("all", "first", "value")
_engines: WeakKeyDictionary[Any, dict[str, tuple[sqlalchemy.Engine, SqlConnection]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _engine(effects: Any, name: str) -> tuple[sqlalchemy.Engine, SqlConnection]:
    with _lock:
        engines = _engines.setdefault(effects, {})
        if name not in engines:
            options: SqlConnection = connection_options(name, effects, "sql", SqlConnection)
            engine = _created(name, options, effects.base_dir)
            effects.on_close(engine.dispose)
            engines[name] = (engine, options)
        return engines[name]


def _created(name: str, options: SqlConnection, base_dir: Path) -> sqlalchemy.Engine:
    import sqlalchemy

    wrong = url_problem(options.url)
    if wrong:
        raise ConfigError([Problem(f"connections.{name}.url", wrong)])
    url = sqlalchemy.make_url(options.url.reveal())
    if url.get_backend_name() == "sqlite":
        _check_file(name, url, base_dir)
        return sqlalchemy.create_engine(located(url, base_dir))
    return sqlalchemy.create_engine(
        url, pool_size=options.pool_size, max_overflow=0, pool_timeout=options.timeout_seconds, pool_pre_ping=True
    )


def _check_file(name: str, url: sqlalchemy.URL, base_dir: Path) -> None:
    """Stop at an SQLite file that is not there: SQLite would make an empty one, in which every table is missing."""
    path = url.database or ":memory:"
    if not path.startswith((":memory:", "file:")) and not (base_dir / path).exists():
        where = "" if Path(path).is_absolute() else f" (a relative path starts in {base_dir})"
        raise FatalError(f"$sqlQuery: connection '{name}': the SQLite file of its url does not exist; check the url{where}")


def _unbound(query: str, given: Iterable[str]) -> str:
    """Return what to say of the parameters of *query* that are not among those *given*; nothing if all are."""
    import sqlalchemy

    names = [f"':{name}'" for name in sqlalchemy.text(query).compile().params if name not in set(given)]
    if not names:
        return ""
    which = f"{'parameters' if len(names) > 1 else 'parameter'} {', '.join(names)} of the query"
    return (
        f"nothing is given for {which}: name it under params, and where its field may be missing write {{$ifNull: [..., null]}}"
    )


def _check(constants: Mapping[str, Any]) -> None:
    """Find a mode that is none, and a parameter that no document can bind: ``params`` names constants only, and not this one."""
    mode = constants.get("mode", MISSING)
    if mode is not MISSING and mode not in _MODES:
        raise EvaluationError(f"'{mode}' is no mode; there are {', '.join(_MODES)}")
    query, params = constants.get("query"), constants.get("params")
    if isinstance(query, str) and isinstance(params, Mapping) and (unbound := _unbound(query, params)):
        raise EvaluationError(unbound)


def _parameter(value: Any, name: str) -> Any:
    if value is MISSING:
        return None
    if isinstance(value, dict | list):
        raise RecordError(
            f"$sqlQuery: parameter '{name}' is {'an object' if isinstance(value, dict) else 'an array'}; a scalar was expected"
        )
    return value


def _shown(value: Any) -> Any:
    """Return a value of the database as a value of the language."""
    if isinstance(value, datetime) or not isinstance(value, date | time | timedelta | memoryview):
        return value
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat()


def _ask(call: Mapping[str, Any], effects: Any) -> Any:
    import sqlalchemy
    from sqlalchemy import exc

    name = call["connection"]
    engine, options = _engine(effects, name)
    given = call["params"] if call["params"] is not MISSING and call["params"] is not None else {}
    if not isinstance(given, Mapping):
        raise RecordError("$sqlQuery: params must be an object")
    parameters = {key: _parameter(value, key) for key, value in given.items()}
    try:
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(call["query"]), parameters)
            if not result.returns_rows:
                raise FatalError(
                    f"$sqlQuery: connection '{name}': the query returns no rows; write a SELECT: $sqlQuery only reads"
                )
            rows = [
                {column: _shown(value) for column, value in row.items()}
                for row in result.mappings().fetchmany(options.max_rows + 1)
            ]
            connection.rollback()
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, exc.DisconnectionError) as error:
        if isinstance(error, exc.OperationalError) and _is_mistake(error):
            raise FatalError(f"$sqlQuery: connection '{name}': {_reason(error)}") from None
        raise TransientError(f"$sqlQuery: connection '{name}': {_reason(error)}") from None
    except (exc.DataError, exc.IntegrityError) as error:
        raise RecordError(f"$sqlQuery: connection '{name}': {_reason(error)}") from None
    except (exc.SQLAlchemyError, TypeError, ValueError) as error:
        if isinstance(error, exc.StatementError) and (unbound := _unbound(call["query"], parameters)):
            raise RecordError(f"$sqlQuery: connection '{name}': {unbound}") from None
        raise FatalError(f"$sqlQuery: connection '{name}': {_reason(error)}") from None
    if len(rows) > options.max_rows:
        raise RecordError(f"$sqlQuery: connection '{name}': more than max_rows = {options.max_rows} rows")
    return _of_mode(rows, call["mode"])


def _is_mistake(error: exc.OperationalError) -> bool:
    """Whether an operational error is a mistake in the query: SQLite calls everything operational."""
    text = str(error.orig).lower()
    return "no such" in text or "syntax error" in text or "unable to open" in text


def _reason(error: BaseException) -> str:
    """Return the database's own sentence, without the statement and its parameters."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {text[0][:200]}" if text and "://" not in text[0] else type(cause).__name__


def _of_mode(rows: list[dict[str, Any]], mode: Any) -> Any:
    if mode == "first":
        return rows[0] if rows else None
    if mode == "value":
        return next(iter(rows[0].values()), None) if rows else None
    return rows


def evaluate_batch(calls: Sequence[Mapping[str, Any]], effects: Any) -> list[Any]:
    """Return the rows of every query as objects, or (*mode*) the first row, or its first column.

    The statement runs in a transaction that is rolled back: the operator reads, it does not write.

    Raises:
        TransientError: the database is away.
        FatalError: the query cannot work (a table or column that is not there, a syntax error).
        ConfigError: there is no such connection, or it is not of type sql.
    """
    return ask_once(calls, lambda call: _ask(call, effects), effects)


SQL_QUERY = Operator(
    name="$sqlQuery",
    pure=False,
    foldable=False,
    evaluate_batch=evaluate_batch,
    connection=("sql", SqlConnection),
    check=_check,
    arguments=("connection", "query"),
    optional=("params", "mode"),
    constants=("connection", "query", "mode"),
    summary="The rows that a query finds, each as an object; with mode the first row, or its first column.",
    family="enrichment",
)
"""``{$sqlQuery: {connection: "shop", query: "select name from products where sku = :sku", params: {sku: "$sku"}}}``."""
