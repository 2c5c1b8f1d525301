"""Date expressions on the parts of a date and its text: ``$dateToParts``, ``$dateToString`` and their like.

Source: MongoDB manual, "Date Expression Operators".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Call, Constant, Node, OrElse
from fluxion_core.language.dates import EPOCH, format_date, parse_date, parse_format, week_of_year, zone
from fluxion_core.language.expressions.date_arguments import (
    as_date,
    as_whole,
    as_zone,
    nullish,
)
from fluxion_core.language.expressions.dates import add_months
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


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
        return read(as_date(date, name).astimezone(as_zone(timezone, name)))

    operator = Operator(name=name, function=function, minimum=2, maximum=2, family="date")

    def parse(parser: Parser, spec: Any, where: str) -> Node:
        absent = Constant(where, MISSING)
        if isinstance(spec, dict) and not str(next(iter(spec), "$")).startswith("$"):
            given = parser.arguments(spec, where, ("date",), ("timezone",))
            return Call(where, operator, (given.get("date", absent), given.get("timezone", absent)))
        return Call(where, operator, (parser.positional(spec, where, 1, 1)[0], absent))

    answers = {
        "$year": 2026,
        "$month": 11,
        "$dayOfMonth": 24,
        "$dayOfYear": 328,
        "$dayOfWeek": 3,
        "$hour": 11,
        "$minute": 5,
        "$second": 7,
    }
    answers |= {"$millisecond": 9, "$week": 47, "$isoWeek": 48, "$isoWeekYear": 2026, "$isoDayOfWeek": 2}
    return Form(name=name, parse=parse, family="date", examples=[Example({name: "$at"}, answers[name], _AT)])


_AT: Final = {"at": datetime(2026, 11, 24, 11, 5, 7, 9000, tzinfo=UTC)}


def date_to_parts(date: Any, timezone: Any = MISSING, iso8601: Any = MISSING) -> Any:
    """``$dateToParts``."""
    if nullish(date) or timezone is None or iso8601 is None:
        return None
    if iso8601 is not MISSING and not isinstance(iso8601, bool):
        raise EvaluationError(f"$dateToParts needs true or false as iso8601, not {type_name(iso8601)}")
    local = as_date(date, "$dateToParts").astimezone(as_zone(timezone, "$dateToParts"))
    time = {"hour": local.hour, "minute": local.minute, "second": local.second, "millisecond": local.microsecond // 1000}
    if iso8601 is True:
        iso = local.isocalendar()
        return {"isoWeekYear": iso.year, "isoWeek": iso.week, "isoDayOfWeek": iso.weekday, **time}
    return {"year": local.year, "month": local.month, "day": local.day, **time}


_FIELDS: Final = (
    "year",
    "isoWeekYear",
    "month",
    "isoWeek",
    "day",
    "isoDayOfWeek",
    "hour",
    "minute",
    "second",
    "millisecond",
    "timezone",
)
_TIME_BOUND: Final = 32767


def date_from_parts(*values: Any) -> Any:
    """``$dateFromParts``; what lies beyond a part's bounds is carried on."""
    given = dict(zip(_FIELDS, values, strict=True))
    if any(value is None for value in values):
        return None
    where = as_zone(given.pop("timezone"), "$dateFromParts")
    parts = {name: as_whole(value, "$dateFromParts", name) for name, value in given.items() if value is not MISSING}
    year = parts.get("isoWeekYear", parts.get("year", 1))
    if not 1 <= year <= 9999:  # MongoDB's bounds
        raise EvaluationError(f"$dateFromParts needs a year between 1 and 9999, not {year}")
    for name, value in parts.items():
        if abs(value) > _TIME_BOUND and name not in {"second", "millisecond"}:
            raise EvaluationError(f"$dateFromParts: {name} {value} is out of range")
    try:
        if "isoWeekYear" in parts:
            local = datetime.fromisocalendar(year, 1, 1) + timedelta(
                weeks=parts.get("isoWeek", 1) - 1, days=parts.get("isoDayOfWeek", 1) - 1
            )
        else:
            local = add_months(datetime(year, 1, 1), parts.get("month", 1) - 1) + timedelta(days=parts.get("day", 1) - 1)  # noqa: DTZ001  # local time
        local += timedelta(
            hours=parts.get("hour", 0),
            minutes=parts.get("minute", 0),
            seconds=parts.get("second", 0),
            milliseconds=parts.get("millisecond", 0),
        )
        return local.replace(tzinfo=where).astimezone(UTC)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateFromParts: the date is out of range") from None


_FROM_PARTS = Operator(
    name="$dateFromParts", function=date_from_parts, minimum=len(_FIELDS), maximum=len(_FIELDS), family="date"
)


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
    where = as_zone(timezone, "$dateToString")
    local = as_date(date, "$dateToString").astimezone(where)
    if pattern is MISSING:
        suffix = "Z" if timezone is MISSING or where is UTC else ""
        return format_date(local, "%Y-%m-%dT%H:%M:%S.%L") + suffix
    if not isinstance(pattern, str):
        raise EvaluationError(f"$dateToString needs a string as its format, not {type_name(pattern)}")
    return format_date(local, pattern)


def _to_string(date: Any, pattern: Any, timezone: Any, on_null: Any) -> Any:
    if nullish(date):
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
    return Call(
        where,
        _TO_STRING,
        (
            given.get("date", absent),
            _null_if_given(given, "format", absent),
            _null_if_given(given, "timezone", absent),
            on_null,
        ),
    )


def _null_if_given(given: dict[str, Node], name: str, absent: Node) -> Node:
    return _null_for_missing(given[name]) if name in given else absent


def _check_format(parser: Parser, pattern: str, where: str) -> None:
    try:
        format_date(EPOCH, pattern)
    except EvaluationError as error:
        parser.problem(where, error.message)


def date_from_string(text: Any, pattern: Any, timezone: Any, on_null: Any) -> Any:
    """``$dateFromString``."""
    if nullish(text):
        return on_null
    if pattern is None or timezone is None:
        return None
    if not isinstance(text, str):
        raise EvaluationError(f"$dateFromString needs a string as its dateString, not {type_name(text)}")
    where = None if timezone is MISSING else as_zone(timezone, "$dateFromString")
    if pattern is MISSING:
        return parse_date(text, where)
    if not isinstance(pattern, str):
        raise EvaluationError(f"$dateFromString needs a string as its format, not {type_name(pattern)}")
    return parse_format(text, pattern, where)


_FROM_STRING = Operator(name="$dateFromString", function=date_from_string, minimum=4, maximum=4, family="date")


def _parse_from_string(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("dateString",), ("format", "timezone", "onError", "onNull"))
    absent = Constant(where, MISSING)
    pattern = given.get("format", absent)
    if isinstance(pattern, Constant) and pattern.value not in (None, MISSING) and not isinstance(pattern.value, str):
        parser.problem(f"{where}.format", f"a string was expected, not {type_name(pattern.value)}")
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
        if nullish(value):
            return None
        if kind(value) != "timestamp":
            raise EvaluationError(f"{name} needs a timestamp, not {type_name(value)}")
        return getattr(value, attribute)

    return Operator(name=name, function=function, family="timestamp", examples=[Example({name: None}, None)])


_MIDNIGHT: Final = datetime(2026, 11, 24, tzinfo=UTC)
OPERATORS = (
    Operator(
        name="$dateToParts",
        function=date_to_parts,
        arguments=("date",),
        optional=("timezone", "iso8601"),
        family="date",
        examples=[
            Example(
                {"$dateToParts": {"date": _MIDNIGHT}},
                {"year": 2026, "month": 11, "day": 24, "hour": 0, "minute": 0, "second": 0, "millisecond": 0},
            )
        ],
    ),
    Form(
        name="$dateFromParts",
        parse=_parse_from_parts,
        family="date",
        examples=[Example({"$dateFromParts": {"year": 2026, "month": 11, "day": 24}}, _MIDNIGHT)],
    ),
    Form(
        name="$dateToString",
        parse=_parse_to_string,
        family="date",
        examples=[Example({"$dateToString": {"date": "$at", "format": "%Y-%m-%d"}}, "2026-11-24", _AT)],
    ),
    Form(
        name="$dateFromString",
        parse=_parse_from_string,
        family="date",
        examples=[Example({"$dateFromString": {"dateString": "2026-11-24"}}, _MIDNIGHT)],
    ),
    *(_part(name, read) for name, read in _PARTS.items()),
    _timestamp_part("$tsSecond", "time"),
    _timestamp_part("$tsIncrement", "inc"),
)
