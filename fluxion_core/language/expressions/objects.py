"""Object expressions: ``$getField $mergeObjects $setField $unsetField``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import ENTRY_BYTES, SMALL_BYTES, take
from fluxion_core.language.compiler.nodes import Call, Constant, Field, Node
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, is_string, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _entries(count: int) -> None:
    """Take what an object of *count* fields takes; few are free."""
    if count > SMALL_BYTES // ENTRY_BYTES:
        take(count * ENTRY_BYTES)


def merge_objects(*values: Any) -> dict[str, Any]:
    """``$mergeObjects``: of the elements of one array, or of the arguments; later fields win; null and missing are passed over."""
    merged: dict[str, Any] = {}
    for value in values[0] if len(values) == 1 and values[0].__class__ is list else values:
        if value is None or value is MISSING:
            continue
        if not isinstance(value, dict):
            raise EvaluationError(f"$mergeObjects needs objects, not {type_name(value)}")
        _entries(len(value))
        merged.update(value)
    return merged


def get_field(name: Any, value: Any) -> Any:
    """``$getField``: the field by that very name, dots and all."""
    if not is_string(name):
        raise EvaluationError(f"$getField needs a string as its field, not {type_name(name)}")
    if value is None:
        return None
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def set_field(name: Any, value: Any, new: Any) -> Any:
    """``$setField``: the object with the field set, or removed when the new value is missing."""
    if value is None or value is MISSING:
        return None
    if not isinstance(value, dict):
        raise EvaluationError(f"$setField needs an object as its input, not {type_name(value)}")
    _entries(len(value))
    changed = dict(value)
    if new is MISSING:
        changed.pop(name, None)
    else:
        changed[name] = new
    return changed


_GET = Operator(name="$getField", function=get_field, minimum=2, maximum=2, family="object")
_SET = Operator(name="$setField", function=set_field, minimum=3, maximum=3, spared_from=2, family="object")


def _parse_get(parser: Parser, spec: Any, where: str) -> Node:
    if isinstance(spec, dict) and not next(iter(spec), "").startswith("$"):
        given = parser.arguments(spec, where, ("field", "input"))
        field, source = given.get("field", Constant(where, "")), given.get("input", Constant(where, None))
    else:
        field, source = parser.expression(spec, where), Field(where, ())
    if isinstance(field, Constant) and not isinstance(field.value, str):
        return parser.problem(where, f"$getField needs a string as its field, not {type_name(field.value)}")
    return Call(where, _GET, (field, source))


def _name(parser: Parser, spec: Any, given: dict[str, Node], where: str) -> Node:
    field = given.get("field", Constant(where, ""))
    written = spec.get("field") if isinstance(spec, dict) else None
    literal = is_string(written) or (isinstance(written, dict) and set(written) <= {"$literal", "$const"})
    if isinstance(field, Constant) and isinstance(field.value, str) and "\0" in field.value:
        return parser.problem(f"{where}.field", "a field's name may not hold a null byte")
    if not literal or not isinstance(field, Constant) or not isinstance(field.value, str):
        return parser.problem(f"{where}.field", "the name must be a constant string", "use {$literal: ...} for a name with '$'")
    return field


def _parse_set(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("field", "input", "value"))
    absent = Constant(where, None)
    return Call(where, _SET, (_name(parser, spec, given, where), given.get("input", absent), given.get("value", absent)))


def _parse_unset(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("field", "input"))
    return Call(
        where, _SET, (_name(parser, spec, given, where), given.get("input", Constant(where, None)), Constant(where, MISSING))
    )


_PRICE = {"item": {"a.b": 1}}
OPERATORS = (
    Operator(
        name="$mergeObjects",
        function=merge_objects,
        minimum=0,
        maximum=None,
        family="object",
        examples=[
            Example({"$mergeObjects": ["$item", {"c": 2}]}, {"a.b": 1, "c": 2}, _PRICE),
            Example({"$mergeObjects": "$items"}, {"a": 1, "b": 2}, {"items": [{"a": 1}, None, {"b": 2}]}),
        ],
    ),
    Form(
        name="$getField",
        parse=_parse_get,
        family="object",
        examples=[Example({"$getField": {"field": "a.b", "input": "$item"}}, 1, _PRICE)],
    ),
    Form(
        name="$setField",
        parse=_parse_set,
        family="object",
        examples=[Example({"$setField": {"field": "a.b", "input": "$item", "value": 2}}, {"a.b": 2}, _PRICE)],
    ),
    Form(
        name="$unsetField",
        parse=_parse_unset,
        family="object",
        examples=[Example({"$unsetField": {"field": "a.b", "input": "$item"}}, {}, _PRICE)],
    ),
)
