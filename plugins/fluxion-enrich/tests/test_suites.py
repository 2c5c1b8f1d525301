"""Both operators held to the rules of every operator: whatever stands in their arguments, and however the input is cut."""

import sqlite3

import pytest
from fluxion_enrich.http_call import HTTP_CALL
from fluxion_enrich.sql_query import SQL_QUERY

from fluxion_core.language import Example
from fluxion_core.testing.suites import OperatorCase, OperatorSuite


class TestHttpCall(OperatorSuite):
    @pytest.fixture
    def case(self, server, http_effects) -> OperatorCase:
        http_effects.connections["crm"]["timeout_seconds"] = 60  # hundreds of requests: one may wait on a busy machine
        server.answers["/v1/customers/7"] = (200, {}, {"name": "Ann"})
        call = {
            "connection": "crm",
            "method": "POST",
            "path": "/customers/{id}",
            "pathValues": {"id": "$id"},
            "query": {"full": True},
            "body": {"id": "$id"},
        }
        return OperatorCase(
            operator=HTTP_CALL,
            effects=http_effects,
            examples=[Example({"$httpCall": call}, {"name": "Ann"}, document={"id": 7})],
            wrong=[{"$httpCall": {"connection": "crm", "method": "BREW"}}],
        )


class TestSqlQuery(OperatorSuite):
    @pytest.fixture
    def case(self, tmp_path, pool, effects_class):
        path = tmp_path / "products.db"
        with sqlite3.connect(path) as database:
            database.execute("create table products (sku text primary key, name text)")
            database.execute("insert into products values ('a', 'Apple')")
        database.close()
        effects = effects_class(pool, shop={"type": "sql", "url": f"sqlite:///{path}"})
        call = {"connection": "shop", "query": "select name from products where sku = :sku", "mode": "value"}
        with effects.closing:
            yield OperatorCase(
                operator=SQL_QUERY,
                effects=effects,
                examples=[Example({"$sqlQuery": call | {"params": {"sku": "$sku"}}}, "Apple", document={"sku": "a"})],
                wrong=[{"$sqlQuery": call | {"mode": "some"}}, {"$sqlQuery": call | {"params": {"sko": 1}}}],
            )
