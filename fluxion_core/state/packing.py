"""How state lies in a store: versioned, checksummed MessagePack; never pickle.

A packed value is ``FX``, a version byte, the CRC-32 of the rest, and the rest. What was damaged on its way is therefore told
from what is merely unexpected, and a later version can still read what an earlier one wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar
from zlib import crc32

import msgspec

from fluxion_core.spi import StateError, StateRow, StateRows

__all__ = ["Rows", "fold", "live", "live_rows", "pack", "rows_of", "unpack"]

T = TypeVar("T")

Rows: TypeAlias = "dict[str, dict[bytes, bytes | None]]"
"""Rows of keyed state by operator id and key; ``None`` marks a deleted key."""

_MAGIC = b"FX\x01"
_HEADER_BYTES = len(_MAGIC) + 4

_encode = msgspec.msgpack.Encoder().encode


def pack(value: Any) -> bytes:
    """Return *value* (plain values, or an attrs or msgspec class of them) as checksummed bytes."""
    body = _encode(value)
    return b"".join((_MAGIC, crc32(body).to_bytes(4, "big"), body))


def unpack(data: bytes, kind: type[T], *, where: str) -> T:
    """Return what :func:`pack` was given, as *kind*.

    Raises:
        StateError: the bytes are damaged or of a newer version; *where* says which they are.
    """
    if data[:2] != _MAGIC[:2] or len(data) < _HEADER_BYTES:
        raise StateError(_letter(where, "these bytes are no state of Fluxion"))
    if data[2] != _MAGIC[2]:
        msg = f"{where}: written in format {data[2]}; this version reads format {_MAGIC[2]}; install the newer Fluxion again"
        raise StateError(msg)
    body = memoryview(data)[_HEADER_BYTES:]
    if crc32(body) != int.from_bytes(data[3:_HEADER_BYTES], "big"):
        raise StateError(_letter(where, "the checksum does not match"))
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(_letter(where, f"the content cannot be read ({error})")) from error


def _letter(where: str, found: str) -> str:
    return f"{where}: {found}: the state is damaged; restore it from a backup"


def rows_of(rows: Iterable[StateRow]) -> Rows:
    """Return *rows* by operator id and key; a later row of a key replaces an earlier one. What is returned is not to be changed."""
    if isinstance(rows, StateRows):
        return rows.by_operator
    grouped: Rows = {}
    for operator, key, value in rows:
        grouped.setdefault(operator, {})[key] = value
    return grouped


def fold(into: Rows, changes: Rows) -> None:
    """Apply *changes* to *into*, keeping the marks of deleted keys."""
    for operator, rows in changes.items():
        into.setdefault(operator, {}).update(rows)


def live(rows: Rows) -> Rows:
    """Return *rows* without those that are deleted."""
    kept = {operator: _without_deleted(keyed) for operator, keyed in rows.items()}
    return {operator: keyed for operator, keyed in kept.items() if keyed}


def _without_deleted(keyed: dict[bytes, bytes | None]) -> dict[bytes, bytes | None]:
    return {key: value for key, value in keyed.items() if value is not None} if None in keyed.values() else keyed


def live_rows(rows: Rows) -> Iterable[StateRow]:
    """Yield every row that is not deleted."""
    for operator, keyed in rows.items():
        for key, value in keyed.items():
            if value is not None:
                yield operator, key, value
