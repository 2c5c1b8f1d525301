"""What a state file tells people: SQLite's errors as ours, each with where, what, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fluxion_core.spi import FatalError, FencedError, Lease, StateError, TransientError

if TYPE_CHECKING:
    from fluxion_core.state.ownership import Owner

__all__ = ["damaged", "is_busy", "owned", "taken_over", "translated", "unreadable", "unwritable"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL)


def damaged(path: Path, found: str) -> str:
    """Return the letter for a damaged file."""
    return (
        f"{path}: the state file is damaged ({' '.join(found.split())}); nothing was changed; restore it from a backup, "
        "or move it away to start from nothing"
    )


def unreadable(path: Path, error: sqlite3.DatabaseError) -> StateError | FatalError:
    """Return the error for a file that SQLite cannot work with, now or ever."""
    if _code(error) in _DAMAGED:
        return StateError(damaged(path, str(error)))
    msg = f"{path}: the state file cannot be used ({error}); check the path, its permissions and the disk"
    return FatalError(msg)


def unwritable(path: Path, what: str, error: OSError) -> FatalError | TransientError:
    """Return the error for a file, *what* it is, that could not be made: it may be tried again when the disk is only full."""
    if error.errno in _FULL:
        return TransientError(f"{path}: {what} cannot be made just now ({error.strerror}); free space on the disk")
    return FatalError(f"{path}: {what} cannot be written ({error.strerror}); check the path and its permissions")


def owned(path: Path, pipeline_id: str, owner: Owner | None) -> str:
    """Return the letter for a pipeline that a living process owns."""
    who = f"process {owner.pid} on {owner.host} since {owner.since}" if owner else "another process"
    return (
        f"{path}: pipeline '{pipeline_id}' is already running: {who} owns it; "
        "stop that one first, or start this one with --takeover"
    )


def taken_over(path: Path, lease: Lease, owner: Owner | None) -> str:
    """Return the letter for an owner that was replaced."""
    who = f"process {owner.pid} on {owner.host} since {owner.since}" if owner else "nobody: its row is gone"
    return f"{path}: pipeline '{lease.pipeline_id}' was taken over (now owned by {who}); this run writes no more and ends"


@contextmanager
def translated(path: Path, *, busy: type[FatalError | FencedError | TransientError]) -> Iterator[None]:
    """Raise ours for SQLite's errors: *busy* where another process writes, and what the reader can do about the others."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_busy(error):
            msg = f"{path}: another process is writing to the state file and does not end; stop it, or wait for it"
            raise busy(msg) from error
        if _code(error) in _PASSING:
            msg = f"{path}: the state cannot be written just now ({error}); free space on the disk, or check it"
            raise TransientError(msg) from error
        raise unreadable(path, error) from error


def is_busy(error: sqlite3.DatabaseError) -> bool:
    """Return whether another process is in the way."""
    return _code(error) in _BUSY


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
