"""Amounts in the text of a date that move it: ``+1 day``, ``3 weeks ago``, ``next monday``, ``last day of``.

What is read is summed up while the text is read and applied to the date that stands in it, in the server's order: the month that a
``first monday of`` speaks of, the day of the week, years, months and days, ``first day of`` or ``last day of``, working days, and last the
hours, minutes and seconds, which are counted as time that passes.
Source: the formats of the timelib library, with which MongoDB's server reads dates from text ("Relative Formats").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

__all__ = ["Moves"]

_DAY_NAMES: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_DAY: Final = "|".join(f"{name}s?|{name[:3]}" for name in _DAY_NAMES)
_UNIT: Final = (
    rf"(?P<unit>[mµ]s|(?:msec|millisecond|µsec|usec|microsecond|sec|second|min|minute|hour|day|week|fort?h?night|month|year)s?"
    rf"|weekdays?|{_DAY})(?![a-zµ])"
)
_ORDINALS: Final[Mapping[str, int]] = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eight": 8,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "eleventh": 11,
    "twelfth": 12,
}
_NAMED: Final[Mapping[str, int]] = {"next": 1, "last": -1, "previous": -1, "this": 0}
_WORD: Final = "|".join((*_ORDINALS, *_NAMED))
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        r"(?P<edge>first|last) day of(?![a-z])",
        rf"(?P<word>{_WORD})[ \t]+(?P<weekday>{_DAY})[ \t]+of(?![a-z])",
        rf"(?P<word>{'|'.join(_NAMED)})[ \t]+(?P<week>week)(?![a-z])",
        rf"(?P<word>{_WORD})[ \t]+(?!week(?![a-z])){_UNIT}",
        r"(?P<ago>ago)(?![a-z])",
        rf"(?P<weekday>{_DAY}|weekdays?)(?![a-z])",
    )
)
_FIRST_LETTERS: Final = frozenset(word[0] for word in (*_ORDINALS, *_NAMED, *_DAY_NAMES, "ago"))
_NUMBER: Final = re.compile(rf"(?P<signs>[+-]*)[ \t]*(?P<number>\d{{1,13}})[ \t]*{_UNIT}", re.IGNORECASE | re.ASCII)
_DAYS: Final[Mapping[str, int]] = {"day": 1, "week": 7, "fortnight": 14, "forthnight": 14}
_PASSING: Final[Mapping[str, timedelta]] = {
    **dict.fromkeys(("ms", "msec", "millisecond"), timedelta(milliseconds=1)),
    **dict.fromkeys(("µs", "µsec", "usec", "microsecond"), timedelta(microseconds=1)),
    **dict.fromkeys(("sec", "second"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "minute"), timedelta(minutes=1)),
    "hour": timedelta(hours=1),
}


class Moves(msgspec.Struct):
    """How far a text moves the date in it."""

    months: int = 0
    """Years are 12 of them: both are added before a day beyond the end of its month runs over into the next one."""
    days: int = 0
    passing: timedelta = timedelta()
    """Hours, minutes, seconds and parts of them."""
    weekday: int | None = None
    """The day of the week to move to, from Sunday, 0, on; below 0 it is looked for backwards."""
    counting: int = 0
    """Whether the day of the date counts as the next one of its name: 1; or the week of the date is meant: 2."""
    month_of: str = ""
    """``word`` for the month of ``first monday of``, ``last`` where it is counted from the month's end."""
    edge: str = ""
    """``first`` or ``last`` day of the month."""
    working_days: int | None = None

    @staticmethod
    def find(text: str, at: int) -> re.Match[str] | None:
        """Return what stands at a place of *text*, if it is an amount that moves a date."""
        if not text[at].isalpha():
            return _NUMBER.match(text, at)
        if text[at].lower() not in _FIRST_LETTERS:
            return None
        return next(filter(None, (form.match(text, at) for form in _FORMS)), None)

    def take(self, found: re.Match[str]) -> bool:
        """Take in what was found; return whether a time that was read before counts no more.

        Raises:
            OverflowError: it is more hours than Python counts.
        """
        groups = found.groupdict()
        word = (groups.get("word") or "").lower()
        if groups.get("edge"):
            self.edge = found["edge"].lower()
        elif groups.get("ago"):
            self._turn()
            return False
        elif groups.get("week"):
            self._to_week(_NAMED[word])
            return False
        elif word and groups.get("weekday"):
            self.month_of = "word" if _amount(word) > 0 else "last"
            self._add(found["weekday"], _amount(word), int(self.month_of == "word" or word == "this"))
        elif word:
            return self._add(found["unit"], _amount(word), int(word == "this"))
        elif groups.get("number"):
            self._add(found["unit"], int(found["number"]) * (-1) ** found["signs"].count("-"), 1)
            return False
        else:
            self.weekday = _weekday(found["weekday"]) if found["weekday"].lower()[:4] != "week" else 1
            self.counting = max(self.counting, 1)
        return True

    def _add(self, unit: str, amount: int, counting: int) -> bool:
        """Add an amount of a unit; return whether it is one of days by their names."""
        name = unit.lower()
        one = name if name in _PASSING else name.removesuffix("s")
        if one in _PASSING:
            self.passing += amount * _PASSING[one]
        elif one in _DAYS:
            self.days += amount * _DAYS[one]
        elif one in ("month", "year"):
            self.months += amount * (12 if one == "year" else 1)
        elif one == "weekday":
            self.working_days = amount
            return True
        else:
            self.days += (amount - 1 if amount > 0 else amount) * 7
            self.weekday, self.counting = _weekday(name), counting
            return True
        return False

    def _to_week(self, amount: int) -> None:
        self.days += 7 * amount
        self.counting = 2
        if self.weekday is None:
            self.weekday = 1

    def _turn(self) -> None:
        self.months, self.days, self.passing = -self.months, -self.days, -self.passing
        if self.weekday is not None:
            self.weekday = -self.weekday or -7
        if self.working_days is not None:
            self.working_days = -self.working_days

    def day(self, start: datetime) -> datetime:
        """Return the midnight to which *start*, one as well, is moved.

        Raises:
            ValueError, OverflowError: it is beyond the years that there are.
        """
        year, month, day, months = start.year, start.month, start.day, self.months
        if self.month_of:
            month, day, months = month + months + (self.month_of == "last"), 1, 0
        moved = self._at_edge(year, month, day)
        if self.weekday is not None:
            moved += timedelta(days=self._to_weekday(moved.isoweekday() % 7, self.weekday))
        moved = self._at_edge(moved.year, moved.month + months, moved.day + self.days)
        if self.working_days is not None:
            moved += timedelta(days=_working(self.working_days, moved.isoweekday() % 7))
        return moved

    def _at_edge(self, year: int, month: int, day: int) -> datetime:
        """Return a day whose numbers may be out of range, or the first or last one of its month."""
        if self.edge:
            month, day = (month, 1) if self.edge == "first" else (month + 1, 0)
        return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) + timedelta(days=day - 1)  # noqa: DTZ001  # local time

    def _to_weekday(self, now: int, weekday: int) -> int:
        if self.counting == 2:  # Sunday ends the week
            return (weekday or 7 * (now != 0)) - now - 7 * (now == 0 and weekday != 0)
        if weekday < 0:
            return -weekday - now - 7
        ahead = weekday - now
        return ahead + 7 if (ahead < 0 if self.days < 0 else ahead <= -self.counting) else ahead


def _amount(word: str) -> int:
    return _ORDINALS.get(word) or _NAMED[word]


def _weekday(name: str) -> int:
    return next(index for index, day in enumerate(_DAY_NAMES) if day[:3] == name[:3].lower())


def _working(count: int, weekday: int) -> int:
    """Return over how many days *count* working days lead from a day of the week, 0 for Sunday."""
    weeks, rest = divmod(abs(count), 5)
    if count <= 0:  # the same, mirrored
        weekday = (6 - weekday) % 7
    days = 7 * weeks + rest
    if rest == 0:
        days -= {0: 2, 6: 1}.get(weekday, 0)
    elif weekday == 6:
        days += 1
    elif weekday + rest > 5:
        days += 2
    return days if count > 0 else -days
