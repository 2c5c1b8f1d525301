"""Functions that generated code calls where its inline guards do not decide."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from fluxion_core.errors import EvaluationError
from fluxion_core.language.values import is_finite, is_number, truthy, type_name

__all__ = ["LIMIT_ITEMS", "filter_limit", "grown", "no_branch", "not_an_array", "truthy"]

LIMIT_ITEMS: Final = 16 * 1024 * 1024
"""The longest string or array that an expression may build (MongoDB's limit for a document is 16 MiB)."""


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


def grown(value: Any) -> Any:
    """Return *value*, the accumulated result of a ``$reduce``, unless it has outgrown a document."""
    if value.__class__ in {str, list, bytes} and len(value) > LIMIT_ITEMS:
        msg = f"the value of $reduce grew beyond {LIMIT_ITEMS} items"
        raise EvaluationError(msg)
    return value
