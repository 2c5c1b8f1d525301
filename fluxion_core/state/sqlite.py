"""State in one SQLite file: the embedded default.

WAL with ``synchronous=FULL``: a seal that returned survives a power failure. One connection writes; several pipelines may keep
their state in one file, each owned through its own lock and its own epoch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

import attrs
import msgspec

from fluxion_core.spi import (
    Checkpoint,
    Context,
    FatalError,
    FencedError,
    Host,
    Lease,
    Options,
    SealedOutput,
    SealRequest,
    StateError,
    StateStore,
    TransientError,
    option,
)
from fluxion_core.state.changelog import Changelog, Sizes
from fluxion_core.state.letters import damaged, owned, taken_over, translated
from fluxion_core.state.ownership import Owner, OwnerLock, read_owner
from fluxion_core.state.progress import Progress, Snapshot
from fluxion_core.state.schema import connect, create, inspect

__all__ = ["SqliteOptions", "SqliteStateStore"]


@attrs.frozen
class SqliteOptions(Options):
    """Where the state file is and how it is treated."""

    path: Path | None = option(None, "The state file; unset, .fluxion/<pipeline id>.db beside the pipeline file.")
    busy_timeout_seconds: float = option(5.0, "How long to wait while another process writes to the file.", minimum=0)
    check_below_bytes: int = option(
        1024 * 1024 * 1024, "A file smaller than this is read through for damage at every start.", minimum=0
    )


class _Claimed(msgspec.Struct):
    """What this process owns: the lease, the pipeline's row, its lock, and its progress as of the last seal."""

    lease: Lease
    number: int
    lock: OwnerLock
    progress: Progress
    seals: int
    sizes: Sizes


class SqliteStateStore(StateStore[SqliteOptions]):
    """Keeps positions, keyed state and sealed output in an SQLite file; ``SqliteStateStore(path="state.db")`` in Python.

    An object serves one running pipeline; others that share its file have objects of their own.
    """

    name: ClassVar[str] = "sqlite"
    options: ClassVar[type[Options]] = SqliteOptions

    def __init__(self, config: SqliteOptions | None = None, **options: Any) -> None:
        """Keep *config*, or the *options* that were given by name.

        Raises:
            ConfigError: an option is unknown or wrong.
        """
        super().__init__(config or SqliteOptions.parse(options, where="state"))
        self._context: Context | None = None
        self._connection: sqlite3.Connection | None = None
        self._claimed: _Claimed | None = None

    @property
    def path(self) -> Path:
        """The state file."""
        if self.config.path is not None or self._context is None:
            return self.config.path or Path(".fluxion/state.db")
        return self._context.base_dir / ".fluxion" / f"{self._context.pipeline_id}.db"

    @property
    def place(self) -> str:
        """The state file, as text."""
        return str(self.path)

    def open(self, context: Context) -> None:
        """Open the state file, or make a new one where there is none.

        Raises:
            StateError: the file is damaged, of a newer version or of another program; it is left as it is.
            TransientError: the disk is full or failing.
            FatalError: it cannot be read or written, or this object is in use.
        """
        if self._connection is not None:
            msg = f"{self.path}: this state store is in use by another run; give each pipeline a SqliteStateStore of its own"
            raise FatalError(msg)
        self._context = context
        inspect(self.path, self.config.check_below_bytes)
        connection = connect(self.path, self.config.busy_timeout_seconds)
        try:
            with translated(self.path, busy=FatalError):
                create(connection, self._patience(context))
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _patience(self, context: Context) -> Callable[[], bool]:
        clock = context.host.clock
        deadline = clock.monotonic() + self.config.busy_timeout_seconds
        return lambda: clock.monotonic() < deadline and not clock.wait(context.stopping, 0.01)

    def claim(self, pipeline_id: str, *, takeover: bool = False) -> Lease:
        """Become the owner of *pipeline_id*: by its lock, which dies with the process, and by raising the epoch.

        Raises:
            FencedError: a living process owns it and *takeover* is not given, or it cannot be waited for.
        """
        lock = OwnerLock(self.path, pipeline_id, self._host.files)
        if not lock.try_take() and not takeover:
            raise FencedError(owned(self.path, pipeline_id, read_owner(self._sql, pipeline_id)))
        try:
            with self._transaction(busy=FencedError):
                claimed = self._raise_epoch(pipeline_id, lock)
        except BaseException:
            lock.release()
            raise
        self._claimed = claimed
        return claimed.lease

    def _raise_epoch(self, pipeline_id: str, lock: OwnerLock) -> _Claimed:
        me = Owner.this_process(self._host.clock)
        self._sql.execute(
            "INSERT INTO pipelines (id, incarnation, epoch, pid, host, since, progress) VALUES (?, ?, 1, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1, pid = excluded.pid, host = excluded.host, "
            "since = excluded.since",
            (pipeline_id, self._host.new_id(), me.pid, me.host, me.since, Progress().pack()),
        )
        select = "SELECT number, incarnation, epoch, seals, snapshot_bytes, change_bytes, progress FROM pipelines WHERE id = ?"
        number, incarnation, epoch, seals, snapshot_bytes, change_bytes, progress = self._sql.execute(
            select, (pipeline_id,)
        ).fetchone()
        return _Claimed(
            lease=Lease(pipeline_id=pipeline_id, epoch=epoch, incarnation=incarnation),
            number=number,
            lock=lock,
            progress=Progress.unpack(progress, where=self._where(pipeline_id)),
            seals=seals,
            sizes=Sizes(snapshot_bytes, change_bytes),
        )

    def load(self) -> Checkpoint:
        """Return what was sealed for the claimed pipeline.

        Raises:
            StateError: the state is damaged.
        """
        claimed = self._own
        with translated(self.path, busy=TransientError):
            return claimed.progress.checkpoint(self._outputs(), self._changelog.load())

    def seal(self, request: SealRequest) -> None:
        """Write *request* in one transaction and return when it is on the disk.

        Raises:
            FencedError: another process took the pipeline over; nothing was changed.
            TransientError: the disk is full, failing or locked; nothing was changed, the same request may come again.
        """
        claimed = self._own
        claimed.lock.try_take()  # after a takeover: as soon as the former owner is gone, the lock is ours too
        progress, seals = claimed.progress.after(request), claimed.seals + 1
        with self._transaction(busy=TransientError):
            self._check_owner(request.lease)
            self._write_outputs(request, progress)
            sizes = self._changelog.append(seals, request.rows, claimed.sizes)
            self._write_progress(progress, seals, sizes)
            self._host.reach("sealing")
        claimed.progress, claimed.seals, claimed.sizes = progress, seals, sizes

    def snapshot(self) -> bytes:
        """Return the claimed pipeline's whole state as bytes, as of its last seal."""
        return Snapshot(self._own.progress, self._outputs(), self._changelog.load()).pack()

    def restore(self, snapshot: bytes) -> None:
        """Replace the claimed pipeline's state by *snapshot*, in one transaction.

        Raises:
            StateError: *snapshot* is damaged; nothing was changed.
            FencedError: another process took the pipeline over; nothing was changed.
            TransientError: the disk is full, failing or locked; nothing was changed.
        """
        whole, claimed = Snapshot.unpack(snapshot), self._own
        with self._transaction(busy=TransientError):
            self._check_owner(claimed.lease)
            self._sql.execute("DELETE FROM outputs WHERE pipeline = ?", (claimed.number,))
            self._insert_outputs(whole.outputs)
            sizes = self._changelog.replace(whole.rows)
            self._write_progress(whole.progress, claimed.seals, sizes)
        claimed.progress, claimed.sizes = whole.progress, sizes

    @property
    def state_bytes(self) -> int:
        """How many bytes the claimed pipeline's keyed state takes in the file, packed."""
        return self._claimed.sizes.total if self._claimed else 0

    def close(self) -> None:
        """Close the file and let go of the lock."""
        connection, claimed = self._connection, self._claimed
        self._connection = self._claimed = None
        try:
            if connection is not None:
                connection.close()
        finally:
            if claimed is not None:
                claimed.lock.release()

    def _check_owner(self, lease: Lease) -> None:
        """Refuse a lease that is not the newest, before anything that it wants could collide with the new owner's seals."""
        select = "SELECT 1 FROM pipelines WHERE number = ? AND epoch = ? AND incarnation = ?"
        if self._sql.execute(select, (self._own.number, lease.epoch, lease.incarnation)).fetchone() is None:
            self._own.lock.release()
            raise FencedError(taken_over(self.path, lease, read_owner(self._sql, lease.pipeline_id)))

    def _write_progress(self, progress: Progress, seals: int, sizes: Sizes) -> None:
        update = "UPDATE pipelines SET progress = ?, seals = ?, snapshot_bytes = ?, change_bytes = ? WHERE number = ?"
        values = (progress.pack(), seals, sizes.snapshot_bytes, sizes.change_bytes, self._own.number)
        self._sql.execute(update, values)

    def _write_outputs(self, request: SealRequest, progress: Progress) -> None:
        for target in request.delivered:
            delete = "DELETE FROM outputs WHERE pipeline = ? AND target = ? AND seq <= ?"
            self._sql.execute(delete, (self._own.number, target, progress.delivered[target]))
        waiting = [output for output in request.outputs if output.seq > progress.delivered.get(output.target, 0)]
        self._insert_outputs(waiting)

    def _insert_outputs(self, outputs: Any) -> None:
        number = self._own.number
        rows = [(number, output.target, output.seq, output.count, crc32(output.data), output.data) for output in outputs]
        self._sql.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _outputs(self) -> list[SealedOutput]:
        select = "SELECT target, seq, count, data, checksum FROM outputs WHERE pipeline = ? ORDER BY target, seq"
        rows = self._sql.execute(select, (self._own.number,)).fetchall()
        for target, seq, _, data, checksum in rows:
            if crc32(data) != checksum:
                found = f"batch {seq} for '{target}' of pipeline '{self._own.lease.pipeline_id}' does not match its checksum"
                raise StateError(damaged(self.path, found))
        return [SealedOutput(*row[:4]) for row in rows]

    @contextmanager
    def _transaction(self, *, busy: type[FencedError | TransientError]) -> Iterator[None]:
        with translated(self.path, busy=busy):
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self._sql.execute("ROLLBACK")
                raise

    @property
    def _sql(self) -> sqlite3.Connection:
        if self._connection is None:
            msg = "the state store is not open"
            raise ValueError(msg)
        return self._connection

    @property
    def _own(self) -> _Claimed:
        if self._claimed is None:
            msg = "claim a pipeline first"
            raise ValueError(msg)
        return self._claimed

    @property
    def _changelog(self) -> Changelog:
        return Changelog(self._sql, self._own.number, self._where(self._own.lease.pipeline_id))

    @property
    def _host(self) -> Host:
        return self._context.host if self._context else Host()

    def _where(self, pipeline_id: str) -> str:
        return f"{self.path}: pipeline '{pipeline_id}'"
