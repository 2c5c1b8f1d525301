"""``$serializeEJSON $deserializeEJSON $toArray $toObject``: values as Extended JSON, and JSON text and binary vectors as values.

Source: MongoDB manual, "$serializeEJSON", "$deserializeEJSON", "$toArray" and "$toObject" (new in 8.3). The manual gives ``relaxed``
as false by default, the server takes true; so do we.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import COMPARE_NANOSECONDS, FEW_COMPARED, ITEM_BYTES, measured, take, values_in, walk_work
from fluxion_core.language.bson_types import binary_data, bson_value, subtype
from fluxion_core.language.compiler.nodes import Call, Constant, Let, Node, OrElse, Variable
from fluxion_core.language.date_text import parse_instant
from fluxion_core.language.dates import EPOCH, milliseconds
from fluxion_core.language.expressions.conversions import CONVERSIONS, parse_uuid
from fluxion_core.language.expressions.strings import float_text, iso_text
from fluxion_core.language.expressions.vectors import is_binary_vector, unpacked
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.regex import options_of
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING, digits_of, is_nullish, is_string, kind, shown, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]

_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\Z")
"""A sign, and digits as C's ``strtol`` reads them: hexadecimal behind 0x, octal behind 0."""
_HEXADECIMAL: Final = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?\Z")
"""What ``strtod`` reads besides decimal numbers."""
_FORMATTABLE: Final = range(-2_145_916_800_000, 32_535_215_999_000)
"""Milliseconds of the dates that are written as text: from 1902 on, and to the last second of the year 3000."""
_ENDLESS: Final = {"NaN", "Infinity", "-Infinity"}
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_WRAPPER_BYTES: Final = 250
"""What ``{"$numberInt": "1"}`` takes."""


def _failed(message: str) -> EvaluationError:
    return EvaluationError(message[:200])


def _nested(value: Any) -> Any:
    """Return *value* unless it nests too deep to be a document."""
    if value.__class__ in {dict, list}:
        measured(value, {})
    return value


# --------------------------------------------------------------------------------------------------- writing


def serialized(value: Any, relaxed: Any) -> Any:
    """``$serializeEJSON``: *value* with a wrapper for each type that JSON has not; without *relaxed* for the numbers too."""
    if value is MISSING:
        return None
    count = values_in((value,))
    if count > FEW_COMPARED:
        take(count * (ITEM_BYTES if relaxed else _WRAPPER_BYTES), count * COMPARE_NANOSECONDS)
    return _nested(_written(value, relaxed=relaxed))


def _written(value: Any, *, relaxed: bool) -> Any:
    name = type_name(value)
    if name in {"string", "bool", "null"}:
        return value
    if name == "object":
        return {key: _written(item, relaxed=relaxed) for key, item in value.items()}
    if name == "array":
        return [_written(item, relaxed=relaxed) for item in value]
    if name in {"int", "long"}:
        return value if relaxed else {f"$number{name.capitalize()}": digits_of(int(value))}
    if name == "double":
        return value if relaxed and math.isfinite(value) else {"$numberDouble": float_text(value)}
    if name == "date":
        count = milliseconds(value)
        return {"$date": iso_text(value) if relaxed and count in _FORMATTABLE else {"$numberLong": str(count)}}
    if name == "binData":
        return {"$uuid": str(value)} if isinstance(value, UUID) else {"$binary": _binary_members(value)}
    write = _WRITERS.get(name)
    if write is None:
        raise _failed(f"$serializeEJSON: {name} has no form in Extended JSON")
    return write(value)


def _binary_members(value: Any) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode(), "subType": f"{subtype(value):x}"}


_WRITERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "decimal": lambda value: {"$numberDecimal": "NaN" if value.is_nan() else str(value)},
    "objectId": lambda value: {"$oid": str(value)},
    "timestamp": lambda value: {"$timestamp": {"t": value.time, "i": value.inc}},
    "regex": lambda value: {"$regularExpression": {"pattern": value.pattern, "options": options_of(value.flags)}},
    "minKey": lambda _value: {"$minKey": 1},
    "maxKey": lambda _value: {"$maxKey": 1},
    "javascript": lambda value: {"$code": str(value)},
    "javascriptWithScope": lambda value: {"$code": str(value), "$scope": _written(value.scope, relaxed=False)},
}


# --------------------------------------------------------------------------------------------------- reading


def deserialized(value: Any) -> Any:
    """``$deserializeEJSON``: *value* with what its wrappers stand for."""
    if value is MISSING:
        return None
    walk_work((value,))
    return _nested(_read(value))


def _read(value: Any) -> Any:
    name = kind(value)
    if name == "array":
        return [_read(item) for item in value]
    if name == "object":
        return _read_object(value)
    if name in {"string", "bool", "null", "int", "double"}:
        return value
    raise _failed(f"$deserializeEJSON: Extended JSON holds no {name}")


def _read_object(value: Mapping[str, Any]) -> Any:
    first = next(iter(value), "")
    read = _READERS.get(first)
    if read is not None:
        if len(value) > 1:
            raise _failed(f"$deserializeEJSON: {first} stands alone in its object")
        try:
            return read(value[first])
        except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError):
            raise _failed(f"$deserializeEJSON: {shown(value[first])} is no {first}") from None
    if set(value) in ({"$code"}, {"$code", "$scope"}):
        return _code(value)
    wrapper = next((name for name in value if name in _WRAPPERS), None)
    if wrapper is not None:
        raise _failed(f"$deserializeEJSON: {wrapper} is the only name in its object")
    return {name: _read(item) for name, item in value.items()}


def _code(value: Mapping[str, Any]) -> Any:
    scope = value.get("$scope")
    read = _read(scope) if isinstance(scope, dict) else None
    if not is_string(value["$code"]) or ("$scope" in value and not isinstance(read, dict)):
        raise _failed("$deserializeEJSON: $code is a string, $scope an object")
    return bson_value("Code", value["$code"], *([] if read is None else [read]))


def _text(value: Any) -> str:
    if not is_string(value):
        raise TypeError
    return value


def _whole(target: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        found = _INTEGER.match(_text(value))
        if found is None:
            raise ValueError
        sign, hexadecimal, octal, decimal = found.groups()
        number = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
        return CONVERSIONS[target](-number if sign == "-" else number)

    return read


def _number(target: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if target == "double" and _HEXADECIMAL.match(_text(value)):
            return float.fromhex(value)
        result = CONVERSIONS[target](_text(value))
        if not Decimal(result).is_finite() and value not in _ENDLESS:
            raise ValueError
        return result

    return read


def _members(value: Any, *names: str) -> tuple[Any, ...]:
    if set(value) != set(names):
        raise ValueError
    return tuple(value[name] for name in names)


def _date(value: Any) -> Any:
    if is_string(value):
        return parse_instant(value)
    (count,) = _members(value, "$numberLong")
    return EPOCH + timedelta(milliseconds=_whole("long")(count))


def _binary(value: Any) -> Any:
    text, digits = map(_text, _members(value, "base64", "subType"))
    if not re.fullmatch("[0-9a-fA-F]{1,2}", digits):
        raise ValueError
    return binary_data(base64.b64decode(text, validate=True), int(digits, 16))


def _regular_expression(value: Any) -> Any:
    pattern, options = map(_text, _members(value, "pattern", "options"))
    return bson_value("Regex", pattern, options)


def _timestamp(value: Any) -> Any:
    seconds, count = _members(value, "t", "i")
    if kind(seconds) != "int" or kind(count) != "int":
        raise TypeError
    return bson_value("Timestamp", seconds % 2**32, count % 2**32)  # cut to 32 bits, as the server does


def _key(name: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type_name(value) != "int" or value != 1:
            raise ValueError
        return bson_value(name)

    return read


def _undefined(value: Any) -> None:
    if value is not True:
        raise ValueError


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$oid": lambda value: CONVERSIONS["objectId"](_text(value)),
    "$symbol": _text,
    "$numberInt": _whole("int"),
    "$numberLong": _whole("long"),
    "$numberDouble": _number("double"),
    "$numberDecimal": _number("decimal"),
    "$binary": _binary,
    "$uuid": lambda value: parse_uuid(_text(value)),
    "$timestamp": _timestamp,
    "$regularExpression": _regular_expression,
    "$date": _date,
    "$minKey": _key("MinKey"),
    "$maxKey": _key("MaxKey"),
    "$undefined": _undefined,
}
_WRAPPERS: Final = {*_READERS, "$dbPointer", "$ref", "$id", "$code", "$scope"}


# --------------------------------------------------------------------------------------------------- JSON text


def _whole_or_double(text: str) -> Any:
    number = int(text) if len(text) < 400 else math.inf
    return number if INT64_MIN <= number <= INT64_MAX else float(text)


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any("\0" in name for name, _ in pairs):
        raise ValueError
    return dict(pairs)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _from_text(name: str, target: str) -> Operator:
    other = " or a binary vector" if target == "array" else ""

    def function(value: Any) -> Any:
        if is_nullish(value):
            return None
        if target == "array" and is_binary_vector(value):
            return unpacked(value, name) if len(value) else []
        if not is_string(value):
            raise EvaluationError(f"{name} needs a string{other}, not {type_name(value)}")
        take(4 * len(value))
        try:
            result = json.loads(
                value, parse_int=_whole_or_double, parse_float=_finite, parse_constant=_no_number, object_pairs_hook=_unique
            )
            if _SURROGATE.search(value):  # a pair of them is a character, one alone is none
                json.dumps(result, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise EvaluationError(f"{name}: the text is no JSON") from None
        if kind(result) != target:
            raise EvaluationError(f"{name}: the text holds {kind(result)}, not {target}")
        return _nested(result)

    example = ('[1, {"a": null}]', [1, {"a": None}]) if target == "array" else ('{"a": [true]}', {"a": [True]})
    return Operator(name=name, function=function, family="type", examples=[Example({name: example[0]}, example[1])])


# --------------------------------------------------------------------------------------------------- forms


def _relaxed(value: Any) -> Any:
    if not isinstance(value, bool):
        raise EvaluationError(f"$serializeEJSON: relaxed is true or false, not {type_name(value)}")
    return value


_RELAXED: Final = Operator(name="$relaxed", function=_relaxed)
_SERIALIZE: Final = Operator(name="$serializeEJSON", function=serialized, minimum=2, maximum=2, family="type")
_DESERIALIZE: Final = Operator(name="$deserializeEJSON", function=deserialized, family="type")


def _unless_failed(where: str, call: Node, given: Mapping[str, Node]) -> Node:
    return OrElse(where, call, given["onError"]) if "onError" in given else call


def _parse_serialize(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("input",), ("relaxed", "onError"))
    value = given.get("input", Constant(where, None))
    if "relaxed" not in given:
        return _unless_failed(where, Call(where, _SERIALIZE, (value, Constant(where, True))), given)  # noqa: FBT003
    manner = Call(where, _RELAXED, (given["relaxed"],))
    bound = Variable(where, "relaxed of $serializeEJSON")  # no user can write a name with spaces
    call = Call(where, _SERIALIZE, (value, bound))
    return Let(where, ((bound.name, manner),), _unless_failed(where, call, given))


def _parse_deserialize(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("input",), ("onError",))
    return _unless_failed(where, Call(where, _DESERIALIZE, (given.get("input", Constant(where, None)),)), given)


OPERATORS = (
    Form(
        name="$serializeEJSON",
        parse=_parse_serialize,
        family="type",
        examples=[Example({"$serializeEJSON": {"input": [7, "x"], "relaxed": False}}, [{"$numberInt": "7"}, "x"])],
    ),
    Form(
        name="$deserializeEJSON",
        parse=_parse_deserialize,
        family="type",
        examples=[
            Example({"$deserializeEJSON": {"input": {"$literal": {"$numberLong": "7"}}}}, 7),
            Example({"$deserializeEJSON": {"input": {"$literal": {"$numberLong": 7}}, "onError": "no"}}, "no"),
        ],
    ),
    _from_text("$toArray", "array"),
    _from_text("$toObject", "object"),
)
