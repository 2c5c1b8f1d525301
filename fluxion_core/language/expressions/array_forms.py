"""Array expressions with a meaning of their own for their arguments: ``$filter $map $reduce $zip``.

Source: MongoDB manual, the page of each; ``arrayIndexAs``, ``$$IDX`` and ``as`` and ``valueAs`` of ``$reduce`` as of 8.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import CONTAINER_BYTES, PLACE_BYTES, SMALL_BYTES, take
from fluxion_core.language.compiler.nodes import Call, Constant, Filter, Map, Node, Reduce, Variable, walk
from fluxion_core.language.expressions.arrays import array
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, type_name

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
        name="$zip",
        parse=_parse_zip,
        family="array",
        examples=[Example({"$zip": {"inputs": [[1, 2], ["a", "b"]]}}, [[1, "a"], [2, "b"]])],
    ),
)
