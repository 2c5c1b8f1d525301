"""``$sqlQuery`` against a real PostgreSQL: types, parameters as data, outages."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy

sys.path.insert(0, str(Path(__file__).parent))
from fluxion_enrich.sql_query import SQL_QUERY
from postgres import running

from fluxion_core.errors import FatalError, RecordError, TransientError
from fluxion_core.language import MISSING


@pytest.fixture(scope="module")
def url():
    with running() as made:
        engine = sqlalchemy.create_engine(made)
        with engine.begin() as connection:
            connection.execute(
                sqlalchemy.text("create table products (sku text primary key, price numeric, made timestamptz, id uuid)")
            )
            connection.execute(
                sqlalchemy.text(
                    "insert into products values ('a', 1.50, '2026-01-02 03:04:05Z', '0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60')"
                )
            )
        engine.dispose()
        yield made


@pytest.fixture
def effects(effects_class, pool, url):
    made = effects_class(pool, shop={"type": "sql", "url": url, "timeout_seconds": 2})
    with made.closing:
        yield made


def ask(effects, query, params=MISSING, mode="all"):
    return SQL_QUERY.evaluate_batch([{"connection": "shop", "query": query, "params": params, "mode": mode}], effects)[0]


def test_values_keep_their_types(effects) -> None:
    expected = {
        "price": Decimal("1.50"),
        "made": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "id": UUID("0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60"),
    }
    assert expected == ask(effects, "select price, made, id from products where sku = :sku", {"sku": "a"}, "first")


@pytest.mark.parametrize("value", ["' or '1'='1", "a'; drop table products; --", "\\' or 1=1 --"])
def test_a_parameter_is_data_and_nothing_else(effects, value) -> None:
    assert [] == ask(effects, "select * from products where sku = :sku", {"sku": value})
    assert 1 == ask(effects, "select count(*) from products", mode="value")


def test_nothing_is_written(effects) -> None:
    ask(effects, "delete from products returning sku")
    assert 1 == ask(effects, "select count(*) from products", mode="value")


def test_a_missing_table_stops_the_pipeline(effects) -> None:
    with pytest.raises(FatalError, match="nowhere"):
        ask(effects, "select * from nowhere")


def test_data_that_does_not_fit_is_a_record_error(effects) -> None:
    assert isinstance(ask(effects, "select 1 / cast(:n as integer)", {"n": 0}), RecordError)


def test_a_database_that_is_away_is_an_outage(effects_class, pool) -> None:
    made = effects_class(
        pool, shop={"type": "sql", "url": "postgresql+psycopg://nobody@127.0.0.1:1/none", "timeout_seconds": 1}
    )
    with made.closing, pytest.raises(TransientError):
        ask(made, "select 1")
