"""Array expressions with a meaning of their own for their arguments: ``$filter $map $reduce $sortArray $zip``.

Source: MongoDB manual, the page of each; ``arrayIndexAs``, ``$$IDX`` and ``as`` and ``valueAs`` of ``$reduce`` as of 8.3.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import CONTAINER_BYTES, PLACE_BYTES, SMALL_BYTES, places, sort_work, take
from fluxion_core.language.compiler.nodes import Call, Constant, Filter, Map, Node, Reduce, Variable, walk
from fluxion_core.language.compiler.parse import shown
from fluxion_core.language.expressions.arrays import array
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.ordering import sort_key
from fluxion_core.language.paths import index_of
from fluxion_core.language.values import MISSING, is_finite, is_number, is_string, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _bound_names(parser: Parser, members: dict[str, Any], where: str, **defaults: str) -> dict[str, str]:
    """Return the names of the variables of a loop by argument; ``arrayIndexAs``, where it is not given, names ``$$IDX``."""
    names = {"arrayIndexAs": "IDX", **defaults}
    for argument in names:
        if argument in members and parser.check_variable_name(members[argument], f"{where}.{argument}"):
            names[argument] = str(members[argument])
    if len(set(names.values())) < len(names):
        parser.problem(where, f"two variables have one name: {', '.join(names.values())}")
    return names


def _read(name: str, body: Node) -> str:
    """Return the variable *name*, or nothing where *body* does not read it."""
    return name if any(isinstance(part, Variable) and part.name == name for part in walk(body)) else ""


def _map(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("input", "in"), ("as", "arrayIndexAs"))
    source = parser.expression(members.get("input"), f"{where}.input")
    names = _bound_names(parser, members, where, **{"as": "this"})
    with parser.scope(*names.values()):
        body = parser.expression(members.get("in"), f"{where}.in")
    return Map(where, source, names["as"], body, _read(names["arrayIndexAs"], body))


def _filter(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("input", "cond"), ("as", "arrayIndexAs", "limit"))
    source = parser.expression(members.get("input"), f"{where}.input")
    names = _bound_names(parser, members, where, **{"as": "this"})
    with parser.scope(*names.values()):
        test = parser.expression(members.get("cond"), f"{where}.cond")
    limit = parser.expression(members["limit"], f"{where}.limit") if "limit" in members else None
    return Filter(where, source, names["as"], test, limit, _read(names["arrayIndexAs"], test))


def _reduce(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("input", "initialValue", "in"), ("as", "valueAs", "arrayIndexAs"))
    source = parser.expression(members.get("input"), f"{where}.input")
    start = parser.expression(members.get("initialValue"), f"{where}.initialValue")
    names = _bound_names(parser, members, where, **{"as": "this", "valueAs": "value"})
    with parser.scope(*names.values()):
        body = parser.expression(members.get("in"), f"{where}.in")
    return Reduce(where, source, start, body, names["as"], names["valueAs"], _read(names["arrayIndexAs"], body))


def _sort_array(items: Any, order: Any) -> Any:
    if items is None or items is MISSING:
        return None
    array(items, "$sortArray", "input")
    places(len(items))
    sort_work(len(items))
    if isinstance(order, int):
        plain = set(map(type, items)) in ({int}, {str})  # in the order that Python has for them, ten times as fast
        return sorted(items, key=None if plain else sort_key, reverse=order < 0)
    result = list(items)
    for path, direction in reversed(order):
        result.sort(key=partial(_key_at, path=path), reverse=direction < 0)
    return result


def _key_at(item: Any, path: str) -> Any:
    """Return by what *item* is sorted: null where it is no document or has nothing at *path*, an array as one value."""
    return sort_key(_value_at(item, path) if isinstance(item, dict) else None)


def _value_at(value: Any, path: str) -> Any:
    """Return what stands at *path*, which may be one name with dots in it; of an array on the way only a place is looked at."""
    while True:
        if isinstance(value, dict) and path in value:
            return value[path]
        name, dot, path = path.partition(".")
        if not dot:
            return _member(value, name)
        value = _member(value, name)


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    index = index_of(name) if value.__class__ is list else None
    return value[index] if index is not None and index < len(value) else None


_SORT_ARRAY = Operator(name="$sortArray", function=_sort_array, minimum=2, maximum=2, family="array")


def _parse_sort_array(parser: Parser, spec: Any, where: str) -> Node:
    """Parse ``$sortArray``, whose paths are not those of ``$sort``.

    Source: MongoDB manual, "$sortArray"; for what is an order and how arrays sort, the server's ``PatternValueCmp``.
    """
    members = parser.members(spec, where, ("input", "sortBy"))
    source = parser.expression(members.get("input"), f"{where}.input")
    by: Any = members.get("sortBy")
    path = f"{where}.sortBy"
    if isinstance(by, dict) and by:
        order: Any = tuple((name, _direction(parser, name, value, path)) for name, value in by.items())
    elif _is_direction(by):
        order = int(by)
    else:
        return parser.problem(path, "1, -1 or an object of fields with 1 or -1 was expected")
    return Call(where, _SORT_ARRAY, (source, Constant(where, order)))


def _direction(parser: Parser, name: Any, value: Any, where: str) -> int:
    if not is_string(name) or not all(name.split(".")):
        parser.problem(f"{where}.{name}", f"'{name}' is no field path: a name between dots is empty")
    if not _is_direction(value):
        parser.problem(f"{where}.{name}", f"the direction is 1 or -1, not {shown(value)}")
        return 1
    return int(value)


def _is_direction(value: Any) -> bool:
    return is_number(value) and is_finite(value) and value in (1, -1)


def _zip(longest: Any, count: int, *values: Any) -> Any:
    """``$zip`` of *count* inputs, behind which the defaults follow."""
    rows, defaults = values[:count], values[count:]
    for row in rows:  # the first that is null or wrong decides between null and an error
        if row is None or row is MISSING:
            return None
        array(row, "$zip", "inputs")
    fill = defaults or [None] * count
    length = (max if longest else min)(map(len, rows))
    size = length * (CONTAINER_BYTES + PLACE_BYTES * count)
    if size > SMALL_BYTES:
        take(size, 4 * size)
    zipped = [
        [row[index] if index < len(row) else default for row, default in zip(rows, fill, strict=True)]
        for index in range(length)
    ]
    if any(default is MISSING for default in fill):  # leaves no place in the array
        return [[item for item in row if item is not MISSING] for row in zipped]
    return zipped


def _zip_of(longest: Any, inputs: Any, *defaults: Any) -> Any:
    """``$zip`` of an expression that comes to its inputs, which MongoDB refuses and engines compatible with it take."""
    if inputs is None or inputs is MISSING:
        return None
    rows = array(inputs, "$zip", "inputs")
    if not rows or len(defaults) not in {0, len(rows)}:
        raise EvaluationError("$zip needs at least one array, and as many defaults as inputs")
    return _zip(longest, len(rows), *rows, *defaults)


_ZIP = Operator(name="$zip", function=_zip, minimum=3, maximum=None, spared_from=3, family="array")
_ZIP_OF = Operator(name="$zip", function=_zip_of, minimum=2, maximum=None, family="array")


def _parse_zip(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("inputs",), ("useLongestLength", "defaults"))
    longest = members.get("useLongestLength", False)
    if not isinstance(longest, bool):
        return parser.problem(f"{where}.useLongestLength", f"true or false was expected, not {type_name(longest)}")
    defaults = _listed(parser, members.get("defaults", []), f"{where}.defaults")
    if defaults and not longest:
        return parser.problem(f"{where}.defaults", "defaults need useLongestLength: true")
    written = members.get("inputs", [])
    if not isinstance(written, list | tuple):
        return Call(where, _ZIP_OF, (Constant(where, longest), parser.expression(written, f"{where}.inputs"), *defaults))
    inputs = _listed(parser, written, f"{where}.inputs")
    if not inputs:
        return parser.problem(f"{where}.inputs", "an array of at least one expression was expected")
    if defaults and len(defaults) != len(inputs):
        return parser.problem(f"{where}.defaults", "as many defaults as inputs were expected")
    return Call(where, _ZIP, (Constant(where, longest), Constant(where, len(inputs)), *inputs, *defaults))


def _listed(parser: Parser, spec: Any, where: str) -> list[Node]:
    if isinstance(spec, list | tuple):
        return [parser.expression(item, f"{where}[{index}]") for index, item in enumerate(spec)]
    parser.problem(where, f"an array of expressions was expected, not {type_name(spec)}")
    return []


OPERATORS = (
    Form(
        name="$filter",
        parse=_filter,
        family="array",
        examples=[
            Example({"$filter": {"input": [1, 5, 9], "as": "n", "cond": {"$gt": ["$$n", 4]}, "limit": 1}}, [5]),
            Example({"$filter": {"input": [0, 7, 2], "cond": {"$eq": ["$$this", "$$IDX"]}}}, [0, 2]),
        ],
    ),
    Form(
        name="$map",
        parse=_map,
        family="array",
        examples=[
            Example({"$map": {"input": [1, 2], "in": {"$add": ["$$this", 1]}}}, [2, 3]),
            Example({"$map": {"input": ["a", "b"], "arrayIndexAs": "at", "in": ["$$at", "$$this"]}}, [[0, "a"], [1, "b"]]),
        ],
    ),
    Form(
        name="$reduce",
        parse=_reduce,
        family="array",
        examples=[
            Example({"$reduce": {"input": [1, 2, 3], "initialValue": 0, "in": {"$add": ["$$value", "$$this"]}}}, 6),
            Example(
                {
                    "$reduce": {
                        "input": [5, 6],
                        "initialValue": 0,
                        "as": "n",
                        "valueAs": "sum",
                        "in": {"$add": ["$$sum", "$$n"]},
                    }
                },
                11,
            ),
        ],
    ),
    Form(
        name="$sortArray",
        parse=_parse_sort_array,
        family="array",
        examples=[Example({"$sortArray": {"input": [2, 3, 1], "sortBy": -1}}, [3, 2, 1])],
    ),
    Form(
        name="$zip",
        parse=_parse_zip,
        family="array",
        examples=[Example({"$zip": {"inputs": [[1, 2], ["a", "b"]]}}, [[1, "a"], [2, "b"]])],
    ),
)
