"""Codec "json": one JSON object per record."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec

from fluxion_core.spi import Codec, Document, Options, RecordError

__all__ = ["MAX_DEPTH", "JsonCodec"]

MAX_DEPTH = 100
"""The deepest nesting of a document, as in MongoDB."""


def _foreign(value: Any) -> Any:
    """Return a value of a class of bson in the types of JSON."""
    cls = type(value)
    if cls.__module__.split(".")[0] == "bson":
        if isinstance(value, int | bytes):
            return int(value) if isinstance(value, int) else bytes(value)
        return str(value.pattern if cls.__name__ == "Regex" else value)
    msg = f"a value of class {cls.__name__}"
    raise TypeError(msg)


_encode = msgspec.json.Encoder(enc_hook=_foreign).encode


class JsonCodec(Codec[Options]):
    """JSON text in UTF-8, an object per record.

    Decoding follows RFC 8259 strictly: no NaN, no lone surrogates, at most 100 levels; of equal keys the last one counts,
    integers have any size up to 4300 digits, and other numbers are floats. Encoding gives dates as ISO-8601 in UTC with
    milliseconds and ``Z``, decimals, UUIDs and object ids as text, bytes as base64, and NaN and the infinities as ``null``.
    """

    name: ClassVar[str] = "json"
    json_text: ClassVar[bool] = True

    def __init__(self, config: Options | None = None) -> None:
        """Keep the options, of which there are none."""
        super().__init__(config or Options())

    def decode(self, payload: bytes) -> Document:
        """Return the object in *payload*.

        Raises:
            RecordError: it is no JSON, no object, or nested too deeply.
        """
        try:
            value = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RecordError(_letter(payload, error)) from None
        if not isinstance(value, dict):
            msg = f"the record is {_KINDS.get(type(value), 'a number')}; expected a JSON object"
            raise RecordError(msg)
        if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
            raise RecordError(_TOO_DEEP)
        return value

    def encode(self, document: Document) -> bytes:
        """Return *document* as one line of JSON.

        Raises:
            RecordError: it holds something that has no form in JSON, or is nested too deeply.
        """
        try:
            return _encode(_plain(document))
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            msg = f"the document has no form in JSON: {error}"
            raise RecordError(msg) from None
        except RecursionError:
            raise RecordError(_TOO_DEEP) from None


_TOO_DEEP = f"the document is nested more than {MAX_DEPTH} levels deep"
_KINDS: Mapping[type, str] = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}


_HALF_PAIR: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])", re.DOTALL)
"""An escape of the first half that no second follows; a backslash that is itself escaped begins none."""


def _letter(payload: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if not payload.strip():
        return "the record is empty; expected a JSON object"
    if isinstance(error, UnicodeDecodeError):
        return "the record is not UTF-8; expected JSON text in UTF-8"
    found = str(error)
    if isinstance(error, msgspec.ValidationError):
        return f"the record is not JSON that can be read: {found}"
    if "surrogate" in found or ("truncated" in found and _HALF_PAIR.search(payload)):
        return "the record is not JSON that can be read: a \\u escape in it is half of a surrogate pair"
    return f"the record is not JSON: {found}"


def _deeper_than(value: Any, levels: int) -> bool:
    """Return whether containers nest more than *levels* deep, without recursion."""
    layer = [value]
    for _ in range(levels):
        layer = [
            part
            for container in layer
            for part in (container.values() if isinstance(container, dict) else container)
            if isinstance(part, dict | list)
        ]
        if not layer:
            return False
    return True


def _plain(value: Any) -> Any:
    """Return *value* in the types that the encoder writes as we promise; what it writes so already is not copied."""
    convert = _CONVERT.get(type(value))
    return convert(value) if convert else value


def _plain_dict(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(part) for name, part in value.items()}


def _plain_list(value: list[Any]) -> list[Any]:
    return [_plain(part) for part in value]


def _date(value: datetime) -> str:
    utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return utc.isoformat(timespec="milliseconds") + "Z"


_CONVERT: Mapping[type, Callable[[Any], Any]] = {
    dict: _plain_dict,
    list: _plain_list,
    tuple: _plain_list,
    datetime: _date,
    Decimal: str,
    UUID: str,
    re.Pattern: lambda value: value.pattern,
    bytes: lambda value: base64.b64encode(value).decode(),
}
