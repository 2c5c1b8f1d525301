"""Dates read from free text, as ``$dateFromString`` without a format reads them.

A text is a date, and maybe a time and a zone, in any order that has no second of one kind: ISO-8601, with slashes (month first, or
year first), with points or hyphens (day first), with the name of a month, by week or by day of the year.
Source: MongoDB manual, "$dateFromString"; for the notations, the formats of the timelib library, with which the server reads.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.dates import MONTHS, ZONE_HOURS, instant, zone_in_text

__all__ = ["parse_date"]

_MONTH: Final = r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_DATES: Final = (
    r"(?P<year>\d{4})-?W(?P<week>\d{2})(?:-?(?P<weekday>[0-7]))?(?!\d)",
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
    r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})(?!\d)",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d{2})(?!\d)",
    r"(?P<day>\d{1,2})[.-](?P<month>\d{1,2})[.-](?P<year>\d{4})(?!\d)",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?!\d)",
    r"(?P<year>\d{4})[.-]?(?P<yearday>\d{3})(?!\d)",
    r"(?P<year>\d{4})-(?P<month>\d{2})(?!\d)",
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ .-]*{_MONTH}[ .,-]*(?P<year>\d{{4}})(?!\d)",
    rf"{_MONTH}[ .-]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ .,-]+(?P<year>\d{{4}})(?![\d:])",
    rf"(?P<year>\d{{4}})-{_MONTH}-(?P<day>\d{{1,2}})(?!\d)",
    rf"{_MONTH}[ .-]*(?P<year>\d{{4}})(?!\d)",
    rf"(?P<year>\d{{4}})[ .-]*{_MONTH}(?![a-z])",
    r"(?P<year>\d{2})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)",
)
_TIMES: Final = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2}))?)? ?(?P<half>[ap])\.?m\.?(?![a-z])",
    r"t?(?P<hour>\d{1,2})[:.](?P<minute>\d{1,2})(?:[:.](?P<second>\d{1,2})(?:[.,:](?P<fraction>\d{1,9}))?)?(?!\d)",
    r"t(?P<hour>\d{1,2})(?![\d:.])",
    r"t(?P<hour>\d{2})(?P<minute>\d{2})(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?(?!\d)",
)
_ZONES: Final = (
    r"(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?(?!\d)",
    rf"\(?(?:{'|'.join(sorted(ZONE_HOURS, key=len, reverse=True))})(?![a-z])\)?",
)
_FILLING: Final = re.compile(
    r"[\s,]+|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?(?![a-z])", re.IGNORECASE
)
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
        local = _day(parts) + _time(parts)
        return instant(local, zone_in_text(parts["zone"]) if given else where or UTC)
    except (ValueError, OverflowError):
        raise EvaluationError(f"an error parsing date string '{text[:60]}': a part is out of range") from None


def _parts(text: str) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    at = 0
    while at < len(text):
        filling = _FILLING.match(text, at)
        if filling is not None:
            at = filling.end()
            continue
        for role, reader in _READERS:
            found = reader.match(text, at) if role not in parts else None
            if found is not None:
                parts |= {name: value for name, value in found.groupdict().items() if value is not None}
                parts[role] = found[0]
                at = found.end()
                break
        else:
            raise EvaluationError(f"an error parsing date string '{text[:60]}' at '{text[at : at + 20]}'")
    if "date" not in parts:
        raise EvaluationError(f"an incomplete date/time string has been found, with elements missing: '{text[:60]}'")
    return parts


def _day(parts: dict[str, Any]) -> datetime:
    year = int(parts["year"])
    if len(parts["year"]) == 2:  # as everywhere since POSIX
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
