"""The one seam between the runtime and the machine: clock, randomness, files and kill points.

The runtime, the state stores and the built-in connectors reach the outside only through a :class:`Host`, so that a test
can run a whole pipeline in one thread with a clock that it moves, a seed that it chose, a file system that fails when told
to, and a crash at any numbered step. Plugins get it as ``context.host``.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import IO, Any

from fluxion_core.errors import ConfigError

__all__ = ["KILL_POINTS", "Clock", "Files", "Host", "KillPoints"]

KILL_POINTS = {
    "claimed": "step 1: the epoch is claimed in the state store",
    "opened": "step 2: the sink is open and its cursor agrees with ours",
    "polled": "step 4: records were polled, nothing is decoded",
    "ran": "step 4: the records went through the stages, nothing is sealed",
    "sealing": "step 5: inside the seal's transaction, before it commits",
    "sealed": "step 5: the seal has committed, nothing of it is delivered",
    "committed": "step 6: the source was told of the seal",
    "writing": "step 7: before the sink writes the batch",
    "written-half": "step 7: the sink has written part of the batch (sinks reach this point themselves)",
    "written": "step 7: the batch is durable in the sink, the runtime does not know it yet",
    "delivered": "step 7: the runtime knows, the next seal will record it",
    "dead-lettered": "step 7: a dead-letter batch is durable, the runtime does not know it yet",
    "draining": "step 8: the last seal of a drain is delivered, nothing is closed",
}
"""Every name that ``FLUXION_KILLPOINT=name:nth`` understands, with the step of the loop that it stands at."""


class Clock:
    """The real time. A test's clock overrides these four."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC; may jump."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards; timeouts and backoff use these."""
        return time.monotonic()

    def process_time(self) -> float:
        """Return the CPU seconds of this process."""
        return time.process_time()

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until *event* is set or *seconds* have passed; return whether it is set."""
        return event.wait(seconds)


class Files:
    """The real file system, reduced to what durable writing needs."""

    def open(self, path: Path, mode: str) -> IO[Any]:
        """Open *path* as :func:`open` does, in binary mode and without Python's buffer."""
        return path.open(mode, buffering=0)

    def exists(self, path: Path) -> bool:
        """Return whether *path* exists."""
        return path.exists()

    def size(self, path: Path) -> int:
        """Return the size of *path* in bytes."""
        return path.stat().st_size

    def stamp(self, path: Path) -> tuple[int, ...]:
        """Return what changes when *path* is written to, cut or replaced: device, inode, size and time of the last change."""
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def make_directory(self, path: Path) -> None:
        """Make *path* and its parents, private to this user, unless it is there."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sync(self, file: IO[Any]) -> None:
        """Return when the content of *file* is on the disk."""
        os.fsync(file.fileno())

    def replace(self, source: Path, target: Path) -> None:
        """Give *source* the name *target*, atomically and durably."""
        source.replace(target)
        self.sync_directory(target.parent)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in directory *path* are on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def try_lock(self, file: IO[Any]) -> bool:
        """Take an exclusive lock on *file* that dies with this process; return whether it was free."""
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, file: IO[Any]) -> None:
        """Give up a lock taken with :meth:`try_lock`."""
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)


class KillPoints:
    """Ends the process with SIGKILL when a named point is reached for the nth time; a test's stand-in may raise instead."""

    def __init__(self, name: str | None = None, nth: int = 1) -> None:
        """Arm the point *name* (one of ``KILL_POINTS``) for its *nth* time, or nothing."""
        self._armed = name
        self._left = nth

    @classmethod
    def from_environment(cls) -> KillPoints:
        """Read ``FLUXION_KILLPOINT=name:nth``.

        Raises:
            ConfigError: the variable names no kill point.
        """
        text = os.environ.get("FLUXION_KILLPOINT", "")
        if not text:
            return cls()
        name, _, nth = text.partition(":")
        if name not in KILL_POINTS or not (nth or "1").isdigit():
            msg = f"FLUXION_KILLPOINT={text}: expected NAME:NTH with NAME one of {', '.join(KILL_POINTS)}"
            raise ConfigError(msg)
        return cls(name, int(nth or "1"))

    def reach(self, name: str) -> None:
        """Stand at the point *name*: return, or die there."""
        if name != self._armed:
            return
        self._left -= 1
        if self._left == 0:
            self.fire(name)

    def fire(self, name: str) -> None:  # noqa: ARG002  # a test's override wants the name
        """Die as under ``kill -9``: no handler, no flush, no exit code of ours."""
        os.kill(os.getpid(), signal.SIGKILL)


class Host:
    """Clock, randomness, files and kill points, as one value that is handed down."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        files: Files | None = None,
        kill_points: KillPoints | None = None,
    ) -> None:
        """Take the real thing for whatever is not given."""
        self.clock = clock or Clock()
        self.rng = rng or random.Random()  # noqa: S311  # jitter and ids, not secrets
        self.files = files or Files()
        self._kill_points = kill_points or KillPoints.from_environment()
        self.reach = self._kill_points.reach

    def new_id(self) -> str:
        """Return 16 hexadecimal digits that nobody else has."""
        return f"{self.rng.getrandbits(64):016x}"
