"""Array expressions that are functions of their arguments; the others are in :mod:`~.array_forms`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import (
    COMPARE_NANOSECONDS,
    CONTAINER_BYTES,
    ENTRY_BYTES,
    FEW,
    FEW_COMPARED,
    ITEM_BYTES,
    LOOK_NANOSECONDS,
    PLACE_BYTES,
    SMALL_BYTES,
    places,
    sort_work,
    take,
    take_work,
    walk_work,
)
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.ordering import equal, greatest, sort_key
from fluxion_core.language.values import (
    INT32_MAX,
    INT32_MIN,
    INT64_MAX,
    MISSING,
    described,
    is_finite,
    is_nullish,
    is_number,
    is_string,
    is_whole,
    type_name,
)

__all__ = ["OPERATORS", "array", "whole"]

_FEW_NUMBERS: Final = SMALL_BYTES // ITEM_BYTES
_PAIR_BYTES: Final = 2 * CONTAINER_BYTES + 2 * ITEM_BYTES


def array(value: Any, operator: str, role: str = "argument") -> list[Any]:
    """Return *value* if it is an array.

    Raises:
        EvaluationError: it is none.
    """
    if value.__class__ is list:
        return value
    if value.__class__ is tuple:
        return list(value)
    raise EvaluationError(f"{operator} needs an array as its {role}, not {type_name(value)}")


def whole(value: Any, operator: str, role: str) -> int:
    """Return a number that is whole and fits 32 bits.

    Raises:
        EvaluationError: it is none.
    """
    if is_whole(value) and INT32_MIN <= value <= INT32_MAX:
        return int(value)
    raise EvaluationError(f"{operator} needs a whole number of 32 bits as its {role}, not {type_name(value)}")


def array_elem_at(items: Any, index: Any) -> Any:
    """``$arrayElemAt``; a negative index counts from the end, none there is missing."""
    if is_nullish(items) or is_nullish(index):
        return None
    array(items, "$arrayElemAt", "first argument")
    position = whole(index, "$arrayElemAt", "second argument")
    return items[position] if -len(items) <= position < len(items) else MISSING


def array_to_object(items: Any) -> Any:
    """``$arrayToObject`` of ``[key, value]`` pairs or ``{k, v}`` objects."""
    if is_nullish(items):
        return None
    result: dict[str, Any] = {}
    pairs = array(items, "$arrayToObject")
    if len(pairs) * ITEM_BYTES > SMALL_BYTES:
        take(len(pairs) * ENTRY_BYTES)
    for item in pairs:
        if item.__class__ is not pairs[0].__class__:
            raise EvaluationError("$arrayToObject needs either pairs or objects with k and v, not both")
        key, value = _pair(item)
        if not is_string(key):
            raise EvaluationError(f"$arrayToObject needs strings as keys, not {type_name(key)}")
        if "\0" in key:
            raise EvaluationError("$arrayToObject: a key may not hold a null byte")
        result[key] = value
    return result


def _pair(item: Any) -> tuple[Any, Any]:
    if item.__class__ is list:
        if len(item) != 2:  # key and value
            raise EvaluationError(f"$arrayToObject needs pairs of 2, not {len(item)}")
        return item[0], item[1]
    if isinstance(item, dict):
        if set(item) != {"k", "v"}:
            raise EvaluationError("$arrayToObject needs objects of exactly k and v")
        return item["k"], item["v"]
    raise EvaluationError(f"$arrayToObject needs pairs or objects with k and v, not {type_name(item)}")


def concat_arrays(*values: Any) -> Any:
    """``$concatArrays``; the first null ends it, what stands behind is not looked at."""
    result: list[Any] = []
    for value in values:
        if is_nullish(value):
            return None
        items = array(value, "$concatArrays")
        if len(items) > FEW:
            take(len(items) * PLACE_BYTES)
        result += items
    return result


def _end(name: str, position: int) -> Callable[[Any], Any]:
    def function(items: Any) -> Any:
        if is_nullish(items):
            return None
        array(items, name)
        return items[position] if items else MISSING

    return function


def _count(value: Any, name: str) -> int:
    if is_number(value) and is_finite(value) and 0 < value <= INT64_MAX and value == int(value):
        return int(value)
    raise EvaluationError(f"{name} needs a whole number of at least 1 as its n, not {described(value)}"[:200])


def _ends(name: str, cut: Callable[[list[Any], int], list[Any]]) -> Callable[[Any, Any], Any]:
    def function(n: Any, items: Any) -> Any:
        count = _count(n, name)
        array(items, name, "input")
        places(len(items))
        return cut(items, count)

    return function


def _least(items: list[Any], count: int) -> list[Any]:
    sort_work(items)
    return sorted((item for item in items if not is_nullish(item)), key=sort_key)[:count]


def _greatest(items: list[Any], count: int) -> list[Any]:
    sort_work(items)
    return greatest((item for item in items if not is_nullish(item)), count)[::-1]


def contains(value: Any, items: Any) -> bool:
    """``$in``."""
    array(items, "$in", "second argument")
    return _place_of(value, items, 0, len(items)) >= 0


def _place_of(value: Any, items: Sequence[Any], start: int, end: int) -> int:
    """Return where the first of *items* that is equal to *value* stands, or -1."""
    if end - start > FEW_COMPARED:
        take_work((end - start) * (2 * COMPARE_NANOSECONDS if value.__class__ in {dict, list} else LOOK_NANOSECONDS))
    if value.__class__ in {dict, list}:  # those of another length differ at a glance
        alike = sum(item.__class__ is value.__class__ and len(item) == len(value) for item in islice(items, start, end))
        walk_work((value,), alike * COMPARE_NANOSECONDS)
    if value.__class__ in {str, int} and value not in items:  # what is equal for us is for Python, by far faster
        return -1
    return next((index for index in range(start, end) if equal(items[index], value)), -1)


def index_of_array(items: Any, value: Any, *bounds: Any) -> Any:  # a bound that is given and missing is an error
    """``$indexOfArray``: -1 when it is not there."""
    if is_nullish(items):
        return None
    array(items, "$indexOfArray", "first argument")
    first = _bound(bounds[0], "starting index") if bounds else 0
    last = _bound(bounds[1], "ending index") if len(bounds) > 1 else len(items)
    return _place_of(value, items, first, min(last, len(items)))


def _bound(value: Any, role: str) -> int:
    bound = whole(value, "$indexOfArray", role)
    if bound < 0:
        raise EvaluationError(f"$indexOfArray needs a {role} of at least 0, not {bound}")
    return bound


def is_array(value: Any) -> bool:
    """``$isArray``."""
    return value.__class__ is list or value.__class__ is tuple


def object_to_array(value: Any) -> Any:
    """``$objectToArray``."""
    if is_nullish(value):
        return None
    if not isinstance(value, dict):
        raise EvaluationError(f"$objectToArray needs an object, not {type_name(value)}")
    if len(value) * _PAIR_BYTES > SMALL_BYTES:
        take(len(value) * _PAIR_BYTES)
    return [{"k": name, "v": item} for name, item in value.items()]


def make_range(start: Any, end: Any, step: Any = 1) -> list[int]:
    """``$range``: from *start* up to, and without, *end*."""
    first, last = whole(start, "$range", "start"), whole(end, "$range", "end")
    by = whole(step, "$range", "step")
    if by == 0:
        raise EvaluationError("$range needs a step other than 0")
    numbers = range(first, last, by)
    if len(numbers) > _FEW_NUMBERS:
        take(len(numbers) * ITEM_BYTES, len(numbers) * ITEM_BYTES)
    return list(numbers)


def reverse_array(items: Any) -> Any:
    """``$reverseArray``."""
    if is_nullish(items):
        return None
    array(items, "$reverseArray")
    places(len(items))
    return items[::-1]


def size(items: Any) -> int:
    """``$size``."""
    return len(array(items, "$size"))


def slice_array(items: Any, first: Any, *lengths: Any) -> Any:  # a length that is given and missing is null
    """``$slice``: ``[array, n]`` or ``[array, position, n]``."""
    if is_nullish(items) or is_nullish(first):
        return None
    array(items, "$slice", "first argument")
    position = whole(first, "$slice", "second argument")
    places(len(items))
    if not lengths:
        return items[:position] if position >= 0 else items[position:]
    if is_nullish(lengths[0]):
        return None
    count = whole(lengths[0], "$slice", "third argument")
    if count <= 0:
        raise EvaluationError(f"$slice needs a count of at least 1, not {count}")
    start = max(0, len(items) + position) if position < 0 else position
    return items[start : start + count]


def _positional(
    name: str, function: Callable[..., Any], minimum: int, maximum: int | None, *examples: tuple[Any, Any], **more: Any
) -> Operator:
    made = [Example({name: argument}, answer) for argument, answer in examples]
    return Operator(name=name, function=function, minimum=minimum, maximum=maximum, **more, family="array", examples=made)


def _several(name: str, cut: Callable[[list[Any], int], list[Any]], answer: list[Any]) -> Operator:
    examples = [Example({name: {"n": 2, "input": [3, 1, 2]}}, answer)]
    return Operator(name=name, function=_ends(name, cut), arguments=("n", "input"), family="array", examples=examples)


OPERATORS = (
    _positional("$arrayElemAt", array_elem_at, 2, 2, ([[1, 2], -1], 2)),
    _positional("$arrayToObject", array_to_object, 1, 1, ([[["a", 1]]], {"a": 1})),
    _positional("$concatArrays", concat_arrays, 0, None, ([[1], [2]], [1, 2]), associative="fully", spared_from=1),
    _positional("$first", _end("$first", 0), 1, 1, ([[1, 2]], 1)),
    _several("$firstN", lambda items, count: items[:count], [3, 1]),
    _positional("$in", contains, 2, 2, ([1, [1, 2]], True)),
    _positional("$indexOfArray", index_of_array, 2, 4, ([[1, 2], 2], 1), spared_from=1),
    Operator(name="$isArray", function=is_array, total=True, family="array", examples=[Example({"$isArray": [[1]]}, True)]),
    _positional("$last", _end("$last", -1), 1, 1, ([[1, 2]], 2)),
    _several("$lastN", lambda items, count: items[-count:], [1, 2]),
    _several("$maxN", _greatest, [3, 2]),
    _several("$minN", _least, [1, 2]),
    _positional("$objectToArray", object_to_array, 1, 1, ({"$literal": {"a": 1}}, [{"k": "a", "v": 1}])),
    _positional("$range", make_range, 2, 3, ([0, 6, 2], [0, 2, 4])),
    _positional("$reverseArray", reverse_array, 1, 1, ([[1, 2]], [2, 1])),
    _positional("$size", size, 1, 1, ([[1, 2]], 2)),
    _positional("$slice", slice_array, 2, 3, ([[1, 2, 3], 1, 1], [2]), spared_from=2),
)
