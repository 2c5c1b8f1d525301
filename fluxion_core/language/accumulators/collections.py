"""``$push $addToSet $mergeObjects $concatArrays $setUnion``: values gathered into an array or a document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.ordering import identity
from fluxion_core.language.values import MISSING, type_name

__all__ = ["ACCUMULATORS"]


def _list() -> list[Any]:
    return []


def _push(state: list[Any], value: Any) -> list[Any]:
    if value is not MISSING:
        state.append(value)
    return state


def _copied(state: list[Any]) -> list[Any]:
    return list(state)


def _array_for(name: str) -> Callable[[Any], Any]:
    """Return the check that a value is an array, or missing, for accumulator *name*."""

    def check(value: Any) -> Any:
        if value is not MISSING and value.__class__ is not list:
            raise EvaluationError(f"{name} needs arrays, not {type_name(value)}")
        return value

    return check


def _concat(state: list[Any], value: Any) -> list[Any]:
    if value is not MISSING:
        state += value
    return state


# State of a set: {identity: value}
def _set() -> dict[Any, Any]:
    return {}


def _add(state: dict[Any, Any], value: Any) -> dict[Any, Any]:
    if value is not MISSING:
        state.setdefault(identity(value), value)
    return state


def _unite(state: dict[Any, Any], value: Any) -> dict[Any, Any]:
    for item in value if value is not MISSING else ():
        state.setdefault(identity(item), item)
    return state


def _members(state: dict[Any, Any]) -> list[Any]:
    return list(state.values())


def _from_members(values: list[Any]) -> dict[Any, Any]:
    return {identity(value): value for value in values}


def _object_or_nothing(value: Any) -> Any:
    if value is None or value is MISSING or isinstance(value, dict):
        return value
    raise EvaluationError(f"$mergeObjects needs objects, not {type_name(value)}")


def _merge(state: dict[str, Any], value: Any) -> dict[str, Any]:
    if value is not None and value is not MISSING:
        state.update(value)
    return state


def _copied_object(state: dict[str, Any]) -> dict[str, Any]:
    return dict(state)


_VALUES: Final = ({"v": 1, "o": {"a": 1}, "l": [1, 2]}, {"v": 1, "o": {"b": 2}, "l": [2, 3]})
ACCUMULATORS = (
    Accumulator(
        name="$push",
        initial=_list,
        step=_push,
        result=_copied,
        dump=_copied,
        load=_copied,
        family="collections",
        examples=[Example({"$push": "$v"}, [1, 1], documents=_VALUES)],
    ),
    Accumulator(
        name="$addToSet",
        initial=_set,
        step=_add,
        result=_members,
        dump=_members,
        load=_from_members,
        family="collections",
        examples=[Example({"$addToSet": "$v"}, [1], documents=_VALUES)],
    ),
    Accumulator(
        name="$mergeObjects",
        initial=_set,
        step=_merge,
        result=_copied_object,
        dump=_copied_object,
        load=_copied_object,
        check=_object_or_nothing,
        window=False,
        family="collections",
        examples=[Example({"$mergeObjects": "$o"}, {"a": 1, "b": 2}, documents=_VALUES)],
    ),
    Accumulator(
        name="$concatArrays",
        initial=_list,
        step=_concat,
        result=_copied,
        dump=_copied,
        load=_copied,
        check=_array_for("$concatArrays"),
        family="collections",
        examples=[Example({"$concatArrays": "$l"}, [1, 2, 2, 3], documents=_VALUES)],
    ),
    Accumulator(
        name="$setUnion",
        initial=_set,
        step=_unite,
        result=_members,
        dump=_members,
        load=_from_members,
        check=_array_for("$setUnion"),
        family="collections",
        examples=[Example({"$setUnion": "$l"}, [1, 2, 3], documents=_VALUES)],
    ),
)
