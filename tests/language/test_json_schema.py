"""``$jsonSchema``: what a draft 4 schema says of BSON values.

Source: MongoDB manual, "$jsonSchema"; for the order of fields and the digits of a multiple, the server's matchers of schemas.
"""

import math
from decimal import Decimal

import pytest

from fluxion_core import CompileError, aggregate


def valid(schema, *values):
    query = {"$jsonSchema": {"properties": {"v": schema}}}
    return [row["v"] for row in aggregate([{"v": value} for value in values], [{"$match": query}])]


def test_a_multiple_is_found_in_decimals_of_15_digits() -> None:
    assert [0.3, Decimal("0.3"), 1] == valid({"multipleOf": 0.1}, 0.3, 0.35, Decimal("0.3"), 1, float("inf"), float("nan"))


def test_the_order_of_fields_does_not_count_for_enum() -> None:
    assert [{"x": 1, "y": 2}, {"y": 2, "x": 1}] == valid({"enum": [{"x": 1, "y": 2}]}, {"x": 1, "y": 2}, {"y": 2, "x": 1})


def test_the_order_of_fields_does_not_make_items_unique() -> None:
    assert [[1, 2]] == valid({"uniqueItems": True}, [1, 2], [1, 1.0], [[{"x": 1, "y": 2}], [{"y": 2, "x": 1}]])


@pytest.mark.parametrize(
    "schema",
    [
        {"bsonType": ["int", "int"]},
        {"type": ["string", "string"]},
        {"enum": [1, 1.0]},
        {"enum": [{"x": 1, "y": 2}, {"y": 2, "x": 1}]},
        {"required": ["a", "a"]},
    ],
)
def test_nothing_may_be_given_twice(schema) -> None:
    with pytest.raises(CompileError, match="given twice"):
        valid(schema)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"minimum": math.nan}, [math.nan, "x"]),
        ({"minimum": math.nan, "exclusiveMinimum": True}, ["x"]),
        ({"maximum": 1}, [0, "x"]),
    ],
)
def test_a_number_that_is_none_compares_to_itself_alone(schema, expected) -> None:
    assert repr(expected) == repr(valid(schema, 0, math.nan, 5, "x"))


@pytest.mark.parametrize(
    "schema",
    [{"required": ["a.b"]}, {"dependencies": {"c": ["a.b"]}}, {"properties": {"a.b": {"type": "number"}}, "required": ["a.b"]}],
)
def test_a_dot_in_the_name_of_a_property_leads_into_documents_and_arrays(schema) -> None:
    rows = [{"c": 1, "a": {"b": 1}}, {"c": 1, "a": [{"b": 1}, 2]}]
    others = [{"c": 1, "a": {"d": 1}}, {"c": 1, "a.b": 1}, {"c": 1}]
    assert rows == list(aggregate([*rows, *others], [{"$match": {"$jsonSchema": schema}}]))


def test_dependencies_may_have_a_title() -> None:
    assert [{"c": 1}] == valid({"dependencies": {"title": "which", "a": ["b"]}}, {"c": 1}, {"a": 1})


def test_a_multiple_may_be_a_great_many_times_as_large() -> None:
    assert [Decimal("3E+6000"), 3e300] == valid({"multipleOf": 3}, Decimal("3E+6000"), Decimal("1E+6000"), 3e300)
