"""What converts into what: the functions behind ``$convert`` and its shortcuts.

Source: MongoDB manual, "$convert", with its table of what converts into what; for the edges, the server's evaluation of it.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal, Overflow, Underflow
from typing import Any, Final
from uuid import UUID

from fluxion_core.errors import EvaluationError, did_you_mean
from fluxion_core.language.bson_types import UUID_SUBTYPE, binary_data, bson_value, octets, subtype
from fluxion_core.language.date_text import parse_date
from fluxion_core.language.dates import EPOCH, milliseconds
from fluxion_core.language.expressions.arithmetic import DECIMAL, to_decimal
from fluxion_core.language.expressions.date_arguments import as_date
from fluxion_core.language.expressions.strings import float_text, iso_text
from fluxion_core.language.query.element import TYPE_CODES
from fluxion_core.language.values import (
    INT32_MAX,
    INT32_MIN,
    INT64_MAX,
    INT64_MIN,
    MISSING,
    digits_of,
    is_finite,
    is_nan,
    is_number,
    is_string,
    is_whole,
    kind,
    shown,
    type_name,
)

__all__ = ["CONVERSIONS", "convert", "parse_manner", "parse_target", "parse_uuid", "to_text", "to_uuid"]

_INTEGER: Final = re.compile(r"([+-]?)0*([0-9]+)\Z")
_HEXADECIMAL: Final = re.compile(r"[+-]0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][+-]?[0-9]+)?\Z")
_FLOAT: Final = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)\Z", re.IGNORECASE | re.ASCII)
_MOST_DIGITS: Final = 64
"""So many has a number of 64 bits in base 2."""
_DIGITS: Final = {10: "0-9", 2: "01", 8: "0-7", 16: "0-9a-fA-F"}


def _refuse(value: Any, target: str) -> EvaluationError:
    return EvaluationError(f"unsupported conversion from {type_name(value)} to {target} in $convert with no onError value")


def _failed(value: Any, target: str, reason: str) -> EvaluationError:
    return EvaluationError(f"failed to convert {shown(value)} to {target} in $convert with no onError value: {reason}")


def _unpacked(value: Any, forms: Mapping[int, str], target: str, order: str = "little") -> Any:
    """Return the number that binary data holds, the lowest byte first where *order* is ``little``."""
    data = octets(value)
    if len(data) not in forms:
        raise _failed(value, target, f"{len(data)} bytes are no such number")
    return struct.unpack(_ORDERS[order] + forms[len(data)], data)[0]


_ORDERS: Final = {"little": "<", "big": ">"}
_SIZES: Final = {"int": {1: "b", 2: "h", 4: "i"}, "long": {1: "b", 2: "h", 4: "i", 8: "q"}, "double": {4: "f", 8: "d"}}


def _packed(value: Any, order: str) -> bytes:
    """Return a number as binary data: 4 bytes of an int, 8 of a long or a double."""
    if value.__class__ is int and not INT64_MIN <= value <= INT64_MAX:
        raise _failed(value, "binData", "it is out of range")
    return struct.pack(_ORDERS[order] + {"int": "i", "long": "q", "double": "d"}[type_name(value)], value)


def _to_double(value: Any) -> Any:
    name = kind(value)
    if name in {"double", "int", "bool"}:
        return float(value)
    if name == "decimal":
        return _fitting(value, math.nan if is_nan(value) else float(value), value)
    if name == "date":
        return float(milliseconds(value))
    if name == "binData":
        return _unpacked(value, _SIZES["double"], "double")
    if name == "string":
        return _parsed_double(value)
    raise _refuse(value, "double")


def _parsed_double(text: str) -> float:
    """Return what C's ``strtod`` reads; hexadecimal digits only behind a sign, as the server has it."""
    try:
        if _HEXADECIMAL.match(text):
            return float.fromhex(text)
        if not _FLOAT.match(text):
            raise _failed(text, "double", "it is no number")
        return _fitting(text, float(text), Decimal(text))
    except OverflowError:
        raise _failed(text, "double", "it is out of range") from None


def _fitting(value: Any, result: float, exact: Decimal) -> float:
    """Return *result* unless a finite *exact* left the range of doubles: above, or below with digits lost."""
    if exact.is_finite() and (math.isinf(result) or (abs(result) < _LEAST and exact != Decimal(result))):
        raise _failed(value, "double", "it is out of range")
    return result


_LEAST: Final = 2.2250738585072014e-308  # the least double with all its digits


def _whole(low: int, high: int, target: str) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        name = kind(value)
        if name in {"int", "bool"}:
            result = int(value)
        elif name in {"double", "decimal"}:
            if not is_finite(value):
                raise _failed(value, target, "it is not finite")
            # A double is held against the bounds as it is, a decimal without its fraction.
            bounds = (low - 1, high + 1) if name == "decimal" else (low, high)
            result = math.trunc(value) if bounds[0] <= value <= bounds[1] else high + 1
        elif name == "string":
            digits = _INTEGER.match(value)
            if digits is None:
                raise _failed(value, target, "it is no whole number")
            result = int(f"{digits[1]}{digits[2]}") if len(digits[2]) < 25 else high + 1  # more digits than 64 bits have
        elif name == "binData":
            result = _unpacked(value, _SIZES[target], target)
        elif name == "date" and target == "long":
            result = milliseconds(value)
        else:
            raise _refuse(value, target)
        if not low <= result <= high:
            raise _failed(value, target, "it is out of range")
        return result

    return function


def _to_decimal(value: Any) -> Any:
    name = kind(value)
    if name == "decimal":
        return value
    if name in {"int", "double"}:
        return to_decimal(value)
    if name == "bool":
        return Decimal(int(value))
    if name == "date":
        return Decimal(milliseconds(value))
    if name == "string":
        return _parsed_decimal(value)
    raise _refuse(value, "decimal")


def _parsed_decimal(text: str) -> Decimal:
    if not _FLOAT.match(text):
        raise _failed(text, "decimal", "it is no number")
    context = DECIMAL.copy()
    context.clear_flags()
    result = context.create_decimal(text)
    if context.flags[Overflow] or context.flags[Underflow]:
        raise _failed(text, "decimal", "it is out of range")
    return result


def _to_bool(value: Any) -> bool:
    return bool(value != 0) if is_number(value) else value is not False


def _to_date(value: Any) -> Any:
    name = kind(value)
    if name == "date":
        return value
    if name == "string":
        try:
            return parse_date(value)
        except EvaluationError as error:
            raise _failed(value, "date", error.message) from None
    if name in {"objectId", "timestamp"}:
        return as_date(value, "$convert")
    if name in {"int", "double", "decimal"}:
        if not is_finite(value):
            raise _failed(value, "date", "it is not finite")
        try:
            return EPOCH + timedelta(milliseconds=math.trunc(value) if INT64_MIN < value < INT64_MAX else INT64_MAX)
        except OverflowError:
            raise _failed(value, "date", "it is out of range") from None
    raise _refuse(value, "date")


def _to_string(value: Any) -> Any:
    name = kind(value)
    if name == "string":
        return value
    if name == "bool":
        return "true" if value else "false"
    if name == "double":
        return float_text(value)
    if name == "date":
        return iso_text(value)
    if name == "decimal":
        return "NaN" if value.is_nan() else str(value)
    if name in {"int", "objectId"}:
        return digits_of(value)
    raise _refuse(value, "string")


def _to_object_id(value: Any) -> Any:
    if kind(value) == "objectId":
        return value
    if not is_string(value):
        raise _refuse(value, "objectId")
    if not re.fullmatch(r"[0-9a-fA-F]{24}", value):
        raise _failed(value, "objectId", "it is not 24 hexadecimal digits")
    return bson_value("ObjectId", value)


def parse_uuid(text: str) -> UUID:
    """Return the UUID of its text: 32 hexadecimal digits in five groups.

    Raises:
        EvaluationError: the text is no UUID.
    """
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return UUID(text)
    raise _failed(text, "binData", "it is no UUID")


def to_uuid(value: Any) -> Any:
    """Return *value* as ``$toUUID`` does: as binary data of the subtype of UUIDs, text in the format ``uuid``."""
    return _to_binary(value, UUID_SUBTYPE, "uuid", "little")


def _to_binary(value: Any, wanted: int, form: str | None, order: str) -> Any:
    name = kind(value)
    if name == "binData":
        if wanted != subtype(value):
            raise _failed(value, "binData", f"its subtype is not {wanted}")
        return value
    if name in {"int", "double"}:
        return binary_data(_packed(value, order), wanted)
    if name != "string":
        raise _refuse(value, "binData")
    if (form == "uuid") != (wanted == UUID_SUBTYPE):
        raise _failed(value, "binData", f"the format 'uuid' and the subtype {UUID_SUBTYPE} go together")
    return parse_uuid(value) if form == "uuid" else binary_data(_decoded(value, form), wanted)


def _decoded(text: str, form: str | None) -> bytes:
    try:
        if form == "base64":
            return base64.b64decode(text, validate=True)
        if form == "base64url" and not {"+", "/"} & set(text):
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if form == "hex" and re.fullmatch("([0-9a-fA-F]{2})*", text):
            return bytes.fromhex(text)
        if form == "utf8":
            return text.encode()
    except ValueError:  # told below
        pass
    raise _failed(text, "binData", f"it is no {form}")


def _binary_text(value: Any, form: str | None) -> str:
    data = octets(value)
    if form in {"auto", "uuid"} and isinstance(identity := binary_data(data, subtype(value)), UUID):
        return str(identity)
    if form == "uuid":
        raise _failed(value, "string", "it is no UUID")
    if form in {"auto", "base64"}:
        return base64.b64encode(data).decode()
    if form == "base64url":
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    if form == "hex":
        return data.hex().upper()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _failed(value, "string", "it is no UTF-8") from None


CONVERSIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "double": _to_double,
    "string": _to_string,
    "objectId": _to_object_id,
    "bool": _to_bool,
    "date": _to_date,
    "int": _whole(INT32_MIN, INT32_MAX, "int"),
    "long": _whole(INT64_MIN, INT64_MAX, "long"),
    "decimal": _to_decimal,
}
"""Alias of a type -> what converts a value into it."""
_FORMS: Final = ("auto", "base64", "base64url", "hex", "utf8", "uuid")


# --------------------------------------------------------------------------------------------------- $convert


def parse_target(to: Any) -> Any:
    """Return the ``to`` of ``$convert`` as (name of the type, subtype); ``None`` where it comes to nothing.

    Raises:
        EvaluationError: it is no type. That is no failed conversion: ``onError`` does not answer it.
    """
    if to is None or to is MISSING:
        return None
    if not isinstance(to, dict):
        return _type_name(to), 0
    if "type" not in to:  # the server passes over what else stands there, but for the subtype
        raise EvaluationError(f"$convert's 'to' needs a type, which is not among {', '.join(to) or 'nothing'}"[:200])
    return _type_name(to["type"]), to.get("subtype", 0)


def _type_name(target: Any) -> str:
    if target == "missing" or (is_number(target) and target == 0):
        return "missing"  # a type by name, to which nothing converts
    if is_string(target):
        if target in TYPE_CODES.values():
            return target
        raise EvaluationError(
            f"unknown type name '{target}' in $convert; {did_you_mean(target, TYPE_CODES.values())}".rstrip("; ")
        )
    if is_number(target) and target in TYPE_CODES:
        return TYPE_CODES[int(target)]
    raise EvaluationError(f"$convert's 'to' must be the name or the number of a type, not {type_name(target)} {shown(target)}")


def parse_manner(value: Any, target: Any, base: Any, form: Any, order: Any) -> Any:
    """Return how *value* becomes *target*: (base or ``None``, format or ``None``, order of the bytes).

    Raises:
        EvaluationError: one of them is not valid, or lacks. ``onError`` does not answer that.
    """
    name, of = target
    if base is not None and base is not MISSING and not (is_whole(base) and base in _DIGITS):
        raise EvaluationError(f"$convert: base must be 2, 8, 10 or 16, not {shown(base)}")
    if form is not None and form is not MISSING and form not in _FORMS:
        raise EvaluationError(f"$convert: {shown(form)} is no format; there are {', '.join(_FORMS)}")
    if order is not None and order is not MISSING and order not in ("big", "little"):
        raise EvaluationError(f"$convert: byteOrder is 'big' or 'little', not {shown(order)}")
    given = kind(value)
    if (given, name) in {("string", "binData"), ("binData", "string")} and form in (None, MISSING):
        raise EvaluationError(f"$convert from {given} to {name} needs a format")
    valid = is_whole(of) and (0 <= of <= 9 or 128 <= of <= 255)  # BSON's own and the users'
    if name == "binData" and given in {"string", "binData", "int", "double"} and not valid:
        raise EvaluationError(f"$convert: {shown(of)} is no subtype of binary data")
    return tuple(None if item is MISSING else item for item in (base, form, order))


def convert(value: Any, target: Any, manner: Any) -> Any:
    """``$convert`` of a value that is neither null nor missing, to what :func:`parse_target` and :func:`parse_manner` said.

    Raises:
        EvaluationError: the conversion failed.
    """
    name, of = target
    base, form, order = manner
    given = kind(value)
    if base is not None and given == "string" and name in {"int", "long", "double", "decimal"}:
        return CONVERSIONS[name](_from_digits(value, name, int(base)))
    if base is not None and name == "string" and given in {"int", "double", "decimal"}:
        return _to_digits(value, int(base))
    if name == "binData":
        return _to_binary(value, int(of) if is_whole(of) else 0, form, order or "little")
    if given == "binData" and name == "string":
        return _binary_text(value, form)
    if given == "binData" and name in _SIZES:
        return _unpacked(value, _SIZES[name], name, order or "little")
    function = CONVERSIONS.get(name)
    if function is None:
        raise _refuse(value, name)
    return function(value)


def _from_digits(text: str, target: str, base: int) -> int:
    # A prefix of hexadecimal digits is understood behind a sign only, as the server has it.
    found = re.fullmatch(f"(?:([+-])(?:0[xX])?)?([{_DIGITS[base]}]+)" if base == 16 else f"([+-]?)([{_DIGITS[base]}]+)", text)
    digits = (found[2].lstrip("0") or "0") if found else ""
    number = int((found[1] or "") + digits, base) if found and len(digits) <= _MOST_DIGITS else None
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise _failed(text, target, f"it is no number of 64 bits in base {base}")
    return number


def _to_digits(value: Any, base: int) -> str:
    if not isinstance(value, int) and not (is_whole(value) and INT32_MIN <= value <= INT32_MAX):
        raise _failed(value, "string", "only whole numbers have digits in a base")
    return digits_of(int(value)) if base == 10 else format(int(value), {2: "b", 8: "o", 16: "X"}[base])


def to_text(value: Any) -> Any:
    """Return *value* as ``$toString`` does, for which the format of binary data is ``auto``."""
    return _binary_text(value, "auto") if kind(value) == "binData" else _to_string(value)
