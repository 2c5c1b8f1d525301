"""Expressions that would grow without bound end with an error that names them, long before memory does.

Source: the limits that MongoDB's manual gives for documents (16 MiB) and for nesting (100).
"""

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate

DOCUMENT = {"ten": 10, "many": 2000, "billion": 10**9, "text": "x" * 100_000, "letters": "a" * 300_000, "pattern": "(a+)+$"}
MANY = {"$range": [0, "$many"]}


def value_of(expression):
    (row,) = aggregate([DOCUMENT], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


def doubled(expression, times):
    for _ in range(times):
        expression = {"$concat": [expression, expression]}
    return expression


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ({"$range": [0, "$billion"]}, r"\$range"),
        ({"$map": {"input": MANY, "in": {"$map": {"input": MANY, "in": 1}}}}, r"\$map"),
        ({"$map": {"input": MANY, "in": {"$concat": ["$text", "y"]}}}, r"\$map"),
        (
            {"$reduce": {"input": MANY, "initialValue": "ab", "in": {"$concat": ["$$value", "$$value"]}}},
            r"\$reduce\.in\.\$concat",
        ),
        ({"$reduce": {"input": MANY, "initialValue": [1], "in": ["$$value", "$$value"]}}, r"\$reduce"),
        ({"$regexFindAll": {"input": "$letters", "regex": "a"}}, r"\$regexFindAll"),
        ({"$regexMatch": {"input": "$letters", "regex": "$pattern"}}, r"\$regexMatch"),
        (
            {"$zip": {"inputs": [{"$range": [0, 10**6]}, {"$range": [0, "$many"]}, ["$text"]], "useLongestLength": True}},
            r"\$zip",
        ),
    ],
)
def test_growth_ends_with_an_error_that_names_the_expression(expression, path) -> None:
    with pytest.raises(EvaluationError, match=rf"^stages\[0\]\.\$project\.value\.{path}"):
        value_of(expression)


def test_what_no_number_can_hold_is_infinite() -> None:
    assert value_of({"$pow": ["$ten", {"$pow": ["$ten", 8]}]}) == float("inf")


@pytest.mark.parametrize("expression", [doubled("$text", 30), doubled("$text", 14)])
def test_a_pipeline_of_too_many_operators_is_refused_unread(expression) -> None:
    with pytest.raises(CompileError, match="a pipeline may hold 10000 operators"):
        value_of(expression)


def test_a_pipeline_of_too_many_expressions_is_refused_unread() -> None:
    array = [1]
    for _ in range(30):
        array = [array, array]
    with pytest.raises(CompileError, match="a pipeline may hold 200000 expressions"):
        value_of(array)


def test_what_the_constants_of_a_pipeline_come_to_has_a_bound() -> None:
    with pytest.raises(CompileError, match="a pipeline may hold 2000000 computed items"):
        value_of({"$size": {"$zip": {"inputs": [{"$range": [0, 1_000_000]}] * 50}}})
