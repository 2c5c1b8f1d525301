"""What belongs to no other heading: ``$rand $bsonSize $binarySize``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Environment, Node
from fluxion_core.language.operators import Example, Form, Operator
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


OPERATORS = (
    Form(name="$rand", parse=_rand, family="miscellaneous", examples=[Example({"$lt": [{"$rand": {}}, 1]}, True)]),
    Operator(name="$binarySize", function=binary_size, family="data size", examples=[Example({"$binarySize": "é"}, 2)]),
)
