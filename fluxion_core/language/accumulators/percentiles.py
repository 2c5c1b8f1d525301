"""``$percentile $median``: discrete percentiles of the numbers, every value kept (MongoDB's ``approximate`` is exact on small inputs)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Constant, Node
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.values import is_finite, is_nan, is_number, shown, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["ACCUMULATORS", "checked_shares", "parse_percentile", "percentile"]


def checked_shares(shares: Any) -> list[float]:
    """Return the ``p`` of ``$percentile``.

    Raises:
        EvaluationError: it is no array of numbers between 0 and 1.
    """
    if shares.__class__ is not list or not shares:
        raise EvaluationError(f"the p of $percentile must be an array of at least one number, not {type_name(shares)}")
    for share in shares:
        if not is_number(share) or not is_finite(share) or not 0 <= share <= 1:
            raise EvaluationError(f"the p of $percentile must hold numbers from 0 to 1, not {shown(share)}")
    return [float(share) for share in shares]


def percentile(values: Sequence[Any], share: float) -> float | None:
    """Return the least value at or below which at least *share* of the *values*, which are sorted, lie."""
    if not values:
        return None
    return float(values[max(0, math.ceil(share * len(values)) - 1)])


def sorted_numbers(values: Sequence[Any]) -> list[Any]:
    """Return the numbers among *values*, sorted; NaN has no place in an order and is passed over."""
    return sorted(value for value in values if is_number(value) and not is_nan(value))


# The state is the pair of the shares and the numbers so far.
def _start(shares: Any) -> list[Any]:
    return [checked_shares(shares), []]


def _add(state: list[Any], value: Any) -> list[Any]:
    if is_number(value):
        state[1].append(value)
    return state


def _percentiles(state: list[Any]) -> list[Any]:
    values = sorted_numbers(state[1])
    return [percentile(values, share) for share in state[0]]


def _median(state: list[Any]) -> Any:
    return _percentiles(state)[0]


def _plain(state: list[Any]) -> list[Any]:
    return [list(state[0]), list(state[1])]


def parse_percentile(parser: Parser, spec: Any, where: str, *, median: bool) -> tuple[Node, Node]:
    """Return the shares and the input of ``$percentile`` or ``$median``."""
    names = ("input", "method") if median else ("input", "p", "method")
    members = parser.members(spec, where, names)
    if members.get("method", "approximate") != "approximate":
        parser.problem(f"{where}.method", f"the method is 'approximate', not {members['method']!r}"[:160])
    source = parser.expression(members.get("input"), f"{where}.input")
    shares = Constant(where, [0.5]) if median else parser.expression(members.get("p", [0.5]), f"{where}.p")
    if not isinstance(shares, Constant):
        return parser.problem(f"{where}.p", "an array of constants was expected, not what a document decides"), source
    try:
        checked_shares(shares.value)
    except EvaluationError as error:
        parser.problem(f"{where}.p", error.message)
    return shares, source


def _parse(parser: Parser, spec: Any, where: str) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    shares, source = parse_percentile(parser, spec, where, median=False)
    return (shares,), (source,)


def _parse_median(parser: Parser, spec: Any, where: str) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    shares, source = parse_percentile(parser, spec, where, median=True)
    return (shares,), (source,)


_VALUES: Final = ({"v": 10}, {"v": 20}, {"v": 30})
ACCUMULATORS = (
    Accumulator(
        name="$percentile",
        initial=_start,
        step=_add,
        result=_percentiles,
        dump=_plain,
        load=_plain,
        parse=_parse,
        family="percentiles",
        examples=[Example({"$percentile": {"input": "$v", "p": [0.5], "method": "approximate"}}, [20.0], documents=_VALUES)],
    ),
    Accumulator(
        name="$median",
        initial=_start,
        step=_add,
        result=_median,
        dump=_plain,
        load=_plain,
        parse=_parse_median,
        family="percentiles",
        examples=[Example({"$median": {"input": "$v", "method": "approximate"}}, 20.0, documents=_VALUES)],
    ),
)
