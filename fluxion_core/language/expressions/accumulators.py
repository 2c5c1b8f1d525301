"""Accumulators used as expressions: over the elements of one array, or over several arguments as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.operators import Accumulator, Example, Operator

__all__ = ["OPERATORS"]


def _fold(accumulator: Accumulator) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        items = values[0] if len(values) == 1 and values[0].__class__ is list else values
        state = accumulator.initial()
        for item in items:
            state = accumulator.step(state, item)
        return accumulator.result(state)

    return function


OPERATORS = tuple(
    Operator(
        name=name,
        function=_fold(ACCUMULATORS[name]),
        minimum=0,
        maximum=None,
        total=True,
        family="accumulator",
        examples=[Example({name: [1, 2, "x"]}, several), Example({name: "$a"}, one, {"a": [4, 6]})],
    )
    for name, several, one in (
        ("$avg", 1.5, 5.0),
        ("$max", "x", 6),
        ("$min", 1, 4),
        ("$stdDevPop", 0.5, 1.0),
        ("$stdDevSamp", 0.7071067811865476, 1.4142135623730951),
        ("$sum", 3, 10),
    )
)
