"""Dates as the language knows them: instants in UTC with milliseconds, read from text, written by format, and counted in units.

Source: MongoDB manual, "Date Expression Operators", the format specifiers of "$dateToString".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from fluxion_core.errors import EvaluationError

__all__ = [
    "CYCLE",
    "EPOCH",
    "MONTHS",
    "ZONE_HOURS",
    "aware",
    "format_date",
    "instant",
    "milliseconds",
    "offset_of",
    "offset_zone",
    "on_calendar",
    "zone",
    "zone_in_text",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CYCLE: Final = timedelta(days=146_097)
"""The 400 years after which the calendar repeats."""
_OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?\Z")
_OFFSET_IN_TEXT: Final = re.compile("(?:GMT)?([+-])([0-9]{1,2}(?::[0-9]{1,2})?|[0-9]{3,4}|[0-9]{6}|[0-9]{2}:[0-9]{2}:[0-9]{2})")
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
        return offset_zone(delta)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # late: many dates are in UTC

    try:
        if "A" <= name[:1] <= "Z":  # the files that lie beside the zones (localtime, right/...) have names in lower case
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass  # told below
    raise EvaluationError(f"unrecognized time zone identifier: '{name}'")


def zone_in_text(text: str) -> tzinfo:
    """Return the zone that stands in a text with a date: an abbreviation, or an offset (maybe after ``GMT``).

    Raises:
        EvaluationError: there is none.
    """
    bare = text.strip("() \t")
    if bare.lower() in ZONE_HOURS:
        return timezone(timedelta(hours=ZONE_HOURS[bare.lower()]))
    found = _OFFSET_IN_TEXT.fullmatch(bare)
    if found is None:
        raise EvaluationError(f"'{bare[:60]}' is no time zone that a text may hold: an offset or an abbreviation was expected")
    ahead = _ahead(found[2])
    return offset_zone(-ahead if found[1] == "-" else ahead)


def _ahead(digits: str) -> timedelta:
    """Return hours, minutes and seconds, with or without colons between them."""
    if ":" in digits:
        numbers = [int(part) for part in digits.split(":")]
    elif len(digits) > 4:
        numbers = [int(digits[at : at + 2]) for at in (0, 2, 4)]
    else:
        numbers = [*divmod(int(digits), 100)] if len(digits) > 2 else [int(digits)]
    return timedelta(**dict(zip(("hours", "minutes", "seconds"), numbers, strict=False)))


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


def offset_zone(delta: timedelta) -> tzinfo:
    """Return the zone that is ahead of UTC by *delta* at any time."""
    return timezone(delta) if abs(delta) < timedelta(days=1) else _FarOffset(delta)


def instant(local: datetime, where: tzinfo, *, like: datetime = EPOCH) -> datetime:
    """Return the instant, in UTC, at which the calendar and the clock of *where* show *local*.

    Where the clock shows it twice, that is the time of it which is daylight saving time or not as the date *like* is in *where*; and
    where the clock skips it, as far after the change as *local* is.
    Source: ``do_adjust_timezone`` of the timelib library, with which MongoDB's server counts.
    """
    if isinstance(where, _FarOffset):
        return local.replace(tzinfo=UTC) - where.delta
    when = local.replace(tzinfo=where)
    if not isinstance(where, timezone) and offset_of(when) > offset_of(when.replace(fold=1)):
        when = when.replace(fold=_occurrence(when, like.astimezone(where)))
    return when.astimezone(UTC)


def _occurrence(when: datetime, like: datetime) -> int:
    """Return which time of *when*, 0 or 1, is meant, a time that the clock shows twice."""
    read = when.replace(tzinfo=UTC).astimezone(
        when.tzinfo
    )  # the digits as those of UTC: the server's first guess of the offset
    if like.dst() and not read.dst() and offset_of(read) >= timedelta():
        return 0
    if read.dst() and not like.dst() and offset_of(read) <= timedelta():
        return 1
    return int(offset_of(read) != offset_of(when))


def on_calendar(date: datetime, where: tzinfo) -> tuple[datetime, int]:
    """Return *date* on the calendar and the clock of *where*, and how many years to add to its year.

    Those are none, but where that calendar is in the year 0 or 10000 already: then the date is that of 400 years away, which has the
    same days of the week.
    """
    try:
        return date.astimezone(where), 0
    except OverflowError:
        years = 400 if date.year > 5000 else -400
        return (date - math.copysign(1, years) * CYCLE).astimezone(where), years


def offset_of(date: datetime) -> timedelta:
    """Return how far ahead of UTC the zone of *date* is."""
    return (date.tzinfo.utcoffset(date) if date.tzinfo is not None else None) or timedelta()


# --------------------------------------------------------------------------------------------------- formats


def _offset_minutes(date: datetime) -> int:
    return int(offset_of(date).total_seconds() / 60)  # without its seconds, which zones had long ago


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


MAXIMUM_FORMAT: Final = 65_536
"""The longest format."""


def format_date(date: datetime, pattern: str, years: int = 0) -> str:
    """Return *date*, which is in its zone already, by a format of ``%`` specifiers; *years* are those of :func:`on_calendar`.

    Raises:
        EvaluationError: the format has an unknown specifier, or is far too long, or the year is beyond 9999.
    """
    if date.year + years > MAXYEAR:
        raise EvaluationError("a date is written for the years 0 to 9999 only")
    if len(pattern) > MAXIMUM_FORMAT:
        raise EvaluationError(f"the format of a date may have {MAXIMUM_FORMAT} characters, not {len(pattern)}")
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
        text = write(date)
        result.append(f"{int(text) + years:04d}" if years and specifier in "YG" else text)
    return "".join(result)
