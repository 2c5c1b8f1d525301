"""What a document is made of: Python's plain values, and the BSON type that each stands for.

    dict object · list array · str string · bool bool · int int/long (by size) · float double · Decimal decimal · None null
    datetime date (UTC, milliseconds) · bytes binData · UUID binData · re.Pattern regex
    ObjectId, Timestamp, MinKey, MaxKey, Regex, Code: the classes of the ``bson`` package, recognised by name, so that nothing is
    imported; its Int64 is an int whose type is ``long`` · Decimal128 is not calculated with: hand in its ``to_decimal()``

``MISSING`` stands for a field that is not there, which is not the same as null.
Source: MongoDB manual, "BSON Types" and "Comparison/Sort Order".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Final, TypeGuard
from uuid import UUID

import msgspec

from fluxion_core.errors import EvaluationError

__all__ = [
    "INT32_MAX",
    "INT32_MIN",
    "INT64_MAX",
    "INT64_MIN",
    "MISSING",
    "any_nullish",
    "as_float",
    "described",
    "digits_of",
    "is_finite",
    "is_nan",
    "is_nullish",
    "is_number",
    "is_string",
    "is_whole",
    "kind",
    "present",
    "shown",
    "truthy",
    "type_name",
]

MISSING: Final = msgspec.UNSET
INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1
INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

# The family of a value's class: one word for all numbers of one Python class; 'int' says nothing about 32 or 64 bits.
_KINDS: dict[type, str] = {
    msgspec.UnsetType: "missing",
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    Decimal: "decimal",
    str: "string",
    dict: "object",
    list: "array",
    tuple: "array",
    bytes: "binData",
    bytearray: "binData",
    memoryview: "binData",
    UUID: "binData",
    datetime: "date",
    re.Pattern: "regex",
}
_DESCRIBED = 150
"""So many characters are said of a value that is wrong; most messages have 200."""
_LONG_BITS = 1000
"""A longer integer is written in hexadecimal digits, which take no time; Python writes none of more than 4300 decimal ones."""
_FOREIGN = {
    "ObjectId": "objectId",
    "Timestamp": "timestamp",
    "MinKey": "minKey",
    "MaxKey": "maxKey",
    "Regex": "regex",
    "Code": "javascript",
    "DBRef": "dbPointer",
}


def kind(value: Any) -> str:
    """Return the BSON alias of *value*'s type, with ``int`` for every integer and ``missing`` for :data:`MISSING`."""
    return _KINDS.get(value.__class__) or _learn(value.__class__)


def _learn(cls: type) -> str:
    """Find the kind of a class seen for the first time: a class of ``bson``, or a subclass of one of ours."""
    found = _FOREIGN.get(cls.__name__) if cls.__module__.split(".")[0] == "bson" else None
    if found is None:
        found = next((name for known, name in _KINDS.items() if known is not type(None) and issubclass(cls, known)), "unknown")
    _KINDS[cls] = found
    return found


def type_name(value: Any) -> str:
    """Return what ``$type`` answers for *value*: the BSON alias, ``int`` or ``long`` by size, ``missing``."""
    name = kind(value)
    if name == "int" and (not INT32_MIN <= value <= INT32_MAX or value.__class__.__name__ == "Int64"):
        return "long"
    return "javascriptWithScope" if name == "javascript" and value.scope is not None else name


def present(value: Any) -> Any:
    """Return *value*, and null where it is missing, as in an array, which has no holes."""
    return None if value is MISSING else value


def described(value: Any) -> str:
    """Return what a message says of *value* where another was needed: its type, and itself, unless it is null or missing."""
    name = type_name(value)
    return name if is_nullish(value) else f"{name} {shown(value, _DESCRIBED)}"


def shown(value: Any, most: int = 60) -> str:
    """Return *value* for a message, in *most* characters: what is cut off in the end is not written out before."""
    text = "".join(islice(_parts(value, most), most + 1))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _parts(value: Any, most: int) -> Iterator[str]:
    """Yield the parts of ``repr(value)``, none of them empty, so that the first of them are all that is shown."""
    if value.__class__ is str or value.__class__ is bytes:
        yield repr(value[:most])
    elif value.__class__ is list or value.__class__ is tuple:
        yield "[" if value.__class__ is list else "("
        for place, item in enumerate(value):
            if place:
                yield ", "
            yield from _parts(item, most)
        yield "]" if value.__class__ is list else ",)" if len(value) == 1 else ")"
    elif value.__class__ is dict:
        yield "{"
        for place, (name, item) in enumerate(value.items()):
            if place:
                yield ", "
            yield from _parts(name, most)
            yield ": "
            yield from _parts(item, most)
        yield "}"
    elif value.__class__ is int and value.bit_length() > _LONG_BITS:
        yield hex(value)[: most + 1]
    elif value.__class__ is Decimal:
        yield str(value)
    else:
        yield repr(value)


def digits_of(value: Any) -> str:
    """Return *value* in decimal digits.

    Raises:
        EvaluationError: it has more than Python writes.
    """
    try:
        return str(value)
    except ValueError:
        raise EvaluationError("an integer of thousands of digits cannot be written out") from None


def is_number(value: Any) -> bool:
    """Whether *value* is an int, float or Decimal; a bool is none."""
    return kind(value) in {"int", "double", "decimal"}


def is_string(value: Any) -> TypeGuard[str]:
    """Whether *value* is a string: JavaScript code of ``bson`` is a ``str`` and none."""
    return value.__class__ is str or kind(value) == "string"


def is_finite(value: Any) -> bool:
    """Whether the number *value* is neither NaN nor infinite."""
    return bool(value.is_finite()) if value.__class__ is Decimal else value.__class__ is int or math.isfinite(value)


def is_nan(value: Any) -> bool:
    """Whether the number *value* is not a number; a signaling NaN of a decimal is none either, which ``float`` and ``==`` refuse."""
    return bool(value.is_nan()) if value.__class__ is Decimal else value.__class__ is not int and math.isnan(value)


def as_float(number: Any) -> float:
    """Return *number* as a float: an integer beyond all floats is infinite, a signaling NaN is a NaN."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    except ValueError:
        return math.nan


def is_whole(value: Any) -> bool:
    """Whether *value* is a number without a fraction that fits 64 bits; a decimal is asked first, its digits may fill the memory."""
    if value.__class__ is int:
        return INT64_MIN <= value <= INT64_MAX
    return is_number(value) and is_finite(value) and INT64_MIN <= value <= INT64_MAX and bool(value == int(value))


def is_nullish(value: Any) -> bool:
    """Whether *value* is null or missing."""
    return value is None or value is MISSING


def any_nullish(*values: Any) -> bool:
    """Whether one of *values* is null or missing."""
    return any(value is None or value is MISSING for value in values)


def truthy(value: Any) -> bool:
    """Whether an expression's *value* counts as true: everything but false, null, missing and zero (NaN is true)."""
    if value is True or value is False:
        return bool(value)
    if value is None or value is MISSING:
        return False
    try:
        return not (is_number(value) and value == 0)
    except InvalidOperation:  # a signaling NaN
        return True
