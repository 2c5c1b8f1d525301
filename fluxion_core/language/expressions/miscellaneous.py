"""What belongs to no other heading: ``$rand $bsonSize $binarySize``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Environment, Node
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.regex import options_of
from fluxion_core.language.values import MISSING, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _rand(parser: Parser, spec: Any, where: str) -> Node:
    if spec not in ({}, []):
        return parser.problem(where, "$rand takes no arguments", "write {$rand: {}}")
    return Environment(where, "random")


def binary_size(value: Any) -> Any:
    """``$binarySize``: bytes of a string in UTF-8, or of binary data."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, str):
        return len(value.encode())
    if kind(value) == "binData":
        return len(getattr(value, "bytes", value))
    raise EvaluationError(f"$binarySize needs a string or binary data, not {type_name(value)}")


def bson_size(value: Any) -> Any:
    """``$bsonSize``: the bytes of a document as MongoDB stores it."""
    if value is None or value is MISSING:
        return None
    if not isinstance(value, dict):
        raise EvaluationError(f"$bsonSize needs an object, not {type_name(value)}")
    return _document_size(value.items())


def _document_size(items: Iterable[tuple[str, Any]]) -> int:
    return 5 + sum(2 + len(name.encode()) + _value_size(value) for name, value in items)


_SIZES: Final = {
    "null": 0,
    "bool": 1,
    "double": 8,
    "date": 8,
    "objectId": 12,
    "timestamp": 8,
    "decimal": 16,
    "minKey": 0,
    "maxKey": 0,
}


def _value_size(value: Any) -> int:
    name = type_name(value)
    if name in {"int", "long"}:
        return 4 if name == "int" else 8
    if name == "string":
        return 5 + len(value.encode())
    if name == "object":
        return _document_size(value.items())
    if name == "array":
        return _document_size((str(index), item) for index, item in enumerate(value))
    if name == "binData":
        return 5 + len(getattr(value, "bytes", value))
    if name == "regex":
        return 2 + len(str(value.pattern).encode()) + len(options_of(value.flags))
    return _SIZES.get(name, 0)


OPERATORS = (
    Form(name="$rand", parse=_rand, family="miscellaneous", examples=[Example({"$lt": [{"$rand": {}}, 1]}, True)]),
    Operator(
        name="$bsonSize", function=bson_size, family="data size", examples=[Example({"$bsonSize": {"$literal": {"a": 1}}}, 12)]
    ),
    Operator(name="$binarySize", function=binary_size, family="data size", examples=[Example({"$binarySize": "é"}, 2)]),
)
