"""Bitwise expressions: ``$bitAnd $bitNot $bitOr $bitXor`` on whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from operator import and_, or_, xor
from typing import Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING, kind, type_name

__all__ = ["OPERATORS"]


def _whole(value: Any, name: str) -> int:
    if kind(value) == "int" and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    raise EvaluationError(f"{name} only supports int and long operands, not {type_name(value)}")


def _joined(name: str, join: Callable[[int, int], int], start: int) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        result = start
        for value in values:
            if value is None or value is MISSING:
                return None
            result = join(result, _whole(value, name))
        return result

    return function


def _not(value: Any) -> Any:
    return None if value is None or value is MISSING else ~_whole(value, "$bitNot")


OPERATORS = (
    *(
        Operator(
            name=name,
            function=_joined(name, join, start),
            minimum=0,
            maximum=None,
            commutative=True,
            associative="fully",
            spared_from=1,
            family="bitwise",
            examples=[Example({name: [6, 3]}, answer), Example({name: [6, None]}, None)],
        )
        for name, join, start, answer in (("$bitAnd", and_, -1, 2), ("$bitOr", or_, 0, 7), ("$bitXor", xor, 0, 5))
    ),
    Operator(name="$bitNot", function=_not, family="bitwise", examples=[Example({"$bitNot": 5}, -6)]),
)
