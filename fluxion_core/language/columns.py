"""Rows of values as bytes, column by column, for another process: what comes out is, value by value and type by type, what went in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fluxion_core.language.encoding import PLAIN_OR_INT, decode_value, encode_plain, encode_value
from fluxion_core.language.values import MISSING

__all__ = ["pack_columns", "unpack_columns"]

_MISSING_CLASS: Final = MISSING.__class__
_decode_plain = msgspec.msgpack.Decoder(list[Any]).decode


def pack_columns(columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """Return each of *columns* as bytes."""
    return [_pack_column(column) for column in columns]


def unpack_columns(packed: Sequence[bytes]) -> list[list[Any]]:
    """Return the columns that :func:`pack_columns` was given."""
    return [_unpack_column(column) for column in packed]


def _pack_column(values: Sequence[Any]) -> bytes:
    """Return *values* as bytes: a letter for the form, then MessagePack."""
    classes = set(map(type, values))
    try:
        if classes <= PLAIN_OR_INT:
            return b"P" + encode_plain(values)
        if _MISSING_CLASS in classes and classes - {_MISSING_CLASS} <= PLAIN_OR_INT:
            holes = [index for index, value in enumerate(values) if value is MISSING]
            return b"H" + encode_plain([holes, [None if value is MISSING else value for value in values]])
    except OverflowError:  # an integer of more than 64 bits
        pass
    return b"V" + encode_value(values)


def _unpack_column(data: bytes) -> list[Any]:
    kind, content = data[:1], memoryview(data)[1:]
    if kind == b"P":
        return _decode_plain(content)
    if kind == b"H":
        holes, values = _decode_plain(content)
        for index in holes:
            values[index] = MISSING
        return list(values)
    return list(decode_value(bytes(content)))
