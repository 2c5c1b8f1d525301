"""Integers of more digits than Python writes, and characters that are none, end with an error of ours wherever they come in.

Source: issue 5: whatever a document holds, nothing but an EvaluationError comes of it. Python refuses to write or read integers of more
than 4300 decimal digits ("Integer string conversion length limitation").
"""

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.language.encoding import decode_value, encode_value

ENDLESS = 10**10_000
DIGITS = "1" * 5000
SURROGATE = {"$getField": {"field": "a", "input": {"$toObject": "$surrogate"}}}


def value_of(expression):
    document = {"n": ENDLESS, "digits": DIGITS, "surrogate": r'{"a": "\ud800"}', "pair": r'{"a": "\ud83d\ude00"}'}
    (row,) = aggregate([document], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize(
    "expression",
    [
        {"$toString": "$n"},
        {"$toUpper": "$n"},
        {"$substrCP": ["$n", 0, 1]},
        {"$serializeEJSON": {"input": ["$n"], "relaxed": False}},
        {"$toUUID": "$n"},
        {"$convert": {"input": "$n", "to": "string", "base": 10}},
        {"$convert": {"input": "$digits", "to": "int", "base": 10}},
        {"$filter": {"input": [1], "cond": True, "limit": "$n"}},
        {"$ln": {"$multiply": ["$n", -1]}},
        SURROGATE,
        {"$strLenBytes": SURROGATE},
    ],
)
def test_what_cannot_be_written_is_an_error_of_the_expression(expression) -> None:
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$project\.value"):
        value_of(expression)


def test_leading_zeros_do_not_count_as_digits() -> None:
    assert -12 == value_of({"$convert": {"input": f"-{'0' * 5000}12", "to": "int", "base": 10}})


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert {"a": "😀"} == value_of({"$toObject": "$pair"})


@pytest.mark.parametrize("stage", [{"$sort": {"a": ENDLESS}}, {"$lookup": {"from": ENDLESS, "as": "x"}}])
def test_a_stage_with_such_a_number_is_refused(stage) -> None:
    with pytest.raises(CompileError):
        compile_pipeline([stage])


def test_groups_of_such_numbers_are_groups() -> None:
    stages = [{"$group": {"_id": "$n", "n": {"$sum": 1}}}]
    assert [{"_id": ENDLESS, "n": 2}] == list(aggregate([{"n": ENDLESS}, {"n": ENDLESS}], stages))
    assert [{"_id": ENDLESS, "n": 1}] == list(aggregate([{}], [{"$group": {"_id": ENDLESS, "n": {"$sum": 1}}}]))


def test_the_encoding_of_state_keeps_them() -> None:
    assert [ENDLESS, -ENDLESS, 2**70, -(2**70)] == decode_value(encode_value([ENDLESS, -ENDLESS, 2**70, -(2**70)]))
