"""Functions that generated code calls where its inline guards do not decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

from fluxion_core.errors import EvaluationError
from fluxion_core.language.values import is_finite, is_number, truthy, type_name

__all__ = [
    "LIMIT_ITEMS",
    "checked_size",
    "filter_limit",
    "growth",
    "no_branch",
    "not_an_array",
    "room",
    "sum_of_floats",
    "truthy",
]

LIMIT_ITEMS: Final = 16 * 1024 * 1024
"""The longest string or array that an expression may build (MongoDB's limit for a document is 16 MiB)."""

LIMIT_MADE: Final = 2_000_000
"""The most items, and eighths of that many characters, in what ``$map`` makes."""


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
    if not is_number(value) or not is_finite(value) or value != int(value) or not 1 <= value < 2**31:  # NaN
        msg = f"the limit of $filter must be a whole number of at least 1, not {value!r}"
        raise EvaluationError(msg)
    return int(value)


def growth() -> Callable[[Any], Any]:
    """Return a check for the successive values of one ``$reduce``: each passes, unless it has outgrown a document."""
    known: dict[int, tuple[Any, int]] = {}

    def check(value: Any) -> Any:
        if value.__class__ in {str, bytes}:
            size = len(value)
        elif value.__class__ in {list, dict}:
            size = _size(value, known)
        else:
            return value
        if size > LIMIT_ITEMS:
            raise EvaluationError(f"the value of $reduce grew beyond {LIMIT_ITEMS} items")
        return value

    return check


def room() -> Callable[[Any], Any]:
    """Return a check for the elements that one ``$map`` makes: each passes while there is room for all of them."""
    left = LIMIT_MADE

    def check(value: Any) -> Any:
        nonlocal left
        cls = value.__class__
        if cls is str:
            left -= len(value) // 8
        elif cls is list or cls is dict:
            left -= _size(value, {})
        if left < 0:
            raise EvaluationError(f"the value of $map grew beyond {LIMIT_MADE} items")
        return value

    return check


def checked_size(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document*, unless it is larger than one may be when everything that it shares is written out.

    Raises:
        EvaluationError: it is.
    """
    if _size(document, {}) > LIMIT_ITEMS:
        raise EvaluationError(f"a document grew beyond {LIMIT_ITEMS} items")
    return document


def _size(value: Any, known: dict[int, tuple[Any, int]]) -> int:
    """Return how many items *value* has, counting shared ones as often as they stand in it; each is visited once."""
    found = known.get(id(value))
    if found is not None:
        return found[1]
    total = 1
    for item in value.values() if value.__class__ is dict else value:
        cls = item.__class__
        if cls is list or cls is dict:
            total += _size(item, known)
        else:
            total += len(item) if cls is str else 1
    known[id(value)] = (value, total)  # the value is kept too, so that its id stays its own
    return total
