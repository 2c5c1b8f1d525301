"""Finding a record's key in its JSON: the text of a string, the JSON of anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

__all__ = ["key_reader"]


def key_reader(field: str | None) -> Callable[[Sequence[bytes]], list[bytes | None]]:
    """Return a function from payloads to their keys; ``None`` where *field* is missing or null, or the payload is no document.

    A text in first place, where ``_id`` stands, is cut out of the bytes; everything else is decoded. If a document repeats the
    name the last one counts, as everywhere in Fluxion.
    """
    if field is None:
        return lambda payloads: [None] * len(payloads)
    decoded = _decoding(field)
    name = msgspec.json.encode(field) + b":"
    first = b"{" + name + b'"'
    begin, escape = len(first), b"\\"

    def read(payloads: Sequence[bytes]) -> list[bytes | None]:
        keys = [
            payload[begin : payload.find(b'"', begin)]
            if payload.startswith(first) and payload.find(name, begin) < 0
            else escape
            for payload in payloads
        ]
        if escape not in b"".join(keys):
            return list(keys)
        return [decoded(payload) if escape in key else key for payload, key in zip(payloads, keys, strict=True)]

    return read


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
