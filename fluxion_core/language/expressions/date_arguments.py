"""What the date expressions ask of their arguments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.dates import EPOCH, aware, zone
from fluxion_core.language.values import MISSING, described, is_string, is_whole, kind, type_name

__all__ = ["UNIT_MILLISECONDS", "UNIT_MONTHS", "as_date", "as_unit", "as_weekday", "as_whole", "as_zone"]

UNIT_MILLISECONDS: Final = {
    "week": 7 * 86_400_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}
UNIT_MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def as_date(value: Any, operator: str) -> datetime:
    """Return what stands for a date: a date, a timestamp or an object id."""
    name = kind(value)
    if name == "date":
        return aware(value)
    if name == "timestamp":
        return EPOCH + timedelta(seconds=value.time)
    if name == "objectId":
        return EPOCH + timedelta(seconds=int.from_bytes(value.binary[:4], "big", signed=True))
    raise EvaluationError(f"{operator} needs a date, not {type_name(value)}")


def as_zone(value: Any, operator: str) -> tzinfo:
    """Return a time zone; UTC where none is given."""
    if value is MISSING:
        return UTC
    if not is_string(value):
        raise EvaluationError(f"{operator} needs a string as its timezone, not {type_name(value)}")
    return zone(value)


def as_whole(value: Any, operator: str, role: str) -> int:
    """Return a whole number."""
    if is_whole(value):
        return int(value)
    raise EvaluationError(f"{operator} needs a whole number as its {role}, not {described(value)}"[:160])


def as_unit(value: Any, operator: str) -> str:
    """Return the name of a unit of time."""
    if not is_string(value):
        raise EvaluationError(f"{operator} needs a string as its unit, not {type_name(value)}")
    if value not in UNIT_MILLISECONDS and value not in UNIT_MONTHS:
        raise EvaluationError(f"{operator}: unknown time unit '{value}'")
    return value


def as_weekday(value: Any, operator: str) -> int:
    """Return a day of the week, 0 for Monday."""
    if not is_string(value):
        raise EvaluationError(f"{operator} needs a string as its startOfWeek, not {type_name(value)}")
    lowered = value.lower()
    for index, name in enumerate(_DAYS):
        if lowered in {name, name[:3]}:
            return index
    raise EvaluationError(f"{operator}: unknown day of the week '{value}'")
