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
from fluxion_core.language.allowance import take_work
from fluxion_core.language.date_moves import Moves
from fluxion_core.language.date_notations import Notation, longest
from fluxion_core.language.dates import MONTHS, instant, zone_in_text

__all__ = ["parse_date", "parse_instant"]

_FILLING: Final = re.compile(r"[ \t\n\0,.\u00a0\u202f]+")
_BLANKS: Final = " \t\n\v\f\r"
_WORD: Final = re.compile(
    r"(?:(?P<now>now)|(?P<midnight>today|midnight)|(?P<noon>noon)|(?P<yesterday>yesterday)|(?P<tomorrow>tomorrow))(?![a-z])",
    re.IGNORECASE | re.ASCII,
)
_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?"
    r" ?(?:([Zz])|([+-])(2[0-3]|[01][0-9]):?([0-5][0-9]))?"
)
"""What nearly all texts look like, read at once."""
_SECONDS: Final = 10**12
"""More than lie between 1970 and any date; the digits of a hostile number take minutes to turn into an int."""
_FEW_PARTS: Final = 64
"""More than any text has that a person wrote; a hostile one says ``now`` a million times."""
_PART_NANOSECONDS: Final = 20_000
_DATE: Final = ("date", "year", "month", "name", "day", "week", "weekday", "year of the week")
_CLOCK: Final = ("time", "again", "hour", "minute", "second", "fraction", "half")


def parse_date(text: str, where: tzinfo | None = None) -> datetime:
    """Return the instant that *text* names; without a zone in it, it is read in *where*, or in UTC.

    Raises:
        EvaluationError: it names none, or has a zone although *where* is given.
    """
    plain = _ISO.fullmatch(text)
    parts = {} if plain is not None else _parts(text)
    given = "zone" in parts if plain is None else plain[8] is not None or plain[9] is not None
    if given and where is not None and where is not UTC:
        raise EvaluationError("a time zone cannot be given both in the string and as an argument")
    try:
        if plain is not None:
            return _plain(plain, where or UTC)
        moves: Moves = parts["moves"]
        local = moves.day(_day(parts)) + _time(parts)
        when = instant(local, zone_in_text(parts["zone"]) if given else where or UTC) + moves.passing
        return when.replace(microsecond=when.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        raise EvaluationError(f"an error parsing date string '{text[:60]}': a part is out of range") from None


def _plain(found: re.Match[str], where: tzinfo) -> datetime:
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups()
    microsecond = int(fraction.ljust(3, "0")[:3]) * 1000 if fraction else 0
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond)  # noqa: DTZ001  # instant() gives it its zone
    if sign is None:
        return instant(local, where)
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return local.replace(tzinfo=UTC) + (ahead if sign == "-" else -ahead)


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
    at = turn = 0
    text = text.strip(_BLANKS)
    while at < len(text):
        turn += 1
        if turn > _FEW_PARTS:
            take_work(_PART_NANOSECONDS)
        filling = _FILLING.match(text, at)
        try:
            end = filling.end() if filling is not None else _read(parts, text, at)
        except OverflowError:  # an amount or an instant beyond all dates
            end = None
        if end is None:
            raise EvaluationError(f"an error parsing date string '{text[:60]}' at '{text[at : at + 20]}'")
        at = end
    if not parts.get("year") or not parts.keys() & {"day", "week"}:
        raise EvaluationError(f"an incomplete date/time string has been found, with elements missing: '{text[:60]}'")
    return parts


def _read(parts: dict[str, Any], text: str, at: int) -> int | None:
    """Add what stands at a place of *text* to *parts*; return where it ends, or ``None`` where it is nothing or stands twice."""
    word = _WORD.match(text, at) if text[at] in "nNtTmMyY" else None
    move, notation = Moves.find(text, at), longest(text, at)
    ends = [0 if found is None else found.end() for found in (word, move, notation and notation[1])]
    end = max(ends)
    if word is not None and ends[0] == end:
        _take_word(parts, word)
    elif move is not None and ends[1] == end:
        if parts["moves"].take(move):
            _forget(parts, _CLOCK)
    elif notation is None or not _take(parts, *notation):
        return None
    return end


def _take(parts: dict[str, Any], notation: Notation, found: re.Match[str]) -> bool:
    """Add a date, a time or a zone to *parts*; tell whether it is the first of its kind."""
    roles = notation.roles
    if roles == ("instant",):
        return _take_instant(parts, found["seconds"])
    if roles == ("clock",) and "time" in parts:  # as after the time in the output of date(1)
        if "again" in parts:
            return False
        parts |= {"year": found[0].lstrip("tT"), "again": found[0]}
        return True
    taken = [role if role != "clock" else "time" for role in roles if role != "year"]
    if any(role in parts for role in taken):
        return False
    parts |= notation.implied
    parts |= {name: value for name, value in found.groupdict().items() if value is not None}
    if "week" in parts:
        parts.setdefault("year of the week", parts["year"])
    parts |= dict.fromkeys(taken, found["zone"] if taken == ["zone"] else found[0])
    return True


def _take_instant(parts: dict[str, Any], seconds: str) -> bool:
    """Take so many *seconds* since 1970 in place of a date and a time."""
    since = Decimal(seconds)
    if "zone" in parts or not -_SECONDS < since < _SECONDS:
        return False
    _forget(parts, _DATE)
    _forget(parts, _CLOCK)
    parts["moves"].passing += timedelta(microseconds=int(since.scaleb(6)))
    parts |= {"year": "1970", "month": "1", "day": "1", "zone": "UTC"}
    return True


def _take_word(parts: dict[str, Any], found: re.Match[str]) -> None:
    """Take a word for a time of the day or for another day; all but ``now`` put an earlier time out of force."""
    if found["now"]:
        return
    _forget(parts, _CLOCK)
    if found["noon"]:
        parts |= {"time": found[0], "hour": "12"}
    elif not found["midnight"]:
        parts["moves"].days = 1 if found["tomorrow"] else -1


def _forget(parts: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        parts.pop(name, None)


def _day(parts: dict[str, Any]) -> datetime:
    year = int(parts["year"])
    if len(parts["year"]) < 4 and year < 100:  # as everywhere since POSIX
        year += 2000 if year < 70 else 1900
    if "week" in parts:
        first = int(parts["year of the week"])
        days = 7 * int(parts["week"]) + int(parts.get("weekday", 1)) - 8
        return datetime(year, 1, 1) + (datetime.fromisocalendar(first, 1, 1) - datetime(first, 1, 1)) + timedelta(days=days)  # noqa: DTZ001  # local time; the zone follows
    month = int(parts["month"]) if "month" in parts else _month(parts["name"])
    return datetime(year, month, int(parts["day"]))  # noqa: DTZ001  # as above


_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


def _month(name: str) -> int:
    if name in _ROMAN:
        return _ROMAN.index(name) + 1
    return next(index for index, full in enumerate(MONTHS, 1) if full[:3].lower() == name[:3].lower())


def _time(parts: dict[str, Any]) -> timedelta:
    hour, minute, second = (int(parts.get(name, 0)) for name in ("hour", "minute", "second"))
    if "half" in parts:
        hour = hour % 12 + 12 * (parts["half"].lower() == "p")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(hour)
    return timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=int(parts.get("fraction", "0").ljust(3, "0")[:3]))
