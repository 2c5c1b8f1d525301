"""The tables of a state file, and whether a file on the disk holds them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

from fluxion_core.spi import FatalError, StateError
from fluxion_core.state.letters import damaged, is_busy, unreadable, unwritable

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "connect", "create", "inspect"]

APPLICATION_ID = 0x464C584E  # "FLXN" in the file's header: tells our files from other programs' databases
SCHEMA_VERSION = 1
PAGE_BYTES = 32 * 1024
"""Sealed output is written in large pieces: a third less CPU than with SQLite's 4096; small seals cost the same."""

CACHE_KIB = 4 * 1024
"""A seal that outgrows SQLite's cache (2,000 KiB if not set) is written twice, which costs half as much again."""

TABLES = """
CREATE TABLE pipelines (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    incarnation TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    since TEXT NOT NULL,
    seals INTEGER NOT NULL DEFAULT 0,
    snapshot_bytes INTEGER NOT NULL DEFAULT 0,
    change_bytes INTEGER NOT NULL DEFAULT 0,
    progress BLOB NOT NULL
);
CREATE TABLE outputs (
    pipeline INTEGER NOT NULL,
    target TEXT NOT NULL,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (pipeline, target, seq)
);
CREATE TABLE changes (
    pipeline INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (pipeline, seal)
);
CREATE TABLE snapshots (
    pipeline INTEGER NOT NULL,
    key_group INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (pipeline, key_group)
);
"""


def inspect(path: Path, check_below_bytes: int) -> bool:
    """Return whether *path* is one of our state files; ``False`` if it is not there, or empty.

    Changes nothing but what an interrupted transaction has left, which SQLite rolls back before anybody can read.

    The whole file is read if it is smaller than *check_below_bytes*.

    Raises:
        StateError: it is damaged, of a newer version, or something else.
        FatalError: it cannot be read.
    """
    try:
        if path.is_dir():
            msg = f"{path}: the path of the state is a directory; name a file in it, such as {path / 'state.db'}"
            raise FatalError(msg)
        if not path.exists() or path.stat().st_size == 0:
            return False
        return _inspected(path, "ro", check_below_bytes)
    except sqlite3.DatabaseError as error:
        raise unreadable(path, error) from error
    except OSError as error:
        msg = f"{path}: the state file cannot be read ({error.strerror}); check the path and its permissions"
        raise FatalError(msg) from error


def _inspected(path: Path, mode: Literal["ro", "rw"], check_below_bytes: int) -> bool:
    from urllib.parse import quote  # a new state file needs none

    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None)) as connection:
            return _recognise(connection, path, check=path.stat().st_size < check_below_bytes)
    except sqlite3.OperationalError as error:
        if mode == "ro" and error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            return _inspected(path, "rw", check_below_bytes)  # a kill while the file was made: SQLite undoes that first
        raise


def _recognise(connection: sqlite3.Connection, path: Path, *, check: bool) -> bool:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            return False
        msg = f"{path}: this is a database of another program; expected a state file of Fluxion; set another path"
        raise StateError(msg)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        msg = (
            f"{path}: the state file has schema version {version}; this Fluxion reads up to {SCHEMA_VERSION}; "
            "upgrade fluxion-core, or set another path"
        )
        raise StateError(msg)
    found = _cut_off(connection, path) or (connection.execute("PRAGMA quick_check(1)").fetchone()[0] if check else "ok")
    if found != "ok":
        raise StateError(damaged(path, found))
    return True


def _cut_off(connection: sqlite3.Connection, path: Path) -> str:
    """Say that the file ends within a page, which SQLite would fill up with zeros without a word."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return ""  # a write to the file itself was interrupted; the log holds the whole page
    missing = -path.stat().st_size % int(connection.execute("PRAGMA page_size").fetchone()[0])
    return f"its last page lacks {missing} bytes" if missing else ""


def connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Return the writing connection to *path*, making an empty, private file where there is none.

    Raises:
        TransientError: the disk is full.
        FatalError: the file cannot be made or opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise unwritable(path, "the state file", error) from error
    # The runtime opens the store in one thread and seals in another; it never does both at a time.
    return sqlite3.connect(path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False)


def create(connection: sqlite3.Connection, patience: Callable[[], bool]) -> None:
    """Set the connection up for durable writing, and make the tables unless another process has.

    *patience* waits a moment and returns whether to try again.
    """
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    _write_ahead(connection, patience)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=FAST")  # Debian's SQLite overwrites what is deleted: every output once more
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit={64 * 1024 * 1024}")
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection, patience: Callable[[], bool]) -> None:
    """Turn WAL on. SQLite does not wait by itself here, where two processes that make the same file meet."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or not patience():
                raise
        else:
            return
