"""Window functions over the sorted documents of one partition: which documents belong to a window, and what a function says of them.

Source: MongoDB manual, "$setWindowFields", its window operators, "$fill", "$linearFill", "$expMovingAvg".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language.expressions.arithmetic import DECIMAL, add, divide, multiply, subtract, to_decimal
from fluxion_core.language.expressions.dates import add_months
from fluxion_core.language.ordering import equal, sort_key
from fluxion_core.language.values import INT64_MAX, MISSING, as_float, is_nan, is_number, is_whole, kind, type_name

__all__ = ["UNIT_MILLISECONDS", "Bounds", "Column", "linear_fill", "locf"]

UNIT_MILLISECONDS: Final[Mapping[str, int]] = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}
Column = Callable[[Sequence[Any], Sequence[Any], Sequence[tuple[int, int]], int | None], list[Any]]
"""Makes what a function says of each of the half-open ranges: of the keys, the values, the ranges and the milliseconds of the unit."""
MONTHS: Final[Mapping[str, int]] = {"year": 12, "quarter": 3, "month": 1}
_LIKE_DATES: Final = {"date", "timestamp", "objectId"}
"""What MongoDB takes for a date to sort by; between those that are none there is no line."""


class Bounds(msgspec.Struct, frozen=True):
    """Which documents of the partition belong to the window of one: from *low* to *high*, ``None`` without end.

    ``"current"`` in a range is the document itself, not those with the same value.

    *by_range*: distances in the value that the partition is sorted by (with *unit*, in time), else in documents.
    """

    low: Any = None
    high: Any = None
    by_range: bool = False
    unit: str | None = None

    def places(self, keys: Sequence[Any]) -> list[tuple[int, int]]:
        """Return for every document the half-open range of its window; *keys* are the values that the partition is sorted by."""
        count = len(keys)
        if not self.by_range:
            return [
                (
                    0 if self.low is None else min(max(0, place + self.low), count),
                    count if self.high is None else max(0, min(count, place + self.high + 1)),
                )
                for place in range(count)
            ]
        ordered = [sort_key(key) for key in keys]
        return [self._range(place, key, ordered) for place, key in enumerate(keys)]

    def _range(self, place: int, key: Any, ordered: Sequence[Any]) -> tuple[int, int]:
        if self.unit is not None and key.__class__ is not datetime:
            raise EvaluationError(f"a window with a unit needs dates to sort by, not {type_name(key)}")
        if self.unit is None and not is_number(key):
            raise EvaluationError(f"a window by range needs numbers to sort by, not {type_name(key)}")
        if self.low == "current":
            low = place
        else:
            low = 0 if self.low is None else bisect_left(ordered, sort_key(self._moved(key, self.low)))
        if self.high == "current":
            return low, place + 1
        return low, len(ordered) if self.high is None else bisect_right(ordered, sort_key(self._moved(key, self.high)))

    def _moved(self, key: Any, by: Any) -> Any:
        if self.unit is None:  # in decimals, as MongoDB's PartitionIterator does
            return (
                DECIMAL.add(to_decimal(key), to_decimal(by))
                if key.__class__ is not int or by.__class__ is not int
                else key + by
            )
        try:
            if self.unit in MONTHS:
                return add_months(key if key.tzinfo else key.replace(tzinfo=UTC), by * MONTHS[self.unit])
            return key + timedelta(milliseconds=by * UNIT_MILLISECONDS[self.unit])
        except (OverflowError, ValueError):
            raise EvaluationError("a bound of a window is a date out of range") from None


def _position(key: Any, unit_milliseconds: int | None, operator: str) -> Any:
    """Return a sort value as a number: of milliseconds for a date, itself for a number."""
    if key.__class__ is datetime:
        if unit_milliseconds is None:
            raise EvaluationError(f"{operator} needs a unit where the documents are sorted by a date")
        aware = key if key.tzinfo else key.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    if unit_milliseconds is not None:
        raise EvaluationError(f"{operator} with a unit needs dates to sort by, not {type_name(key)}")
    if not is_number(key):
        raise EvaluationError(f"{operator} needs numbers to sort by, not {type_name(key)}")
    return key


# --------------------------------------------------------------------------------------------------- functions of the whole partition


def rank(keys: Sequence[Any], _values: Sequence[Any]) -> list[int]:
    """``$rank``: documents with equal *keys*, which are sort keys, share a rank, and the next one leaves a gap."""
    ranks: list[int] = []
    for place, key in enumerate(keys):
        same = place > 0 and key == keys[place - 1]
        ranks.append(ranks[-1] if same else place + 1)
    return ranks


def dense_rank(keys: Sequence[Any], _values: Sequence[Any]) -> list[int]:
    """``$denseRank``: without gaps."""
    ranks: list[int] = []
    for place, key in enumerate(keys):
        same = place > 0 and key == keys[place - 1]
        ranks.append(ranks[-1] + (not same) if ranks else 1)
    return ranks


def document_number(keys: Sequence[Any], _values: Sequence[Any]) -> list[int]:
    """``$documentNumber``."""
    return list(range(1, len(keys) + 1))


def shift(values: Sequence[Any], by: int, default: Any) -> list[Any]:
    """``$shift``: the value of the document *by* places further on; *default* where there is no such document or value."""
    default = None if default is MISSING else default
    found = (values[place + by] if 0 <= place + by < len(values) else MISSING for place in range(len(values)))
    return [default if value is MISSING else value for value in found]


def locf(_keys: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """``$locf``: null and missing become the last value before them."""
    last = None
    result = []
    for value in values:
        last = last if value is None or value is MISSING else value
        result.append(last)
    return result


def linear_fill(keys: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """``$linearFill``: null and missing become what lies on the line between their neighbours."""
    known = [place for place, value in enumerate(values) if value is not None and value is not MISSING]
    for place in known:
        if not is_number(values[place]):
            raise EvaluationError(f"$linearFill needs numbers, not {type_name(values[place])}")
    for key in keys:
        if not is_number(key) and kind(key) not in _LIKE_DATES:
            raise EvaluationError(f"$linearFill needs numbers or dates to sort by, not {type_name(key)}")
    if len(set(map(is_number, keys))) > 1:
        raise EvaluationError("$linearFill needs values to sort by that are all numbers or all dates")
    if any(equal(left, right) for left, right in pairwise(keys)):
        raise EvaluationError("$linearFill needs values to sort by that do not repeat")
    result: list[Any] = [None if value is MISSING else value for value in values]
    for left, right in pairwise(known):
        if left + 1 < right:
            slope = divide(subtract(values[right], values[left]), subtract(keys[right], keys[left]))
        for place in range(left + 1, right):
            result[place] = add(values[left], multiply(subtract(keys[place], keys[left]), slope))
    return result


def documents_of_average(count: Any) -> int | None:
    """Return the ``N`` of ``$expMovingAvg``, of which no more is taken than 64 bits hold; ``None``: it is no whole number above 0."""
    if not is_number(count) or is_nan(count) or count < 1:
        return None
    return INT64_MAX if count > INT64_MAX else int(count) if is_whole(count) else None


def exp_moving_average(values: Sequence[Any], alpha: Decimal) -> list[Any]:
    """``$expMovingAvg``: null until there is a number, then weighted towards the newer ones.

    It is calculated in decimals, and floats are given out until a number is a decimal.
    """
    result: list[Any] = []
    average: Decimal | None = None
    in_decimals = False
    for value in values:
        if is_number(value):
            in_decimals = in_decimals or value.__class__ is Decimal
            number = to_decimal(value)
            before = DECIMAL.subtract(Decimal(1), alpha)
            average = (
                number if average is None else DECIMAL.add(DECIMAL.multiply(number, alpha), DECIMAL.multiply(average, before))
            )
        result.append(average if average is None or in_decimals else as_float(average))
    return result


# --------------------------------------------------------------------------------------------------- functions of a window


_Point = tuple[Any, Any]
"""What a document is sorted by, and its value."""


def derivative(left: _Point, right: _Point, unit_milliseconds: int | None) -> Any:
    """``$derivative``: the mean rate of change from *left* to *right*; null where they have the same value to sort by.

    Values may be dates, as only the milliseconds between them count.
    """
    end, start = (_position(key, unit_milliseconds, "$derivative") for key, _ in (right, left))
    rise = _checked(subtract(right[1], left[1]), "$derivative")
    run = subtract(end, start)
    if run == 0:
        return None
    return divide(rise, run) if unit_milliseconds is None else multiply(divide(rise, run), unit_milliseconds)


def derivatives(
    keys: Sequence[Any], values: Sequence[Any], places: Sequence[tuple[int, int]], unit_milliseconds: int | None
) -> list[Any]:
    """Return the derivative between the ends of each of *places*, null where it is empty."""
    points = list(zip(keys, values, strict=True))
    return [derivative(points[low], points[high - 1], unit_milliseconds) if low < high else None for low, high in places]


def _checked(value: Any, operator: str) -> Any:
    if not is_number(value):
        raise EvaluationError(f"{operator} needs numbers, not {type_name(value)}")
    return value


def point(key: Any, value: Any, unit_milliseconds: int | None) -> tuple[Any, Any]:
    """Return what ``$integral`` takes of a document: where it lies, and its number."""
    return _position(key, unit_milliseconds, "$integral"), _checked(value, "$integral")


def scaled(value: Any, least: Any, most: Any, low: Any, high: Any) -> Any:
    """``$minMaxScaler``: *value* moved from the range of its window, which reaches from *least* to *most*, into [*low*, *high*]."""
    if not is_number(value):
        raise EvaluationError(f"$minMaxScaler needs numbers, not {type_name(value)}")
    if least is None:  # a range that ends before its own document, whose value has more digits than the bound is told with
        return None
    if equal(least, most):
        return low
    share = divide(subtract(value, least), subtract(most, least))
    return add(low, multiply(share, subtract(high, low)))
