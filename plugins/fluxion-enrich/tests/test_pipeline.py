"""The operators in a whole pipeline: file to file, through a connection of the pipeline file."""

import json
import sqlite3

import pytest
from fluxion_enrich.http_call import HTTP_CALL
from fluxion_enrich.sql_query import SQL_QUERY

from fluxion_core import PipelineDefinition, PipelineOrchestrator, SinkConfig, SourceConfig, StateConfig, compile_pipeline
from fluxion_core.errors import CompileError


def run(tmp_path, stages, connections, orders):
    (tmp_path / "orders.ndjson").write_text("".join(json.dumps(order) + "\n" for order in orders))
    definition = PipelineDefinition(
        id="enrich",
        source=SourceConfig("file", path=str(tmp_path / "orders.ndjson")),
        stages=stages,
        sink=SinkConfig("file", path=str(tmp_path / "out.ndjson")),
        state_store=StateConfig("sqlite", path=str(tmp_path / "state.db")),
        connections=connections,
    )
    PipelineOrchestrator().run(definition).wait(30)
    return [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]


def test_documents_are_enriched_from_a_database(tmp_path) -> None:
    database = sqlite3.connect(tmp_path / "products.db")
    database.execute("create table products (sku text, name text)")
    database.execute("insert into products values ('a', 'Apple')")
    database.commit()
    database.close()
    name = {
        "$sqlQuery": {
            "connection": "shop",
            "query": "select name from products where sku = :sku",
            "params": {"sku": "$sku"},
            "mode": "value",
        }
    }
    got = run(
        tmp_path,
        [{"$match": {"n": {"$gt": 0}}}, {"$set": {"name": {"$ifNull": ["$name", "?"]}}}, {"$set": {"name": name}}],
        {"shop": {"type": "sql", "url": f"sqlite:///{tmp_path}/products.db"}},
        [{"n": 0, "sku": "a"}, {"n": 1, "sku": "a"}, {"n": 2, "sku": "z"}],
    )
    assert got == [{"n": 1, "sku": "a", "name": "Apple"}, {"n": 2, "sku": "z", "name": None}]


def test_documents_are_enriched_over_http(tmp_path, server) -> None:
    server.answers["/customers/7"] = (200, {}, {"tier": "gold"})
    got = run(
        tmp_path,
        [
            {
                "$set": {
                    "tier": {
                        "$getField": {
                            "field": "tier",
                            "input": {
                                "$httpCall": {"connection": "crm", "path": "/customers/{id}", "pathValues": {"id": "$c"}}
                            },
                        }
                    }
                }
            }
        ],
        {"crm": {"type": "http", "base_url": server.url}},
        [{"c": 7}, {"c": 7}],
    )
    assert got == [{"c": 7, "tier": "gold"}] * 2
    assert len(server.requests) == 1


def problems(stage):
    try:
        compile_pipeline([stage], operators=[HTTP_CALL, SQL_QUERY])
    except CompileError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_sql_from_a_document_does_not_compile() -> None:
    assert "constant" in problems({"$set": {"x": {"$sqlQuery": {"connection": "shop", "query": "$text"}}}})[0]


def test_a_host_from_a_document_does_not_compile() -> None:
    assert "constant" in problems({"$set": {"x": {"$httpCall": {"connection": "$host"}}}})[0]


def test_a_call_in_a_branch_does_not_compile() -> None:
    call = {"$sqlQuery": {"connection": "shop", "query": "select 1"}}
    assert "branch" in problems({"$set": {"x": {"$cond": ["$a", call, None]}}})[0]


def test_a_parameter_that_no_document_can_bind_does_not_compile() -> None:
    call = {"connection": "shop", "query": "select :a, :b", "params": {"a": 1}}
    (found,) = problems({"$set": {"x": {"$sqlQuery": call}}})
    assert "stages[0].$set.x.$sqlQuery: nothing is given for parameter ':b' of the query" in found


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            {"$sqlQuery": {"connection": "shop", "query": "select 1", "mode": "one"}},
            "'one' is no mode; there are all, first, value",
        ),
        (
            {"$httpCall": {"connection": "crm", "method": "FETCH"}},
            "'FETCH' is no method; there are GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        ({"$httpCall": {"connection": "crm", "path": "/a/../b"}}, "the path may not hold '.' or '..' segments"),
        ({"$httpCall": {"connection": "crm", "path": 5}}, "the path must be text"),
        (
            {"$httpCall": {"connection": "crm", "path": "/c/{id}", "pathValues": {"key": 1}}},
            "nothing is given for {id} of the path; name it under pathValues",
        ),
    ],
)
def test_a_constant_that_cannot_work_does_not_compile(call, problem) -> None:
    name = next(iter(call))
    assert [f"stages[0].$set.x.{name}: {problem}"] == problems({"$set": {"x": call}})


@pytest.mark.parametrize(
    "call",
    [
        {"$httpCall": {"connection": "crm", "method": "$$REMOVE", "path": "$$REMOVE"}},
        {"$sqlQuery": {"connection": "shop", "query": "select 1", "mode": "$$REMOVE"}},
    ],
)
def test_a_constant_that_is_missing_is_as_one_that_is_left_out(call) -> None:
    assert problems({"$set": {"x": call}}) == []
