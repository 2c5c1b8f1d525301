"""Vector similarity expressions: ``$similarityCosine $similarityDotProduct $similarityEuclidean``.

A vector is an array of numbers, or binary data of the subtype for vectors. Source: MongoDB manual 8.3, the pages of the three operators;
for binary data, the BSON specification, "BinData Vector".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from operator import mul
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import take
from fluxion_core.language.bson_types import subtype
from fluxion_core.language.compiler.nodes import Call, Node
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, as_float, is_number, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS", "is_binary_vector", "unpacked"]

_SUBTYPE: Final = 9
"""The subtype of binary data that holds a vector."""
_INT8, _FLOAT32, _BITS = 0x03, 0x27, 0x10
_NUMBER_BYTES: Final = 32
"""What a float and its place in an array take."""


def _vector(value: Any, name: str) -> list[float]:
    if value.__class__ is list:
        for item in value:
            if not is_number(item) and not isinstance(item, bool):
                raise EvaluationError(f"{name} needs vectors of numbers, not of {type_name(item)}")
        return [as_float(item) for item in value]
    if is_binary_vector(value):
        return [float(item) for item in unpacked(value, name)]
    raise EvaluationError(f"{name} needs arrays or binary vectors, not {type_name(value)}")


def is_binary_vector(value: Any) -> bool:
    """Tell whether *value* is binary data of the subtype for vectors."""
    return kind(value) == "binData" and subtype(value) == _SUBTYPE


def unpacked(vector: bytes, name: str) -> list[Any]:
    """Return the elements of binary *vector*: ints of 8 bits, floats of 32, or a bool a bit, as operator *name* needs them.

    Raises:
        EvaluationError: the bytes are no vector, or its elements are more than one document may make.
    """
    data = bytes(vector)
    if len(data) >= 2:
        element, padding, items = data[0], data[1], data[2:]
        take(_NUMBER_BYTES * len(items) * (8 if element == _BITS else 1))
        if element == _INT8 and not padding:
            return list(struct.unpack(f"{len(items)}b", items))
        if element == _FLOAT32 and not padding and len(items) % 4 == 0:
            return list(struct.unpack(f"<{len(items) // 4}f", items))
        if element == _BITS and padding <= 7:
            bits = [bool(byte >> place & 1) for byte in items for place in range(7, -1, -1)]
            return bits[: len(bits) - padding] if padding else bits
    raise EvaluationError(f"{name}: the binary data is no vector")


def _dot(first: list[float], second: list[float]) -> float:
    return float(sum(map(mul, first, second)))


def _cosine(first: list[float], second: list[float]) -> float:
    size = math.sqrt(_dot(first, first)) * math.sqrt(_dot(second, second))
    return _dot(first, second) / size if size else 0.0


def _half(value: float) -> float:
    return (1 + value) / 2


def _near(distance: float) -> float:
    return 1 / (1 + distance)


def _similarity(
    name: str,
    measure: Callable[[list[float], list[float]], float],
    score_of: Callable[[float], float],
    raw: float,
    score: float,
) -> Form:
    def compared(first: Any, second: Any) -> Any:
        if first is None or first is MISSING or second is None or second is MISSING:
            return None
        one, other = _vector(first, name), _vector(second, name)
        if len(one) != len(other):
            raise EvaluationError(f"{name} needs vectors of one length, not of {len(one)} and {len(other)}")
        return measure(one, other)

    def scored(first: Any, second: Any) -> Any:
        value = compared(first, second)
        return None if value is None else score_of(value)

    plain = Operator(name=name, function=compared, minimum=2, maximum=2, family="vector")
    as_score = Operator(name=name, function=scored, minimum=2, maximum=2, family="vector")

    def parse(parser: Parser, spec: Any, where: str) -> Node:
        if not isinstance(spec, dict):
            return Call(where, plain, tuple(parser.positional(spec, where, 2, 2)))
        members = parser.members(spec, where, ("vectors",), ("score",))
        wanted = members.get("score", False)
        if not isinstance(wanted, bool):
            return parser.problem(f"{where}.score", f"true or false was expected, not {type_name(wanted)}")
        vectors = parser.positional(members.get("vectors", [None, None]), f"{where}.vectors", 2, 2)
        return Call(where, as_score if wanted else plain, tuple(vectors))

    examples = [
        Example({name: [[1, 2, 3], [3, 2, 1]]}, raw),
        Example({name: {"vectors": [[1, 2, 3], [3, 2, 1]], "score": True}}, score),
    ]
    return Form(name=name, parse=parse, family="vector", examples=examples)


OPERATORS = (
    _similarity("$similarityCosine", _cosine, _half, 10 / 14, 12 / 14),
    _similarity("$similarityDotProduct", _dot, _half, 10.0, 5.5),
    _similarity("$similarityEuclidean", math.dist, _near, math.sqrt(8), 1 / (1 + math.sqrt(8))),
)
