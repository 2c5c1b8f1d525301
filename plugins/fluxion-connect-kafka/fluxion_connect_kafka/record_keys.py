"""Finding a record's key in its JSON: the text of a string, the JSON of anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

__all__ = ["key_reader"]

_COMMONEST_FIRST = b'":, eatoinsrdlcumpgyhfbvwkI0123456789'
"""Bytes of JSON texts; those that are missing here are rarer still."""


def key_reader(field: str | None) -> Callable[[Sequence[bytes], bytes | None], list[bytes | None]]:
    """Return a function from payloads, and the block that holds them all if there is one, to their keys.

    A key is ``None`` where *field* is missing or null, or the payload is no document.

    A text in first place, where ``_id`` stands, is cut out of the bytes; everything else is decoded. If a document repeats the
    name the last one counts, as everywhere in Fluxion.
    """
    if field is None:
        return lambda payloads, _: [None] * len(payloads)
    decoded = _decoding(field)
    name = msgspec.json.encode(field)
    first = b"{" + name + b':"'
    begin, rare = len(first), _rarest_byte(name)

    def read(payloads: Sequence[bytes], block: bytes | None) -> list[bytes | None]:
        # Without a backslash a second member of that name has the same bytes, and one byte is looked for ten times as fast as many.
        escapes = block is None or b"\\" in block
        keys = [
            payload[begin : payload.find(b'"', begin)]
            if payload.startswith(first)
            and not (escapes and b"\\" in payload)
            and (payload.find(rare, begin) < 0 or payload.rfind(name, begin) < 0)
            else None
            for payload in payloads
        ]
        if all(keys):
            return list(keys)
        return [decoded(payload) if key is None else key for payload, key in zip(payloads, keys, strict=True)]

    return read


def _rarest_byte(name: bytes) -> bytes:
    ranks = {byte: rank for rank, byte in enumerate(_COMMONEST_FIRST)}
    return bytes([max(name, key=lambda byte: ranks.get(byte, len(ranks)))])


def _decoding(field: str) -> Callable[[bytes], bytes | None]:
    members: Any = [("key", Any, msgspec.UNSET)]
    decode = msgspec.json.Decoder(msgspec.defstruct("Keyed", members, rename={"key": field}, gc=False)).decode

    def read(payload: bytes) -> bytes | None:
        try:
            key: Any = decode(payload).key  # type: ignore[attr-defined]  # the one member, see above
        except msgspec.MsgspecError:
            return None
        if key is None or key is msgspec.UNSET:
            return None
        return key.encode() if isinstance(key, str) else msgspec.json.encode(key)

    return read
