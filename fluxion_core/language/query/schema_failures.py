"""Which keyword of a schema a document fails, and at which property. Asked only of documents that failed: those that pass pay nothing.

Source: MongoDB manual, "Schema Validation", "Understand Document Validation Errors".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fluxion_core.language.compiler.parse import Parser
from fluxion_core.language.query.json_schema import keyword_test, property_values, text_search
from fluxion_core.language.query.leaves import Test
from fluxion_core.language.values import shown

__all__ = ["SchemaFailure"]

_At = tuple[str, ...]


class SchemaFailure:
    """Says of a document that fails *schema* which keyword it fails first, in the order of the schema, and where."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._tests: dict[tuple[int, str], Test | None] = {}

    def __call__(self, document: Any) -> str:
        """Return it as the end of a message; nothing for a document that passes."""
        found = self.first(self._schema, document, ())
        return f": {found}" if found is not None else ""

    def first(self, schema: Mapping[str, Any], value: Any, at: _At) -> str | None:
        """Return the first failure of *value*, which stands *at* these names; ``None`` if it passes."""
        for name, spec in schema.items():
            if self.passes(schema, name, value):
                continue
            within = _WITHIN.get(name)
            found = next(within(self, schema, value, at), None) if within is not None else None
            return found if found is not None else f"{_told(at)} fails {name}: {shown(spec)}"
        return None

    def passes(self, schema: Mapping[str, Any], name: str, value: Any) -> bool:
        """Whether *value* passes the keyword *name* of *schema*, whose test is made once."""
        key = (id(schema), name)
        if key not in self._tests:  # compiled by now without a problem, so that nobody reads what this parser keeps
            self._tests[key] = keyword_test(Parser(operators={}), name, schema[name], name, schema)
        test = self._tests[key]
        return test is None or test(value)


def _told(at: _At) -> str:
    return repr(".".join(at)[-200:]) if at else "the document"  # a line of a message


def _missing(names: Iterable[str], value: Any, at: _At, keyword: str) -> Iterator[str]:
    return (f"{_told((*at, name))} is missing: {keyword}" for name in names if not property_values(name)(value))


def _required(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    del failure
    return _missing(schema["required"], value, at, "required")


def _properties(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    for name, inner in schema["properties"].items():
        ends = [failure.first(inner, end, (*at, name)) for end in property_values(name)(value)]
        if ends and ends[0] is not None and None not in ends:  # of several values in arrays one that passes is enough
            yield ends[0]


def _pattern_properties(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    for pattern, inner in schema["patternProperties"].items():
        search = text_search(Parser(operators={}), pattern, "patternProperties")
        yield from _failing((failure.first(inner, item, (*at, name)) for name, item in value.items() if search(name)))


def _additional_properties(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    more = schema["additionalProperties"]
    for name, item in value.items():
        if failure.passes(schema, "additionalProperties", {name: item}):
            continue
        found = failure.first(more, item, (*at, name)) if isinstance(more, dict) else None
        yield found if found is not None else f"{_told((*at, name))} fails additionalProperties: {more}"


def _dependencies(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    for name, needs in schema["dependencies"].items():
        if isinstance(needs, str) or not property_values(name)(value):  # a string is a note
            continue
        if isinstance(needs, list):
            yield from _missing(needs, value, at, f"dependencies of {shown(name)}")
        else:
            yield from _failing([failure.first(needs, value, at)])


def _items(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    spec, more = schema["items"], schema.get("additionalItems", True)
    for index, item in enumerate(value):
        place = (*at, str(index))
        inner = spec if isinstance(spec, dict) else spec[index] if index < len(spec) else more
        if isinstance(inner, dict):
            yield from _failing([failure.first(inner, item, place)])
        elif not inner:
            yield f"{_told(place)} fails additionalItems: {inner}"


def _all_of(failure: SchemaFailure, schema: Mapping[str, Any], value: Any, at: _At) -> Iterator[str]:
    return _failing(failure.first(inner, value, at) for inner in schema["allOf"])


def _failing(found: Iterable[str | None]) -> Iterator[str]:
    return (failure for failure in found if failure is not None)


_WITHIN: Final[Mapping[str, Callable[[SchemaFailure, Mapping[str, Any], Any, _At], Iterator[str]]]] = {
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "dependencies": _dependencies,
    "items": _items,
    "allOf": _all_of,
}
"""The keywords that have failures within: which of them is told instead. They are asked only of a value that fails them."""
