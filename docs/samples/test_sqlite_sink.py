"""The sink held to its contract, above all to the five rules of ``dedupe = "batch"``."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_sink import TableOptions, TableSink

from fluxion_core.testing.suites import SinkCase, SinkSuite


class TestTableSink(SinkSuite):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        path = tmp_path / "results.db"

        def read() -> list[dict]:
            with closing(sqlite3.connect(path)) as database:
                return [json.loads(body) for (body,) in database.execute("select body from documents order by rowid")]

        return SinkCase(make=lambda: TableSink(TableOptions(path=path)), read=read)
