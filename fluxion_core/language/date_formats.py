"""Dates read from text by a format, as ``$dateFromString`` reads them.

The parts are read one after the other, and a number takes as many of its digits as there are. A day of the year counts from 0, although
``$dateToString`` writes it from 1 on.
Source: MongoDB manual, "$dateFromString"; for what it leaves open, the timelib library, with which the server reads; DOCS-15857.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.dates import MONTHS, instant, offset_zone, zone_in_text

__all__ = ["check_format", "parse_format"]

_READ: Final[Mapping[str, str]] = {
    "Y": "([0-9]{1,4}+)",
    "m": "([0-9]{1,2}+)",
    "d": "([0-9]{1,2}+)",
    "H": "([0-9]{1,2}+)",
    "M": "([0-9]{2})",
    "S": "([0-9]{2})",
    "L": "([0-9]{1,3}+)",
    "j": "([0-9]{1,3}+)",
    "G": "[^0-9]*+([0-9]{1,4}+)",
    "V": "[^0-9]*+([0-9]{1,2}+)",
    "u": "[^0-9]*+([0-9])",
    "z": r"[ \t(]*+((?:GMT)?[+-][0-9:]++|[A-Za-z]++)\)*+",
    "Z": "([+-][0-9]++)",
    "b": "([A-Za-z]++)",
    "B": "([A-Za-z]++)",
}
_MONTHS: Final[Mapping[str, int]] = {
    **{name: month for month, full in enumerate(MONTHS, 1) for name in (full.lower(), full[:3].lower())},
    "sept": 9,
    **{name: month for month, name in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], 1)},
}
_RANGES: Final[Mapping[str, tuple[int, int]]] = {"V": (1, 53), "u": (1, 7)}


def check_format(pattern: str) -> None:
    """Look through a format that is to read dates.

    Raises:
        EvaluationError: it has a specifier that is unknown, or only for writing.
    """
    for found in re.finditer("%(.?)", pattern, re.DOTALL):
        if found[1] != "%" and found[1] not in _READ:
            raise EvaluationError(f"unknown format specifier '%{found[1]}' for reading a date")


@lru_cache(maxsize=256)
def _reader(pattern: str) -> tuple[re.Pattern[str], str]:
    """Return what reads texts of a format, and the specifiers of what it finds."""
    check_format(pattern)
    specifiers: list[str] = []

    def part(found: re.Match[str]) -> str:
        if found[1] is None or found[1] == "%":
            return re.escape(found[1] or found[0])
        specifiers.append(found[1])
        return _READ[found[1]]

    return re.compile(re.sub("%(.)|[^%]+", part, pattern, flags=re.DOTALL) + r"\Z"), "".join(specifiers)


def parse_format(text: str, pattern: str, where: tzinfo | None = None) -> datetime:
    """Return the instant that *text* names by a format.

    Raises:
        EvaluationError: the text does not fit the format, or a part is out of range.
    """
    reader, specifiers = _reader(pattern)
    found = reader.match(text)
    if found is None:
        raise EvaluationError(f"an error parsing date string '{text[:60]}': it does not fit the format '{pattern}'")
    parts: dict[str, int] = {}
    given: tzinfo | None = None
    try:
        for specifier, value in zip(specifiers, found.groups(), strict=True):
            if specifier in "YmdHMS":
                parts[specifier] = int(value)
            elif specifier == "z":
                given = zone_in_text(value)
            elif specifier == "Z":
                given = offset_zone(timedelta(minutes=int(value)))
            else:
                _read(parts, specifier, value)
        if given is not None and where is not None and where is not UTC:
            raise EvaluationError("a time zone cannot be given both in the string and as an argument")
        clock = (parts.get("H", 0), parts.get("M", 0), parts.get("S", 0), parts.get("L", 0) * 1000)
        return instant(datetime(*_day(parts), *clock), given or where or UTC)  # noqa: DTZ001  # instant() gives it its zone
    except (ValueError, OverflowError) as error:
        raise EvaluationError(f"an error parsing date string '{text[:60]}': {error}") from None


def _read(parts: dict[str, int], specifier: str, value: str) -> None:
    """Add what stands for *specifier*, none of the common ones, to the *parts* of the date."""
    if specifier in "bB":
        month = _MONTHS.get(value.lower())
        if month is None:
            raise ValueError(f"'{value[:20]}' is no month")
        parts["m"] = month
    elif specifier == "j":
        if "Y" not in parts:
            raise ValueError("a day of the year comes after the year")
        day = date(parts["Y"], 1, 1) + timedelta(days=int(value))
        parts |= {"Y": day.year, "m": day.month, "d": day.day}
    else:
        number = int(value.ljust(3, "0") if specifier == "L" else value)
        least, most = _RANGES.get(specifier, (0, number))
        if not least <= number <= most:
            raise ValueError(f"%{specifier} is out of range: {number}")
        parts[specifier] = number


def _day(parts: Mapping[str, int]) -> tuple[int, int, int]:
    if "G" in parts:
        if parts.keys() & {"Y", "m", "d"}:
            raise ValueError("a date by its week has no other year, month or day")
        day = date.fromisocalendar(parts["G"], 1, parts.get("u", 1)) + timedelta(weeks=parts.get("V", 1) - 1)
        return day.year, day.month, day.day
    if "V" in parts or "u" in parts:
        raise ValueError("a week or a day of it needs the year of the week")
    try:
        return parts["Y"], parts["m"], parts["d"]
    except KeyError:
        raise ValueError("a part of the date is missing") from None
