"""``$min $max $minN $maxN``: in the order of all values; null and missing are passed over."""

from __future__ import annotations

from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.ordering import compare, sort_key
from fluxion_core.language.values import INT64_MAX, MISSING, is_number, is_whole, type_name

__all__ = ["ACCUMULATORS", "checked_n"]


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
        f"n must be a whole number of at least 1, not {value!r}"
        if is_number(value)
        else f"n must be a number, not {type_name(value)}"
    )
    raise EvaluationError(msg)


# State: [n, values]; more than 2n + 64 values are cut back to n
def _several(n: Any) -> list[Any]:
    return [checked_n(n), []]


def _least_n(state: list[Any], value: Any) -> list[Any]:
    return _keep(state, value, descending=False)


def _greatest_n(state: list[Any], value: Any) -> list[Any]:
    return _keep(state, value, descending=True)


def _keep(state: list[Any], value: Any, *, descending: bool) -> list[Any]:
    if value is not None and value is not MISSING:
        n, values = state
        values.append(value)
        if len(values) > 2 * n + 64:
            values.sort(key=sort_key, reverse=descending)
            del values[n:]
    return state


def _first_n(state: list[Any], *, descending: bool) -> list[Any]:
    n, values = state
    return sorted(values, key=sort_key, reverse=descending)[:n]


def _plain(state: list[Any]) -> list[Any]:
    return [state[0], list(state[1])]


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
    Accumulator(
        name="$minN",
        initial=_several,
        step=_least_n,
        result=lambda state: _first_n(state, descending=False),
        dump=_plain,
        load=_plain,
        parameters=("n",),
        arguments=("input",),
        family="extremes",
        examples=[Example({"$minN": {"input": "$v", "n": 2}}, [1, 2], documents=_VALUES)],
    ),
    Accumulator(
        name="$maxN",
        initial=_several,
        step=_greatest_n,
        result=lambda state: _first_n(state, descending=True),
        dump=_plain,
        load=_plain,
        parameters=("n",),
        arguments=("input",),
        family="extremes",
        examples=[Example({"$maxN": {"input": "$v", "n": 2}}, [3, 2], documents=_VALUES)],
    ),
)
