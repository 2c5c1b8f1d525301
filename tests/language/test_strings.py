"""Strings: which argument decides between null and an error, and numbers taken for text.

Source: MongoDB manual, "String Expression Operators"; for the order in which arguments are looked at, the server's evaluation.
"""

import re
from decimal import Decimal

import pytest

from fluxion_core import EvaluationError, aggregate


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize(
    "expression",
    [{"$substrCP": ["$s", "$m", 1]}, {"$firstN": {"input": [1], "n": "$m"}}, {"$hash": {"input": "$s", "algorithm": "$m"}}],
)
def test_a_missing_argument_is_told_as_missing(expression) -> None:
    with pytest.raises(EvaluationError, match=r"not missing$"):
        list(aggregate([{"s": "text"}], [{"$set": {"r": expression}}]))


def test_concat_looks_no_further_than_the_first_null() -> None:
    assert value_of({"$concat": ["a", None, 4]}) is None
    with pytest.raises(EvaluationError):
        value_of({"$concat": ["a", "$four", None]}, {"four": 4})


@pytest.mark.parametrize("operator", ["$indexOfBytes", "$indexOfCP"])
@pytest.mark.parametrize("bounds", [[None], ["$none"], [0, None], [0, "$none"]])
def test_a_bound_that_is_null_or_missing_is_an_error(operator, bounds) -> None:
    with pytest.raises(EvaluationError):
        value_of({operator: ["$text", "b", *bounds]}, {"text": "abc"})


@pytest.mark.parametrize("operator", ["$trim", "$ltrim", "$rtrim"])
def test_characters_to_trim_that_are_missing_make_null(operator) -> None:
    assert value_of({operator: {"input": " a ", "chars": "$none"}}) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [(float("inf"), "inf"), (float("-inf"), "-inf"), (float("nan"), "nan"), (1e20, "1e+20"), (2e-5, "2e-05")],
)
def test_a_double_becomes_text_as_c_prints_it(number, text) -> None:
    assert value_of({"$toLower": "$n"}, {"n": number}) == text
    assert value_of({"$substrCP": ["$n", 0, 9]}, {"n": number}) == text


def test_to_string_writes_the_infinities_in_full() -> None:
    assert value_of({"$toString": float("-inf")}) == "-Infinity"
    assert value_of({"$toString": 1e16}) == "1e+16"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e19])
def test_a_float_that_is_no_long_is_an_error_for_substr(number) -> None:
    """``Value::coerceToLong`` checks the range of floats, and forgets it for decimals."""
    for arguments in (["hello", 1, "$n"], ["hello", "$n", 1]):
        with pytest.raises(EvaluationError):
            value_of({"$substrBytes": arguments}, {"n": number})
    assert value_of({"$substrBytes": ["hello", 1, "$n"]}, {"n": Decimal(number)}) == "ello"


def test_a_match_of_code_points_begins_before_the_end_and_may_go_on_behind_it() -> None:
    assert value_of({"$indexOfCP": ["abc", "bc", 0, 2]}) == 1
    assert value_of({"$indexOfBytes": ["abc", "bc", 0, 2]}) == -1


def test_nothing_begins_behind_the_last_code_point() -> None:
    assert value_of({"$indexOfCP": ["abc", "", 3]}) == -1
    assert value_of({"$indexOfBytes": ["abc", "", 3]}) == 3
    assert value_of({"$indexOfCP": ["", ""]}) == 0


@pytest.mark.parametrize("operator", ["$trim", "$ltrim", "$rtrim"])
def test_what_is_no_text_to_trim_is_an_error_before_chars_that_are_null(operator) -> None:
    with pytest.raises(EvaluationError):
        value_of({operator: {"input": "$number", "chars": None}}, {"number": 1})


def test_only_a_text_separates() -> None:  # patterns came with 8.3
    with pytest.raises(EvaluationError):
        value_of({"$split": ["$text", re.compile("b")]}, {"text": "abc"})


@pytest.mark.parametrize(("number", "text"), [(3.14159265, "3.14159"), (1234567.0, "1.23457e+06"), (0.1, "0.1"), (-0.0, "-0")])
def test_a_float_that_stands_for_a_text_is_written_with_6_digits(number, text) -> None:
    """``Value::coerceToString`` leaves it to the server's ``StringBuilder``; ``$toString`` writes all digits."""
    assert value_of({"$toLower": "$n"}, {"n": number}) == text
    assert value_of({"$substr": ["$n", 0, -1]}, {"n": number}) == text
