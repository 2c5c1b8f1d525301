"""What belongs to no other heading: ``$rand $bsonSize $binarySize $toHashedIndexKey``."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import walk_work
from fluxion_core.language.bson_size import bson_size
from fluxion_core.language.bson_types import octets, subtype
from fluxion_core.language.compiler.nodes import Call, Environment, Node
from fluxion_core.language.dates import milliseconds
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.ordering import RANK
from fluxion_core.language.regex import options_of
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING, is_nan, is_string, kind, type_name

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
    if is_string(value):
        return len(value.encode())
    if kind(value) == "binData":
        return len(getattr(value, "bytes", value))
    raise EvaluationError(f"$binarySize needs a string or binary data, not {type_name(value)}")


def size_of(value: Any) -> Any:
    """``$bsonSize``: the bytes of a document as MongoDB stores it."""
    if value is None or value is MISSING:
        return None
    if not isinstance(value, dict):
        raise EvaluationError(f"$bsonSize needs an object, not {type_name(value)}")
    return bson_size(value, {})


# --------------------------------------------------------------------------------------------------- hashes


_HASH_NANOSECONDS: Final = 2_000
"""What a value within the one that is hashed takes."""


def to_hashed_index_key(value: Any) -> int:
    """``$toHashedIndexKey``: the first 64 bits of the MD5 of a seed, the place of the type in the order of all, and the value in BSON.

    Source: MongoDB manual, "$toHashedIndexKey"; for what is hashed, the server's ``BSONElementHasher``.
    """
    import hashlib  # late, as it loads a library that few pipelines need

    walk_work((value,), _HASH_NANOSECONDS)
    digest = hashlib.md5(struct.pack("<i", 0), usedforsecurity=False)
    for part in _hashed(None if value is MISSING else value):
        digest.update(part)
    found: int = struct.unpack("<q", digest.digest()[:8])[0]
    return found


def _hashed(value: Any, name: bytes = b"") -> Iterator[bytes]:
    yield struct.pack("<i", RANK[kind(value)]) + name
    what = kind(value)
    if what in {"object", "array"}:
        for key, item in value.items() if what == "object" else enumerate(value):
            yield from _hashed(item, f"{key}\0".encode())
        yield struct.pack("<i", 0)
    else:
        yield _value_bytes(value, what)


def _value_bytes(value: Any, what: str) -> bytes:
    if what in {"int", "double", "decimal"}:
        return struct.pack("<q", _whole(value))
    if what in {"string", "javascript"}:
        data = str(value).encode() + b"\0"
        return struct.pack("<i", len(data)) + data
    if what == "binData":
        data = octets(value)
        return struct.pack("<iB", len(data), subtype(value)) + data
    if what == "bool":
        return bytes([value])
    if what == "date":
        return struct.pack("<q", milliseconds(value))
    if what == "objectId":
        return bytes(value.binary)
    if what == "timestamp":
        return struct.pack("<II", value.inc, value.time)
    if what == "regex":
        return f"{value.pattern}\0{options_of(value.flags)}\0".encode()
    return b""  # null and the two keys


def _whole(value: Any) -> int:
    """Return a number as 64 bits have it: without a fraction, within the bounds, 0 for what is none."""
    if is_nan(value):
        return 0
    return int(min(max(value, INT64_MIN), INT64_MAX))


_HASHED_KEY = Operator(name="$toHashedIndexKey", function=to_hashed_index_key, family="miscellaneous")


def _hashed_key(parser: Parser, spec: Any, where: str) -> Node:
    """Parse the one argument as it stands: an array is hashed as one."""
    return Call(where, _HASHED_KEY, (parser.expression(spec, where),))


OPERATORS = (
    Form(name="$rand", parse=_rand, family="miscellaneous", examples=[Example({"$lt": [{"$rand": {}}, 1]}, True)]),
    Operator(
        name="$bsonSize", function=size_of, family="data size", examples=[Example({"$bsonSize": {"$literal": {"a": 1}}}, 12)]
    ),
    Form(
        name="$toHashedIndexKey",
        parse=_hashed_key,
        family="miscellaneous",
        examples=[Example({"$toHashedIndexKey": "string to hash"}, 763543691661428748)],
    ),
    Operator(name="$binarySize", function=binary_size, family="data size", examples=[Example({"$binarySize": "é"}, 2)]),
)
