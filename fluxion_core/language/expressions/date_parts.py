"""Date expressions on the parts of a date and its text: ``$dateToParts``, ``$dateToString`` and their like.

Source: MongoDB manual, "Date Expression Operators".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Call, Condition, Constant, Let, Node, OrElse, Variable, can_fail, nullish
from fluxion_core.language.date_formats import check_format, parse_format
from fluxion_core.language.date_text import parse_date
from fluxion_core.language.dates import EPOCH, format_date, instant, on_calendar, week_of_year, zone
from fluxion_core.language.expressions.date_arguments import as_date, as_whole, as_zone
from fluxion_core.language.expressions.dates import add_months
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, is_nullish, is_string, kind, type_name

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
    is_year = name in {"$year", "$isoWeekYear"}

    def function(date: Any, timezone: Any = MISSING) -> Any:
        if date is None or date is MISSING:
            return None
        moment = as_date(date, name)
        if timezone is None:
            return None
        local, years = on_calendar(moment, as_zone(timezone, name))
        return read(local) + years if years and is_year else read(local)

    operator = Operator(name=name, function=function, minimum=2, maximum=2, spared_from=1, family="date")

    def parse(parser: Parser, spec: Any, where: str) -> Node:
        absent = Constant(where, MISSING)
        if isinstance(spec, dict) and not str(next(iter(spec), "$")).startswith("$"):
            given = parser.arguments(spec, where, ("date",), ("timezone",))
            _check_zone(parser, given, where, name)
            if "timezone" in given:
                given["timezone"] = _null_for_missing(given["timezone"])
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


def _check_zone(parser: Parser, given: dict[str, Node], where: str, operator: str) -> None:
    """Report a constant time zone that there is not: an error even where no date is, but where all is constant and computed."""
    timezone = given.get("timezone")
    if not isinstance(timezone, Constant) or is_nullish(timezone.value) or all(map(_is_constant, given.values())):
        return
    try:
        as_zone(timezone.value, operator)
    except EvaluationError as error:
        parser.problem(f"{where}.timezone", error.message)


def _is_constant(node: Node) -> bool:
    return isinstance(node, Constant)


_AT: Final = {"at": datetime(2026, 11, 24, 11, 5, 7, 9000, tzinfo=UTC)}


def date_to_parts(date: Any, timezone: Any = MISSING, iso8601: Any = MISSING) -> Any:
    """``$dateToParts``."""
    if timezone is None:
        return None
    where = as_zone(timezone, "$dateToParts")
    if iso8601 is None:
        return None
    if iso8601 is not MISSING and not isinstance(iso8601, bool):
        raise EvaluationError(f"$dateToParts needs true or false as iso8601, not {type_name(iso8601)}")
    if is_nullish(date):
        return None
    local, years = on_calendar(as_date(date, "$dateToParts"), where)
    time = {"hour": local.hour, "minute": local.minute, "second": local.second, "millisecond": local.microsecond // 1000}
    if iso8601 is True:
        iso = local.isocalendar()
        return {"isoWeekYear": iso.year + years, "isoWeek": iso.week, "isoDayOfWeek": iso.weekday, **time}
    return {"year": local.year + years, "month": local.month, "day": local.day, **time}


_LEAST, _MOST = -32_768, 32_767  # what 16 bits hold, MongoDB's bounds
_READ_IN_ORDER: Final = (  # the first that is null or wrong decides between null and an error
    *("hour", "minute", "second", "millisecond", "timezone"),
    *("year", "isoWeekYear", "month", "isoWeek", "day", "isoDayOfWeek"),
)


def _bounded(value: int, name: str) -> int:
    if not _LEAST <= value <= _MOST and name not in {"second", "millisecond", "year", "isoWeekYear"}:
        raise EvaluationError(f"$dateFromParts: {name} {value} is out of range")
    return value


def date_from_parts(*values: Any) -> Any:
    """``$dateFromParts``; what lies beyond a part's bounds is carried on."""
    parts: dict[str, int] = {}
    for name, value in zip(_READ_IN_ORDER, values, strict=True):
        if value is None:
            return None
        if name == "timezone":
            where = as_zone(value, "$dateFromParts")
        elif value is not MISSING:
            parts[name] = _bounded(as_whole(value, "$dateFromParts", name), name)
    year = parts.get("isoWeekYear", parts.get("year", 1))
    if not 1 <= year <= 9999:  # MongoDB's bounds
        raise EvaluationError(f"$dateFromParts needs a year between 1 and 9999, not {year}")
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
        return instant(local, where)
    except (OverflowError, ValueError):
        raise EvaluationError("$dateFromParts: the date is out of range") from None


_FROM_PARTS = Operator(
    name="$dateFromParts",
    function=date_from_parts,
    minimum=len(_READ_IN_ORDER),
    maximum=len(_READ_IN_ORDER),
    spared_from=1,
    family="date",
)


def _parse_from_parts(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, (), _READ_IN_ORDER)
    if "year" not in given and "isoWeekYear" not in given:
        parser.problem(where, "$dateFromParts needs 'year' or 'isoWeekYear'")
    iso = [name for name in ("isoWeekYear", "isoWeek", "isoDayOfWeek") if name in given]
    plain = [name for name in ("year", "month", "day") if name in given]
    if iso and plain:
        parser.problem(where, f"'{iso[0]}' and '{plain[0]}' are parts of different calendars")
    _check_zone(parser, given, where, "$dateFromParts")
    timezone = given.get("timezone")
    if isinstance(timezone, Constant) and is_nullish(timezone.value) and not all(map(_is_constant, given.values())):
        return Constant(where, None)  # before the other parts are looked at, as the server's optimisation has it
    absent = Constant(where, MISSING)
    return Call(
        where, _FROM_PARTS, tuple(_null_for_missing(given[name]) if name in given else absent for name in _READ_IN_ORDER)
    )


def _null_for_missing(node: Node) -> Node:
    return Call(node.where, _NULL_FOR_MISSING, (node,))


_NULL_FOR_MISSING = Operator(name="$nullForMissing", function=lambda value: None if value is MISSING else value, total=True)


# --------------------------------------------------------------------------------------------------- text


def date_to_string(date: Any, pattern: Any, timezone: Any) -> Any:
    """``$dateToString`` of a date that is there."""
    if timezone is None or pattern is None:
        return None
    where = as_zone(timezone, "$dateToString")
    local, years = on_calendar(as_date(date, "$dateToString"), where)
    if pattern is MISSING:
        suffix = "Z" if timezone is MISSING or where is UTC else ""
        return format_date(local, "%Y-%m-%dT%H:%M:%S.%L", years) + suffix
    return format_date(local, _pattern(pattern, "$dateToString"), years)


def _pattern(value: Any, operator: str) -> str:
    if not is_string(value):
        raise EvaluationError(f"{operator} needs a string as its format, not {type_name(value)}")
    return value


def _to_string(date: Any, pattern: Any, timezone: Any, on_null: Any) -> Any:
    if is_nullish(date):  # a wrong format or time zone is an error all the same
        if not is_nullish(pattern):
            format_date(EPOCH, _pattern(pattern, "$dateToString"))
        if not is_nullish(timezone):
            as_zone(timezone, "$dateToString")
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
    how = (_null_if_given(given, "format", absent), _null_if_given(given, "timezone", absent))
    on_null, date = given.get("onNull", Constant(where, None)), given.get("date", absent)
    if not can_fail(on_null):
        return Call(where, _TO_STRING, (date, *how, on_null))
    read = Variable(where, "date of $dateToString")  # no user writes spaces
    text = Call(where, _TO_STRING, (read, *how, Constant(where, None)))
    checked = Let(where, (("text of $dateToString", text),), on_null)  # a wrong format is an error all the same
    return Let(where, ((read.name, date),), Condition(where, nullish(where, read), checked, text))


def _null_if_given(given: dict[str, Node], name: str, absent: Node) -> Node:
    return _null_for_missing(given[name]) if name in given else absent


def _check_format(parser: Parser, pattern: str, where: str) -> None:
    try:
        format_date(EPOCH, pattern)
    except EvaluationError as error:
        parser.problem(where, error.message)


def _reading(pattern: Any, timezone: Any) -> Any:
    """Return how ``$dateFromString`` is to read a text: format and time zone, ``[]`` where one of them is null.

    Raises:
        EvaluationError: one of them is wrong, which ``onError`` does not answer.
    """
    if not is_nullish(pattern):
        check_format(_pattern(pattern, "$dateFromString"))
    if not is_nullish(timezone):
        as_zone(timezone, "$dateFromString")
    return [] if pattern is None or timezone is None else [pattern, timezone]


def date_from_string(text: Any, reading: Any) -> Any:
    """``$dateFromString`` of a text that is there."""
    if not is_string(text):
        raise EvaluationError(f"$dateFromString needs a string as its dateString, not {type_name(text)}")
    if not reading:
        return None
    pattern, timezone = reading
    where = None if timezone is MISSING else zone(timezone)
    return parse_date(text, where) if pattern is MISSING else parse_format(text, pattern, where)


_READING = Operator(name="$dateReading", function=_reading, minimum=2, maximum=2)
_FROM_STRING = Operator(name="$dateFromString", function=date_from_string, minimum=2, maximum=2, family="date")


def _parse_from_string(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("dateString",), ("format", "timezone", "onError", "onNull"))
    absent = Constant(where, MISSING)
    reading = Call(where, _READING, (_null_if_given(given, "format", absent), _null_if_given(given, "timezone", absent)))

    def build(how: Node, text: Node) -> Node:
        call: Node = Call(where, _FROM_STRING, (text, how))
        read = OrElse(where, call, given["onError"]) if "onError" in given else call
        return Condition(where, nullish(where, text), given.get("onNull", Constant(where, None)), read)

    how, text = (
        Variable(where, "reading of $dateFromString"),
        Variable(where, "text of $dateFromString"),
    )  # no user writes spaces
    bindings = ((how.name, reading), (text.name, given.get("dateString", absent)))
    return Let(where, bindings, build(how, text))


def _timestamp_part(name: str, attribute: str) -> Operator:
    def function(value: Any) -> Any:
        if is_nullish(value):
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
        null_if_missing=True,
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
