"""Arguments that MongoDB does not come to, as one before them is null: what fails there is no failure.

Source: the server's evaluation of each expression (``exec/expression/evaluate_*.cpp``), which evaluates the arguments one after the other.
"""

from datetime import UTC, datetime

import pytest

from fluxion_core import EvaluationError, aggregate

FAILS = {"$divide": [1, "$zero"]}


def value_of(expression, document):
    (row,) = aggregate([{"zero": 0, **document}], [{"$project": {"_id": 0, "value": expression}}])
    return row.get("value", "missing")


@pytest.mark.parametrize(
    "expression",
    [
        *({operator: ["$none", FAILS]} for operator in ("$add", "$multiply", "$concat", "$concatArrays")),
        *({operator: ["$none", FAILS]} for operator in ("$setUnion", "$setIntersection", "$bitAnd", "$bitOr", "$bitXor")),
        {"$round": ["$none", FAILS]},
        {"$trunc": ["$none", FAILS]},
        {"$atan2": ["$none", FAILS]},
        {"$slice": ["$none", 1, FAILS]},
        {"$indexOfArray": ["$none", FAILS, FAILS]},
        {"$indexOfCP": ["$none", FAILS]},
        {"$indexOfBytes": ["$none", FAILS]},
        {"$trim": {"input": "$none", "chars": FAILS}},
        {"$setField": {"field": "a", "input": "$none", "value": FAILS}},
        {"$zip": {"inputs": ["$none", FAILS]}},
        {"$reduce": {"input": "$none", "initialValue": FAILS, "in": 1}},
        {"$filter": {"input": "$none", "cond": 1, "limit": FAILS}},
        {"$year": {"date": "$none", "timezone": FAILS}},
        {"$dateAdd": {"startDate": "$none", "unit": FAILS, "amount": FAILS}},
        {"$dateDiff": {"startDate": "$none", "endDate": FAILS, "unit": FAILS}},
        {"$dateTrunc": {"date": "$none", "unit": FAILS}},
        {"$dateFromParts": {"year": FAILS, "hour": "$none"}},
    ],
)
def test_what_fails_behind_a_null_is_no_failure(expression) -> None:
    assert value_of(expression, {}) is None


@pytest.mark.parametrize(
    ("expression", "document"),
    [
        ({"$add": ["$a", FAILS]}, {"a": 1}),
        ({"$add": [FAILS, "$none"]}, {}),
        ({"$add": ["$a", "$none", FAILS]}, {"a": "x"}),
        ({"$slice": ["$none", FAILS]}, {}),
        ({"$concat": ["$a", FAILS]}, {"a": "x"}),
        ({"$setField": {"field": "a", "input": "$a", "value": FAILS}}, {"a": {}}),
        ({"$subtract": ["$none", FAILS]}, {}),
        ({"$mod": ["$none", FAILS]}, {}),
        ({"$dateFromParts": {"year": "$none", "hour": FAILS}}, {}),
    ],
)
def test_what_fails_before_a_null_or_where_there_is_none_is_one(expression, document) -> None:
    with pytest.raises(EvaluationError):
        value_of(expression, document)


def test_the_path_of_a_failure_behind_a_value_is_that_of_the_argument() -> None:
    with pytest.raises(EvaluationError, match=r"value\.\$add\[1\]\.\$divide"):
        value_of({"$add": ["$a", FAILS]}, {"a": 1})


def test_the_limit_of_a_filter_is_not_come_to_where_there_is_no_element() -> None:
    assert value_of({"$filter": {"input": "$a", "cond": 1, "limit": FAILS}}, {"a": []}) == []


def test_what_stands_for_a_date_that_is_null_is_come_to_where_it_is() -> None:
    assert value_of({"$dateToString": {"date": "$at", "onNull": FAILS}}, {"at": datetime(2024, 2, 29, tzinfo=UTC)}).startswith(
        "2024"
    )
    assert value_of({"$dateToString": {"date": "$none", "onNull": "$a"}}, {"a": 1}) == 1
    with pytest.raises(EvaluationError):
        value_of({"$dateToString": {"date": "$none", "onNull": FAILS}}, {})
    with pytest.raises(EvaluationError):
        value_of({"$dateToString": {"date": "$none", "format": "$bad", "onNull": {"$toInt": "$a"}}}, {"a": 1, "bad": "%"})


def test_a_field_that_was_read_in_what_failed_is_read_again_behind_it() -> None:
    rows = aggregate(
        [{"zero": 0, "b": 3}],
        [{"$project": {"_id": 0, "x": {"$add": ["$none", {"$add": [FAILS, "$b"]}]}, "y": {"$add": ["$b", 1]}, "z": "$b"}}],
    )
    assert list(rows) == [{"x": None, "y": 4, "z": 3}]


@pytest.mark.parametrize("wrap", [lambda e: {"$add": ["$a", e]}, lambda e: {"$cond": ["$a", {"$add": [e, 1]}, "$b"]}])
def test_what_nests_deep_is_computed_in_functions_of_its_own(wrap) -> None:
    """The code of the inner ones moves into functions, which keep what they assign as their own."""
    expression = "$b"
    for _ in range(40):
        expression = wrap(expression)
    assert value_of(expression, {"a": 1, "b": 2}) == 42
