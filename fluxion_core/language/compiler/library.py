"""Functions that generated code calls where its inline guards do not decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import (
    ITEM_BYTES,
    LIMIT_BYTES,
    LIMIT_DOCUMENT_BYTES,
    PLACE_BYTES,
    Allowance,
    checked_size,
    measured,
    take,
    take_work,
    weight,
)
from fluxion_core.language.values import is_number, is_whole, shown, truthy, type_name

__all__ = [
    "checked_size",
    "filter_limit",
    "growth",
    "no_branch",
    "not_an_array",
    "room",
    "sum_of_floats",
    "truthy",
    "turns",
]

_WEIGH_NANOSECONDS: Final = 90
"""What it takes to weigh a value, for each of those within it."""


def sum_of_floats(items: list[float] | None) -> float:
    """Return the sum of *items*, rounded once; of none it is the whole number 0, as ``$sum`` has it."""
    if not items:
        return 0
    try:
        return math.fsum(items)
    except (OverflowError, ValueError):  # beyond all floats on the way, or both infinities
        return sum(items)


def no_branch() -> NoReturn:
    """Raise: no branch of a ``$switch`` applies and it has no default."""
    msg = "no branch of $switch applies and there is no default"
    raise EvaluationError(msg)


def not_an_array(operator: str, value: Any) -> None:
    """Raise unless *value* is an array after all (a tuple)."""
    if value.__class__ is tuple:
        return
    msg = f"the input of {operator} must be an array, not {type_name(value)}"
    raise EvaluationError(msg)


def filter_limit(value: Any) -> int:
    """Return the limit of ``$filter``: a positive whole number, or 0 for none when it is null."""
    if value is None or (not is_number(value) and type_name(value) == "missing"):
        return 0
    if not is_whole(value) or not 1 <= value < 2**31:  # NaN
        msg = f"the limit of $filter must be a whole number of at least 1, not {shown(value)}"
        raise EvaluationError(msg)
    return int(value)


def turns(count: int, turn_bytes: int, turn_nanoseconds: int) -> None:
    """Take from the allowance what a loop of *count* turns makes, *turn_bytes* a turn, and its work.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    take(count * turn_bytes, count * turn_nanoseconds)


def growth(allowance: Allowance) -> Callable[[Any], Any]:
    """Return a check for the successive values of one ``$reduce``: each passes, unless it has outgrown a document.

    What a turn made is given back, but for its value. A value is looked at through and through now and then: what it can have grown
    by in between does no harm.
    """
    before = allowance.made
    held = turn = due = 0

    def check(value: Any) -> Any:
        nonlocal held, turn, due
        cls = value.__class__
        if cls is str or cls is bytes:
            held = size = len(value)
        elif cls is list or cls is dict:
            turn += 1
            size = PLACE_BYTES * len(value)
            if turn > due:
                due = turn + turn // 3
                parts: dict[int, Any] = {}
                held = weight(value, parts)
                take_work(sum(map(len, parts.values())) * _WEIGH_NANOSECONDS)  # what it shares is weighed once
                size = measured(value, {})[0]
        else:
            held = size = 0
        if size > LIMIT_DOCUMENT_BYTES:
            raise EvaluationError(f"the value of $reduce grew beyond {LIMIT_DOCUMENT_BYTES >> 20} MiB")
        allowance.made = before + held
        return value

    return check


def room(allowance: Allowance) -> Callable[[Any], Any]:
    """Return a check for the elements that one ``$map`` makes: each passes while there is room for all of them."""
    held = allowance.made

    def check(value: Any) -> Any:
        nonlocal held
        cls = value.__class__
        if cls is str or cls is bytes:
            held += ITEM_BYTES + len(value)
        elif cls is list or cls is dict:
            held += weight(value, {})
        allowance.made = held
        if held > LIMIT_BYTES:
            raise EvaluationError(f"the value of $map grew beyond {LIMIT_BYTES >> 20} MiB")
        return value

    return check
