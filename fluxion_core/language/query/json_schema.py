"""``$jsonSchema``: the draft 4 of JSON Schema with MongoDB's ``bsonType``.

Source: MongoDB manual, "$jsonSchema"; JSON Schema Validation, draft 4.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError, did_you_mean
from fluxion_core.language.expressions.arithmetic import mod, to_decimal
from fluxion_core.language.ordering import identity
from fluxion_core.language.query.comparison import order_test
from fluxion_core.language.query.element import TYPE_CODES
from fluxion_core.language.query.leaves import Test, endpoints
from fluxion_core.language.regex import compile_pattern, searching
from fluxion_core.language.values import INT64_MAX, MISSING, is_finite, is_number, is_string, is_whole, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["MAXIMUM_SCHEMAS", "keyword_test", "property_values", "schema_test", "text_search"]

MAXIMUM_SCHEMAS: Final = 10_000
"""How many schemas, those within others counted, a pipeline may hold."""

_NUMBERS: Final = frozenset({"int", "long", "double", "decimal"})
_JSON_TYPES: Final = {
    "object": "object",
    "array": "array",
    "number": "number",
    "boolean": "bool",
    "string": "string",
    "null": "null",
}
_IGNORED: Final = frozenset({"title", "description"})
_REFUSED: Final = frozenset({"$ref", "$schema", "default", "definitions", "format", "id"})


def schema_test(parser: Parser, schema: Any, where: str) -> Test:
    """Return *schema* as a test of a value; a document that is tested is one value."""
    with parser.deeper(where) as fits:
        if not fits or not parser.fits("schemas", MAXIMUM_SCHEMAS, where):
            return _anything
        if not isinstance(schema, dict):
            parser.problem(where, f"a schema is an object, not {type_name(schema)}")
            return _anything
        if "type" in schema and "bsonType" in schema:
            parser.problem(where, "type and bsonType cannot stand together")
        tests = [
            test
            for name, value in schema.items()
            if (test := keyword_test(parser, name, value, f"{where}.{name}", schema)) is not None
        ]
    return lambda value: all(test(value) for test in tests)


def _anything(_value: Any) -> bool:
    return True


def keyword_test(parser: Parser, name: str, value: Any, where: str, schema: Mapping[str, Any]) -> Test | None:
    """Return the keyword *name* of *schema* as a test; ``None`` if it says nothing, or nothing by itself."""
    make = _KEYWORDS.get(name)
    if make is not None:
        return make(parser, value, where, schema)
    if name in _REFUSED:
        parser.problem(where, f"the keyword '{name}' is not supported, by MongoDB either")
    elif name in _IGNORED:
        if not is_string(value):
            parser.problem(where, f"a string was expected, not {type_name(value)}")
    elif name not in {"exclusiveMinimum", "exclusiveMaximum", "additionalItems"}:
        parser.problem(where, f"unknown keyword '{name}'", did_you_mean(name, _KEYWORDS))
    elif name == "additionalItems":
        if not isinstance(value, bool):
            schema_test(parser, value, where)
    elif name.replace("exclusiveM", "m") not in schema:
        parser.problem(where, f"{name} needs {name.replace('exclusiveM', 'm')}")
    return None


# --------------------------------------------------------------------------------------------------- types


def _type(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    names = value if isinstance(value, list) else [value]
    wanted: set[str] = set()
    _no_duplicates(parser, names, where)
    for name in names:
        if name == "integer":
            parser.problem(where, "the type 'integer' is not supported", "use bsonType: int or long")
        elif not is_string(name) or name not in _JSON_TYPES:
            parser.problem(where, f"unknown type {name!r}"[:100], did_you_mean(str(name), _JSON_TYPES))
        else:
            wanted |= _NUMBERS if name == "number" else {_JSON_TYPES[name]}
    if not names:
        parser.problem(where, "at least one type was expected")
    return lambda item: type_name(item) in wanted


def _bson_type(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    names = value if isinstance(value, list) else [value]
    wanted: set[str] = set()
    if not names:
        parser.problem(where, "at least one type was expected")
    _no_duplicates(parser, names, where)
    for name in names:
        if name == "number":
            wanted |= _NUMBERS
        elif is_string(name) and name in TYPE_CODES.values():
            wanted.add(name)
        else:
            parser.problem(where, f"unknown type {name!r}"[:100], did_you_mean(str(name), TYPE_CODES.values()))
    return lambda item: type_name(item) in wanted


# --------------------------------------------------------------------------------------------------- numbers, strings


def _limit(parser: Parser, value: Any, where: str, *, lowest: bool, exclusive: Any) -> Test:
    if not is_number(value):
        parser.problem(where, f"a number was expected, not {type_name(value)}")
        return _anything
    if not isinstance(exclusive, bool):
        parser.problem(where, "exclusiveMinimum and exclusiveMaximum are true or false")
        return _anything
    side = 1 if lowest else -1
    within = order_test(value, frozenset({side} if exclusive else {0, side}))
    return lambda item: not is_number(item) or within(item)


def _minimum(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    return _limit(parser, value, where, lowest=True, exclusive=schema.get("exclusiveMinimum", False))


def _maximum(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    return _limit(parser, value, where, lowest=False, exclusive=schema.get("exclusiveMaximum", False))


def _multiple_of(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not is_number(value) or not is_finite(value) or not value > 0:
        parser.problem(where, "a number above 0 was expected")
        return _anything

    divisor = to_decimal(value)  # as MongoDB does: 0.3 is a multiple of 0.1
    return lambda item: not is_number(item) or mod(to_decimal(item), divisor) == 0


def _pattern(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    search = text_search(parser, value, where)
    return lambda item: not is_string(item) or search(item)


def text_search(parser: Parser, value: Any, where: str) -> Callable[[str], bool]:
    """Return whether a text holds the pattern *value*."""
    if not is_string(value):
        parser.problem(where, f"a pattern was expected, not {type_name(value)}")
        return lambda _text: True
    try:
        pattern = compile_pattern(value)
    except EvaluationError as error:
        parser.problem(where, error.message)
        return lambda _text: True
    return searching(pattern, where)


def _count(parser: Parser, value: Any, where: str) -> int | None:
    if is_whole(value) and 0 <= value <= INT64_MAX:
        return int(value)
    parser.problem(where, "a whole number of at least 0 was expected")
    return None


def _sized(family: str, *, lowest: bool) -> Callable[[Parser, Any, str, Mapping[str, Any]], Test]:
    def make(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
        del schema
        count = _count(parser, value, where)
        if count is None:
            return _anything
        return lambda item: kind(item) != family or (len(item) >= count if lowest else len(item) <= count)

    return make


# --------------------------------------------------------------------------------------------------- objects


def property_values(name: str) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Return what gives the values of the property *name*, none where it is missing.

    A dot in the name leads into documents and arrays, as in the path of a query.
    """
    first, *rest = name.split(".")
    if not rest:
        return lambda document: (document[first],) if first in document else ()
    return lambda document: [end for end in endpoints(document.get(first, MISSING), rest, expands=False) if end is not MISSING]


def _required(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, list) or not value or not all(is_string(name) for name in value):
        parser.problem(where, "an array of at least one name was expected")
        return _anything
    _no_duplicates(parser, value, where)
    properties = [property_values(name) for name in value]
    return lambda item: not isinstance(item, dict) or all(values(item) for values in properties)


def _properties(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, dict):
        parser.problem(where, f"an object of schemas was expected, not {type_name(value)}")
        return _anything
    tests = [(property_values(name), schema_test(parser, inner, f"{where}.{name}")) for name, inner in value.items()]
    return lambda item: (
        not isinstance(item, dict) or all(not (found := values(item)) or any(map(test, found)) for values, test in tests)
    )


def _pattern_properties(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, dict):
        parser.problem(where, f"an object of schemas was expected, not {type_name(value)}")
        return _anything
    tests = [(text_search(parser, name, where), schema_test(parser, inner, f"{where}.{name}")) for name, inner in value.items()]
    return lambda item: (
        not isinstance(item, dict) or all(test(inner) for search, test in tests for name, inner in item.items() if search(name))
    )


def _additional_properties(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    named = schema.get("properties")
    known = set(named) if isinstance(named, dict) else set()
    patterns = schema.get("patternProperties")
    searches = [text_search(parser, name, where) for name in patterns] if isinstance(patterns, dict) else []
    if isinstance(value, bool):
        allowed: Test = lambda _item: value  # noqa: E731  # one of two ways to make the same thing
    else:
        allowed = schema_test(parser, value, where)
    return lambda item: (
        not isinstance(item, dict)
        or all(
            allowed(inner) for name, inner in item.items() if name not in known and not any(search(name) for search in searches)
        )
    )


def _dependencies(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, dict):
        parser.problem(where, f"an object was expected, not {type_name(value)}")
        return _anything
    tests: list[tuple[Callable[[Mapping[str, Any]], Sequence[Any]], Test]] = []
    for name, needs in value.items():
        path = f"{where}.{name}"
        if name in _IGNORED and is_string(needs):  # a note on the dependencies
            continue
        made = _required(parser, needs, path, {}) if isinstance(needs, list) else schema_test(parser, needs, path)
        tests.append((property_values(name), made))
    return lambda item: not isinstance(item, dict) or all(test(item) for values, test in tests if values(item))


# --------------------------------------------------------------------------------------------------- arrays


def _items(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    if isinstance(value, list):
        tests = [schema_test(parser, inner, f"{where}[{index}]") for index, inner in enumerate(value)]
        more = schema.get("additionalItems", True)
        if isinstance(more, bool):
            rest: Test = lambda _item: more  # noqa: E731  # as above
        else:
            rest = schema_test(parser, more, f"{where}.additionalItems")
        count = len(tests)
        return lambda item: (
            item.__class__ is not list
            or (
                all(test(inner) for test, inner in zip(tests, item, strict=False))
                and all(rest(inner) for inner in item[count:])
            )
        )
    test = schema_test(parser, value, where)
    return lambda item: item.__class__ is not list or all(map(test, item))


def _unique(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, bool):
        parser.problem(where, f"true or false was expected, not {type_name(value)}")
        return _anything
    return lambda item: not value or item.__class__ is not list or not _duplicates(item)


def _unordered(value: Any) -> Hashable:
    """Return the identity of a value, for which the order of an object's fields does not count."""
    if isinstance(value, dict):
        return (20, frozenset((name, _unordered(item)) for name, item in value.items()))
    if value.__class__ is list:
        return (25, tuple(map(_unordered, value)))
    return identity(value)


def _duplicates(values: Sequence[Any]) -> bool:
    return len(set(map(_unordered, values))) < len(values)


def _no_duplicates(parser: Parser, values: Sequence[Any], where: str) -> None:
    if _duplicates(values):
        parser.problem(where, "a value is given twice")


# --------------------------------------------------------------------------------------------------- combinations


def _several(decide: Callable[[list[bool]], bool]) -> Callable[[Parser, Any, str, Mapping[str, Any]], Test]:
    def make(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
        del schema
        if not isinstance(value, list) or not value:
            parser.problem(where, "an array of at least one schema was expected")
            return _anything
        tests = [schema_test(parser, inner, f"{where}[{index}]") for index, inner in enumerate(value)]
        return lambda item: decide([test(item) for test in tests])

    return make


def _not(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    test = schema_test(parser, value, where)
    return lambda item: not test(item)


def _enum(parser: Parser, value: Any, where: str, schema: Mapping[str, Any]) -> Test:
    del schema
    if not isinstance(value, list) or not value:
        parser.problem(where, "an array of at least one value was expected")
        return _anything
    _no_duplicates(parser, value, where)
    allowed = set(map(_unordered, value))
    return lambda item: _unordered(item) in allowed


_KEYWORDS: Final[Mapping[str, Callable[[Parser, Any, str, Mapping[str, Any]], Test]]] = {
    "type": _type,
    "bsonType": _bson_type,
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "minLength": _sized("string", lowest=True),
    "maxLength": _sized("string", lowest=False),
    "minItems": _sized("array", lowest=True),
    "maxItems": _sized("array", lowest=False),
    "minProperties": _sized("object", lowest=True),
    "maxProperties": _sized("object", lowest=False),
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "dependencies": _dependencies,
    "items": _items,
    "uniqueItems": _unique,
    "allOf": _several(all),
    "anyOf": _several(any),
    "oneOf": _several(lambda answers: answers.count(True) == 1),
    "not": _not,
    "enum": _enum,
}
