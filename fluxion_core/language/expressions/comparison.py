"""Comparison expressions: ``$cmp $eq $gt $gte $lt $lte $ne``, in the one order of all values; a missing field is below null."""

from __future__ import annotations

from typing import Any

from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.ordering import compare, equal

__all__ = ["OPERATORS"]


def _not_equal(left: Any, right: Any) -> bool:
    return not equal(left, right)


def _greater(left: Any, right: Any) -> bool:
    return compare(left, right) > 0


def _greater_or_equal(left: Any, right: Any) -> bool:
    return compare(left, right) >= 0


def _less(left: Any, right: Any) -> bool:
    return compare(left, right) < 0


def _less_or_equal(left: Any, right: Any) -> bool:
    return compare(left, right) <= 0


OPERATORS = tuple(
    Operator(
        name=name,
        function=function,
        minimum=2,
        maximum=2,
        total=True,
        family="comparison",
        examples=[Example({name: pair}, answer)],
    )
    for name, function, pair, answer in (
        ("$cmp", compare, [1, 2], -1),
        ("$eq", equal, [1, 1.0], True),
        ("$gt", _greater, ["a", 1], True),
        ("$gte", _greater_or_equal, [2, 2], True),
        ("$lt", _less, [None, 0], True),
        ("$lte", _less_or_equal, [3, 2], False),
        ("$ne", _not_equal, [1, "1"], True),
    )
)
