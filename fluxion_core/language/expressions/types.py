"""Type expressions: ``$convert $isNumber $toBool $toDate $toDecimal $toDouble $toInt $toLong $toObjectId $toString $toUUID $type``.

Source: MongoDB manual, "$convert", with its table of what converts into what.
"""

from __future__ import annotations

import base64
import importlib
import math
import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fluxion_core.errors import EvaluationError, did_you_mean
from fluxion_core.language.compiler.nodes import Call, Condition, Constant, Let, Node, OrElse, Variable
from fluxion_core.language.dates import parse_date
from fluxion_core.language.expressions.arithmetic import DECIMAL, to_decimal
from fluxion_core.language.expressions.strings import float_text, iso_text
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.query.element import TYPE_CODES
from fluxion_core.language.values import (
    INT32_MAX,
    INT32_MIN,
    INT64_MAX,
    INT64_MIN,
    MISSING,
    is_finite,
    is_number,
    kind,
    type_name,
)

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS", "convert"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER: Final = re.compile(r"[+-]?\d+\Z")
_FLOAT: Final = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)\Z", re.IGNORECASE)
_DIGITS: Final = {10: "0-9", 2: "01", 8: "0-7", 16: "0-9a-fA-F"}


def _refuse(value: Any, target: str) -> EvaluationError:
    return EvaluationError(f"unsupported conversion from {type_name(value)} to {target} in $convert with no onError value")


def _failed(value: Any, target: str, reason: str) -> EvaluationError:
    shown = repr(value)
    shown = shown if len(shown) < 60 else shown[:57] + "..."  # a line of a message
    return EvaluationError(f"failed to convert {shown} to {target} in $convert with no onError value: {reason}")


def _milliseconds(date: datetime) -> int:
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _unpacked(value: Any, forms: Mapping[int, str], target: str) -> Any:
    """Return the number that binary data holds, the lowest byte first."""
    data = value.bytes if isinstance(value, UUID) else bytes(value)
    if isinstance(value, UUID) or len(data) not in forms:
        raise _failed(value, target, f"{len(data)} bytes are no such number")
    return struct.unpack(forms[len(data)], data)[0]


def _to_double(value: Any) -> Any:
    name = kind(value)
    if name == "double":
        return value
    if name in {"int", "bool"}:
        return float(value)
    if name == "decimal":
        result = float(value)
        if math.isinf(result) and value.is_finite():
            raise _failed(value, "double", "it is out of range")
        return result
    if name == "date":
        return float(_milliseconds(value))
    if name == "binData":
        return _unpacked(value, {4: "<f", 8: "<d"}, "double")
    if name == "string":
        if re.match(r"[+-]?0[xX][0-9a-fA-F]+(\.[0-9a-fA-F]*)?([pP][+-]?\d+)?\Z", value):
            return float.fromhex(value)
        if not _FLOAT.match(value):
            raise _failed(value, "double", "it is no number")
        result = float(value)
        if math.isinf(result) and "inf" not in value.lower():
            raise _failed(value, "double", "it is out of range")
        return result
    raise _refuse(value, "double")


def _whole(low: int, high: int, target: str) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        name = kind(value)
        if name in {"int", "bool"}:
            result = int(value)
        elif name in {"double", "decimal"}:
            if not is_finite(value):
                raise _failed(value, target, "it is not finite")
            result = math.trunc(value)
        elif name == "string":
            if not _INTEGER.match(value):
                raise _failed(value, target, "it is no whole number")
            result = int(value) if len(value) < 25 else high + 1  # more digits than 64 bits have
        elif name == "binData":
            result = _unpacked(value, {1: "<b", 2: "<h", 4: "<i", **({8: "<q"} if target == "long" else {})}, target)
        elif name == "date" and target == "long":
            result = _milliseconds(value)
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
        return Decimal(_milliseconds(value))
    if name == "string":
        try:
            if not _FLOAT.match(value):
                raise InvalidOperation
            return DECIMAL.create_decimal(value)
        except InvalidOperation:
            raise _failed(value, "decimal", "it is no number") from None
    raise _refuse(value, "decimal")


def _to_bool(value: Any) -> bool:
    if is_number(value):
        return bool(value != 0)
    return bool(value) if isinstance(value, bool) else True


def _to_date(value: Any) -> Any:
    name = kind(value)
    if name == "date":
        return value
    if name == "string":
        try:
            return parse_date(value)
        except EvaluationError as error:
            raise _failed(value, "date", error.message) from None
    if name == "objectId":
        return value.generation_time
    if name == "timestamp":
        return _EPOCH + timedelta(seconds=value.time)
    if name in {"int", "double", "decimal"}:
        if not is_finite(value):
            raise _failed(value, "date", "it is not finite")
        try:
            return _EPOCH + timedelta(milliseconds=math.trunc(value))
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
    if name in {"int", "decimal", "objectId"}:
        return str(value)
    if isinstance(value, UUID):
        return str(value)
    raise _refuse(value, "string")


def _to_object_id(value: Any) -> Any:
    if kind(value) == "objectId":
        return value
    if not isinstance(value, str):
        raise _refuse(value, "objectId")
    if not re.fullmatch(r"[0-9a-fA-F]{24}", value):
        raise _failed(value, "objectId", "it is not 24 hexadecimal digits")
    try:
        return importlib.import_module("bson").ObjectId(value)
    except ImportError:
        raise EvaluationError("object ids need the extra 'bson': pip install 'fluxion-core[bson]'") from None


def _to_uuid(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return UUID(value)
    raise _failed(value, "binData", "it is no UUID") if isinstance(value, str) else _refuse(value, "binData")


def _to_binary(value: Any, form: str) -> Any:
    if kind(value) == "binData":
        return value
    if not isinstance(value, str):
        raise _refuse(value, "binData")
    try:
        if form == "base64":
            return base64.b64decode(value, validate=True)
        if form == "base64url":
            return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        if form == "hex":
            return bytes.fromhex(value)
        if form == "utf8":
            return value.encode()
    except ValueError:
        raise _failed(value, "binData", f"it is no {form}") from None
    return _to_uuid(value)


def _binary_text(value: Any, form: str) -> str:
    data = value.bytes if isinstance(value, UUID) else bytes(value)
    if form in {"auto", "uuid"}:
        if isinstance(value, UUID):
            return str(value)
        if form == "uuid":
            raise _failed(value, "string", "it is no UUID")
        return base64.b64encode(data).decode()
    if form == "base64":
        return base64.b64encode(data).decode()
    if form == "base64url":
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    if form == "hex":
        return data.hex().upper()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _failed(value, "string", "it is no UTF-8") from None


_TO: Final[Mapping[str, Callable[[Any], Any]]] = {
    "double": _to_double,
    "string": _to_string,
    "objectId": _to_object_id,
    "bool": _to_bool,
    "date": _to_date,
    "int": _whole(INT32_MIN, INT32_MAX, "int"),
    "long": _whole(INT64_MIN, INT64_MAX, "long"),
    "decimal": _to_decimal,
}
_FORMS: Final = ("auto", "base64", "base64url", "hex", "utf8", "uuid")


def convert(value: Any, to: Any, base: Any = MISSING, form: Any = MISSING) -> Any:
    """``$convert`` of a value that is neither null nor missing."""
    target = to.get("type") if isinstance(to, dict) else to
    if target is None or target is MISSING:
        return None
    target = _target(target)
    if form is not MISSING and form is not None and form not in _FORMS:
        raise EvaluationError(f"$convert: {form!r} is no format; there are {', '.join(_FORMS)}")
    if base is not MISSING and base is not None:
        based = _based(value, target, base)
        if based is not None:
            return based
    if target == "binData":
        if isinstance(value, str) and (form is MISSING or form is None):
            raise EvaluationError("$convert from string to binData needs a format")
        return _to_binary(value, form)
    if target == "string" and kind(value) == "binData" and not (isinstance(value, UUID) and form is MISSING):
        return _binary_text(value, "auto" if form is MISSING or form is None else form)
    function = _TO.get(target)
    if function is None:
        raise _refuse(value, target)
    return function(value)


def _target(target: Any) -> str:
    if isinstance(target, str):
        if target in TYPE_CODES.values():
            return target
        raise EvaluationError(
            f"unknown type name '{target}' in $convert; {did_you_mean(target, TYPE_CODES.values())}".rstrip("; ")
        )
    if is_number(target) and target in TYPE_CODES:
        return TYPE_CODES[int(target)]
    raise EvaluationError(f"$convert's 'to' must be the name or the number of a type, not {type_name(target)} {target!r}"[:200])


def _based(value: Any, target: str, base: Any) -> Any:
    """Return a conversion between a whole number and its digits in *base*, or ``None`` where base means nothing."""
    if base not in _DIGITS:
        raise EvaluationError(f"$convert: base must be 2, 8, 10 or 16, not {base!r}")
    if isinstance(value, str) and target in {"int", "long", "double", "decimal"}:
        if not re.fullmatch(f"[+-]?[{_DIGITS[base]}]+", value):
            raise _failed(value, target, f"it is no number of base {base}")
        return _TO[target](int(value, int(base)))
    if target == "string" and is_number(value) and value == int(value):
        digits = {2: "b", 8: "o", 10: "d", 16: "X"}[int(base)]
        return format(int(value), digits)
    return None


_CONVERT = Operator(name="$convert", function=convert, minimum=4, maximum=4, family="type")


def _guarded(where: str, source: Node, on_null: Node, build: Callable[[Node], Node]) -> Node:
    """Return *build(value)* where the value of *source* is there, else *on_null*."""
    if isinstance(source, Constant):
        return on_null if source.value is None or source.value is MISSING else build(source)
    name = "value of $convert"  # no user can write a name with spaces
    variable = Variable(where, name)
    test = Call(where, _IS_NULLISH, (variable,))
    return Let(where, ((name, source),), Condition(where, test, on_null, build(variable)))


def _is_nullish(value: Any) -> bool:
    return value is None or value is MISSING


_IS_NULLISH = Operator(name="$nullish", function=_is_nullish, total=True)


def _parse_convert(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("input", "to"), ("base", "byteOrder", "format", "onError", "onNull"))
    if "input" not in given or "to" not in given:
        return Constant(where, None)
    absent = Constant(where, MISSING)

    def build(value: Node) -> Node:
        call: Node = Call(where, _CONVERT, (value, given["to"], given.get("base", absent), given.get("format", absent)))
        return OrElse(where, call, given["onError"]) if "onError" in given else call

    return _guarded(where, given["input"], given.get("onNull", Constant(where, None)), build)


def _shortcut(name: str, function: Callable[[Any], Any]) -> Operator:
    def convert_one(value: Any) -> Any:
        return None if value is None or value is MISSING else function(value)

    examples = {
        "$toBool": Example({"$toBool": "false"}, True),
        "$toDate": Example({"$toDate": 0}, _EPOCH),
        "$toDecimal": Example({"$toDecimal": "1.5"}, Decimal("1.5")),
        "$toDouble": Example({"$toDouble": "1.5"}, 1.5),
        "$toInt": Example({"$toInt": "5"}, 5),
        "$toLong": Example({"$toLong": 5.9}, 5),
        "$toObjectId": Example({"$toObjectId": None}, None),
        "$toString": Example({"$toString": 2.0}, "2"),
        "$toUUID": Example({"$toUUID": "0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60"}, UUID("0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60")),
    }
    return Operator(name=name, function=convert_one, family="type", examples=[examples[name]])


OPERATORS = (
    Form(
        name="$convert",
        parse=_parse_convert,
        family="type",
        examples=[
            Example({"$convert": {"input": "x", "to": "int", "onError": -1}}, -1),
            Example({"$convert": {"input": "7", "to": "int"}}, 7),
        ],
    ),
    Operator(name="$isNumber", function=is_number, total=True, family="type", examples=[Example({"$isNumber": 1}, True)]),
    Operator(
        name="$type",
        function=type_name,
        total=True,
        family="type",
        examples=[Example({"$type": "$a"}, "missing"), Example({"$type": 1.5}, "double")],
    ),
    _shortcut("$toBool", _to_bool),
    _shortcut("$toDate", _to_date),
    _shortcut("$toDecimal", _to_decimal),
    _shortcut("$toDouble", _to_double),
    _shortcut("$toInt", _TO["int"]),
    _shortcut("$toLong", _TO["long"]),
    _shortcut("$toObjectId", _to_object_id),
    _shortcut("$toString", lambda value: convert(value, "string")),
    _shortcut("$toUUID", _to_uuid),
)
