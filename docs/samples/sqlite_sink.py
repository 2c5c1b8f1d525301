"""A sink in one file: documents into an SQLite table, exactly once."""

import sqlite3
from typing import Any, ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import REQUIRED, Context, Cursor, FencedError, Options, SealedBatch, Sink, WriteResult, option

FLUXION_SPI = (1, 0)


@attrs.frozen
class TableOptions(Options):
    path: str = option(REQUIRED, "The SQLite file.")


class TableSink(Sink[TableOptions]):
    """Appends every document to the table ``documents``."""

    name: ClassVar[str] = "sqlite-table"
    options: ClassVar[type[Options]] = TableOptions
    dedupe: ClassVar[Any] = "batch"

    def open(self, context: Context) -> Cursor | None:
        self._database = sqlite3.connect(self.config.path, isolation_level=None, check_same_thread=False)
        self._database.execute("create table if not exists documents (body text)")
        self._database.execute("create table if not exists cursor (one integer primary key, incarnation text, epoch, seq)")
        row = self._database.execute("select incarnation, epoch, seq from cursor").fetchone()
        self._cursor = Cursor(*row) if row else None
        return self._cursor

    def write(self, batch: SealedBatch) -> WriteResult:
        cursor = self._cursor or Cursor(batch.incarnation, batch.epoch, batch.seq - 1)
        if batch.epoch < cursor.epoch:
            raise FencedError("a newer owner has written")
        if batch.incarnation != cursor.incarnation or batch.seq > cursor.seq + 1:
            raise ValueError(f"batch {batch.key} does not follow {cursor}")
        if batch.seq <= cursor.seq:
            return WriteResult(duplicate=True)
        self._database.execute("begin immediate")  # records and cursor become durable together
        self._database.executemany("insert into documents values (?)", [(line.decode(),) for line in batch.payloads])
        row = (1, batch.incarnation, batch.epoch, batch.seq)
        self._database.execute("insert or replace into cursor values (?, ?, ?, ?)", row)
        self._database.execute("commit")
        self._cursor = Cursor(*row[1:])
        return WriteResult()

    def close(self) -> None:
        if hasattr(self, "_database"):
            self._database.close()


@hookimpl
def fluxion_register_sinks() -> list[type[Sink[Any]]]:
    return [TableSink]
