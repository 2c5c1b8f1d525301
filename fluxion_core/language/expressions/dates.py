"""Date expressions. A date is an instant in UTC; a time zone (Olson name or offset) says on which calendar it is read.

Source: MongoDB manual, "Date Expression Operators".
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.dates import CYCLE, instant, milliseconds, offset_of, on_calendar
from fluxion_core.language.expressions.date_arguments import (
    UNIT_MILLISECONDS,
    UNIT_MONTHS,
    as_date,
    as_unit,
    as_weekday,
    as_whole,
    as_zone,
)
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import INT64_MAX, MISSING, any_nullish, is_nullish

__all__ = ["OPERATORS", "add_months"]

_PRECISE: Final = ("hour", "minute", "second", "millisecond")
_OF_THE_CLOCK: Final = ("hour", "minute")
"""Units that begin elsewhere where a zone is no whole number of them away from UTC."""


# --------------------------------------------------------------------------------------------------- adding


def _shift(date: datetime, unit: str, amount: int, where: tzinfo, operator: str) -> datetime:
    try:
        if unit in _PRECISE:
            return date + timedelta(milliseconds=amount * UNIT_MILLISECONDS[unit])
        if not amount:
            return date
        calendar_date, years = on_calendar(date, where)
        local = calendar_date.replace(tzinfo=None)
        if unit in UNIT_MONTHS:
            local = add_months(local, amount * UNIT_MONTHS[unit])
        else:
            days = amount * (7 if unit == "week" else 1)
            local += timedelta(days=days)
        return instant(local, where, like=calendar_date) + years // 400 * CYCLE
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
        if any_nullish(start, unit):
            return None
        named = as_unit(unit, operator)
        if is_nullish(amount) or timezone is None:
            return None
        where = as_zone(timezone, operator)
        date = as_date(start, operator)
        return _shift(date, named, sign * as_whole(amount, operator, "amount"), where, operator)

    return function


# --------------------------------------------------------------------------------------------------- difference


def date_diff(start: Any, end: Any, unit: Any, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateDiff``: how many boundaries of the unit lie between the two."""
    if any_nullish(start, end, unit):
        return None
    named = as_unit(unit, "$dateDiff")
    first_day = 6
    if named == "week" and start_of_week is not MISSING:
        if start_of_week is None:
            return None
        first_day = as_weekday(start_of_week, "$dateDiff")
    if timezone is None:
        return None
    where = as_zone(timezone, "$dateDiff")
    first, last = as_date(start, "$dateDiff"), as_date(end, "$dateDiff")
    return (
        _ordinal(last, named, where, first_day) - _ordinal(first, named, where, first_day) + _shifted(first, last, named, where)
    )


def _shifted(first: datetime, last: datetime, unit: str, where: tzinfo) -> int:
    """Return the whole hours or minutes that a change of the clocks between the two took away or gave."""
    if unit not in _OF_THE_CLOCK or where is UTC:
        return 0
    before, after = (offset_of(on_calendar(date, where)[0]) for date in (first, last))
    return int((before - after) / timedelta(milliseconds=UNIT_MILLISECONDS[unit]))


def _ordinal(date: datetime, unit: str, where: tzinfo, first_day: int) -> int:
    """Return the number of the unit in which *date* lies, counted from a fixed one."""
    local, years = on_calendar(date, where)
    if unit in UNIT_MONTHS:
        return ((local.year + years) * 12 + local.month - 1) // UNIT_MONTHS[unit]
    days = local.toordinal() + years // 400 * CYCLE.days
    if unit == "day":
        return days
    if unit == "week":
        return (days - 1 - first_day) // 7
    if unit in _OF_THE_CLOCK and where is not UTC:
        return math.floor((milliseconds(date) + offset_of(local).total_seconds() * 1000) // UNIT_MILLISECONDS[unit])
    return milliseconds(date) // UNIT_MILLISECONDS[unit]


# --------------------------------------------------------------------------------------------------- truncation

_MOST_BINS: Final = 100_000_000_000
"""The greatest ``binSize`` of a day and more, as in the server."""
_REFERENCE: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # local time on every calendar; $dateTrunc counts its bins from here


def date_trunc(date: Any, unit: Any, bin_size: Any = MISSING, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateTrunc``: the beginning of the bin in which the date lies."""
    if is_nullish(date) or bin_size is None:
        return None
    size = _bin_size(bin_size)
    if is_nullish(unit):
        return None
    named = as_unit(unit, "$dateTrunc")
    if named == "week" and start_of_week is not MISSING:
        if start_of_week is None:
            return None
        as_weekday(start_of_week, "$dateTrunc")
    if timezone is None:
        return None
    where = as_zone(timezone, "$dateTrunc")
    moment = as_date(date, "$dateTrunc")
    if size * UNIT_MILLISECONDS[named] > INT64_MAX if named in _PRECISE else size > _MOST_BINS:
        raise EvaluationError(f"$dateTrunc: a binSize of {size} {named}s is out of range")
    try:
        return _truncated(moment, named, size, where, start_of_week)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateTrunc: the result is out of range") from None


def _bin_size(value: Any) -> int:
    size = 1 if value is MISSING else as_whole(value, "$dateTrunc", "binSize")
    if size <= 0:
        raise EvaluationError(f"$dateTrunc needs a binSize of at least 1, not {size}")
    return size


def _truncated(moment: datetime, unit: str, size: int, where: tzinfo, start_of_week: Any) -> datetime:
    if unit in _PRECISE:
        reference = instant(_REFERENCE, where)
        span = size * UNIT_MILLISECONDS[unit]
        passed = milliseconds(moment) - milliseconds(reference)
        return reference + timedelta(milliseconds=passed // span * span)
    calendar_date, years = on_calendar(moment, where)
    away = years // 400 * CYCLE
    local = calendar_date.replace(tzinfo=None)
    if unit in UNIT_MONTHS:
        span = size * UNIT_MONTHS[unit]
        months = (local.year + years - 2000) * 12 + local.month - 1
        result = add_months(_REFERENCE, months // span * span - years * 12)
    else:
        origin = _REFERENCE
        span = size
        if unit == "week":
            first_day = 6 if start_of_week is MISSING else as_weekday(start_of_week, "$dateTrunc")
            origin += timedelta(days=(first_day - _REFERENCE.weekday()) % 7)
            span = size * 7
        days = math.floor((local - origin) / timedelta(days=1)) + away.days
        result = origin + (timedelta(days=days // span * span) - away)
    return instant(result, where, like=instant(_REFERENCE, where)) + away


def _check_of(operator: str, *names: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return what looks at the arguments *names* that are constants, in this order: the first that is wrong or null decides.

    Source: the server's ``optimize`` of the expression.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "unit": lambda value: as_unit(value, operator),
        "timezone": lambda value: as_zone(value, operator),
        "startOfWeek": lambda value: as_weekday(value, operator),
        "binSize": _bin_size,
    }

    def check(constants: Mapping[str, Any]) -> bool:
        for name in names:
            if name in constants:
                if is_nullish(constants[name]):
                    return True
                readers[name](constants[name])
        return False

    return check


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
        spared_from=1,
        check=_check_of("$dateAdd", "unit", "timezone"),
        family="date",
        examples=[Example({"$dateAdd": {"startDate": "$at", "unit": "day", "amount": 1}}, _NEXT_DAY, _AT)],
    ),
    Operator(
        name="$dateSubtract",
        function=_adder("$dateSubtract", -1),
        arguments=("startDate", "unit", "amount"),
        optional=("timezone",),
        null_if_missing=True,
        spared_from=1,
        check=_check_of("$dateSubtract", "unit", "timezone"),
        family="date",
        examples=[Example({"$dateSubtract": {"startDate": _NEXT_DAY, "unit": "day", "amount": 1}}, _AT["at"])],
    ),
    Operator(
        name="$dateDiff",
        function=date_diff,
        arguments=("startDate", "endDate", "unit"),
        optional=("timezone", "startOfWeek"),
        null_if_missing=True,
        spared_from=1,
        check=_check_of("$dateDiff", "unit", "startOfWeek", "timezone"),
        family="date",
        examples=[Example({"$dateDiff": {"startDate": "$at", "endDate": _NEXT_DAY, "unit": "hour"}}, 24, _AT)],
    ),
    Operator(
        name="$dateTrunc",
        function=date_trunc,
        arguments=("date", "unit"),
        optional=("binSize", "timezone", "startOfWeek"),
        null_if_missing=True,
        spared_from=1,
        check=_check_of("$dateTrunc", "unit", "startOfWeek", "timezone", "binSize"),
        family="date",
        examples=[Example({"$dateTrunc": {"date": "$at", "unit": "day"}}, _MIDNIGHT, _AT)],
    ),
)
