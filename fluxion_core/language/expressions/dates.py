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
from fluxion_core.language.compiler.nodes import Call, Constant, Node, OrElse
from fluxion_core.language.dates import EPOCH, aware, format_date, milliseconds, parse_date, parse_format, week_of_year, zone
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING, is_number, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]

_UNIT_MILLISECONDS: Final = {
    "week": 7 * 86_400_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}
_UNIT_MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PRECISE: Final = ("hour", "minute", "second", "millisecond")


def _nullish(*values: Any) -> bool:
    return any(value is None or value is MISSING for value in values)


def _date(value: Any, operator: str) -> datetime:
    """Return what stands for a date: a date, a timestamp or an object id."""
    name = kind(value)
    if name == "date":
        return aware(value)
    if name == "timestamp":
        return EPOCH + timedelta(seconds=value.time)
    if name == "objectId":
        return aware(value.generation_time)
    raise EvaluationError(f"{operator} needs a date, not {type_name(value)}")


def _zone(value: Any, operator: str) -> tzinfo:
    if value is MISSING:
        return UTC
    if not isinstance(value, str):
        raise EvaluationError(f"{operator} needs a string as its timezone, not {type_name(value)}")
    return zone(value)


def _whole(value: Any, operator: str, role: str) -> int:
    if is_number(value) and value - value == 0 and value == int(value) and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    raise EvaluationError(f"{operator} needs a whole number as its {role}, not {type_name(value)} {value!r}"[:160])


def _unit(value: Any, operator: str) -> str:
    if not isinstance(value, str):
        raise EvaluationError(f"{operator} needs a string as its unit, not {type_name(value)}")
    if value not in _UNIT_MILLISECONDS and value not in _UNIT_MONTHS:
        raise EvaluationError(f"{operator}: unknown time unit '{value}'")
    return value


def _weekday(value: Any, operator: str) -> int:
    if not isinstance(value, str):
        raise EvaluationError(f"{operator} needs a string as its startOfWeek, not {type_name(value)}")
    lowered = value.lower()
    for index, name in enumerate(_DAYS):
        if lowered in {name, name[:3]}:
            return index
    raise EvaluationError(f"{operator}: unknown day of the week '{value}'")


# --------------------------------------------------------------------------------------------------- adding


def _shift(date: datetime, unit: str, amount: int, where: tzinfo, operator: str) -> datetime:
    try:
        if unit in _PRECISE:
            return date + timedelta(milliseconds=amount * _UNIT_MILLISECONDS[unit])
        local = date.astimezone(where)
        if unit in _UNIT_MONTHS:
            local = _add_months(local, amount * _UNIT_MONTHS[unit])
        else:
            days = amount * (7 if unit == "week" else 1)
            local = (local.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=where)
        return local.astimezone(UTC)
    except (OverflowError, ValueError):
        raise EvaluationError(f"{operator}: the date is out of range") from None


def _add_months(local: datetime, months: int) -> datetime:
    total = local.year * 12 + local.month - 1 + months
    year, month = divmod(total, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)


def _adder(operator: str, sign: int) -> Callable[..., Any]:
    def function(start: Any, unit: Any, amount: Any, timezone: Any = MISSING) -> Any:
        if _nullish(start, unit, amount) or timezone is None:
            return None
        named = _unit(unit, operator)
        count = _whole(amount, operator, "amount")
        where = _zone(timezone, operator)
        return _shift(_date(start, operator), named, sign * count, where, operator)

    return function


# --------------------------------------------------------------------------------------------------- difference


def date_diff(start: Any, end: Any, unit: Any, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateDiff``: how many boundaries of the unit lie between the two."""
    if _nullish(start, end, unit) or timezone is None:
        return None
    named = _unit(unit, "$dateDiff")
    if named == "week" and start_of_week is None:
        return None
    where = _zone(timezone, "$dateDiff")
    first_day = 6
    if named == "week" and start_of_week is not MISSING:
        first_day = _weekday(start_of_week, "$dateDiff")
    first, last = _date(start, "$dateDiff"), _date(end, "$dateDiff")
    return _ordinal(last, named, where, first_day) - _ordinal(first, named, where, first_day)


def _ordinal(date: datetime, unit: str, where: tzinfo, first_day: int) -> int:
    """Return the number of the unit in which *date* lies, counted from a fixed one."""
    local = date.astimezone(where)
    if unit in _UNIT_MONTHS:
        return (local.year * 12 + local.month - 1) // _UNIT_MONTHS[unit]
    days = local.toordinal()
    if unit == "day":
        return days
    if unit == "week":
        return (days - 1 - first_day) // 7
    if unit == "hour":
        offset = local.utcoffset() or timedelta()
        return math.floor((milliseconds(date) + offset.total_seconds() * 1000) // _UNIT_MILLISECONDS[unit])
    return milliseconds(date) // _UNIT_MILLISECONDS[unit]


# --------------------------------------------------------------------------------------------------- truncation

_REFERENCE: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # local time on every calendar; $dateTrunc counts its bins from here


def date_trunc(date: Any, unit: Any, bin_size: Any = MISSING, timezone: Any = MISSING, start_of_week: Any = MISSING) -> Any:
    """``$dateTrunc``: the beginning of the bin in which the date lies."""
    if _nullish(date, unit) or bin_size is None or timezone is None:
        return None
    named = _unit(unit, "$dateTrunc")
    if named == "week" and start_of_week is None:
        return None
    size = 1 if bin_size is MISSING else _whole(bin_size, "$dateTrunc", "binSize")
    if size <= 0:
        raise EvaluationError(f"$dateTrunc needs a binSize of at least 1, not {size}")
    where = _zone(timezone, "$dateTrunc")
    instant = _date(date, "$dateTrunc")
    try:
        return _truncated(instant, named, size, where, start_of_week)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateTrunc: the result is out of range") from None


def _truncated(instant: datetime, unit: str, size: int, where: tzinfo, start_of_week: Any) -> datetime:
    if unit in _PRECISE:
        reference = _REFERENCE.replace(tzinfo=where).astimezone(UTC)
        span = size * _UNIT_MILLISECONDS[unit]
        passed = milliseconds(instant) - milliseconds(reference)
        return reference + timedelta(milliseconds=passed // span * span)
    local = instant.astimezone(where).replace(tzinfo=None)
    if unit in _UNIT_MONTHS:
        span = size * _UNIT_MONTHS[unit]
        months = (local.year - 2000) * 12 + local.month - 1
        result = _add_months(_REFERENCE, months // span * span)
    else:
        origin = _REFERENCE
        span = size
        if unit == "week":
            first_day = 6 if start_of_week is MISSING else _weekday(start_of_week, "$dateTrunc")
            origin += timedelta(days=(first_day - _REFERENCE.weekday()) % 7)
            span = size * 7
        days = math.floor((local - origin) / timedelta(days=1))
        result = origin + timedelta(days=days // span * span)
    return result.replace(tzinfo=where).astimezone(UTC)


# --------------------------------------------------------------------------------------------------- parts

_PARTS: Final[dict[str, Callable[[datetime], int]]] = {
    "$year": lambda date: date.year,
    "$month": lambda date: date.month,
    "$dayOfMonth": lambda date: date.day,
    "$dayOfYear": lambda date: date.timetuple().tm_yday,
    "$dayOfWeek": lambda date: (date.weekday() + 1) % 7 + 1,
    "$hour": lambda date: date.hour,
    "$minute": lambda date: date.minute,
    "$second": lambda date: date.second,
    "$millisecond": lambda date: date.microsecond // 1000,
    "$week": week_of_year,
    "$isoWeek": lambda date: date.isocalendar().week,
    "$isoWeekYear": lambda date: date.isocalendar().year,
    "$isoDayOfWeek": lambda date: date.isoweekday(),
}


def _part(name: str, read: Callable[[datetime], int]) -> Form:
    def function(date: Any, timezone: Any = MISSING) -> Any:
        if date is None or date is MISSING or timezone is None:
            return None
        return read(_date(date, name).astimezone(_zone(timezone, name)))

    operator = Operator(name=name, function=function, minimum=2, maximum=2, family="date")

    def parse(parser: Parser, spec: Any, where: str) -> Node:
        absent = Constant(where, MISSING)
        if isinstance(spec, dict) and not str(next(iter(spec), "$")).startswith("$"):
            given = parser.arguments(spec, where, ("date",), ("timezone",))
            return Call(where, operator, (given.get("date", absent), given.get("timezone", absent)))
        return Call(where, operator, (parser.positional(spec, where, 1, 1)[0], absent))

    answers = {"$year": 2026, "$month": 11, "$dayOfMonth": 24, "$dayOfYear": 328, "$dayOfWeek": 3, "$hour": 11, "$minute": 5, "$second": 7}
    answers |= {"$millisecond": 9, "$week": 47, "$isoWeek": 48, "$isoWeekYear": 2026, "$isoDayOfWeek": 2}
    return Form(name=name, parse=parse, family="date", examples=[Example({name: "$at"}, answers[name], _AT)])


_AT: Final = {"at": datetime(2026, 11, 24, 11, 5, 7, 9000, tzinfo=UTC)}


def date_to_parts(date: Any, timezone: Any = MISSING, iso8601: Any = MISSING) -> Any:
    """``$dateToParts``."""
    if _nullish(date) or timezone is None or iso8601 is None:
        return None
    if iso8601 is not MISSING and not isinstance(iso8601, bool):
        raise EvaluationError(f"$dateToParts needs true or false as iso8601, not {type_name(iso8601)}")
    local = _date(date, "$dateToParts").astimezone(_zone(timezone, "$dateToParts"))
    time = {"hour": local.hour, "minute": local.minute, "second": local.second, "millisecond": local.microsecond // 1000}
    if iso8601 is True:
        iso = local.isocalendar()
        return {"isoWeekYear": iso.year, "isoWeek": iso.week, "isoDayOfWeek": iso.weekday, **time}
    return {"year": local.year, "month": local.month, "day": local.day, **time}


_FIELDS: Final = ("year", "isoWeekYear", "month", "isoWeek", "day", "isoDayOfWeek", "hour", "minute", "second", "millisecond", "timezone")
_TIME_BOUND: Final = 32767


def date_from_parts(*values: Any) -> Any:
    """``$dateFromParts``; what lies beyond a part's bounds is carried on."""
    given = dict(zip(_FIELDS, values, strict=True))
    if any(value is None for value in values) :
        return None
    where = _zone(given.pop("timezone"), "$dateFromParts")
    parts = {name: _whole(value, "$dateFromParts", name) for name, value in given.items() if value is not MISSING}
    year = parts.get("isoWeekYear", parts.get("year", 1))
    if not 1 <= year <= 9999:  # noqa: PLR2004  # MongoDB's bounds
        raise EvaluationError(f"$dateFromParts needs a year between 1 and 9999, not {year}")
    for name, value in parts.items():
        if abs(value) > _TIME_BOUND and name not in {"second", "millisecond"}:
            raise EvaluationError(f"$dateFromParts: {name} {value} is out of range")
    try:
        if "isoWeekYear" in parts:
            local = datetime.fromisocalendar(year, 1, 1) + timedelta(weeks=parts.get("isoWeek", 1) - 1, days=parts.get("isoDayOfWeek", 1) - 1)
        else:
            local = _add_months(datetime(year, 1, 1), parts.get("month", 1) - 1) + timedelta(days=parts.get("day", 1) - 1)  # noqa: DTZ001  # local time
        local += timedelta(
            hours=parts.get("hour", 0),
            minutes=parts.get("minute", 0),
            seconds=parts.get("second", 0),
            milliseconds=parts.get("millisecond", 0),
        )
        return local.replace(tzinfo=where).astimezone(UTC)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateFromParts: the date is out of range") from None


_FROM_PARTS = Operator(name="$dateFromParts", function=date_from_parts, minimum=len(_FIELDS), maximum=len(_FIELDS), family="date")


def _parse_from_parts(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, (), _FIELDS)
    if "year" not in given and "isoWeekYear" not in given:
        parser.problem(where, "$dateFromParts needs 'year' or 'isoWeekYear'")
    iso = [name for name in ("isoWeekYear", "isoWeek", "isoDayOfWeek") if name in given]
    plain = [name for name in ("year", "month", "day") if name in given]
    if iso and plain:
        parser.problem(where, f"'{iso[0]}' and '{plain[0]}' are parts of different calendars")
    absent = Constant(where, MISSING)
    return Call(where, _FROM_PARTS, tuple(_null_for_missing(given[name]) if name in given else absent for name in _FIELDS))


def _null_for_missing(node: Node) -> Node:
    return Call(node.where, _NULL_FOR_MISSING, (node,))


_NULL_FOR_MISSING = Operator(name="$nullForMissing", function=lambda value: None if value is MISSING else value, total=True)


# --------------------------------------------------------------------------------------------------- text


def date_to_string(date: Any, pattern: Any, timezone: Any) -> Any:
    """``$dateToString`` of a date that is there."""
    if pattern is None or timezone is None:
        return None
    where = _zone(timezone, "$dateToString")
    local = _date(date, "$dateToString").astimezone(where)
    if pattern is MISSING:
        suffix = "Z" if timezone is MISSING or where is UTC else ""
        return format_date(local, "%Y-%m-%dT%H:%M:%S.%L") + suffix
    if not isinstance(pattern, str):
        raise EvaluationError(f"$dateToString needs a string as its format, not {type_name(pattern)}")
    return format_date(local, pattern)


def _to_string(date: Any, pattern: Any, timezone: Any, on_null: Any) -> Any:
    if _nullish(date):
        if isinstance(timezone, str):
            zone(timezone)
        return on_null
    return date_to_string(date, pattern, timezone)


_TO_STRING = Operator(name="$dateToString", function=_to_string, minimum=4, maximum=4, family="date")


def _parse_to_string(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("date",), ("format", "timezone", "onNull"))
    absent = Constant(where, MISSING)
    pattern = given.get("format", absent)
    if isinstance(pattern, Constant) and pattern.value is not MISSING and pattern.value is not None:
        if not isinstance(pattern.value, str):
            parser.problem(f"{where}.format", f"a string was expected, not {type_name(pattern.value)}")
        else:
            _check_format(parser, pattern.value, f"{where}.format")
    on_null = given.get("onNull", Constant(where, None))
    return Call(where, _TO_STRING, (given.get("date", absent), _null_if_given(given, "format", absent), _null_if_given(given, "timezone", absent), on_null))


def _null_if_given(given: dict[str, Node], name: str, absent: Node) -> Node:
    return _null_for_missing(given[name]) if name in given else absent


def _check_format(parser: Parser, pattern: str, where: str) -> None:
    try:
        format_date(EPOCH, pattern)
    except EvaluationError as error:
        parser.problem(where, error.message)


def date_from_string(text: Any, pattern: Any, timezone: Any, on_null: Any) -> Any:
    """``$dateFromString``."""
    if _nullish(text):
        return on_null
    if pattern is None or timezone is None:
        return None
    if not isinstance(text, str):
        raise EvaluationError(f"$dateFromString needs a string as its dateString, not {type_name(text)}")
    where = None if timezone is MISSING else _zone(timezone, "$dateFromString")
    if pattern is MISSING:
        return parse_date(text, where)
    if not isinstance(pattern, str):
        raise EvaluationError(f"$dateFromString needs a string as its format, not {type_name(pattern)}")
    return parse_format(text, pattern, where)


_FROM_STRING = Operator(name="$dateFromString", function=date_from_string, minimum=4, maximum=4, family="date")


def _parse_from_string(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("dateString",), ("format", "timezone", "onError", "onNull"))
    absent = Constant(where, MISSING)
    call: Node = Call(
        where,
        _FROM_STRING,
        (
            given.get("dateString", absent),
            _null_if_given(given, "format", absent),
            _null_if_given(given, "timezone", absent),
            given.get("onNull", Constant(where, None)),
        ),
    )
    return OrElse(where, call, given["onError"]) if "onError" in given else call


def _timestamp_part(name: str, attribute: str) -> Operator:
    def function(value: Any) -> Any:
        if _nullish(value):
            return None
        if kind(value) != "timestamp":
            raise EvaluationError(f"{name} needs a timestamp, not {type_name(value)}")
        return getattr(value, attribute)

    return Operator(name=name, function=function, family="timestamp", examples=[Example({name: None}, None)])


_NEXT_DAY: Final = datetime(2026, 11, 25, 11, 5, 7, 9000, tzinfo=UTC)
_MIDNIGHT: Final = datetime(2026, 11, 24, tzinfo=UTC)
OPERATORS = (
    Operator(
        name="$dateAdd",
        function=_adder("$dateAdd", 1),
        arguments=("startDate", "unit", "amount"),
        optional=("timezone",),
        family="date",
        examples=[Example({"$dateAdd": {"startDate": "$at", "unit": "day", "amount": 1}}, _NEXT_DAY, _AT)],
    ),
    Operator(
        name="$dateSubtract",
        function=_adder("$dateSubtract", -1),
        arguments=("startDate", "unit", "amount"),
        optional=("timezone",),
        family="date",
        examples=[Example({"$dateSubtract": {"startDate": _NEXT_DAY, "unit": "day", "amount": 1}}, _AT["at"])],
    ),
    Operator(
        name="$dateDiff",
        function=date_diff,
        arguments=("startDate", "endDate", "unit"),
        optional=("timezone", "startOfWeek"),
        family="date",
        examples=[Example({"$dateDiff": {"startDate": "$at", "endDate": _NEXT_DAY, "unit": "hour"}}, 24, _AT)],
    ),
    Operator(
        name="$dateTrunc",
        function=date_trunc,
        arguments=("date", "unit"),
        optional=("binSize", "timezone", "startOfWeek"),
        family="date",
        examples=[Example({"$dateTrunc": {"date": "$at", "unit": "day"}}, _MIDNIGHT, _AT)],
    ),
    Operator(
        name="$dateToParts",
        function=date_to_parts,
        arguments=("date",),
        optional=("timezone", "iso8601"),
        family="date",
        examples=[Example({"$dateToParts": {"date": _MIDNIGHT}}, {"year": 2026, "month": 11, "day": 24, "hour": 0, "minute": 0, "second": 0, "millisecond": 0})],
    ),
    Form(
        name="$dateFromParts", parse=_parse_from_parts, family="date", examples=[Example({"$dateFromParts": {"year": 2026, "month": 11, "day": 24}}, _MIDNIGHT)]
    ),
    Form(
        name="$dateToString",
        parse=_parse_to_string,
        family="date",
        examples=[Example({"$dateToString": {"date": "$at", "format": "%Y-%m-%d"}}, "2026-11-24", _AT)],
    ),
    Form(
        name="$dateFromString", parse=_parse_from_string, family="date", examples=[Example({"$dateFromString": {"dateString": "2026-11-24"}}, _MIDNIGHT)]
    ),
    *(_part(name, read) for name, read in _PARTS.items()),
    _timestamp_part("$tsSecond", "time"),
    _timestamp_part("$tsIncrement", "inc"),
)
