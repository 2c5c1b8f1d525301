"""``$sum`` and ``$avg`` to the last digit: in ``$group``, as expressions, and over windows that are kept up to date.

Source: the server's DoubleDoubleSummation, AccumulatorSum, AccumulatorAvg and RemovableSum.
"""

import math
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core import aggregate


def pair_sum(numbers: list[float]) -> float:
    """Return the greater part of a sum kept as two floats; the smaller part is added to each next number first."""
    high = low = 0.0
    for number in map(float, numbers):
        more = number + low
        rest = low - (more - number)
        after = high + more
        first = after - more
        low = rest + ((high - first) + (more - (after - first)))
        high = after
    return high


def grouped(operator: str, values: list[Any]) -> Any:
    """Return what *operator* makes of *values* in one group."""
    (row,) = aggregate([{"v": value} for value in values], [{"$group": {"_id": None, "r": {operator: "$v"}}}])
    return row["r"]


def expressed(operator: str, values: list[Any]) -> Any:
    """Return what *operator* makes of the array *values*."""
    (row,) = aggregate([{"v": values}], [{"$project": {"r": {operator: "$v"}}}])
    return row["r"]


def slid(operator: str, values: list[Any]) -> list[Any]:
    """Return what *operator* makes of every two neighbours."""
    output = {"r": {operator: "$v", "window": {"documents": [-1, 0]}}}
    documents = [{"k": place, "v": value} for place, value in enumerate(values)]
    return [row["r"] for row in aggregate(documents, [{"$setWindowFields": {"sortBy": {"k": 1}, "output": output}}])]


NUMBERS = st.lists(
    st.one_of(
        st.integers(-(2**31), 2**31 - 1), st.floats(-1e100, 1e100, allow_subnormal=False), st.sampled_from([0.1, 1e16, -1e16])
    ),
    min_size=1,
).filter(lambda numbers: any(isinstance(number, float) for number in numbers))


@given(NUMBERS)
def test_a_sum_with_floats_is_the_servers_to_the_last_digit(numbers: list[Any]) -> None:
    expected = pair_sum(numbers)
    assert [expected] * 2 == [grouped("$sum", numbers), expressed("$sum", numbers)]
    assert [expected / len(numbers)] * 2 == [grouped("$avg", numbers), expressed("$avg", numbers)]


def test_what_a_sum_lacks_is_added_to_the_next_number_and_not_to_the_result() -> None:
    assert 0.0 == grouped("$sum", [1e100, 1.0, -1e100])
    assert 1.0 == grouped("$sum", [1e100, 1.0, -1e100, 0.0])


def test_a_zero_that_is_summed_has_no_sign() -> None:
    assert 1.0 == math.copysign(1.0, grouped("$sum", [-0.0]))


@pytest.mark.parametrize(("values", "expected"), [([1e308, 1e308, -1e308], math.inf), ([math.inf, 1.5, -7], math.inf)])
def test_a_sum_that_became_infinite_stays_so(values: list[float], expected: float) -> None:
    assert [expected] * 2 == [grouped("$sum", values), expressed("$sum", values)]


def test_an_average_of_whole_numbers_divides_the_float_that_their_sum_is() -> None:
    assert float(2**53) == grouped("$avg", [2**53 + 1])


def test_a_long_after_a_float_is_added_in_two_halves() -> None:
    low, high = float(2**62 + 12345 & 0xFFFF_FFFF), float(2**62)
    assert pair_sum([0.3, low, high, 0.1]) == grouped("$sum", [0.3, 2**62 + 12345, 0.1])


def test_what_left_a_window_leaves_its_rounding() -> None:
    seen = [[1e16], [0.1], [0.1, -1e16], [0.1, -0.1]]
    expected = [pair_sum([*chain.from_iterable(seen[: place + 1])]) for place in range(len(seen))]
    assert expected == slid("$sum", [1e16, 0.1, 0.1, 0.1])


def test_a_float_or_decimal_that_left_a_window_does_not_decide_the_type() -> None:
    found = slid("$sum", [1.5, 2, 3, Decimal("0.5"), 1, 2])
    assert [float, float, int, Decimal, Decimal, int] == [value.__class__ for value in found]
    assert [1.5, 3.5, 5, Decimal("3.5"), Decimal("1.5"), 3] == found


def test_an_infinity_in_a_window_goes_when_it_leaves() -> None:
    assert [1.0, math.inf, math.inf, 5.0] == slid("$sum", [1.0, math.inf, 2.0, 3.0])
    assert [1.0, math.inf, math.inf, 2.5] == slid("$avg", [1.0, math.inf, 2.0, 3.0])
