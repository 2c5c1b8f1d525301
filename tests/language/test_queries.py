"""Queries: what a condition makes of arrays within arrays, and which conditions are errors.

Source: MongoDB manual, "Query and Projection Operators"; for what it leaves open, the server's parser of queries.
"""

import math
import re
from enum import StrEnum

import pytest

from fluxion_core import CompileError, aggregate


def matching(condition, *values):
    return [row["v"] for row in aggregate([{"v": value} for value in values], [{"$match": {"v": condition}}])]


@pytest.mark.parametrize(
    "condition",
    [{"$not": {"$gt": 5}}, {"$not": {"$not": {"$type": "array"}}}, {"$not": {"$in": [7]}}, {"$not": re.compile("x")}],
)
def test_an_element_that_is_an_array_is_one_value_for_elem_match(condition) -> None:
    assert [[[7]], [["x"]]] == matching({"$elemMatch": condition}, [[7]], [["x"]])


def test_all_within_elem_match_asks_the_elements_themselves() -> None:
    assert [[4]] == matching({"$elemMatch": {"$all": [4]}}, [[4]], [4])


@pytest.mark.parametrize(
    "condition",
    [
        {"$size": 2**31},
        {"$mod": [1e20, 0]},
        {"$mod": [3, -1e19]},
        {"$bitsAllSet": [2**31]},
        {"$bitsAnyClear": [math.inf]},
    ],
)
def test_a_number_with_too_many_bits_is_an_error(condition) -> None:
    with pytest.raises(CompileError):
        matching(condition, 1)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"$eq": "red"}, True),
        ({"$ne": "red"}, False),
        ({"$in": ["red", "blue"]}, True),
        ({"$in": ["red", 1]}, True),
        ({"$in": [re.compile("e"), 1]}, True),
        ({"$nin": ["red"]}, False),
        ({"$regex": "^re"}, True),
        ({"$all": ["red"]}, True),
        ({"$elemMatch": {"$eq": "red"}}, False),
    ],
)
def test_a_string_of_a_class_of_its_own_is_that_string(condition, found) -> None:
    assert [found, found] == [[value] == matching(condition, value) for value in ("red", Colour.RED)]


@pytest.mark.parametrize("value", [0, 2, "1", None])
def test_always_true_takes_1(value) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [{"$match": {"$alwaysTrue": value}}]))


@pytest.mark.parametrize(
    "condition",
    [
        {"$regex": re.compile("A", re.IGNORECASE), "$options": ""},
        {"$regex": re.compile("A", re.IGNORECASE), "$options": "i"},
        {"$options": "m", "$regex": re.compile("A", re.IGNORECASE)},
        {"$regex": "A", "$options": None},
    ],
)
def test_options_are_text_and_are_set_once(condition) -> None:
    with pytest.raises(CompileError):
        matching(condition, "a")


def test_empty_options_before_a_pattern_leave_it_its_own() -> None:
    assert ["a"] == matching({"$options": "", "$regex": re.compile("A", re.IGNORECASE)}, "a", "b")
    assert ["a"] == matching({"$options": "i", "$regex": re.compile("A")}, "a", "b")


def matching_path(path, condition, *values):
    return [row["v"] for row in aggregate([{"v": value} for value in values], [{"$match": {path: condition}}])]


def test_an_element_that_a_path_names_is_one_value() -> None:
    assert [] == matching_path("v.0", 1, [[1, 2]])
    assert [[[1, 2]]] == matching_path("v.0", [1, 2], [[1, 2]])
    assert [[[1, 2]]] == matching_path("v.0.1", 2, [[1, 2]])


def test_a_path_does_not_go_on_below_a_scalar_element() -> None:
    assert [[{"c": 1}], [[{"c": 1}]]] == matching_path("v.0.b", None, [5], [{"c": 1}], [[{"c": 1}]])


def test_a_path_that_ends_with_a_dot_ends_at_an_array_before_it() -> None:
    assert [["x"], []] == matching_path("v.", {"$exists": True}, ["x"], [], {"b": 1}, None)


@pytest.mark.parametrize("query", [{"$expr": True}, {"$and": [{"b": 1}, {"$expr": "$b"}]}, {"$or": [{"$sampleRate": 0.5}]}])
def test_expr_has_no_place_below_elem_match(query) -> None:
    with pytest.raises(CompileError, match="whole documents"):
        matching({"$elemMatch": query}, [{"b": 1}])


def test_elements_may_have_a_schema() -> None:
    assert [[{"b": 1}]] == matching({"$elemMatch": {"$jsonSchema": {"required": ["b"]}}}, [{"b": 1}], [{}], [1])


REFERENCE = {"$ref": "c", "$id": 1}


@pytest.mark.parametrize("condition", [REFERENCE, {"$in": [REFERENCE]}, {"$all": [REFERENCE]}, {"$elemMatch": {"$id": 1}}])
def test_a_reference_is_a_value(condition) -> None:
    assert [[REFERENCE]] == matching(condition, [REFERENCE], [1])


def test_the_fields_of_a_reference_are_looked_at_like_any_other() -> None:
    rows = [REFERENCE, {"$ref": "d", "$id": 1}]
    assert [REFERENCE] == list(aggregate(rows, [{"$match": {"$ref": "c"}}]))


@pytest.mark.parametrize(
    "condition", [{"$ref": "c"}, {"$id": 1, "$db": "d"}, {"$comment": "why"}, {"$eq": 1, "$comment": "why"}]
)
def test_a_field_has_neither_half_a_reference_nor_a_comment_for_a_condition(condition) -> None:
    with pytest.raises(CompileError):
        matching(condition, 1)


@pytest.mark.parametrize("value", [{"$unit": "kg"}, {"$not": 1}, {"$and": 1}, {"unit": "kg", "$elemMatch": {}}])
def test_all_takes_a_document_for_a_value_unless_it_begins_with_an_operator_on_fields(value) -> None:
    assert [[value, 1]] == matching({"$all": [value]}, [value, 1], [1])


@pytest.mark.parametrize("value", [{"$gt": 1}, {"$regex": "x"}, {"$options": "i"}, {"$near": [0, 0]}])
def test_all_takes_no_operator(value) -> None:
    with pytest.raises(CompileError, match="not operators"):
        matching({"$all": [1, value]}, 1)


@pytest.mark.parametrize("second", [1, {"c": 1, "$elemMatch": {}}, {"$gt": 1}])
def test_all_holds_conditions_throughout_where_it_begins_with_one(second) -> None:
    with pytest.raises(CompileError, match="not both"):
        matching({"$all": [{"$elemMatch": {"b": 1}}, second]}, 1)


@pytest.mark.parametrize(("names", "fits"), [(180, True), (181, False)])
def test_the_path_of_a_condition_has_180_names(names, fits) -> None:
    query = {".".join("a" * names): 1}
    if fits:
        assert [] == list(aggregate([{"a": 1}], [{"$match": query}]))
    else:
        with pytest.raises(CompileError, match="180 names"):
            list(aggregate([], [{"$match": query}]))
