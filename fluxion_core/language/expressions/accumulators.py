"""Accumulators used as expressions: over the elements of one array, or over several arguments as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.accumulators.percentiles import checked_shares, parse_percentile, percentile, sorted_numbers
from fluxion_core.language.compiler.nodes import Call, Node
from fluxion_core.language.expressions.arithmetic import narrowed
from fluxion_core.language.operators import Accumulator, Example, Form, Operator
from fluxion_core.language.values import as_float, is_number

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _fold(accumulator: Accumulator) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        items = values[0] if len(values) == 1 and values[0].__class__ is list else values
        state = accumulator.initial()
        for item in items:
            state = accumulator.step(state, item)
        return accumulator.result(state)

    return function


def _percentiles(shares: Any, source: Any) -> list[Any]:
    if is_number(source):  # each of them is the number itself, even NaN
        return [as_float(source) for _ in checked_shares(shares)]
    values = sorted_numbers(source) if source.__class__ is list else []
    return [percentile(values, share) for share in checked_shares(shares)]


def _median(shares: Any, source: Any) -> Any:
    return _percentiles(shares, source)[0]


_PERCENTILE = Operator(name="$percentile", function=_percentiles, minimum=2, maximum=2, family="accumulator")
_MEDIAN = Operator(name="$median", function=_median, minimum=2, maximum=2, family="accumulator")


def _parse_percentile(parser: Parser, spec: Any, where: str) -> Node:
    return Call(where, _PERCENTILE, parse_percentile(parser, spec, where, median=False))


def _parse_median(parser: Parser, spec: Any, where: str) -> Node:
    return Call(where, _MEDIAN, parse_percentile(parser, spec, where, median=True))


def sum_of(*values: Any) -> Any:
    """``$sum`` as an expression: the fast way where every item is a plain number, which fsum adds up exactly."""
    items = values[0] if len(values) == 1 and values[0].__class__ is list else values
    classes = set(map(type, items))
    if classes <= {int, float} and classes:
        if float not in classes:
            return narrowed(sum(items))
        total = sum(items)
        return math.fsum(items) if math.isfinite(total) else total
    return _SUM(*values)


_SUM = _fold(ACCUMULATORS["$sum"])
_FOLDED = tuple(
    Operator(
        name=name,
        function=sum_of if name == "$sum" else _fold(ACCUMULATORS[name]),
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
OPERATORS = (
    *_FOLDED,
    Form(
        name="$percentile",
        parse=_parse_percentile,
        family="accumulator",
        examples=[Example({"$percentile": {"input": [1, 2, 3], "p": [0.5, 1], "method": "approximate"}}, [2.0, 3.0])],
    ),
    Form(
        name="$median",
        parse=_parse_median,
        family="accumulator",
        examples=[Example({"$median": {"input": [1, 2, 3], "method": "approximate"}}, 2.0)],
    ),
)
