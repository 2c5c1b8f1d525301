"""Expressions of constants alone are computed when the pipeline is compiled; what always fails is refused then.

Source: MongoDB manual, "Aggregation Pipeline Optimization"; where it is silent, the server's optimisation, named per test.
"""

import pytest

from fluxion_core import CompileError, aggregate

FAILS = {"$divide": [1, 0]}


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize(
    "expression",
    [
        FAILS,
        {"$add": ["$a", FAILS]},
        {"$cond": [True, 1, FAILS]},
        {"$and": [False, FAILS]},
        {"$ifNull": [1, FAILS]},
        {"$map": {"input": [], "in": FAILS}},
        {"$switch": {"branches": [{"case": True, "then": 1}], "default": FAILS}},
        {"$convert": {"input": "x", "to": "int"}},
    ],
)
def test_what_fails_whatever_the_documents_hold_is_refused_before_there_is_one(expression) -> None:
    with pytest.raises(CompileError, match=r"^stages\[0\]\.\$project\.value\."):
        list(aggregate([], [{"$project": {"value": expression}}]))


def test_a_branch_behind_one_that_is_always_taken_is_not_computed() -> None:
    branches = [{"case": "$a", "then": 1}, {"case": True, "then": 2}, {"case": FAILS, "then": FAILS}]
    assert value_of({"$switch": {"branches": branches}}) == 2


def test_what_a_case_that_is_never_true_leads_to_is_not_computed() -> None:
    assert value_of({"$switch": {"branches": [{"case": False, "then": FAILS}], "default": 1}}) == 1


def test_a_branch_behind_one_that_is_always_taken_is_parsed() -> None:
    branches = [{"case": True, "then": 2}, {"case": {"$nope": 1}, "then": 3}]
    with pytest.raises(CompileError, match=r"\$nope"):
        value_of({"$switch": {"branches": branches}})


def test_the_default_of_a_switch_that_needs_the_document_is_not_computed_ahead() -> None:
    switch = {"branches": [{"case": True, "then": "ok"}], "default": {"$divide": ["$a", 0]}}
    assert value_of({"$switch": switch}, {"a": 1}) == "ok"


@pytest.mark.parametrize(("operator", "decides"), [("$and", False), ("$or", True)])
def test_a_constant_that_decides_comes_before_what_needs_the_document(operator, decides) -> None:  # ExpressionNary::optimize
    assert value_of({operator: [{"$divide": [1, "$zero"]}, decides]}, {"zero": 0}) is decides


def test_what_the_answer_to_an_error_is_for_is_left_for_the_run() -> None:
    assert value_of({"$convert": {"input": "x", "to": "int", "onError": "no"}}) == "no"


@pytest.mark.parametrize(
    "expression",
    [
        {"$concat": ["$none", 5, "b"]},
        {"$concat": ["$none", {"$concat": ["$none", 5]}, "b"]},
        {"$concatArrays": ["$none", 5, [1]]},
        {"$setUnion": [5, "$none", [1]]},
        {"$bitAnd": [1, "$none", 5.5]},
        {"$cond": ["$none", {"$add": [1, "a", "$none"]}, 0]},
        {"$cond": ["$none", {"$multiply": [1, "a", "$none"]}, 0]},
    ],
)
def test_constants_that_stand_together_in_an_associative_operator_are_computed_together(expression) -> None:
    """``ExpressionNary::optimize``: every run, those at the head of a sum or a product, and all where the order does not matter."""
    with pytest.raises(CompileError):
        value_of(expression)


@pytest.mark.parametrize(
    "expression",
    [
        {"$concat": ["$none", 5]},
        {"$concat": ["$none", 5, "$none", "b"]},
        {"$setUnion": [5, "$none"]},
        {"$add": ["$none", "a", "b"]},
        {"$multiply": [1, "$none", "a", "b"]},
    ],
)
def test_a_constant_that_stands_alone_is_computed_with_the_document(expression) -> None:
    assert value_of(expression) is None


@pytest.mark.parametrize("expression", ["$$USER_ROLES", "$$USER_ROLES.role", {"$setIntersection": ["$$USER_ROLES._id", ["a"]]}])
def test_the_roles_of_the_user_are_none_as_at_a_server_without_access_control(expression) -> None:
    assert value_of(expression) == []
