"""``$min $max $minN $maxN``: in the order of all values; null and missing are passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.ordering import compare, greatest, sort_key
from fluxion_core.language.values import INT64_MAX, MISSING, is_number, is_whole, shown, type_name

__all__ = ["ACCUMULATORS", "checked_n"]

_Cut = Callable[[list[Any], int], list[Any]]


def _nothing() -> Any:
    return MISSING


def _least(state: Any, value: Any) -> Any:
    if value is None or value is MISSING:
        return state
    return value if state is MISSING or compare(value, state) < 0 else state


def _greatest(state: Any, value: Any) -> Any:
    if value is None or value is MISSING:
        return state
    return value if state is MISSING or compare(value, state) > 0 else state


def _or_null(state: Any) -> Any:
    return None if state is MISSING else state


def checked_n(value: Any) -> int:
    """Return the ``n`` of ``$minN`` and its like.

    Raises:
        EvaluationError: it is no whole number of at least 1.
    """
    if is_whole(value) and 0 < value <= INT64_MAX:
        return int(value)
    msg = (
        f"n must be a whole number of at least 1, not {shown(value)}"
        if is_number(value)
        else f"n must be a number, not {type_name(value)}"
    )
    raise EvaluationError(msg)


# State: [n, values]; more than 2n + 64 values are cut back to n
def _several(n: Any) -> list[Any]:
    return [checked_n(n), []]


def _keep(state: list[Any], value: Any, *, cut: _Cut) -> list[Any]:
    if value is not None and value is not MISSING:
        n, values = state
        values.append(value)
        if len(values) > 2 * n + 64:
            values[:] = cut(values, n)
    return state


def _least_n(values: list[Any], n: int) -> list[Any]:
    return sorted(values, key=sort_key)[:n]


def _plain(state: list[Any]) -> list[Any]:
    return [state[0], list(state[1])]


def _cutting(name: str, cut: _Cut, *found: Any, way: int) -> Accumulator:
    return Accumulator(
        name=name,
        initial=_several,
        step=lambda state, value: _keep(state, value, cut=cut),
        result=lambda state: cut(state[1], state[0])[::way],
        dump=_plain,
        load=_plain,
        parameters=("n",),
        arguments=("input",),
        family="extremes",
        examples=[Example({name: {"input": "$v", "n": 2}}, value, documents=_VALUES) for value in found],
    )


_VALUES: Final[tuple[dict[str, Any], ...]] = ({"v": 3}, {"v": 1}, {"v": None}, {}, {"v": 2})
ACCUMULATORS = (
    Accumulator(
        name="$min",
        initial=_nothing,
        step=_least,
        result=_or_null,
        family="extremes",
        examples=[Example({"$min": "$v"}, 1, documents=_VALUES)],
    ),
    Accumulator(
        name="$max",
        initial=_nothing,
        step=_greatest,
        result=_or_null,
        family="extremes",
        examples=[Example({"$max": "$v"}, 3, documents=_VALUES)],
    ),
    _cutting("$minN", _least_n, [1, 2], way=1),
    _cutting("$maxN", greatest, [3, 2], way=-1),
)
