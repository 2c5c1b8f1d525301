"""``collections:`` of a pipeline file: read when the pipeline starts, joined by ``$lookup``, ``$graphLookup`` and ``$unionWith``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import PipelineOrchestrator, load_pipeline, load_plugins
from fluxion_core.errors import ConfigError, FatalError
from fluxion_core.runtime.binding import bind

LOOKUP = {"$lookup": {"from": "customers", "localField": "customer", "foreignField": "_id", "as": "customer"}}


def lines(path: Path, *documents: Any) -> None:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with orders and customers."""
    lines(tmp_path / "orders.ndjson", {"n": 1, "customer": "a"}, {"n": 2, "customer": "x"})
    lines(tmp_path / "customers.ndjson", {"_id": "a", "name": "Ada"}, {"_id": "b", "name": "Bob"})
    return tmp_path


def write(folder: Path, stages: Any, collections: Any) -> Path:
    file = folder / "pipeline.json"
    pipeline = {
        "id": "joined",
        "source": {"type": "file", "path": "orders.ndjson"},
        "collections": collections,
        "stages": stages,
        "sink": {"type": "file", "path": "out.ndjson"},
    }
    file.write_text(json.dumps(pipeline))
    return file


def run(folder: Path, stages: Any, collections: Any, **environment: str) -> list[Any]:
    definition = load_pipeline(write(folder, stages, collections), environment=environment)
    PipelineOrchestrator(load_plugins().components).run(definition).wait(30)
    return [json.loads(line) for line in (folder / "out.ndjson").read_text().splitlines()]


def problems(folder: Path, stages: Any, collections: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        bind(load_pipeline(write(folder, stages, collections), environment={}), load_plugins().components)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_is_joined(folder: Path) -> None:
    assert [{"n": 1, "customer": [{"_id": "a", "name": "Ada"}]}, {"n": 2, "customer": []}] == run(
        folder, [LOOKUP], {"customers": {"type": "file", "path": "customers.ndjson"}}
    )


def test_documents_in_the_file_itself_are_joined(folder: Path) -> None:
    assert [{"n": 1, "customer": [{"_id": "a", "vip": True}]}, {"n": 2, "customer": []}] == run(
        folder, [LOOKUP], {"customers": [{"_id": "a", "vip": True}]}
    )


def test_a_collection_is_searched_and_united_too(folder: Path) -> None:
    graph = {"startWith": "$customer", "connectFromField": "boss", "connectToField": "_id", "as": "line"}
    stages = [
        {"$graphLookup": {"from": "staff", **graph}},
        {"$set": {"line": {"$size": "$line"}}},
        {"$unionWith": "staff"},
    ]
    staff = [{"_id": "a", "boss": "b"}, {"_id": "b"}]
    assert [{"n": 1, "customer": "a", "line": 2}, {"n": 2, "customer": "x", "line": 0}, *staff] == run(
        folder, stages, {"staff": staff}
    )


def test_the_codec_and_the_environment_apply_to_the_source_of_a_collection(folder: Path) -> None:
    (folder / "export.json").write_text('{"_id":"a","since":{"$date":"2024-05-06T00:00:00Z"}}\n')
    stages = [LOOKUP, {"$project": {"year": {"$year": {"$first": "$customer.since"}}}}]
    collections = {"customers": {"type": "file", "path": "${FROM}", "codec": "ejson"}}
    assert [{"year": 2024}, {"year": None}] == run(folder, stages, collections, FROM="export.json")


def test_more_documents_than_one_poll_brings_are_all_read(folder: Path) -> None:
    lines(folder / "customers.ndjson", *({"_id": f"c{n}"} for n in range(2500)))
    stages = [{"$lookup": {"from": "customers", "pipeline": [{"$count": "n"}], "as": "all"}}]
    made = run(folder, stages, {"customers": {"type": "file", "path": "customers.ndjson"}})
    assert [[{"n": 2500}], [{"n": 2500}]] == [document["all"] for document in made]


def test_after_a_restart_only_new_records_see_the_new_content(folder: Path) -> None:
    collections = {"customers": {"type": "file", "path": "customers.ndjson"}}
    run(folder, [LOOKUP], collections)
    lines(folder / "customers.ndjson", {"_id": "a", "name": "Anna"})
    with (folder / "orders.ndjson").open("a") as orders:
        orders.write('{"n": 3, "customer": "a"}\n')
    names = [[customer["name"] for customer in document["customer"]] for document in run(folder, [LOOKUP], collections)]
    assert [["Ada"], [], ["Anna"]] == names


def test_a_record_that_is_no_document_stops_the_pipeline_before_anything_is_read(folder: Path) -> None:
    (folder / "customers.ndjson").write_text('{"_id":"a"}\n[]\n')
    with pytest.raises(FatalError, match=r"collections\.customers: record 2: the record is an array; expected a JSON object"):
        run(folder, [LOOKUP], {"customers": {"type": "file", "path": "customers.ndjson"}})
    assert not (folder / "out.ndjson").exists() or not (folder / "out.ndjson").read_text()


@pytest.mark.parametrize(
    ("collections", "letter"),
    [
        ({"customer": []}, "stages[0].$lookup.from: no collection is called 'customers'; did you mean 'customer'?"),
        ({"customers": [1]}, "collections.customers[0]: a document was expected, not 1"),
        ({"customers": {"type": "nosuch"}}, "collections.customers.type: "),
        ({"customers": {"type": "file", "pth": "x"}}, "collections.customers.pth: "),
        ({"customers": {"type": "file", "path": "x", "follow": True}}, "collections.customers: source 'file' does not end"),
        ({"customers": 5}, "collections.customers: a mapping with 'type' was expected"),
        ({"customers": None}, "collections.customers: is empty"),
        ([], "collections: a mapping was expected"),
    ],
)
def test_what_is_wrong_with_collections_is_said_before_anything_is_opened(folder: Path, collections: Any, letter: str) -> None:
    assert any(problem.startswith(letter) for problem in problems(folder, [LOOKUP], collections)), problems(
        folder, [LOOKUP], collections
    )


@pytest.mark.parametrize("stage", [{"$out": "customers"}, {"$merge": {"into": "customers"}}])
def test_writing_into_a_collection_is_what_a_sink_does(folder: Path, stage: Any) -> None:
    name = next(iter(stage))
    assert [f"stages[0].{name}: stage '{name}' is what a sink does; name the sink in the pipeline's sink:"] == problems(
        folder, [stage], {"customers": []}
    )
