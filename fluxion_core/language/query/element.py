"""Element: ``$exists $type``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import did_you_mean
from fluxion_core.language.query.leaves import Leaf
from fluxion_core.language.values import MISSING, is_string, is_whole, truthy, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["QUERIES", "TYPE_CODES", "type_aliases"]

TYPE_CODES: Final = {
    1: "double",
    2: "string",
    3: "object",
    4: "array",
    5: "binData",
    6: "undefined",
    7: "objectId",
    8: "bool",
    9: "date",
    10: "null",
    11: "regex",
    12: "dbPointer",
    13: "javascript",
    14: "symbol",
    15: "javascriptWithScope",
    16: "int",
    17: "timestamp",
    18: "long",
    19: "decimal",
    -1: "minKey",
    127: "maxKey",
}
"""Number of a BSON type -> its alias. Source: MongoDB manual, "BSON Types"."""
_NUMBER: Final = frozenset({"int", "long", "double", "decimal"})


def _exists(parser: Parser, spec: Any, where: str) -> Leaf:
    del parser, where
    return Leaf(lambda value: value is not MISSING, expands=False, negated=not truthy(spec))


def type_aliases(parser: Parser, spec: Any, where: str) -> frozenset[str]:
    """Return the aliases that *spec* (an alias, a number, or an array of them) names."""
    found: set[str] = set()
    if isinstance(spec, list | tuple) and not spec:
        parser.problem(where, "$type needs at least one type")
    for item in spec if isinstance(spec, list | tuple) else [spec]:
        if item == "number":
            found |= _NUMBER
        elif is_string(item) and item in TYPE_CODES.values():
            found.add(item)
        elif is_whole(item) and item in TYPE_CODES:
            found.add(TYPE_CODES[int(item)])
        else:
            hint = did_you_mean(item, TYPE_CODES.values()) if is_string(item) else ""
            parser.problem(where, f"{item!r} is no BSON type", hint)
    return frozenset(found)


def _type(parser: Parser, spec: Any, where: str) -> Leaf:
    wanted = type_aliases(parser, spec, where)
    return Leaf(lambda value: type_name(value) in wanted)


QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {"$exists": _exists, "$type": _type}
