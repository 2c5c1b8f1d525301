"""Query conditions of ``$match``, one file per family of MongoDB's manual; here they are put together.

A query becomes an expression (:func:`query_node`) for generated code, or a function of a document (:func:`document_test`) for
the elements that ``$elemMatch`` looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.nodes import Constant, Environment, Field, Logic, Negation, Node, Predicate
from fluxion_core.language.query import arrays, bitwise, comparison, element, evaluation
from fluxion_core.language.query.comparison import equality
from fluxion_core.language.query.evaluation import regex_leaf
from fluxion_core.language.query.examples import EXAMPLES
from fluxion_core.language.query.leaves import Leaf, Test, is_operators
from fluxion_core.language.values import MISSING, is_finite, is_number, is_string, kind, truthy, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["EXAMPLES", "KEYWORDS", "NAMES", "QUERIES", "REFERENCE", "TOP", "document_test", "field_leaves", "query_node"]

QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {
    **comparison.QUERIES,
    **element.QUERIES,
    **evaluation.QUERIES,
    **arrays.QUERIES,
    **bitwise.QUERIES,
}
LOGICAL: Final = ("$and", "$or", "$nor")
_ON_FIELDS: Final = (*QUERIES, "$not", "$regex", "$options")
TOP: Final = (*LOGICAL, "$expr", "$comment", "$alwaysTrue", "$alwaysFalse", "$jsonSchema", "$sampleRate")
"""What stands in place of a field's name."""
NAMES: Final = frozenset({*_ON_FIELDS, *TOP})
"""Every query operator of the language."""
KEYWORDS: Final = frozenset(_ON_FIELDS) - {"$not"} | {
    "$near",
    "$nearSphere",
    "$geoNear",
    "$geoWithin",
    "$within",
    "$geoIntersects",
}
"""The names with which no value of ``$all`` begins: what the server looks up for a field, conditions on points too but not ``$not``."""
REFERENCE: Final = ("$ref", "$id", "$db")
"""The fields of a DBRef, which are looked at like any other field."""

MAXIMUM_NAMES: Final = 180
"""How many names the path of a condition may have: as deep as MongoDB lets documents nest."""
MAXIMUM_QUERIES: Final = 50_000
"""How many queries, those within others counted, a pipeline may hold."""


def query_node(parser: Parser, spec: Any, where: str) -> Node:
    """Return the query *spec* as an expression on the current document."""
    with parser.deeper(where) as fits:
        if not fits or not parser.fits("queries", MAXIMUM_QUERIES, where):
            return Constant(where, None)
        if not isinstance(spec, dict):
            return parser.problem(where, f"a query is an object, not {type_name(spec)}")
        conditions = [node for name, value in spec.items() for node in _condition(parser, name, value, f"{where}.{name}")]
        return conditions[0] if len(conditions) == 1 else Logic(where, every=True, arguments=tuple(conditions))


def _condition(parser: Parser, name: Any, value: Any, where: str) -> list[Node]:
    if not is_string(name):
        return [parser.problem(where, f"a field's name is a string, not {type_name(name)}")]
    if not name.startswith("$"):
        return _field(parser, name, value, where)
    if name in REFERENCE:
        return [Predicate(where, Field(where, (name,)), equality(parser, value, where).at(()))]
    if name in LOGICAL:
        return [_logical(parser, name, value, where)]
    if name == "$expr":
        return [parser.expression(value, where)]
    if name == "$comment":
        return []
    if name == "$jsonSchema":
        from fluxion_core.language.query.json_schema import schema_test  # late: they bring much that few need
        from fluxion_core.language.query.schema_failures import SchemaFailure

        return [Predicate(where, Field(where, ()), schema_test(parser, value, where), failure=SchemaFailure(value))]
    if name == "$sampleRate":
        return [_sample(parser, value, where)]
    if name in {"$alwaysTrue", "$alwaysFalse"}:
        if not is_number(value) or value != 1:
            return [parser.problem(where, f"{name} takes 1, not {value!r}"[:120])]
        return [Constant(where, name == "$alwaysTrue")]
    parser.unknown(where, "query operator", name, TOP, known.QUERIES - set(_ON_FIELDS))
    return []


def _sample(parser: Parser, value: Any, where: str) -> Node:
    if not is_number(value) or not is_finite(value) or not 0 <= value <= 1:
        return parser.problem(where, f"a number from 0 to 1 was expected, not {value!r}"[:120])
    return Predicate(where, Environment(where, "random"), lambda drawn: drawn < value)


def _logical(parser: Parser, name: str, value: Any, where: str) -> Node:
    if not isinstance(value, list | tuple) or not value:
        return parser.problem(where, f"{name} needs an array of at least one query")
    members = tuple(query_node(parser, item, f"{where}[{index}]") for index, item in enumerate(value))
    if name == "$nor":
        return Negation(where, Logic(where, every=False, arguments=members))
    return Logic(where, every=name == "$and", arguments=members)


def _field(parser: Parser, path: str, value: Any, where: str) -> list[Node]:
    names = tuple(path.split("."))
    if "\0" in path:
        return [parser.problem(where, "a field path may not hold a null byte")]
    if len(names) > MAXIMUM_NAMES:
        return [parser.problem(where, f"the path of a condition may have {MAXIMUM_NAMES} names")]
    first = Field(where, names[:1])
    leaves = field_leaves(parser, value, where) if is_operators(value) else [equality(parser, value, where)]
    return [Predicate(where, first, leaf.at(names[1:]), leaf.fast, names[1:]) for leaf in leaves]


def field_leaves(parser: Parser, spec: Mapping[str, Any], where: str) -> list[Leaf]:
    """Return the conditions of an object of operators; all of them must hold."""
    leaves = []
    for name, value in spec.items():
        path = f"{where}.{name}"
        if name in QUERIES:
            leaves.append(QUERIES[name](parser, value, path))
        elif name == "$not":
            leaves.append(_not(parser, value, path))
        elif name == "$regex":
            leaves.append(regex_leaf(parser, value, spec, path))
        elif name == "$options":
            if "$regex" not in spec:
                parser.problem(path, "$options needs a $regex beside it")
        else:
            parser.unknown(path, "query operator", str(name), _ON_FIELDS, known.QUERIES - set(TOP))
    return leaves


def _not(parser: Parser, spec: Any, where: str) -> Leaf:
    if kind(spec) == "regex":
        return Leaf(lambda _value: False, expands=False, negated=True, parts=(equality(parser, spec, where),))
    if not isinstance(spec, dict) or not is_operators(spec):
        parser.problem(where, "$not needs a regular expression or an object of operators")
        return Leaf(lambda _value: False)
    parts = tuple(field_leaves(parser, spec, where))
    inner = [leaf.at(()) for leaf in parts]
    return Leaf(lambda value: all(test(value) for test in inner), expands=False, negated=True, parts=parts)


def document_test(parser: Parser, spec: Any, where: str) -> Test:
    """Return the query *spec* as a function of a document; ``$expr`` and ``$sampleRate`` have no place in it."""
    for name in ("$expr", "$sampleRate"):
        if _holds(spec, name):
            parser.problem(where, f"{name} applies to whole documents and cannot stand here")
            return lambda _document: False
    return _as_test(query_node(parser, spec, where))


def _holds(spec: Any, name: str) -> bool:
    if isinstance(spec, list | tuple):
        return any(_holds(member, name) for member in spec)
    return isinstance(spec, dict) and (name in spec or any(_holds(spec.get(logical), name) for logical in LOGICAL))


def _as_test(node: Node) -> Test:
    if isinstance(node, Predicate) and isinstance(node.source, Field):
        test = node.test
        if not node.source.names:
            return test
        name = node.source.names[0]
        return lambda document: test(document.get(name, MISSING))
    if isinstance(node, Logic):
        tests = [_as_test(member) for member in node.arguments]
        joint = all if node.every else any
        return lambda document: joint(test(document) for test in tests)
    if isinstance(node, Negation):
        inner = _as_test(node.argument)
        return lambda document: not inner(document)
    if isinstance(node, Constant):
        answer = truthy(node.value)
        return lambda _document: answer
    msg = f"no query: {node}"
    raise AssertionError(msg)
