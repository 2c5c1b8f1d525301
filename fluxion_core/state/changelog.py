"""Keyed state in a state file: one packed delta per seal, folded into one blob per key group now and then.

A seal writes what changed, so its cost follows the change and not the state. Once the deltas are three times as large as the blobs
(or as the last delta) they are folded into them, in the same transaction: each byte is then rewritten a bounded number of times on
average, and what a restart has to read stays within about four times the live state.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from fluxion_core.spi import KEY_GROUPS, StateRow, key_groups
from fluxion_core.state.packing import Rows, fold, live, pack, rows_of, unpack

__all__ = ["Changelog", "Sizes"]

_MINIMUM_BYTES = 256 * 1024  # below this, folding costs more than it saves
_MOST_DELTAS = 3  # times the blobs; a fold reads and writes all of them, which costs five times what the delta itself does


class Sizes(msgspec.Struct, frozen=True):
    """How many bytes the blobs and the deltas of a pipeline take."""

    snapshot_bytes: int = 0
    change_bytes: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.snapshot_bytes + self.change_bytes


class Changelog:
    """The keyed state of the pipeline with row number *pipeline*; every method runs inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, pipeline: int, where: str) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._where = where

    def append(self, seal: int, rows: Sequence[StateRow], sizes: Sizes) -> Sizes:
        """Add the changed *rows* of one seal, folding if it is time; return the new sizes."""
        changes = rows_of(rows)
        if not changes:
            return sizes
        delta = pack(changes)
        most = max(_MOST_DELTAS * max(sizes.snapshot_bytes, len(delta)), _MINIMUM_BYTES)
        if sizes.change_bytes + len(delta) >= most:
            return self._fold(changes)
        self._connection.execute("INSERT INTO changes VALUES (?, ?, ?)", (self._pipeline, seal, delta))
        return msgspec.structs.replace(sizes, change_bytes=sizes.change_bytes + len(delta))

    def load(self) -> Rows:
        """Return every row, some of which may be marked as deleted."""
        rows: Rows = {}
        for (data,) in self._connection.execute("SELECT data FROM snapshots WHERE pipeline = ?", (self._pipeline,)):
            fold(rows, self._unpack(data))
        for delta in self._deltas():
            fold(rows, delta)
        return rows

    def replace(self, rows: Rows) -> Sizes:
        """Put *rows* in place of all that is there; return the new sizes."""
        self._clear("changes")
        self._clear("snapshots")
        return Sizes(sum(self._write(group, part) for group, part in _by_group(rows).items()))

    def _fold(self, last: Rows) -> Sizes:
        """Bring all deltas and *last* into the blobs of the key groups that they touch."""
        changed: Rows = {}
        for delta in (*self._deltas(), last):
            fold(changed, delta)
        for group, part in _by_group(changed).items():
            rows = self._read(group)
            fold(rows, part)
            self._write(group, rows)
        self._clear("changes")
        select = "SELECT coalesce(sum(length(data)), 0) FROM snapshots WHERE pipeline = ?"
        return Sizes(self._connection.execute(select, (self._pipeline,)).fetchone()[0])

    def _deltas(self) -> Sequence[Rows]:
        select = "SELECT data FROM changes WHERE pipeline = ? ORDER BY seal"
        return [self._unpack(data) for (data,) in self._connection.execute(select, (self._pipeline,))]

    def _read(self, group: int) -> Rows:
        select = "SELECT data FROM snapshots WHERE pipeline = ? AND key_group = ?"
        found = self._connection.execute(select, (self._pipeline, group)).fetchone()
        return self._unpack(found[0]) if found else {}

    def _write(self, group: int, rows: Rows) -> int:
        data = pack(live(rows))
        self._connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (self._pipeline, group, data))
        return len(data)

    def _clear(self, table: str) -> None:
        self._connection.execute(f"DELETE FROM {table} WHERE pipeline = ?", (self._pipeline,))  # noqa: S608  # our own names

    def _unpack(self, data: bytes) -> Rows:
        rows: Rows = unpack(data, dict[str, dict[bytes, bytes | None]], where=self._where)
        return rows


def _by_group(rows: Rows) -> dict[int, Rows]:
    groups: dict[int, Rows] = {}
    for operator, keyed in rows.items():
        parts: list[dict[bytes, bytes | None]] = [{} for _ in range(KEY_GROUPS)]
        for (key, value), group in zip(keyed.items(), key_groups(keyed), strict=True):
            parts[group][key] = value
        for group, part in enumerate(parts):
            if part:
                groups.setdefault(group, {})[operator] = part
    return groups
