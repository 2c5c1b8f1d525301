"""Dates as the language knows them: instants in UTC with milliseconds, read from text, written by format, and counted in units.

Source: MongoDB manual, "Date Expression Operators", the format specifiers of "$dateToString".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final

from fluxion_core.errors import EvaluationError

__all__ = [
    "EPOCH",
    "MONTHS",
    "ZONE_HOURS",
    "aware",
    "check_format",
    "format_date",
    "instant",
    "milliseconds",
    "offset_of",
    "parse_format",
    "zone",
    "zone_in_text",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?\Z")
ZONE_HOURS: Final[Mapping[str, float]] = {
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "wet": 0,
    "bst": 1,
    "west": 1,
    "cet": 1,
    "cest": 2,
    "eet": 2,
    "eest": 3,
    "msk": 3,
    "jst": 9,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
    "akst": -9,
    "akdt": -8,
    "hst": -10,
    "ast": -4,
    "adt": -3,
    "nst": -3.5,
    "ndt": -2.5,
    "wat": 1,
    "cat": 2,
    "sast": 2,
    "eat": 3,
    "msd": 4,
    "pkt": 5,
    "wib": 7,
    "awst": 8,
    "hkt": 8,
    "kst": 9,
    "acst": 9.5,
    "aest": 10,
    "acdt": 10.5,
    "aedt": 11,
    "nzst": 12,
    "nzdt": 13,
    # The letters of the military: east of Greenwich up to m without j, west of it from n on.
    **{letter: hours for hours, letter in enumerate("abcdefghiklm", 1)},
    **{letter: -hours for hours, letter in enumerate("nopqrstuvwxy", 1)},
}
"""What the abbreviations of zones in a text mean, in hours."""
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def aware(date: datetime) -> datetime:
    """Return *date* with its time zone; one without is UTC."""
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def milliseconds(date: datetime) -> int:
    """Return the milliseconds since 1970."""
    delta = aware(date) - EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """Return a time zone by its Olson name or its offset (``+02:00``, ``-0530``, ``+03``).

    Raises:
        EvaluationError: there is none.
    """
    if name == "UTC":
        return UTC
    found = _OFFSET.match(name)
    if found is not None:
        delta = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0)) * (-1 if found["sign"] == "-" else 1)
        return _offset(delta)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # late: many dates are in UTC

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"unrecognized time zone identifier: '{name}'") from None


def zone_in_text(text: str) -> tzinfo:
    """Return the zone that stands in a text with a date: an abbreviation, or an offset (maybe after ``GMT``).

    Raises:
        EvaluationError: there is none.
    """
    bare = text.strip("() ")
    if bare.lower() in ZONE_HOURS:
        return timezone(timedelta(hours=ZONE_HOURS[bare.lower()]))
    found = re.fullmatch(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?", bare, re.IGNORECASE)
    if found is None:
        raise EvaluationError(f"'{bare[:60]}' is no time zone that a text may hold: an offset or an abbreviation was expected")
    return zone(f"{found[1]}{int(found[2]):02d}:{found[3] or '00'}")


class _FarOffset(tzinfo):
    """An offset of a day or more, up to ``+99:99``: MongoDB has them, Python's own zones end below a day."""

    def __init__(self, delta: timedelta) -> None:
        self.delta = delta

    def utcoffset(self, _date: datetime | None) -> timedelta:
        return self.delta

    def dst(self, _date: datetime | None) -> None:
        return None

    def tzname(self, _date: datetime | None) -> None:
        return None

    def fromutc(self, date: datetime) -> datetime:
        return date + self.delta


def _offset(delta: timedelta) -> tzinfo:
    return timezone(delta) if abs(delta) < timedelta(days=1) else _FarOffset(delta)


def instant(local: datetime, where: tzinfo) -> datetime:
    """Return the instant, in UTC, at which the calendar and the clock of *where* show *local*."""
    if isinstance(where, _FarOffset):
        return local.replace(tzinfo=UTC) - where.delta
    return local.replace(tzinfo=where).astimezone(UTC)


def offset_of(date: datetime) -> timedelta:
    """Return how far ahead of UTC the zone of *date* is."""
    return (date.tzinfo.utcoffset(date) if date.tzinfo is not None else None) or timedelta()


# --------------------------------------------------------------------------------------------------- formats


def _offset_minutes(date: datetime) -> int:
    return round(offset_of(date).total_seconds() / 60)


def _offset_text(date: datetime) -> str:
    minutes = _offset_minutes(date)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def week_of_year(date: datetime) -> int:
    """Return the week of the year, 0 to 53; weeks begin on Sunday."""
    return (date.timetuple().tm_yday + 6 - (date.weekday() + 1) % 7) // 7


_WRITE: Final[Mapping[str, Callable[[datetime], str]]] = {
    "Y": lambda date: f"{date.year:04d}",
    "m": lambda date: f"{date.month:02d}",
    "d": lambda date: f"{date.day:02d}",
    "H": lambda date: f"{date.hour:02d}",
    "M": lambda date: f"{date.minute:02d}",
    "S": lambda date: f"{date.second:02d}",
    "L": lambda date: f"{date.microsecond // 1000:03d}",
    "j": lambda date: f"{date.timetuple().tm_yday:03d}",
    "w": lambda date: str((date.weekday() + 1) % 7 + 1),
    "U": lambda date: f"{week_of_year(date):02d}",
    "G": lambda date: f"{date.isocalendar().year:04d}",
    "V": lambda date: f"{date.isocalendar().week:02d}",
    "u": lambda date: str(date.isoweekday()),
    "z": _offset_text,
    "Z": lambda date: str(_offset_minutes(date)),
    "b": lambda date: MONTHS[date.month - 1][:3],
    "B": lambda date: MONTHS[date.month - 1],
    "%": lambda _date: "%",
}


def format_date(date: datetime, pattern: str) -> str:
    """Return *date*, which is in its zone already, by a format of ``%`` specifiers.

    Raises:
        EvaluationError: the format has an unknown specifier.
    """
    result = []
    rest = iter(pattern)
    for letter in rest:
        if letter != "%":
            result.append(letter)
            continue
        specifier = next(rest, None)
        if specifier is None:
            raise EvaluationError("the format ends with a lone '%'")
        write = _WRITE.get(specifier)
        if write is None:
            raise EvaluationError(f"unknown format specifier '%{specifier}'")
        result.append(write(date))
    return "".join(result)


_READ: Final[Mapping[str, str]] = {
    "Y": r"(?P<year>\d{4})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "L": r"(?P<fraction>\d{1,3})",
    "j": r"(?P<yearday>\d{1,3})",
    "G": r"(?P<isoyear>\d{4})",
    "V": r"(?P<isoweek>\d{1,2})",
    "u": r"(?P<isoday>\d)",
    "z": r"\s*(?P<zone>(?:UTC|GMT)?[+-]\d{2}:?\d{2}|[A-Za-z]{1,4})",
    "Z": r"(?P<minutes>[+-]\d{1,4})",
    "b": r"(?P<shortname>[A-Za-z]{3})",
    "B": r"(?P<name>[A-Za-z]{3,9})",
    "%": "%",
}


def check_format(pattern: str) -> None:
    """Look through a format that is to read dates.

    Raises:
        EvaluationError: it has a specifier that is unknown, or only for writing.
    """
    for found in re.finditer(r"%(.?)", pattern, re.DOTALL):
        if found[1] not in _READ:
            raise EvaluationError(f"unknown format specifier '%{found[1]}' for reading a date")


@lru_cache(maxsize=256)
def _reader(pattern: str) -> re.Pattern[str]:
    parts = []
    rest = iter(pattern)
    for letter in rest:
        if letter != "%":
            parts.append(re.escape(letter))
            continue
        specifier = next(rest, "")
        if specifier not in _READ:
            raise EvaluationError(f"unknown format specifier '%{specifier}' for reading a date")
        parts.append(_READ[specifier])
    try:
        return re.compile("".join(parts) + r"\Z")
    except re.error:
        raise EvaluationError("the format names a part twice") from None


def parse_format(text: str, pattern: str, where: tzinfo | None = None) -> datetime:
    """Return the instant that *text* names by a format.

    Raises:
        EvaluationError: the text does not fit the format, or a part is out of range.
    """
    found = _reader(pattern).match(text)
    if found is None:
        raise EvaluationError(f"an error parsing date string '{text[:60]}': it does not fit the format '{pattern}'")
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    try:
        day = _day(parts)
        local = day + timedelta(
            hours=_bounded(parts, "hour", 23), minutes=_bounded(parts, "minute", 59), seconds=_bounded(parts, "second", 59)
        )
        local += timedelta(milliseconds=int(parts.get("fraction", "0").ljust(3, "0")))
    except (ValueError, OverflowError) as error:
        raise EvaluationError(f"an error parsing date string '{text[:60]}': {error}") from None
    if ("zone" in parts or "minutes" in parts) and where is not None and where is not UTC:
        raise EvaluationError("a time zone cannot be given both in the string and as an argument")
    if "minutes" in parts:
        return instant(local, _offset(timedelta(minutes=int(parts["minutes"]))))
    return instant(local, zone_in_text(parts["zone"]) if "zone" in parts else where or UTC)


def _bounded(parts: Mapping[str, Any], name: str, most: int) -> int:
    value = int(parts.get(name) or 0)
    if value > most:
        raise ValueError(f"{name} {value} is out of range")
    return value


def _day(parts: Mapping[str, str]) -> datetime:
    if "isoyear" in parts:
        first = datetime.fromisocalendar(int(parts["isoyear"]), 1, int(parts.get("isoday", "1")))
        return first + timedelta(weeks=int(parts.get("isoweek", "1")) - 1)
    if "year" not in parts:
        raise ValueError("the year is missing")
    if "yearday" in parts:
        start = datetime(int(parts["year"]), 1, 1)  # noqa: DTZ001  # local time; the zone follows
        return start + timedelta(days=int(parts["yearday"]) - 1)
    name = parts.get("name", parts.get("shortname"))
    if name is not None:
        month = next((index for index, full in enumerate(MONTHS, 1) if name.lower() in {full.lower(), full[:3].lower()}), 0)
    else:
        month = int(parts["month"]) if "month" in parts else 0
    if not month or "day" not in parts:
        raise ValueError("a part of the date is missing")
    return datetime(int(parts["year"]), month, int(parts["day"]))  # noqa: DTZ001  # as above
