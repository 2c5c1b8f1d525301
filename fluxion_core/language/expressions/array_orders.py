"""Arrays in an order: ``$sortArray``, and its ends ``$top $topN $bottom $bottomN`` (new in 8.3).

Paths are not those of ``$sort``: an array in a field is one value, and none is gone through.
Source: MongoDB manual, the page of each; for what is an order, how arrays sort and which of equal elements comes first, the server's
``PatternValueCmp`` and its ``ExpressionTop``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import COMPARE_NANOSECONDS, places, sort_work, take_work
from fluxion_core.language.compiler.nodes import Call, Constant, Node
from fluxion_core.language.expressions.arrays import array
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.ordering import sort_key
from fluxion_core.language.paths import index_of
from fluxion_core.language.values import is_finite, is_nullish, is_number, is_string, is_whole, shown, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _ordered(items: Any, order: Any, operator: str) -> list[Any]:
    """Return the array *items* sorted, those that are equal as they were.

    Raises:
        EvaluationError: it is no array.
    """
    array(items, operator, "input")
    places(len(items))
    if isinstance(order, int):
        sort_work(items)
        plain = set(map(type, items)) in ({int}, {str})  # in the order that Python has for them, ten times as fast
        return sorted(items, key=None if plain else sort_key, reverse=order < 0)
    level = [list(items)]  # groups of what is equal so far: only within them the next path decides
    for path, direction in order:
        level = [finer for group in level for finer in (_sorted_at(group, path, direction) if len(group) > 1 else (group,))]
    return [item for group in level for item in group]


def _sorted_at(items: list[Any], path: str, direction: int) -> Iterator[list[Any]]:
    """Yield *items* in the order of what they have at *path*, those that are equal there together."""
    take_work(len(items) * COMPARE_NANOSECONDS)
    found = [_at(item, path) for item in items]
    sort_work(found)
    keyed = sorted(zip(map(sort_key, found), items, strict=True), key=itemgetter(0), reverse=direction < 0)
    for _, group in groupby(keyed, key=itemgetter(0)):
        yield [item for _, item in group]


def _at(item: Any, path: str) -> Any:
    """Return by what *item* is sorted: null where it is no document or has nothing at *path*, an array as one value."""
    return _value_at(item, path) if isinstance(item, dict) else None


def _value_at(value: Any, path: str) -> Any:
    """Return what stands at *path*, which may be one name with dots in it; of an array on the way only a place is looked at."""
    while isinstance(value, dict | list):  # a path may have many more names than a document has levels
        if isinstance(value, dict) and path in value:
            return value[path]
        name, dot, path = path.partition(".")
        value = _member(value, name)
        if not dot:
            return value
    return None


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    index = index_of(name) if value.__class__ is list else None
    return value[index] if index is not None and index < len(value) else None


def _sort_array(items: Any, order: Any) -> Any:
    return None if is_nullish(items) else _ordered(items, order, "$sortArray")


def _top(items: Any, order: Any) -> Any:
    if is_nullish(items):
        return None
    return next(iter(_ordered(items, order, "$top")), None)


def _bottom(items: Any, order: Any) -> Any:
    """Return the greatest element; the first of those that are equal."""
    if is_nullish(items):
        return None
    array(items, "$bottom", "input")
    return next(reversed(_ordered(items[::-1], order, "$bottom")), None)


def _several(name: str, cut: Callable[[list[Any], int], list[Any]]) -> Callable[[Any, Any, Any], Any]:
    def function(items: Any, order: Any, n: Any) -> Any:
        if is_nullish(n) or is_nullish(items):
            return None
        if not is_whole(n):
            raise EvaluationError(f"{name} needs a whole number as its n, not {type_name(n)}")
        result = _ordered(items, order, name)
        if n < 0:
            raise EvaluationError(f"{name} needs an n of at least 0, not {n}")
        return cut(result, int(n))

    return function


def _form(name: str, function: Callable[..., Any], others: dict[str, Any], answer: Any) -> Form:
    """Return the operator *name*; beside ``input`` and ``sortBy`` it takes *others*, here with a value for the example."""
    count = 2 + len(others)
    operator = Operator(name=name, function=function, minimum=count, maximum=count, family="array")

    def parse(parser: Parser, spec: Any, where: str) -> Node:
        members = parser.members(spec, where, ("input", "sortBy", *others))
        source, *more = (parser.expression(members.get(member), f"{where}.{member}") for member in ("input", *others))
        return Call(where, operator, (source, Constant(where, _order(parser, members.get("sortBy"), f"{where}.sortBy")), *more))

    example = Example({name: {"input": [2, 3, 1], "sortBy": -1, **others}}, answer)
    return Form(name=name, parse=parse, family="array", examples=[example])


def _order(parser: Parser, by: Any, where: str) -> Any:
    """Return 1, -1 or the pairs of path and direction that *by* names."""
    if isinstance(by, dict) and by:
        return tuple((name, _direction(parser, name, value, where)) for name, value in by.items())
    if not _is_direction(by):
        parser.problem(where, "1, -1 or an object of fields with 1 or -1 was expected")
        return 1
    return int(by)


def _direction(parser: Parser, name: Any, value: Any, where: str) -> int:
    if not is_string(name) or not all(name.split(".")):
        parser.problem(f"{where}.{name}", f"'{name}' is no field path: a name between dots is empty")
    if not _is_direction(value):
        parser.problem(f"{where}.{name}", f"the direction is 1 or -1, not {shown(value)}")
        return 1
    return int(value)


def _is_direction(value: Any) -> bool:
    return is_number(value) and is_finite(value) and value in (1, -1)


OPERATORS = (
    _form("$sortArray", _sort_array, {}, [3, 2, 1]),
    _form("$top", _top, {}, 3),
    _form("$topN", _several("$topN", lambda items, n: items[:n]), {"n": 2}, [3, 2]),
    _form("$bottom", _bottom, {}, 1),
    _form("$bottomN", _several("$bottomN", lambda items, n: items[max(0, len(items) - n) :]), {"n": 2}, [2, 1]),
)
