"""Dates read from free text, as ``$dateFromString`` without a format reads them.

A text is a date, and maybe a time and a zone, in any order that has no second of one kind: ISO-8601, with slashes (month first, or
year first), with points or hyphens (day first), with the name of a month, by week or by day of the year. ``noon``, ``midnight`` and
``tomorrow`` are understood beside a date, and so is what moves it: the name of a day of the week, ``+1 day``, ``last day of``.
Source: MongoDB manual, "$dateFromString"; for the notations, the formats of the timelib library, with which the server reads.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.date_moves import Moves
from fluxion_core.language.dates import MONTHS, ZONE_HOURS, instant, zone_in_text

__all__ = ["parse_date", "parse_instant"]

_MONTH: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_TH: Final = "(?:st|nd|rd|th)?"
_DATES: Final = (
    r"(?P<year>\d{4})-?W(?P<week>\d{2})(?:-?(?P<weekday>[0-7]))?(?!\d)",
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
    r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})(?!\d)",
    r"(?P<year>\d{4}):(?P<month>\d{2}):(?P<day>\d{2})(?= )",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{1,4})(?!\d)",
    rf"(?P<day>\d{{1,2}})/{_MONTH}/(?P<year>\d{{4}})(?::(?=\d))?",
    r"(?P<day>\d{1,2})[.-](?P<month>\d{1,2})[.-](?P<year>\d{4})(?!\d)",
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>6[1-9]|[7-9]\d)(?!\d)",  # with less it is a time
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?!\d)",
    r"(?P<year>\d{4})[.-]?(?P<yearday>\d{3})(?!\d)",
    r"(?P<year>\d{4})-(?P<month>\d{1,2})(?!\d)",
    rf"{_MONTH}-(?P<day>\d{{2}})-(?P<year>\d{{1,4}})(?!\d)",
    rf"(?P<day>\d{{1,2}}){_TH}[ .-]*{_MONTH}[ .,-]*(?P<year>\d{{1,4}})(?!\d)",
    rf"{_MONTH}[ .-]*(?P<day>\d{{1,2}}){_TH}[ .,-]+(?P<year>\d{{1,4}})(?![\d:]|\.\d)",
    rf"(?P<year>\d{{1,4}})-{_MONTH}-(?P<day>\d{{1,2}})(?!\d)",
    rf"{_MONTH}[ .-]*(?P<year>\d{{4}})(?!\d)",
    rf"{_MONTH}[ .-]*(?P<day>\d{{1,2}}){_TH}(?![\da-z])",
    rf"(?P<year>\d{{4}})[ .-]*{_MONTH}(?![a-z])",
    r"(?P<year>\d{1,4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
)
_TIMES: Final = (
    (
        r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[:.](?P<fraction>\d{1,9}))?)?)? ?"
        r"(?P<half>[ap])\.?m\.?(?![a-z])"
    ),
    r"t?(?P<hour>\d{1,2})[:.](?P<minute>\d{1,2})(?:[:.](?P<second>\d{1,2})(?:[.,:](?P<fraction>\d{1,9}))?)?(?!\d)",
    r"t(?P<hour>\d{1,2})(?![\d:.])",
    r"t(?P<hour>\d{2})(?P<minute>\d{2})(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?(?!\d)",
    r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?!\d)",
)
_ZONES: Final = (
    r"(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?(?!\d)",
    rf"\(?(?:{'|'.join(sorted(ZONE_HOURS, key=len, reverse=True))})(?![a-z])\)?",
)
_FILLING: Final = re.compile(r"[ \t\n\0,.\u00a0\u202f]+")
_BLANKS: Final = " \t\n\v\f\r"
_WORD: Final = re.compile(
    r"(?:(?P<now>now)|(?P<midnight>today|midnight)|(?P<noon>noon)|(?P<yesterday>yesterday)|(?P<tomorrow>tomorrow))(?![a-z])",
    re.IGNORECASE,
)
_LATE_YEAR: Final = re.compile(r"(?P<year>\d{4})(?!\d)")
_SECONDS: Final = re.compile(r"@(-?\d{1,18}(?:\.\d{0,6})?)(?!\d)")
_CLOCK: Final = ("time", "hour", "minute", "second", "fraction", "half")
_READERS: Final = tuple(
    (role, re.compile(pattern, re.IGNORECASE))
    for role, patterns in (("date", _DATES), ("time", _TIMES), ("zone", _ZONES))
    for pattern in patterns
)


def parse_date(text: str, where: tzinfo | None = None) -> datetime:
    """Return the instant that *text* names; without a zone in it, it is read in *where*, or in UTC.

    Raises:
        EvaluationError: it names none, or has a zone although *where* is given.
    """
    parts = _parts(text)
    given = "zone" in parts
    if given and where is not None and where is not UTC:
        raise EvaluationError("a time zone cannot be given both in the string and as an argument")
    try:
        moves: Moves = parts["moves"]
        local = moves.day(_day(parts)) + _time(parts)
        when = instant(local, zone_in_text(parts["zone"]) if given else where or UTC) + moves.passing
        return when.replace(microsecond=when.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        raise EvaluationError(f"an error parsing date string '{text[:60]}': a part is out of range") from None


def parse_instant(text: str) -> datetime:
    """Return the instant that *text* names by a date, a time and ``Z`` or an offset from UTC.

    Raises:
        EvaluationError: it names none, or is in local time or in a zone with a name.
    """
    zone = _parts(text).get("zone", "")
    if zone not in {"Z", "z"} and not zone.startswith(("+", "-")):
        raise EvaluationError(f"the date '{text[:60]}' needs Z or an offset from UTC at its end")
    return parse_date(text)


def _parts(text: str) -> dict[str, Any]:
    parts: dict[str, Any] = {"moves": Moves()}
    at = 0
    text = text.strip(_BLANKS)
    while at < len(text):
        filling = _FILLING.match(text, at)
        found = filling or _read_word(parts, text, at) or _read_moves(parts, text, at) or _read(parts, text, at)
        if found is None:
            raise EvaluationError(f"an error parsing date string '{text[:60]}' at '{text[at : at + 20]}'")
        at = found.end()
    if "date" not in parts or "year" not in parts:
        raise EvaluationError(f"an incomplete date/time string has been found, with elements missing: '{text[:60]}'")
    return parts


def _read(parts: dict[str, Any], text: str, at: int) -> re.Match[str] | None:
    """Add what stands at a place of *text* to *parts*: a date, a time or a zone, each of which there is once."""
    if "time" in parts and "date" in parts:
        late = _LATE_YEAR.match(text, at)
        if late is not None:
            parts["year"] = late[0]
            return late
    seconds = _SECONDS.match(text, at)
    if seconds is not None and not parts.keys() & {"date", "time", "zone"}:
        parts["moves"].passing += timedelta(microseconds=int(Decimal(seconds[1]).scaleb(6)))
        parts |= {"year": "1970", "month": "1", "day": "1", "date": seconds[0], "time": seconds[0], "zone": "UTC"}
        return seconds
    for role, reader in _READERS:
        found = reader.match(text, at) if role not in parts else None
        if found is not None and (role != "time" or found[0].strip("0123456789") or "date" in parts):
            parts |= {name: value for name, value in found.groupdict().items() if value is not None}
            parts[role] = found[0]
            return found
    return None


def _read_word(parts: dict[str, Any], text: str, at: int) -> re.Match[str] | None:
    """Take a word for a time of the day or for another day; all but ``now`` put an earlier time out of force."""
    found = _WORD.match(text, at)
    if found is None or found["now"]:
        return found
    _forget_time(parts)
    if found["noon"]:
        parts |= {"time": found[0], "hour": "12"}
    elif not found["midnight"]:
        parts["moves"].days = 1 if found["tomorrow"] else -1
    return found


def _read_moves(parts: dict[str, Any], text: str, at: int) -> re.Match[str] | None:
    """Take what moves the date; a day by its name, or a day of a month, puts an earlier time out of force."""
    moves: Moves = parts["moves"]
    found = moves.read(text, at)
    if found is None:
        return None
    if found[1]:
        _forget_time(parts)
    return found[0]


def _forget_time(parts: dict[str, Any]) -> None:
    for name in _CLOCK:
        parts.pop(name, None)


def _day(parts: dict[str, Any]) -> datetime:
    year = int(parts["year"])
    if len(parts["year"]) < 4 and year < 100:  # as everywhere since POSIX
        year += 2000 if year < 70 else 1900
    if "week" in parts:
        return datetime.fromisocalendar(year, 1, 1) + timedelta(
            weeks=int(parts["week"]) - 1, days=int(parts.get("weekday", 1)) - 1
        )
    if "yearday" in parts:
        return datetime(year, 1, 1) + timedelta(days=int(parts["yearday"]) - 1)  # noqa: DTZ001  # local time; the zone follows
    month = int(parts["month"]) if "month" in parts else _month(parts["name"])
    return datetime(year, month, int(parts.get("day", 1)))  # noqa: DTZ001  # as above


def _month(name: str) -> int:
    return next(index for index, full in enumerate(MONTHS, 1) if full[:3].lower() == name[:3].lower())


def _time(parts: dict[str, Any]) -> timedelta:
    hour, minute, second = (int(parts.get(name, 0)) for name in ("hour", "minute", "second"))
    if "half" in parts:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + 12 * (parts["half"].lower() == "p")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(hour)
    return timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=int(parts.get("fraction", "0").ljust(3, "0")[:3]))
