"""A sink in one file: documents into an SQLite table, exactly once."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import REQUIRED, Context, Cursor, Options, SealedBatch, Sink, WriteResult, is_duplicate, option

FLUXION_SPI = (1, 0)


@attrs.frozen
class TableOptions(Options):
    path: Path = option(REQUIRED, "The SQLite file.")


class TableSink(Sink[TableOptions]):
    """Appends every document to the table ``documents``."""

    name: ClassVar[str] = "sqlite-table"
    options: ClassVar[type[Options]] = TableOptions
    dedupe: ClassVar[Any] = "batch"

    def open(self, context: Context) -> Cursor | None:
        self.close()
        self._database = sqlite3.connect(self.config.path, isolation_level=None, check_same_thread=False)
        self._database.execute("create table if not exists documents (body text)")
        self._database.execute("create table if not exists cursor (one integer primary key, incarnation text, epoch, seq)")
        return self._cursor()

    def write(self, batch: SealedBatch) -> WriteResult:
        self._database.execute("begin immediate")  # records and cursor are read and become durable together
        try:
            duplicate = is_duplicate(self._cursor(), batch, str(self.config.path))
            if not duplicate:
                self._database.executemany("insert into documents values (?)", [(line.decode(),) for line in batch.payloads])
                row = (1, batch.incarnation, batch.epoch, batch.seq)
                self._database.execute("insert or replace into cursor values (?, ?, ?, ?)", row)
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise
        return WriteResult(duplicate=duplicate)

    def _cursor(self) -> Cursor | None:
        row = self._database.execute("select incarnation, epoch, seq from cursor").fetchone()
        return Cursor(*row) if row else None

    def close(self) -> None:
        if hasattr(self, "_database"):
            self._database.close()


@hookimpl
def fluxion_register_sinks() -> list[type[Sink[Any]]]:
    return [TableSink]
