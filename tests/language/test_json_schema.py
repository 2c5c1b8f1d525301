"""``$jsonSchema``: what a draft 4 schema says of BSON values.

Source: MongoDB manual, "$jsonSchema"; for the order of fields and the digits of a multiple, the server's matchers of schemas.
"""

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
