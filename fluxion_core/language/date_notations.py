"""How a date, a time and a zone may be written in free text: the notations among which the one that takes most of the text counts.

Of two that take as much the first one counts, which is why their order here is that of their source. Most are read in any case of
letters; what is not stands in ``(?-i:...)``.
Source: the scanner of the timelib library, with which MongoDB's server reads dates from text; MongoDB manual, "$dateFromString".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

__all__ = ["Notation", "longest"]

_SPACE: Final = "(?:[ \t]+|\u00a0+|\u202f+)"
_HOUR: Final = "(?P<hour>2[0-4]|[01]?[0-9])"
_HOUR_2: Final = "(?P<hour>2[0-4]|[01][0-9])"
_HOUR_12: Final = "(?P<hour>1[0-2]|0?[1-9])"
_MINUTE: Final = "(?P<minute>[0-5]?[0-9])"
_MINUTE_2: Final = "(?P<minute>[0-5][0-9])"
_SECOND: Final = "(?P<second>60|[0-5]?[0-9])"
_SECOND_2: Final = "(?P<second>60|[0-5][0-9])"
_FRACTION: Final = r"\.(?P<fraction>[0-9]+)"
_HALF: Final = r"(?P<half>[ap])\.?m\.?(?=[\0\t ]|\Z)"
_CLOCK_2: Final = f"{_HOUR_2}:{_MINUTE_2}:{_SECOND_2}"

_MONTH: Final = "(?P<month>1[0-2]|0?[0-9])"
_MONTH_2: Final = "(?P<month>1[0-2]|0[0-9])"
_DAY: Final = "(?P<day>3[01]|[0-2]?[0-9])(?-i:st|nd|rd|th)?"
_DAY_2: Final = "(?P<day>3[01]|[0-2][0-9])"
_YEAR: Final = "(?P<year>[0-9]{1,4})"
_YEAR_2: Final = "(?P<year>[0-9]{2})"
_YEAR_4: Final = "(?P<year>[0-9]{4})"
_SHORT: Final = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_FULL: Final = "january|february|march|april|may|june|july|august|september|october|november|december"
_ROMAN: Final = "(?-i:VIII|VII|VI|IV|V|III|II|IX|I|XII|XI|X)"
_NAME: Final = f"(?P<name>{_FULL}|{_SHORT}|{_ROMAN})"
_NAME_SHORT: Final = f"(?P<name>{_SHORT})"
_WITHOUT_YEAR: Final = rf"{_NAME}[ .\t-]*{_DAY}(?:(?-i:[,.stndrh\t ])+|\0|\Z)"

_OFFSET: Final = (
    "(?-i:GMT)?[+-](?:(?:2[0-4]|[01][0-9])(?::[0-5][0-9]:(?:60|[0-5][0-9])|[0-5][0-9](?:60|[0-5][0-9]))"
    "|(?:2[0-4]|[01]?[0-9])(?::?[0-5]?[0-9])?)"
)
_ABBREVIATION: Final = r"\(?[a-z]{1,6}\)?"
_IDENTIFIER: Final = "(?-i:[A-Z][a-z]+(?:[_/-][A-Za-z]+)+)"
_FIRST: Final[Mapping[str, str]] = {"day": "1"}


class Notation(msgspec.Struct, frozen=True):
    """One notation: which of ``date``, ``time`` and ``zone`` it is, of each of which a text has one, and what it means."""

    roles: tuple[str, ...]
    pattern: re.Pattern[str]
    implied: Mapping[str, str]
    """Parts that it does not name."""


def _all(roles: str, *patterns: str, implied: Mapping[str, str] | None = None) -> Sequence[Notation]:
    return [
        Notation(tuple(roles.split()), re.compile(pattern, re.IGNORECASE | re.ASCII), implied or {}) for pattern in patterns
    ]


_INSTANT: Final = _all("instant", r"@(?P<seconds>-?[0-9]+(?:\.[0-9]{0,6})?)")
_HALF_TIMES: Final = _all(
    "time",
    f"{_HOUR_12}{_SPACE}?{_HALF}",
    f"{_HOUR_12}[:.]{_MINUTE_2}{_SPACE}?{_HALF}",
    f"{_HOUR_12}[:.]{_MINUTE}[:.]{_SECOND_2}{_SPACE}?{_HALF}",
    f"{_HOUR_12}:{_MINUTE_2}:{_SECOND_2}[:.](?P<fraction>[0-9]+){_HALF}",
)
_TIMES: Final = _all("time", f"t?{_HOUR}[:.]{_MINUTE}(?:[:.]{_SECOND}(?:{_FRACTION})?)?")
_COMPACT_TIMES: Final = (*_all("clock", f"t?{_HOUR_2}{_MINUTE_2}"), *_all("time", f"t?{_HOUR_2}{_MINUTE_2}{_SECOND_2}"))
_SLASHED: Final = (
    *_all("date", f"{_MONTH}/{_DAY}(?:/{_YEAR})?"),
    *_all("date time", f"{_DAY}/{_NAME_SHORT}/{_YEAR_4}:{_CLOCK_2}{_SPACE}(?P<zone>{_OFFSET})"),
)
_BY_YEAR: Final = _all("date", f"{_YEAR}-{_MONTH}-{_DAY}", f"{_YEAR}-{_NAME_SHORT}-{_DAY_2}")
_BY_DAY: Final = _all(
    "date",
    rf"{_DAY}[ \t.-]*{_NAME}[ \t.-]*{_YEAR}",
    rf"{_DAY}[.\t-]{_MONTH}[.-]{_YEAR_4}",
    rf"{_DAY}[.\t]{_MONTH}\.{_YEAR_2}",
    rf"{_DAY}[ .\t-]*{_NAME}",
)
_BY_FULL_YEAR: Final = (
    *_all("date", f"{_YEAR_4}/{_MONTH_2}/{_DAY_2}/?", f"{_YEAR_4}/{_MONTH}/{_DAY}"),
    *_all("date", f"{_YEAR_4}-{_MONTH}", rf"{_YEAR_4}[ .\t-]*{_NAME}", implied=_FIRST),
    *_all(
        "date time",
        f"{_YEAR_4}-{_MONTH_2}-{_DAY_2}(?-i:T){_CLOCK_2}{_FRACTION}(?P<zone>{_OFFSET})?",
        f"{_YEAR_4}-{_MONTH}-{_DAY}(?-i:T){_HOUR}:{_MINUTE}:{_SECOND}",
        f"{_YEAR_4}:{_MONTH_2}:{_DAY_2} {_CLOCK_2}",
    ),
    *_all("date", f"{_YEAR_4}-?(?-i:W)(?P<week>0[1-9]|[1-4][0-9]|5[0-3])(?:-?(?P<weekday>[0-7]))?"),
)
_DAY_OF_YEAR: Final = _all(
    "date", f"{_YEAR_4}[.-]?(?P<day>00[1-9]|0[1-9][0-9]|[12][0-9][0-9]|3[0-5][0-9]|36[0-6])", implied={"month": "1"}
)
_COMPACT_DATES: Final = (
    *_all("date", f"{_YEAR_4}{_MONTH_2}{_DAY_2}"),
    *_all(
        "date time",
        f"{_YEAR_4}{_MONTH_2}{_DAY_2}(?-i:T){_HOUR}:{_MINUTE_2}:{_SECOND_2}",
        f"{_YEAR_4}{_MONTH_2}{_DAY_2}t{_HOUR}{_MINUTE_2}{_SECOND_2}",
    ),
)
_YEAR_ALONE: Final = _all("year", _YEAR_4)
_ZONE: Final = _all("zone", f"(?P<zone>{_OFFSET}|{_IDENTIFIER}|{_ABBREVIATION})")
_NAMED: Final = (
    *_all("date", rf"{_NAME}[ .\t-]*{_YEAR_4}", implied=_FIRST),
    *_all("date", rf"{_NAME}[ .\t-]*{_DAY}(?-i:[,.stndrh\t ])+{_YEAR}", f"{_NAME_SHORT}-{_DAY_2}-{_YEAR}"),
    *_all("date", _WITHOUT_YEAR, implied={"year": ""}),
    *_all("date", f"(?P<name>{_FULL}|{_SHORT})"),
    *_ZONE,
    *_all(
        "date time",
        f"{_WITHOUT_YEAR}{_HOUR_12}[:.]{_MINUTE_2}{_SPACE}?{_HALF}",
        f"{_WITHOUT_YEAR}{_HOUR_12}[:.]{_MINUTE}[:.]{_SECOND_2}{_SPACE}?{_HALF}",
        f"{_WITHOUT_YEAR}t?{_HOUR}[:.]{_MINUTE}(?::{_SECOND})?",
        f"{_WITHOUT_YEAR}t?{_HOUR}[:.]{_MINUTE}:{_SECOND_2}{_SPACE}?(?P<zone>{_OFFSET}|{_IDENTIFIER}|{_ABBREVIATION})",
    ),
)
_AFTER_SIGN: Final = (
    *_all("date", f"(?P<year>[+-][0-9]{{4,19}})-{_MONTH_2}-{_DAY_2}"),
    *_all("zone", f"(?P<zone>{_OFFSET})"),
)
_AFTER_T: Final = (*_TIMES, *_all("time", f"t{_HOUR}"), *_COMPACT_TIMES, *_ZONE)

_MONTH_OR_ROMAN: Final = re.compile(f"{_SHORT}|(?-i:[IVX])", re.IGNORECASE)
_DIGITS: Final = re.compile("[0-9]+")
_AFTER_ONE_OR_TWO_DIGITS: Final[Mapping[str, Sequence[Notation]]] = {
    ":": (*_HALF_TIMES, *_TIMES),
    "/": _SLASHED,
    "-": (_BY_YEAR[0], *_BY_DAY, *_BY_YEAR[1:]),
    ".": (*_HALF_TIMES, *_TIMES, *_BY_DAY),
}
_BY_DIGITS: Final[Mapping[int, Sequence[Notation]]] = {
    1: (*_HALF_TIMES, *_BY_DAY, *_SLASHED),
    3: _BY_YEAR,
    4: (*_COMPACT_TIMES, *_BY_FULL_YEAR[:3], *_BY_YEAR, *_BY_FULL_YEAR[3:], *_DAY_OF_YEAR, *_YEAR_ALONE),
    5: (*_COMPACT_TIMES, *_COMPACT_DATES, *_DAY_OF_YEAR, *_YEAR_ALONE),
}
"""The notations that begin with so many digits, 1 for 2 too and 5 for more."""


def longest(text: str, at: int) -> tuple[Notation, re.Match[str]] | None:
    """Return the notation that takes most of *text* from a place on, and what it takes."""
    best: tuple[Notation, re.Match[str]] | None = None
    end = at
    for notation in _candidates(text, at):
        found = notation.pattern.match(text, at)
        if found is not None and found.end() > end:
            best, end = (notation, found), found.end()
    return best


def _candidates(text: str, at: int) -> Sequence[Notation]:
    """Return the notations that may begin at a place of *text*."""
    digits = _DIGITS.match(text, at)
    if digits is not None:
        count, end = len(digits[0]), digits.end()
        if count > 2:
            return _BY_DIGITS[min(count, 5)]
        return _AFTER_ONE_OR_TWO_DIGITS.get(text[end : end + 1], _BY_DIGITS[1])
    if text[at] in "+-":
        return _AFTER_SIGN
    if text[at] in "tT":
        return _AFTER_T
    if text[at] == "@":
        return _INSTANT
    return _NAMED if _MONTH_OR_ROMAN.match(text, at) is not None else _ZONE
