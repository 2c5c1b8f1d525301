"""Codecs "ejson" and "ejson-canonical": MongoDB Extended JSON v2, one object per record.

Source: the specification "MongoDB Extended JSON v2" (canonical and relaxed form). Both codecs read both forms; they differ in what
they write. Types that Python lacks (ObjectId, Timestamp, MinKey, MaxKey, code, binary with a subtype) need the extra ``bson``.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec

from fluxion_core.codecs.json import JsonCodec
from fluxion_core.spi import Codec, Document, FatalError, Options, RecordError

__all__ = ["CanonicalExtendedJsonCodec", "ExtendedJsonCodec", "read_value"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MILLISECONDS: Final = 253402300800000
_DECIMAL_DIGITS: Final = 34
_EXPONENT: Final = 6176  # what Decimal128 can hold, and a little
_OPTIONS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}

_encode = msgspec.json.Encoder().encode


class ExtendedJsonCodec(Codec[Options]):
    """MongoDB Extended JSON v2 in its relaxed form: ``{"$date": "2024-05-06T07:08:09Z"}``, plain numbers, ``{"$oid": "..."}``.

    Reads the canonical form too. An object that begins like a type and is none (``{"$oid": 5}``) is a record error. Integers are
    64-bit and doubles keep NaN and the infinities, which plain JSON loses. Object ids, timestamps, MinKey, MaxKey, code and binary data
    with a subtype need ``pip install 'fluxion-core[bson]'``; without it the pipeline stops at the first of them.
    """

    name: ClassVar[str] = "ejson"
    canonical: ClassVar[bool] = False

    def __init__(self, config: Options | None = None) -> None:
        """Keep the options, of which there are none."""
        super().__init__(config or Options())
        self._json = JsonCodec()

    def decode(self, payload: bytes) -> Document:
        """Return the document in *payload*.

        Raises:
            RecordError: it is no JSON object, or a type in it is written wrongly.
            FatalError: a type in it needs the extra ``bson``, which is not installed.
        """
        document = self._json.decode(payload)
        return {name: read_value(value, name) for name, value in document.items()}

    def encode(self, document: Document) -> bytes:
        """Return *document* as one line.

        Raises:
            RecordError: it holds something that is no BSON value, an integer beyond 64 bits, or is nested too deeply.
        """
        try:
            return _encode({name: _written(value, name, canonical=self.canonical) for name, value in document.items()})
        except RecursionError:
            raise RecordError("the document is nested too deeply for JSON") from None
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            msg = f"the document has no form in Extended JSON: {error}"
            raise RecordError(msg) from None


class CanonicalExtendedJsonCodec(ExtendedJsonCodec):
    """MongoDB Extended JSON v2 in its canonical form, in which every type is spelled out: ``{"$numberInt": "1"}``.

    Reads the relaxed form too; otherwise as ``ejson``.
    """

    name: ClassVar[str] = "ejson-canonical"
    canonical: ClassVar[bool] = True


# --------------------------------------------------------------------------------------------------- reading


def _bson(name: str, path: str) -> Any:
    """Return a class of the package bson; that it is missing is no record's fault."""
    try:
        return getattr(importlib.import_module("bson"), name)
    except (ImportError, AttributeError):  # another package by that name lacks the classes
        msg = f"{path}: a value of BSON type {name} needs the extra 'bson': pip install 'fluxion-core[bson]'"
        raise FatalError(msg) from None


def read_value(value: Any, path: str) -> Any:
    """Return *value*, parsed JSON in which types are written as Extended JSON; *path* is where it stands, for messages.

    Raises:
        RecordError: a type in it is written wrongly; the message begins with its path.
        FatalError: a type in it needs the extra ``bson``, which is not installed; the message begins with its path.
    """
    if value.__class__ is dict:
        for name in value:
            read = _TYPES.get(name)
            if read is not None:
                return _read_type(read, name, value, path)
            break
        return {name: read_value(item, f"{path}.{name}") for name, item in value.items()}
    if value.__class__ is list:
        return [read_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def _read_type(read: Callable[[dict[str, Any], str], Any], name: str, value: dict[str, Any], path: str) -> Any:
    try:
        return read(value, path)
    except (ArithmeticError, ValueError, TypeError, KeyError, binascii.Error, re.error):
        text = _encode(value).decode()
        msg = f"{path}: {text if len(text) <= 80 else text[:77] + '...'} is no {name} of Extended JSON v2"  # shown cut: it may be large
        raise RecordError(msg) from None


def _alone(value: Mapping[str, Any], *names: str) -> Any:
    """Return the members *names*, of which there must be no more and no fewer; a single one as it is."""
    if set(value) != set(names):
        raise ValueError
    return value[names[0]] if len(names) == 1 else tuple(value[name] for name in names)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(text: Any, bits: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,20}", _text(text)):
        raise ValueError
    number = int(text)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError
    return number


def _unsigned(value: Any) -> int:
    if value.__class__ is not int or not 0 <= value < 2**32:
        raise ValueError
    return int(value)


def _double(value: dict[str, Any], _path: str) -> float:
    text = _text(_alone(value, "$numberDouble"))
    if not re.fullmatch(r"-?(Infinity|[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)|NaN", text):
        raise ValueError
    return float(text)


def _decimal(value: dict[str, Any], _path: str) -> Decimal:
    text = _text(_alone(value, "$numberDecimal"))
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError from None
    if len(number.as_tuple().digits) > _DECIMAL_DIGITS or (
        number and number.is_finite() and abs(number.adjusted()) > _EXPONENT
    ):
        raise ValueError
    return number


def _moment(milliseconds: int, path: str) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        msg = f"{path}: the date {milliseconds if abs(milliseconds) < 2**63 else 'given'} lies outside the years 1 to 9999"
        raise RecordError(msg) from None


def _date(value: dict[str, Any], path: str) -> datetime:
    given = _alone(value, "$date")
    if isinstance(given, dict):
        return _moment(_whole(_alone(given, "$numberLong"), 64), path)
    if given.__class__ is int:
        return _moment(given, path)
    moment = datetime.fromisoformat(_text(given))
    if moment.tzinfo is None:
        raise ValueError
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _binary(value: dict[str, Any], path: str) -> Any:
    given = value["$binary"]
    text, subtype = (
        _alone(given, "base64", "subType") if isinstance(given, dict) else _alone(value, "$binary", "$type")
    )  # the second form is that of v1
    if isinstance(given, dict):
        _alone(value, "$binary")
    data = base64.b64decode(_text(text), validate=True)
    kind = int(_text(subtype), 16)
    if kind == 0:
        return data
    if kind == 4 and len(data) == 16:
        return UUID(bytes=data)
    if not 0 < kind < 256:
        raise ValueError
    return _bson("Binary", path)(data, kind)


def _regular_expression(value: dict[str, Any], path: str) -> Any:
    pattern, options = _alone(_alone(value, "$regularExpression"), "pattern", "options")
    flags = 0
    for letter in _text(options):
        flags |= _OPTIONS.get(letter, 0)
    if set(options) <= set(_OPTIONS):
        try:
            return re.compile(_text(pattern), flags)
        except (re.error, OverflowError, RecursionError):
            pass  # what PCRE knows and Python does not is kept as it is written
    return _bson("Regex", path)(_text(pattern), options)


def _object_id(value: dict[str, Any], path: str) -> Any:
    text = _alone(value, "$oid")
    if not re.fullmatch(r"[0-9a-fA-F]{24}", _text(text)):
        raise ValueError
    return _bson("ObjectId", path)(text)


def _timestamp(value: dict[str, Any], path: str) -> Any:
    seconds, count = map(_unsigned, _alone(_alone(value, "$timestamp"), "t", "i"))
    return _bson("Timestamp", path)(seconds, count)


def _key(name: str) -> Callable[[dict[str, Any], str], Any]:
    def read(value: dict[str, Any], path: str) -> Any:
        if _alone(value, f"${name[0].lower()}{name[1:]}") != 1:
            raise ValueError
        return _bson(name, path)()

    return read


def _code(value: dict[str, Any], path: str) -> Any:
    if "$scope" in value:
        text, scope = _alone(value, "$code", "$scope")
        return _bson("Code", path)(_text(text), read_value(scope, path))
    return _bson("Code", path)(_text(_alone(value, "$code")))


def _undefined(value: dict[str, Any], _path: str) -> None:
    if _alone(value, "$undefined") is not True:
        raise ValueError


_TYPES: Final[Mapping[str, Callable[[dict[str, Any], str], Any]]] = {
    "$numberInt": lambda value, _path: _whole(_alone(value, "$numberInt"), 32),
    "$numberLong": lambda value, _path: _whole(_alone(value, "$numberLong"), 64),
    "$numberDouble": _double,
    "$numberDecimal": _decimal,
    "$date": _date,
    "$binary": _binary,
    "$uuid": lambda value, _path: UUID(_text(_alone(value, "$uuid"))),
    "$regularExpression": _regular_expression,
    "$oid": _object_id,
    "$timestamp": _timestamp,
    "$minKey": _key("MinKey"),
    "$maxKey": _key("MaxKey"),
    "$code": _code,
    "$symbol": lambda value, _path: _text(_alone(value, "$symbol")),
    "$undefined": _undefined,
}


# --------------------------------------------------------------------------------------------------- writing


def _written(value: Any, path: str, *, canonical: bool) -> Any:
    cls = value.__class__
    if cls is str or cls is bool or value is None:
        return value
    if isinstance(value, dict):
        return {name: _written(item, f"{path}.{name}", canonical=canonical) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, f"{path}[{index}]", canonical=canonical) for index, item in enumerate(value)]
    if cls.__module__.split(".")[0] == "bson":
        return _written_bson(value, path, canonical=canonical)
    if isinstance(value, int):
        return _written_int(value, path, canonical=canonical)
    if isinstance(value, float):
        return _written_float(value, canonical=canonical)
    if isinstance(value, datetime):
        return {"$date": _written_date(value, canonical=canonical)}
    for classes, write in _SAME_IN_BOTH:
        if isinstance(value, classes):
            return write(value)
    msg = f"{path}: a value of class {cls.__name__} is none of BSON's"
    raise RecordError(msg)


def _written_int(value: int, path: str, *, canonical: bool) -> Any:
    if not -(2**63) <= value < 2**63:
        msg = f"{path}: {value if abs(value) < 10**40 else 'the integer'} has more than the 64 bits of BSON's integers"
        raise RecordError(msg)
    if not canonical:
        return int(value)
    return {"$numberInt" if -(2**31) <= value < 2**31 else "$numberLong": str(int(value))}


def _written_float(value: float, *, canonical: bool) -> Any:
    if math.isfinite(value):
        return {"$numberDouble": repr(float(value))} if canonical else float(value)
    return {"$numberDouble": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}  # noqa: PLR0124  # only NaN differs from itself


def _written_date(value: datetime, *, canonical: bool) -> Any:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    if canonical or not 0 <= milliseconds < _YEAR_10000_MILLISECONDS:
        return {"$numberLong": str(milliseconds)}
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.removesuffix(".000") + "Z"


def _written_binary(data: bytes, subtype: int) -> Any:
    return {"$binary": {"base64": base64.b64encode(data).decode(), "subType": f"{subtype:02x}"}}


def _written_regex(pattern: Any, flags: int) -> Any:
    text = pattern.decode() if isinstance(pattern, bytes) else pattern
    options = "".join(letter for letter, flag in _OPTIONS.items() if flags & flag)
    return {"$regularExpression": {"pattern": text, "options": options}}


def _written_bson(value: Any, path: str, *, canonical: bool) -> Any:
    name = value.__class__.__name__
    if name == "Int64":
        return {"$numberLong": str(int(value))} if canonical else int(value)
    if name == "Code":
        code = {"$code": str(value)}
        return code if value.scope is None else {**code, "$scope": _written(value.scope, path, canonical=canonical)}
    if name == "DBRef":
        return _written(value.as_doc(), path, canonical=canonical)
    write = _BSON.get(name)
    if write is None:
        msg = f"{path}: a value of class bson.{name} has no form here"
        raise RecordError(msg)
    return write(value)


_BSON: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ObjectId": lambda value: {"$oid": str(value)},
    "Decimal128": lambda value: {"$numberDecimal": str(value)},
    "Timestamp": lambda value: {"$timestamp": {"t": value.time, "i": value.inc}},
    "MinKey": lambda _value: {"$minKey": 1},
    "MaxKey": lambda _value: {"$maxKey": 1},
    "Regex": lambda value: _written_regex(value.pattern, value.flags),
    "Binary": lambda value: _written_binary(bytes(value), value.subtype),
}

_SAME_IN_BOTH: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (str, str),
    (Decimal, lambda value: {"$numberDecimal": str(value)}),
    (UUID, lambda value: _written_binary(value.bytes, 4)),
    (bytes | bytearray | memoryview, lambda value: _written_binary(bytes(value), 0)),
    (re.Pattern, lambda value: _written_regex(value.pattern, value.flags)),
)
