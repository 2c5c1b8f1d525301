"""Who owns a pipeline: a lock that dies with its process, and a row that tells people who that is."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from pathlib import Path
from typing import IO, Any

import msgspec

from fluxion_core.spi import Clock, Files
from fluxion_core.state.letters import unwritable

__all__ = ["Owner", "OwnerLock", "read_owner"]


class Owner(msgspec.Struct, frozen=True):
    """The process that claimed a pipeline last; *since* in ISO-8601, UTC."""

    pid: int
    host: str
    since: str

    @classmethod
    def this_process(cls, clock: Clock) -> Owner:
        """Return this process as an owner from now on."""
        return cls(os.getpid(), platform.node(), clock.now().isoformat(timespec="seconds"))


def read_owner(connection: sqlite3.Connection, pipeline_id: str) -> Owner | None:
    """Return who claimed *pipeline_id* last, if anybody did."""
    row = connection.execute("SELECT pid, host, since FROM pipelines WHERE id = ?", (pipeline_id,)).fetchone()
    return Owner(*row) if row else None


class OwnerLock:
    """A lock file beside the state file; the kernel frees it when its holder ends, however it ends."""

    def __init__(self, state_path: Path, pipeline_id: str, files: Files) -> None:
        slug = re.sub(r"[^A-Za-z0-9._-]", "_", pipeline_id)
        self.path = state_path.with_name(f"{state_path.name}.{slug}.lock")
        self._files = files
        self._file: IO[Any] | None = None

    def try_take(self) -> bool:
        """Return whether the lock is ours, taking it if it is free.

        Raises:
            TransientError: the disk is full.
            FatalError: the lock file cannot be made.
        """
        if self._file is not None:
            return True
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            file = self._files.open(self.path, "r+b")
        except OSError as error:
            raise unwritable(self.path, "the lock file", error) from error
        if not self._files.try_lock(file):
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let go of the lock, if it is ours."""
        if self._file is not None:
            self._file.close()  # closing frees it; the file stays, so that nobody locks a name that is being removed
            self._file = None
