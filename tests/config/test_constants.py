"""Constants of a pipeline file that JSON has no form for.

Source: the specification "MongoDB Extended JSON v2"; docs/reference/pipeline-file.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bson import ObjectId

from fluxion_core import ConfigError, aggregate, load_pipeline, load_stages

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
DATE = {"$date": "2024-01-01T00:00:00Z"}
HEAD = {"id": "p", "source": {"type": "generator", "count": 1}, "sink": "stdout"}


@pytest.fixture
def load(tmp_path):
    def load(**given):
        path = tmp_path / "p.json"
        path.write_text(json.dumps(HEAD | given))
        return load_pipeline(path)

    return load


def letters(load, **given):
    with pytest.raises(ConfigError) as caught:
        load(**given)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (DATE, NEW_YEAR),
        ({"$oid": "0123456789abcdef01234567"}, ObjectId("0123456789abcdef01234567")),
        ({"$numberDecimal": "1.50"}, Decimal("1.50")),
        ({"$binary": {"base64": "aGk=", "subType": "00"}}, b"hi"),
    ],
)
def test_a_stage_compares_with_a_constant_in_extended_json(load, written, expected):
    stages = load(stages=[{"$match": {"at": {"$gte": written}}}, {"$set": {"same": {"$literal": written}}}]).stages
    assert [{"at": expected, "same": expected}] == list(aggregate([{"at": expected}, {"at": None}], stages))


def test_variables_inline_collections_and_named_pipelines_have_them_too(load):
    made = load(variables={"since": DATE}, collections={"c": [{"at": DATE}]}, pipelines={"n": [{"$set": {"at": DATE}}]})
    assert {"since": NEW_YEAR} == made.variables
    assert [{"at": NEW_YEAR}] == made.collections["c"]
    assert [{"$set": {"at": NEW_YEAR}}] == made.pipelines["n"]


def test_dates_bound_densify(load):
    bounds = [DATE, {"$date": "2024-01-03T00:00:00Z"}]
    stages = load(stages=[{"$densify": {"field": "at", "range": {"step": 1, "unit": "day", "bounds": bounds}}}]).stages
    assert [NEW_YEAR, datetime(2024, 1, 2, tzinfo=UTC)] == [row["at"] for row in aggregate([{"at": NEW_YEAR}], stages)]


def test_operators_are_no_constants(load):
    stages = [{"$match": {"a": {"$regex": "x", "$options": "i"}, "b": {"$type": "date"}}}]
    assert stages == load(stages=stages).stages


def test_every_stage_with_a_wrong_constant_is_told_and_the_others_keep_their_places(load):
    found = letters(
        load,
        stages=[{"$match": {"a": {"$date": "2024-13-01"}}}, {"$limit": 1}, {"$set": {"b": [{"$oid": 5}]}}],
        variables={"v": {"$oid": ""}},
    )
    assert [
        'stages[0].$match.a: {"$date":"2024-13-01"} is no $date of Extended JSON v2',
        'stages[2].$set.b[0]: {"$oid":5} is no $oid of Extended JSON v2',
        'variables.v: {"$oid":""} is no $oid of Extended JSON v2',
    ] == found


def test_a_file_of_stages_holds_them(tmp_path):
    path = tmp_path / "stages.json"
    path.write_text(json.dumps([{"$match": {"at": DATE}}]))
    assert [{"$match": {"at": NEW_YEAR}}] == load_stages(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"$limit": 1},', ":1:16: not JSON: Expecting value"),
        ('[\n{"$match": {"a": {"$oid": 5}}}]', ':2:13: {"$oid":5} is no $oid of Extended JSON v2'),
        ('{"a": 1}', " holds no list of stages; write [{$match: ...}, ...]"),
    ],
)
def test_what_is_wrong_in_a_file_of_stages_is_told_with_its_place_there(load, tmp_path, content, expected):
    path = tmp_path / "stages.json"
    path.write_text(content)
    assert [f"stages: {path}{expected}"] == letters(load, stages="stages.json")
    assert [f"pipelines.n: {path}{expected}"] == letters(load, pipelines={"n": "stages.json"})
