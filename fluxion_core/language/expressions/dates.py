"""Date expressions. A date is an instant in UTC; a time zone (Olson name or offset) says on which calendar it is read.

Source: MongoDB manual, "Date Expression Operators".
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.dates import milliseconds
from fluxion_core.language.expressions.date_arguments import (
    UNIT_MILLISECONDS,
    UNIT_MONTHS,
    as_date,
    as_unit,
    as_weekday,
    as_whole,
    as_zone,
    nullish,
)
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import MISSING

if TYPE_CHECKING:
    pass

__all__ = ["OPERATORS", "add_months"]

_PRECISE: Final = ("hour", "minute", "second", "millisecond")


# --------------------------------------------------------------------------------------------------- adding


def _shift(date: datetime, unit: str, amount: int, where: tzinfo, operator: str) -> datetime:
    try:
        if unit in _PRECISE:
            return date + timedelta(milliseconds=amount * UNIT_MILLISECONDS[unit])
        local = date.astimezone(where)
        if unit in UNIT_MONTHS:
            local = add_months(local, amount * UNIT_MONTHS[unit])
        else:
            days = amount * (7 if unit == "week" else 1)
            local = (local.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=where)
        return local.astimezone(UTC)
    except (OverflowError, ValueError):
        raise EvaluationError(f"{operator}: the date is out of range") from None


def add_months(local: datetime, months: int) -> datetime:
    """Return the same day *months* later, or the last one of a shorter month."""
    total = local.year * 12 + local.month - 1 + months
    year, month = divmod(total, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)


def _adder(operator: str, sign: int) -> Callable[..., Any]:
    def function(start: Any, unit: Any, amount: Any, timezone: Any = MISSING) -> Any:
        if nullish(start, unit, amount) or timezone is None:
            return None
        named = as_unit(unit, operator)
        count = as_whole(amount, operator, "amount")
        where = as_zone(timezone, operator)
        return _shift(as_date(start, operator), named, sign * count, where, operator)

    return function


# --------------------------------------------------------------------------------------------------- difference


def date_diff(start: Any, end: Any, unit: Any, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateDiff``: how many boundaries of the unit lie between the two."""
    if nullish(start, end, unit) or timezone is None:
        return None
    named = as_unit(unit, "$dateDiff")
    if named == "week" and start_of_week is None:
        return None
    where = as_zone(timezone, "$dateDiff")
    first_day = 6
    if named == "week" and start_of_week is not MISSING:
        first_day = as_weekday(start_of_week, "$dateDiff")
    first, last = as_date(start, "$dateDiff"), as_date(end, "$dateDiff")
    return _ordinal(last, named, where, first_day) - _ordinal(first, named, where, first_day)


def _ordinal(date: datetime, unit: str, where: tzinfo, first_day: int) -> int:
    """Return the number of the unit in which *date* lies, counted from a fixed one."""
    local = date.astimezone(where)
    if unit in UNIT_MONTHS:
        return (local.year * 12 + local.month - 1) // UNIT_MONTHS[unit]
    days = local.toordinal()
    if unit == "day":
        return days
    if unit == "week":
        return (days - 1 - first_day) // 7
    if unit == "hour":
        offset = local.utcoffset() or timedelta()
        return math.floor((milliseconds(date) + offset.total_seconds() * 1000) // UNIT_MILLISECONDS[unit])
    return milliseconds(date) // UNIT_MILLISECONDS[unit]


# --------------------------------------------------------------------------------------------------- truncation

_REFERENCE: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # local time on every calendar; $dateTrunc counts its bins from here


def date_trunc(date: Any, unit: Any, bin_size: Any = MISSING, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateTrunc``: the beginning of the bin in which the date lies."""
    if nullish(date, unit) or bin_size is None or timezone is None:
        return None
    named = as_unit(unit, "$dateTrunc")
    if named == "week" and start_of_week is None:
        return None
    size = 1 if bin_size is MISSING else as_whole(bin_size, "$dateTrunc", "binSize")
    if size <= 0:
        raise EvaluationError(f"$dateTrunc needs a binSize of at least 1, not {size}")
    where = as_zone(timezone, "$dateTrunc")
    instant = as_date(date, "$dateTrunc")
    try:
        return _truncated(instant, named, size, where, start_of_week)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateTrunc: the result is out of range") from None


def _truncated(instant: datetime, unit: str, size: int, where: tzinfo, start_of_week: Any) -> datetime:
    if unit in _PRECISE:
        reference = _REFERENCE.replace(tzinfo=where).astimezone(UTC)
        span = size * UNIT_MILLISECONDS[unit]
        passed = milliseconds(instant) - milliseconds(reference)
        return reference + timedelta(milliseconds=passed // span * span)
    local = instant.astimezone(where).replace(tzinfo=None)
    if unit in UNIT_MONTHS:
        span = size * UNIT_MONTHS[unit]
        months = (local.year - 2000) * 12 + local.month - 1
        result = add_months(_REFERENCE, months // span * span)
    else:
        origin = _REFERENCE
        span = size
        if unit == "week":
            first_day = 6 if start_of_week is MISSING else as_weekday(start_of_week, "$dateTrunc")
            origin += timedelta(days=(first_day - _REFERENCE.weekday()) % 7)
            span = size * 7
        days = math.floor((local - origin) / timedelta(days=1))
        result = origin + timedelta(days=days // span * span)
    return result.replace(tzinfo=where).astimezone(UTC)


_AT: Final = {"at": datetime(2026, 11, 24, 11, 5, 7, 9000, tzinfo=UTC)}
_NEXT_DAY: Final = datetime(2026, 11, 25, 11, 5, 7, 9000, tzinfo=UTC)
_MIDNIGHT: Final = datetime(2026, 11, 24, tzinfo=UTC)
OPERATORS = (
    Operator(
        name="$dateAdd",
        function=_adder("$dateAdd", 1),
        arguments=("startDate", "unit", "amount"),
        optional=("timezone",),
        null_if_missing=True,
        family="date",
        examples=[Example({"$dateAdd": {"startDate": "$at", "unit": "day", "amount": 1}}, _NEXT_DAY, _AT)],
    ),
    Operator(
        name="$dateSubtract",
        function=_adder("$dateSubtract", -1),
        arguments=("startDate", "unit", "amount"),
        optional=("timezone",),
        null_if_missing=True,
        family="date",
        examples=[Example({"$dateSubtract": {"startDate": _NEXT_DAY, "unit": "day", "amount": 1}}, _AT["at"])],
    ),
    Operator(
        name="$dateDiff",
        function=date_diff,
        arguments=("startDate", "endDate", "unit"),
        optional=("timezone", "startOfWeek"),
        null_if_missing=True,
        family="date",
        examples=[Example({"$dateDiff": {"startDate": "$at", "endDate": _NEXT_DAY, "unit": "hour"}}, 24, _AT)],
    ),
    Operator(
        name="$dateTrunc",
        function=date_trunc,
        arguments=("date", "unit"),
        optional=("binSize", "timezone", "startOfWeek"),
        null_if_missing=True,
        family="date",
        examples=[Example({"$dateTrunc": {"date": "$at", "unit": "day"}}, _MIDNIGHT, _AT)],
    ),
)
