"""Values as bytes for state and for documents that wait for a sink: MessagePack with every type of the language kept.

Source: the MessagePack specification; extension types 1-14 are ours.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING, kind

__all__ = [
    "PLAIN",
    "PLAIN_OR_INT",
    "decode_value",
    "encode_documents",
    "encode_json",
    "encode_json_lines",
    "encode_plain",
    "encode_value",
]

encode_plain = msgspec.msgpack.Encoder().encode
"""What :func:`encode_value` does to a value of classes in :data:`PLAIN`, ints of 64 bits, and lists of such."""
_PLAIN_CLASSES: Final[tuple[Any, ...]] = (int, float, str, dict, list, bytes)
PLAIN: Final = frozenset({str, bool, type(None), float, bytes})
"""Classes of values that are bytes as they are."""
PLAIN_OR_INT: Final = PLAIN | {int}
"""The same, and that of whole numbers, of which those of more than 64 bits are not."""


def encode_value(value: Any) -> bytes:
    """Return *value* as bytes from which :func:`decode_value` makes an equal value of the same types."""
    try:
        return encode_plain(_wrapped(value))
    except RecursionError:
        return encode_plain(_wrapped_deep(value))


def encode_documents(documents: Sequence[dict[str, Any]]) -> bytes:
    """Return what :func:`encode_value` returns for the list of *documents*, sooner where these are flat and of plain values."""
    classes = {cls for document in documents for cls in map(type, document.values())}
    if classes <= PLAIN_OR_INT:
        with suppress(OverflowError):  # an integer of more than 64 bits
            return encode_plain(documents)
    return encode_value(documents)


def decode_value(data: bytes) -> Any:
    """Return the value that :func:`encode_value` got."""
    return _unpack(data)


_DECIMAL_BITS: Final = 10_000


def _ext(code: int, content: bytes) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, content)


def _digits(value: int) -> str:
    return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)  # Python writes no more than 4300 decimal digits


def _wrapped(value: Any) -> Any:
    cls = value.__class__
    if cls in PLAIN:
        return value
    if cls is dict:
        return {name: _wrapped(item) for name, item in value.items()}
    if cls is list or cls is tuple:
        return [_wrapped(item) for item in value]
    if cls is int:
        return value if INT64_MIN <= value <= INT64_MAX else _ext(1, _digits(value).encode())
    if cls is Decimal:
        return _ext(2, str(value).encode())
    if cls is datetime:
        return value if value.tzinfo is UTC else value.replace(tzinfo=UTC) if value.tzinfo is None else _in_utc(value)
    if cls is UUID:
        return _ext(3, value.bytes)
    if value is MISSING:
        return _ext(4, b"")
    if isinstance(value, re.Pattern):
        return _ext(5, encode_plain([value.pattern, value.flags]))
    return _wrapped_foreign(value)


def _in_utc(date: datetime) -> Any:
    try:
        return date.astimezone(UTC)
    except OverflowError:  # it is in another year there, one that Python's dates do not have
        return _ext(14, date.isoformat().encode())


def _wrapped_deep(value: Any) -> Any:
    """Do as :func:`_wrapped` without recursion: what nests deep was accepted, and one such document must not stop all others."""
    top: list[Any] = [value]
    places: list[tuple[Any, Any]] = [(top, 0)]
    while places:
        container, place = places.pop()
        item = container[place]
        if item.__class__ is dict:
            container[place] = inner = dict(item)
            places += [(inner, name) for name in inner]
        elif item.__class__ is list or item.__class__ is tuple:
            container[place] = items = list(item)
            places += [(items, index) for index in range(len(items))]
        else:
            container[place] = _wrapped(item)
    return top[0]


def _wrapped_foreign(value: Any) -> Any:
    name = kind(value)
    if name == "objectId":
        return _ext(6, value.binary)
    if name == "timestamp":
        return _ext(7, encode_plain([value.time, value.inc]))
    if name == "minKey":
        return _ext(8, b"")
    if name == "maxKey":
        return _ext(9, b"")
    if name == "regex":
        return _ext(10, encode_plain([value.pattern, value.flags]))
    if value.__class__.__module__.split(".")[0] == "bson":
        special = _BSON_SUBCLASSES.get(value.__class__.__name__)
        if special is not None:
            return special(value)
    plain = next((known for known in _PLAIN_CLASSES if isinstance(value, known)), None)
    if plain is not None:
        return _wrapped(str.__str__(value) if plain is str else plain(value))  # what an Enum calls itself is not its text
    msg = f"a value of class {value.__class__.__module__}.{value.__class__.__qualname__} is none of the language's values"
    raise TypeError(msg)


_BSON_SUBCLASSES: Final[dict[str, Callable[[Any], Any]]] = {
    "Int64": lambda value: _ext(11, str(int(value)).encode()),
    "Binary": lambda value: _ext(12, bytes([value.subtype]) + bytes(value)),
    "Code": lambda value: _ext(13, encode_plain([str(value), _wrapped(value.scope)])),
    "Decimal128": lambda value: _ext(2, str(value).encode()),
}


def _pattern(data: bytes) -> Any:
    pattern, flags = msgspec.msgpack.decode(data)
    return re.compile(pattern, flags)


def _bson(name: str, *arguments: Any) -> Any:
    return getattr(importlib.import_module("bson"), name)(*arguments)


_UNWRAP: Final[dict[int, Callable[[bytes], Any]]] = {
    1: lambda data: int(data.decode(), 0),
    2: lambda data: Decimal(data.decode()),
    3: lambda data: UUID(bytes=data),
    4: lambda _data: MISSING,
    5: _pattern,
    6: lambda data: _bson("ObjectId", data),
    7: lambda data: _bson("Timestamp", *msgspec.msgpack.decode(data)),
    8: lambda _data: _bson("MinKey"),
    9: lambda _data: _bson("MaxKey"),
    10: lambda data: _bson("Regex", *msgspec.msgpack.decode(data)),
    11: lambda data: _bson("Int64", int(data.decode())),
    12: lambda data: _bson("Binary", data[1:], data[0]),
    13: lambda data: _bson("Code", *decode_value(data)),
    14: lambda data: datetime.fromisoformat(data.decode()),
}


def _unwrap(code: int, data: memoryview) -> Any:
    return _UNWRAP[code](bytes(data))


_unpack = msgspec.msgpack.Decoder(ext_hook=_unwrap).decode


def _json_text(value: Any) -> Any:
    """Give JSON what it has no type for: a pattern as its source, what else there is as its text."""
    plain = next((known for known in (int, bytes) if isinstance(value, known)), None)
    if plain is not None:  # a subclass: bson's Int64 and Binary
        return plain(value)
    return value.pattern if kind(value) == "regex" else str(value)


_json = msgspec.json.Encoder(enc_hook=_json_text)


def encode_json(document: Any) -> bytes:
    """Return *document* as JSON text: dates in RFC 3339, decimals as strings, binary in base64, NaN and infinity as null."""
    return _json.encode(document)


def encode_json_lines(documents: list[Any]) -> bytes:
    """Return *documents* as JSON, one newline-ended line each."""
    return _json.encode_lines(documents)
