"""``$sum $avg $count $stdDevPop $stdDevSamp``: numbers only, everything else is passed over.

Whole numbers are summed exactly. Floats are summed with the rounding error carried along (2Sum of Knuth; MongoDB does the same in
its DoubleDoubleSummation), so that the answer does not depend on how the input is cut into batches. A decimal makes the result a
decimal of 34 digits.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Any, Final

from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.values import INT64_MAX, INT64_MIN, as_float, is_finite, is_number

__all__ = ["ACCUMULATORS", "DECIMAL", "total"]

DECIMAL: Final = Context(prec=34, Emin=-6143, Emax=6144, clamp=1, traps=[])
"""Arithmetic of Decimal128: 34 digits; what is undefined is NaN, what is too great infinite."""

# State of a sum: [exact sum of ints, sum of floats or None, its error, sum of decimals or None]
_State = list[Any]


def _start() -> _State:
    return [0, None, 0.0, None]


def _add(state: _State, value: Any) -> _State:
    cls = value.__class__
    if cls is int:
        state[0] += value
    elif cls is float:
        before = state[1]
        if before is None:
            state[1] = value
        else:
            after = before + value
            back = after - before
            state[2] += (before - (after - back)) + (value - back)
            state[1] = after
    elif cls is Decimal:
        state[3] = value if state[3] is None else DECIMAL.add(state[3], value)
    elif is_number(value):  # a subclass: bson's Int64
        return _add(state, _plain_number(value))
    return state


def _plain_number(value: Any) -> Any:
    """Return a number of a subclass as one of Python's own."""
    return int(value) if isinstance(value, int) else float(value)


def _float_sum(state: _State) -> float:
    total = state[1]
    if not is_finite(total):  # infinite or NaN: the error term means nothing
        return float(total)
    whole = state[0]
    if whole == 0:
        return float(total + state[2])
    exact = as_float(whole)
    if not is_finite(exact):
        return exact
    after = total + exact
    back = after - total
    error = (total - (after - back)) + (exact - back) + state[2] + float(whole - int(exact))
    return float(after + error)


def _decimal(floats: float | None, error: float) -> Decimal:
    """Return the sum of the floats as MongoDB adds it to a decimal: what the floats hold, to 34 digits, not how they are written."""
    if floats is None:
        return Decimal(0)
    exact = DECIMAL.create_decimal(floats)
    return DECIMAL.add(exact, DECIMAL.create_decimal(error)) if error and is_finite(floats) else exact


def total(state: _State) -> Any:
    """Return the sum so far: an int while it fits 64 bits, else a float; a decimal if there was one."""
    whole, floats, error, decimals = state
    if decimals is not None:
        return DECIMAL.add(decimals, DECIMAL.add(Decimal(whole), _decimal(floats, error)))
    if floats is not None:
        return _float_sum(state)
    return whole if INT64_MIN <= whole <= INT64_MAX else as_float(whole)


# State of an average: a sum, and a count in the last place
def _average_start() -> _State:
    return [0, None, 0.0, None, 0]


def _average_add(state: _State, value: Any) -> _State:
    cls = value.__class__
    if cls is int or cls is float or cls is Decimal or is_number(value):
        _add(state, value)
        state[4] += 1
    return state


def _average(state: _State) -> Any:
    count = state[4]
    if not count:
        return None
    result = total(state[:4])
    if result.__class__ is Decimal:
        return DECIMAL.divide(result, Decimal(count))
    return result / count


# State of a count
def _zero() -> int:
    return 0


def _count(state: int) -> int:
    return state + 1


# State of a standard deviation: [count, mean, sum of squares of differences] (Welford)
def _deviation_start() -> _State:
    return [0, 0.0, 0.0]


def _deviation_add(state: _State, value: Any) -> _State:
    cls = value.__class__
    if cls is int or cls is float or cls is Decimal or is_number(value):
        number = as_float(value)
        state[0] += 1
        delta = number - state[1]
        state[1] += delta / state[0]
        state[2] += delta * (number - state[1])
    return state


def _deviation(state: _State, less: int) -> float | None:
    count = state[0] - less
    if count <= 0:
        return None
    squares = state[2] / count
    return math.sqrt(squares) if squares >= 0 else math.nan  # what overflowed may be below zero, or NaN


def _plain(state: _State) -> list[Any]:
    return list(state)


def _no_document_argument(parser: Any, spec: Any, where: str) -> tuple[tuple[()], tuple[()]]:
    if spec != {}:
        parser.problem(where, "takes an empty object", "write {$count: {}}")
    return (), ()


_VALUES: Final[tuple[dict[str, Any], ...]] = ({"v": 1}, {"v": 2.5}, {"v": "no number"}, {})
ACCUMULATORS = (
    Accumulator(
        name="$sum",
        initial=_start,
        step=_add,
        result=total,
        dump=_plain,
        load=_plain,
        family="sums",
        examples=[Example({"$sum": "$v"}, 3.5, documents=_VALUES), Example({"$sum": 1}, 4, documents=_VALUES)],
    ),
    Accumulator(
        name="$avg",
        initial=_average_start,
        step=_average_add,
        result=_average,
        dump=_plain,
        load=_plain,
        family="sums",
        examples=[Example({"$avg": "$v"}, 1.75, documents=_VALUES), Example({"$avg": "$w"}, None, documents=_VALUES)],
    ),
    Accumulator(
        name="$count",
        initial=_zero,
        step=_count,
        parse=_no_document_argument,
        family="sums",
        examples=[Example({"$count": {}}, 4, documents=_VALUES)],
    ),
    Accumulator(
        name="$stdDevPop",
        initial=_deviation_start,
        step=_deviation_add,
        result=lambda state: _deviation(state, 0),
        dump=_plain,
        load=_plain,
        family="sums",
        examples=[Example({"$stdDevPop": "$v"}, 0.75, documents=_VALUES)],
    ),
    Accumulator(
        name="$stdDevSamp",
        initial=_deviation_start,
        step=_deviation_add,
        result=lambda state: _deviation(state, 1),
        dump=_plain,
        load=_plain,
        family="sums",
        examples=[Example({"$stdDevSamp": "$v"}, None, documents=[{"v": 1}])],
    ),
)
