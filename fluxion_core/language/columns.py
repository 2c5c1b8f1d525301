"""A column of values as bytes, for another process: what comes out is, value by value and type by type, what went in."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.output import Output
from fluxion_core.language.encoding import PLAIN, decode_value, encode_plain, encode_value
from fluxion_core.language.values import MISSING

__all__ = ["pack_column", "row_columns", "unpack_column"]

_FAST: Final = PLAIN | {int}
_MISSING_CLASS: Final = MISSING.__class__
_decode_plain = msgspec.msgpack.Decoder(list[Any]).decode


def pack_column(values: list[Any]) -> bytes:
    """Return *values* as bytes: a letter for the form, then MessagePack."""
    classes = set(map(type, values))
    try:
        if classes <= _FAST:
            return b"P" + encode_plain(values)
        if _MISSING_CLASS in classes and classes - {_MISSING_CLASS} <= _FAST:
            holes = [index for index, value in enumerate(values) if value is MISSING]
            return b"H" + encode_plain([holes, [None if value is MISSING else value for value in values]])
    except OverflowError:  # an integer of more than 64 bits
        pass
    return b"V" + encode_value(values)


def unpack_column(data: bytes) -> list[Any]:
    """Return what :func:`pack_column` was given."""
    kind, content = data[:1], memoryview(data)[1:]
    if kind == b"P":
        return _decode_plain(content)
    if kind == b"H":
        holes, values = _decode_plain(content)
        for index in holes:
            values[index] = MISSING
        return list(values)
    return list(decode_value(bytes(content)))


def row_columns(outputs: Sequence[Output], columns: int) -> list[list[Any]]:
    """Return the rows of *outputs*, which a head with *columns* columns has made, column by column."""
    found: list[list[Any]] = [[] for _ in range(columns)]
    for output in outputs:
        for index, column in enumerate(found):
            if output.form == "struct":
                column.extend(map(attrgetter(f"f{index}"), output.rows))
            else:
                column.extend([row.get(f"c{index}", MISSING) for row in output.rows])
    return found
