"""Work over and over values of the document ends in time, wherever it is done: each of these ran for minutes.

Source: issue 5, which promises an error within a second.
"""

import time
from decimal import Decimal

import pytest

from fluxion_core import EvaluationError, aggregate
from fluxion_core.language import allowance
from fluxion_core.language.values import shown

LONG = list(range(1, 20_001))
PATTERNS = [f"{number}[a-z]{{3}}" for number in range(5000)]


def value_of(expression, document):
    (row,) = aggregate([document], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


def mapped(body, turns=1000):
    return {"$map": {"input": {"$range": [0, turns]}, "in": body}}


@pytest.mark.parametrize(
    "expression",
    [
        mapped({"$allElementsTrue": "$long"}),
        mapped({"$anyElementTrue": "$zeros"}),
        mapped({"$in": ["$long", ["$long"]]}),
        mapped({"$indexOfArray": [["$long", "$long"], "$long"]}),
        {"$reduce": {"input": {"$range": [0, 1000]}, "initialValue": 0, "in": {"$deserializeEJSON": {"input": "$long"}}}},
        {"$map": {"input": "$patterns", "in": {"$regexMatch": {"input": "", "regex": "$$this"}}}},
        mapped({"$regexMatch": {"input": "$text", "regex": "Y(z)", "options": "i"}}),
        mapped({"$regexFind": {"input": {"$substrCP": ["$text", 0, 1500]}, "regex": "x*y"}}),
    ],
)
def test_work_over_and_over_a_large_value_ends_with_an_error(expression, monkeypatch) -> None:
    monkeypatch.setattr(allowance, "LIMIT_NANOSECONDS", allowance.LIMIT_NANOSECONDS // 100)
    document = {"long": LONG, "zeros": [0] * 20_000, "patterns": PATTERNS, "text": "x" * 1_000_000}
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$project\.value.* more work than is allowed"):
        value_of(expression, document)


@pytest.mark.parametrize("search", [{"$in": ["$long", "$long"]}, {"$gte": [{"$indexOfArray": ["$long", "$long"]}, 0]}])
def test_an_array_among_numbers_is_told_from_them_without_going_through_it(search) -> None:
    started = time.process_time()
    assert value_of(search, {"long": LONG}) is False
    assert time.process_time() - started < 5  # hours, were all of it compared with each


def test_angles_of_thousands_of_digits_take_no_longer_than_their_digits() -> None:
    angles = [Decimal(f"{number}E+6100") for number in range(1, 10)]
    started = time.process_time()
    sines = value_of({"$map": {"input": "$angles", "in": {"$sin": "$$this"}}}, {"angles": angles})
    assert len(set(sines)) == 9
    assert time.process_time() - started < 10  # half a second each, were their series computed with all digits


def test_the_largest_decimals_are_lengths_of_substrings_at_once() -> None:
    lengths = [Decimal(f"{number}E+6100") for number in range(1, 1001)]
    started = time.process_time()
    texts = value_of({"$map": {"input": "$lengths", "in": {"$substrBytes": ["text", 1, "$$this"]}}}, {"lengths": lengths})
    assert ["ext"] * 1000 == texts
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("it's", '"it\'s"'),
        (b"x" * 10_000_000, "b'" + "x" * 55 + "..."),
        (["a" * 100, 1], "['" + "a" * 55 + "..."),
        ([1, [2], (3,), {"k": None}], "[1, [2], (3,), {'k': None}]"),
        (list(range(10**6)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16..."),
        (["x"] * 12, str(["x"] * 12)),
    ],
)
def test_a_value_is_shown_in_60_characters(value, expected) -> None:
    assert expected == shown(value)


def test_an_integer_of_more_digits_than_python_writes_is_shown_in_hexadecimal_ones() -> None:
    assert "0x" + "f" * 55 + "..." == shown(16**10_000 - 1)


def test_options_of_a_regular_expression_may_be_repeated_without_end() -> None:
    assert value_of({"$regexMatch": {"input": "ABC", "regex": "b", "options": "$many"}}, {"many": "i" * 1_000_000})


def test_a_large_value_that_a_reduce_holds_is_weighed_now_and_then() -> None:
    kept = {"$reduce": {"input": "$long", "initialValue": {"n": 0}, "in": {"n": {"$add": ["$$value.n", 1]}, "held": "$long"}}}
    assert 20_000 == value_of(kept, {"long": LONG})["n"]


def doubled(build, times):
    expression = "$long"
    for _ in range(times):
        expression = {"$let": {"vars": {"x": expression}, "in": build("$$x")}}
    return expression


@pytest.mark.parametrize("build", [lambda x: [x, x], lambda x: {"a": x, "b": x}, lambda x: {"$cond": ["$long", [x, x], 1]}])
@pytest.mark.parametrize("use", [lambda x: x, lambda x: {"$eq": [x, x]}, lambda x: {"$size": [{"$setUnion": [[x], []]}]}])
def test_a_value_that_holds_another_twice_and_so_on_ends_with_an_error(build, use) -> None:
    with pytest.raises(
        EvaluationError, match=r"^stages\[0\]\.\$project\.value.*: (a document grew beyond 16 MiB|a value is nested)"
    ):
        value_of(use(doubled(build, 30)), {"long": "x"})


@pytest.mark.parametrize("double", [{"$set": {"long": ["$long", "$long"]}}, {"$replaceWith": {"a": "$$ROOT", "b": "$$ROOT"}}])
def test_a_document_that_stages_double_ends_with_an_error(double) -> None:
    stages = [double] * 40
    with pytest.raises(EvaluationError, match=r"^stages\[\d+\]\.\$(set|group).*: a document grew beyond 16 MiB"):
        list(aggregate([{"long": "x"}], [*stages, {"$group": {"_id": "$$ROOT"}}]))
