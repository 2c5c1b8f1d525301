"""Arithmetic where MongoDB's order of work shows: nulls, overflow, decimals, rounding.

Source: MongoDB manual, "Arithmetic Expression Operators"; where the manual is silent, the server's evaluation, named per test.
"""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fluxion_core import EvaluationError, aggregate

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize("operator", ["$add", "$multiply"])
def test_the_first_null_ends_a_sum_or_a_product_before_what_stands_behind_is_looked_at(operator) -> None:
    assert value_of({operator: ["$none", "no number"]}) is None
    with pytest.raises(EvaluationError):
        value_of({operator: ["no number", "$none"]})


def test_a_sum_that_left_64_bits_stays_a_double() -> None:
    assert value_of({"$type": {"$add": ["$n", 1, -1]}}, {"n": 2**63 - 1}) == "double"


def test_doubles_are_added_from_the_left_to_the_right() -> None:
    assert math.isinf(value_of({"$add": ["$n", "$n", {"$multiply": ["$n", -1]}]}, {"n": 1e308}))


def test_a_double_beside_a_decimal_has_15_digits_and_the_zeros_at_their_end() -> None:
    assert str(value_of({"$toString": {"$toDecimal": 2.5}})) == "2.50000000000000"
    assert str(value_of({"$toString": {"$add": [Decimal(1), 0.25]}})) == "1.250000000000000"
    assert str(value_of({"$toString": {"$toDecimal": 0.0}})) == "0"


def test_half_a_millisecond_goes_away_from_zero_and_half_a_decimal_one_to_the_even_neighbour() -> None:
    assert value_of({"$add": [NOON, 0.5]}) == NOON.replace(microsecond=1000)
    assert value_of({"$subtract": [NOON, -0.5]}) == NOON.replace(microsecond=1000)
    assert value_of({"$add": [NOON, Decimal("0.5")]}) == NOON


def test_the_remainder_of_decimals_is_exact_however_long_the_quotient_is() -> None:
    assert value_of({"$mod": [Decimal("1E+500"), 7]}) == pow(10, 500, 7)


@pytest.mark.parametrize(("argument", "base"), [(math.nan, -1), (-1, math.nan), (math.nan, 1), (Decimal("NaN"), 0)])
def test_nan_in_a_logarithm_does_not_excuse_the_other_argument(argument, base) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$log": ["$a", "$b"]}, {"a": argument, "b": base})


@pytest.mark.parametrize(
    ("base", "exponent"), [(Decimal(0), 0), (Decimal("NaN"), 0), (1, Decimal("NaN")), (-1, Decimal("Infinity"))]
)
def test_powers_of_decimals_are_1_where_those_of_c_are(base, exponent) -> None:
    assert value_of({"$pow": ["$a", "$b"]}, {"a": base, "b": exponent}) == 1


@pytest.mark.parametrize("operator", ["$round", "$trunc"])
def test_places_that_are_missing_make_null_and_places_that_are_not_written_are_0(operator) -> None:
    assert value_of({operator: ["$n", "$none"]}, {"n": 1.5}) is None
    assert value_of({operator: ["$n", None]}, {"n": 1.5}) is None
    assert value_of({operator: ["$n"]}, {"n": 3.25}) == 3


def test_trunc_cuts_the_number_that_the_double_really_is() -> None:
    """0.3 is stored as 0.29999999999999998; the server cuts its 34 decimal digits."""
    assert value_of({"$trunc": ["$n", 1]}, {"n": 0.3}) == 0.2
    assert value_of({"$trunc": ["$n", 2]}, {"n": -34.32}) == -34.32


@pytest.mark.parametrize("number", [1e308, Decimal("9E+6000")])
def test_rounding_leaves_a_number_alone_whose_digits_all_lie_above_the_places(number) -> None:
    assert value_of({"$round": ["$n", 100]}, {"n": number}) == number
    assert value_of({"$trunc": ["$n", -20]}, {"n": number}) == number


def test_a_whole_number_beyond_every_float_makes_a_sum_infinite_and_ends_nothing() -> None:
    fields = {"s": {"$sum": "$x"}, "a": {"$avg": "$x"}, "m": {"$max": "$x"}}
    expected = [{"_id": None, "s": float("inf"), "a": float("inf"), "m": 10**400}]
    assert expected == list(aggregate([{"x": 10**400}, {"x": 1.5}], [{"$group": {"_id": None, **fields}}]))


@pytest.mark.parametrize("operator", ["$sum", "$avg"])
@pytest.mark.parametrize(
    ("decimals", "expected"),
    [(["Infinity", "-Infinity"], "NaN"), (["9E+6144", "9E+6144"], "Infinity"), (["-9E+6144", "-9E+6144"], "-Infinity")],
)
def test_an_accumulator_of_decimals_leaves_them_for_infinity_and_nan_not_for_an_error(operator, decimals, expected) -> None:
    rows = [{"v": Decimal(decimal)} for decimal in decimals]
    assert [expected] == [str(row["r"]) for row in aggregate(rows, [{"$group": {"_id": None, "r": {operator: "$v"}}}])]


@pytest.mark.parametrize(
    "operator", ["$ln", "$log10", "$sqrt", "$sin", "$acosh", "$floor", "$round", "$toDouble", "$stdDevPop", "$sum", "$avg"]
)
def test_a_signaling_nan_is_not_a_number(operator: str) -> None:
    """Decimal128 has one (IEEE 754-2019, 6.2); MongoDB's server takes it for a NaN."""
    [found] = aggregate([{"a": Decimal("sNaN")}], [{"$project": {"r": {operator: "$a"}}}])
    assert Decimal(found["r"]).is_nan()


@pytest.mark.parametrize(
    "query", [Decimal("sNaN"), float("nan"), {"$gte": Decimal("sNaN")}, {"$in": [Decimal("sNaN")]}, {"$lte": float("nan")}]
)
def test_a_signaling_nan_is_found_as_nan(query: object) -> None:
    found = list(aggregate([{"_id": 1, "a": Decimal("sNaN")}, {"_id": 2, "a": 1}], [{"$match": {"a": query}}]))
    assert [1] == [document["_id"] for document in found]


def test_a_signaling_nan_sorts_and_groups_as_nan() -> None:
    documents = [{"a": 1}, {"a": Decimal("sNaN")}, {"a": float("nan")}]
    found = list(aggregate(documents, [{"$group": {"_id": "$a", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]))
    assert [2, 1] == [group["n"] for group in found]


def test_an_operator_without_an_answer_to_a_signaling_nan_names_its_path() -> None:
    with pytest.raises(EvaluationError, match=r"\$abs"):
        list(aggregate([{"a": Decimal("sNaN")}], [{"$project": {"r": {"$abs": "$a"}}}]))


@pytest.mark.parametrize(
    ("floats", "text"),
    [
        ([0.5], "1.5"),
        ([2.0], "3"),
        ([0.1], "1.100000000000000005551115123125783"),
        ([0.1, 0.1, 0.1], "1.300000000000000016653345369377348"),
        ([2.0**60, 2.0**-40], "1152921504606846977.000000000000909"),
        ([float("inf")], "Infinity"),
        ([float("nan"), 0.1], "NaN"),
    ],
)
def test_a_sum_adds_to_a_decimal_what_the_floats_hold(floats: list[float], text: str) -> None:
    """To 34 digits, and not what the floats are written as, which ``$add`` takes."""
    documents = [{"v": value} for value in [*floats, Decimal(1)]]
    grouped = [{"$group": {"_id": None, "x": {"$sum": "$v"}}}]
    slid = [
        {
            "$setWindowFields": {
                "sortBy": {"v": 1},
                "output": {"x": {"$sum": "$v", "window": {"documents": ["unbounded", "unbounded"]}}},
            }
        }
    ]
    listed = [{"$group": {"_id": None, "all": {"$push": "$v"}}}, {"$project": {"x": {"$sum": "$all"}}}]
    for stages in (grouped, slid, listed):
        assert str(next(iter(aggregate(documents, stages)))["x"]) == text
    assert str(next(iter(aggregate(documents[::-1], grouped)))["x"]) == text


def test_what_outgrows_64_bits_is_computed_with_floats_from_the_first_number_on() -> None:
    """The server rounds every number to a float; to round what comes out would be off by a bit."""
    odd = 2**53 + 1
    assert value_of({"$multiply": ["$v", "$v"]}, {"v": odd}) == float(2**53) * float(2**53)
    assert value_of({"$multiply": ["$v", 3, 1.0]}, {"v": odd}) == 3.0 * 2**53
    assert value_of({"$pow": ["$v", 2]}, {"v": odd}) == float(2**53) ** 2
    assert value_of({"$add": ["$v", "$w"]}, {"v": 2**62 + 513, "w": 2**62 + 513}) == 2 * float(2**62 + 513)


@pytest.mark.parametrize("terms", [["$noon", 1e15, -1e15], [1e15, "$noon", -1e15]])
def test_milliseconds_are_added_up_before_they_move_a_date(terms) -> None:
    assert value_of({"$add": terms}, {"noon": NOON}) == NOON


def test_a_zero_of_a_decimal_to_the_power_of_a_negative_zero_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$pow": ["$zero", "$minus"]}, {"zero": Decimal(0), "minus": Decimal("-0")})
    assert value_of({"$pow": ["$zero", Decimal(0)]}, {"zero": Decimal(0)}) == 1


def test_powers_of_decimals_and_those_with_no_digit_to_round_are_written_out_to_34_digits() -> None:
    """``Decimal128::power`` and ``Decimal128::quantize`` add a zero of the least exponent."""
    assert value_of({"$toString": {"$pow": ["$v", 3]}}, {"v": Decimal(2)}) == "8." + "0" * 33
    assert value_of({"$toString": {"$round": ["$v", 10]}}, {"v": Decimal("1E+40")}) == "1." + "0" * 33 + "E+40"


@pytest.mark.parametrize("operator", ["$ln", "$log10"])
def test_the_logarithm_of_a_decimal_that_is_no_number_is_a_float(operator) -> None:
    found = value_of({operator: "$v"}, {"v": Decimal("NaN")})
    assert float is type(found)
    assert math.isnan(found)
