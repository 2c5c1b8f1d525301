import sqlite3

import pytest
from fluxion_enrich.sql_query import SQL_QUERY

from fluxion_core.errors import ConfigError, FatalError, RecordError
from fluxion_core.language import MISSING


@pytest.fixture
def effects(tmp_path, pool, effects_class):
    path = tmp_path / "products.db"
    database = sqlite3.connect(path)
    database.execute("create table products (sku text primary key, name text, price real)")
    database.executemany("insert into products values (?, ?, ?)", [("a", "Apple", 1.5), ("b", "Bread", 2.0)])
    database.commit()
    database.close()
    made = effects_class(pool, shop={"type": "sql", "url": f"sqlite:///{path}"})
    with made.closing:
        yield made


QUERY = "select name, price from products where sku = :sku"


def ask(effects, *parameters, query=QUERY, mode=MISSING):
    calls = [{"connection": "shop", "query": query, "params": given, "mode": mode} for given in parameters]
    return SQL_QUERY.evaluate_batch(calls, effects)


def test_rows_are_objects(effects) -> None:
    assert ask(effects, {"sku": "a"}, {"sku": "z"}) == [[{"name": "Apple", "price": 1.5}], []]


def test_the_first_row_or_null(effects) -> None:
    assert ask(effects, {"sku": "b"}, {"sku": "z"}, mode="first") == [{"name": "Bread", "price": 2.0}, None]


def test_the_first_column_or_null(effects) -> None:
    assert ask(effects, {"sku": "a"}, {"sku": "z"}, mode="value") == ["Apple", None]


@pytest.mark.parametrize("value", ["' or 1=1 --", "a'; drop table products; --", '" or ""="'])
def test_a_parameter_is_data_and_nothing_else(effects, value) -> None:
    assert ask(effects, {"sku": value}) == [[]]
    assert ask(effects, {}, query="select count(*) from products", mode="value") == [2]


def test_a_missing_field_is_bound_as_null(effects) -> None:
    assert ask(effects, {"sku": MISSING}) == [[]]


def test_an_object_as_a_parameter_is_a_record_error(effects) -> None:
    (answer,) = ask(effects, {"sku": {"$gt": ""}})
    assert isinstance(answer, RecordError)


def test_a_file_that_does_not_exist_is_named_as_such_and_not_made(effects, tmp_path) -> None:
    effects.base_dir = tmp_path
    effects.connections["shop"]["url"] = "sqlite:///nowhere.db"
    with pytest.raises(
        FatalError, match=r"connection 'shop': the SQLite file of its url does not exist; .* starts in"
    ) as caught:
        ask(effects, {}, query="select 1")
    assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite:///products.db", "sqlite:///file:products.db?mode=ro&uri=true", "sqlite:///{folder}/products.db"]
)
def test_a_relative_path_starts_where_the_pipeline_file_is(effects, tmp_path, monkeypatch, url) -> None:
    monkeypatch.chdir("/")
    effects.base_dir = tmp_path
    effects.connections["shop"]["url"] = url.format(folder=tmp_path)
    assert [2] == ask(effects, {}, query="select count(*) from products", mode="value")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_needs_no_file(effects, url) -> None:
    effects.connections["shop"]["url"] = url
    assert ask(effects, {}, query="select 1", mode="value") == [1]


def test_the_statement_writes_nothing(effects) -> None:
    with pytest.raises(FatalError, match="connection 'shop': the query returns no rows; write a SELECT"):
        ask(effects, {}, query="delete from products")
    assert ask(effects, {}, query="select count(*) from products", mode="value") == [2]


def test_a_table_that_is_not_there_stops_the_pipeline(effects) -> None:
    with pytest.raises(FatalError, match="no such table"):
        ask(effects, {}, query="select * from nowhere")


def test_too_many_rows_are_a_record_error(effects) -> None:
    effects.connections["shop"]["max_rows"] = 1
    (answer,) = ask(effects, {}, query="select * from products")
    assert isinstance(answer, RecordError)


def test_an_unknown_connection_is_named(effects) -> None:
    with pytest.raises(ConfigError, match="'nowhere'"):
        SQL_QUERY.evaluate_batch([{"connection": "nowhere", "query": "select 1", "params": MISSING, "mode": MISSING}], effects)


def test_the_url_is_never_shown(effects) -> None:
    effects.connections["shop"]["url"] = "postgresql+nodriver://user:s3cr3t@127.0.0.1/db"
    with pytest.raises(ConfigError) as caught:
        ask(effects, {"sku": "a"})
    assert "s3cr3t" not in str(caught.value)


def test_a_parameter_that_nothing_is_given_for_is_named_as_an_error_of_the_record(effects) -> None:
    (answer,) = ask(effects, {"colour": "red"})
    assert isinstance(answer, RecordError)
    assert "connection 'shop': nothing is given for parameter ':sku' of the query" in str(answer)
