"""String expressions. Positions are counted in code points (``...CP``) or in bytes of UTF-8 (``...Bytes``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import (
    CONTAINER_BYTES,
    LIMIT_DOCUMENT_BYTES,
    PLACE_BYTES,
    SMALL_BYTES,
    take,
    take_work,
)
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import (
    INT32_MAX,
    INT32_MIN,
    INT64_MAX,
    INT64_MIN,
    MISSING,
    described,
    digits_of,
    is_finite,
    is_nan,
    is_nullish,
    is_number,
    is_string,
    is_whole,
    kind,
    type_name,
)

__all__ = ["OPERATORS", "iso_text", "whole_number"]

_SPACES: Final = "\0 \t\n\v\f\r\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"


def _string(value: Any, operator: str, role: str = "argument") -> str:
    if is_string(value):
        if len(value) > SMALL_BYTES:
            take_work(len(value) >> 2)
        return value
    raise EvaluationError(f"{operator} needs a string as its {role}, not {type_name(value)}")


def whole_number(value: Any, operator: str, role: str) -> int:
    """Return a number that is whole and fits 32 bits.

    Raises:
        EvaluationError: it is none.
    """
    if is_whole(value) and INT32_MIN <= value <= INT32_MAX:
        return int(value)
    raise EvaluationError(f"{operator} needs a whole number of 32 bits as its {role}, not {described(value)}"[:200])


def iso_text(date: datetime) -> str:
    """Return a date as MongoDB writes it into strings: ISO-8601 in UTC with milliseconds and ``Z``."""
    aware = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    return (
        f"{aware:%Y-%m-%dT%H:%M:%S}.{aware.microsecond // 1000:03d}Z"
        if aware.year >= 1000
        else aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )  # strftime does not pad years


def coerced(value: Any, operator: str) -> str:
    """Return *value* as the text that ``$toLower``, ``$substr`` and their like take it for."""
    if isinstance(value, str):
        if len(value) > SMALL_BYTES:
            take(len(value), len(value) >> 2)
        return value
    if is_nullish(value):
        return ""
    name = kind(value)
    if name == "int":
        return digits_of(value)
    if name == "double":
        return f"{value:g}"  # 6 digits, as the server's StringBuilder writes it; $toString writes them all
    if name == "decimal":
        return str(value)
    if name == "date":
        return iso_text(value)
    if name == "timestamp":
        moment = datetime.fromtimestamp(value.time, UTC)
        return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}:{value.inc}"
    raise EvaluationError(f"{operator} needs a string, not {type_name(value)}")


def large_text(operator: str, characters: int) -> None:
    """Take a text of so many characters from what the document may still make.

    Raises:
        EvaluationError: it is larger than a text may be, or there is not so much left.
    """
    if characters > LIMIT_DOCUMENT_BYTES:
        raise EvaluationError(f"{operator}: the result is larger than {LIMIT_DOCUMENT_BYTES >> 20} MiB")
    take(characters, characters >> 2)


def float_text(value: float) -> str:
    """Return a float as MongoDB prints it: no ``.0``, an exponent of two digits from 1e+16 on and below 1e-4."""
    if is_nan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value).removesuffix(".0")  # Python's own form is this one but for whole numbers


def concat(*values: Any) -> Any:
    """``$concat``."""
    for value in values:
        if is_nullish(value):
            return None
        if not is_string(value):
            raise EvaluationError(f"$concat only supports strings, not {type_name(value)}")
    size = sum(map(len, values))
    if size > SMALL_BYTES:
        large_text("$concat", size)
    return "".join(values)


def _index(name: str, *, in_bytes: bool) -> Callable[..., Any]:
    def function(text: Any, part: Any, *bounds: Any) -> Any:  # a bound that is given and missing is an error
        if is_nullish(text):
            return None
        _string(text, name, "first argument")
        _string(part, name, "second argument")
        first = _position(bounds[0], name, "starting index") if bounds else 0
        last = _position(bounds[1], name, "ending index") if len(bounds) > 1 else None
        haystack: Any = text.encode() if in_bytes else text
        needle: Any = part.encode() if in_bytes else part
        end = len(haystack) if last is None else min(last, len(haystack))
        if end < first:
            return -1
        if in_bytes:
            return haystack.find(needle, first, end)
        found = haystack.find(needle, first)  # a match begins before the end, and may go on behind it
        return found if found < end or not haystack + needle else -1

    return function


def _position(value: Any, operator: str, role: str) -> int:
    position = whole_number(value, operator, role)
    if position < 0:
        raise EvaluationError(f"{operator} needs a {role} of at least 0, not {position}")
    return position


def _trim(name: str, *, left: bool, right: bool) -> Callable[..., Any]:
    def function(text: Any, chars: Any = MISSING) -> Any:
        if is_nullish(text):
            return None
        _string(text, name, "input")
        if chars is None:
            return None
        letters = _SPACES if chars is MISSING else _string(chars, name, "chars")
        if not letters:
            return text
        text = text.lstrip(letters) if left else text
        return text.rstrip(letters) if right else text

    return function


def _replace(name: str, count: int) -> Callable[..., Any]:
    def function(text: Any, find: Any, replacement: Any) -> Any:
        for value, role in ((text, "input"), (find, "find"), (replacement, "replacement")):
            if not is_nullish(value):
                _string(value, name, role)
        if is_nullish(text) or is_nullish(find) or is_nullish(replacement):
            return None
        found = text.count(find) if count < 0 else 1
        size = len(text) + found * max(0, len(replacement) - len(find))
        if size > SMALL_BYTES:
            large_text(name, size)
        return text.replace(find, replacement, count)

    return function


def split(text: Any, separator: Any) -> Any:
    """``$split`` by a text, as up to MongoDB 8.2."""
    if is_nullish(text) or is_nullish(separator):
        return None
    _string(text, "$split", "first argument")
    if not _string(separator, "$split", "second argument"):
        raise EvaluationError("$split needs a separator that is not empty")
    if len(text) > SMALL_BYTES:
        take(len(text) + text.count(separator) * (CONTAINER_BYTES + PLACE_BYTES))
    return text.split(separator)


def _length(name: str, *, in_bytes: bool) -> Callable[[Any], Any]:
    def function(text: Any) -> Any:
        _string(text, name)
        return len(text.encode()) if in_bytes else len(text)

    return function


def strcasecmp(left: Any, right: Any) -> int:
    """``$strcasecmp``: compares without regard to the case of ASCII letters."""
    a, b = (_upper(coerced(value, "$strcasecmp")) for value in (left, right))
    return (a > b) - (a < b)


def _upper(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def _lower(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def substr_bytes(text: Any, start: Any, length: Any) -> str:
    """``$substrBytes``: a negative start gives nothing, a negative length the rest; no character may be cut."""
    data = coerced(text, "$substrBytes").encode()
    first, count = _long(start, "starting index"), _long(length, "length")
    if first < 0:
        raise EvaluationError("$substrBytes needs a starting index of at least 0")
    if first >= len(data):
        return ""
    end = len(data) if count < 0 else min(first + count, len(data))
    if _continues(data, first):
        raise EvaluationError("$substrBytes: the starting index is in the middle of a character")
    if _continues(data, end):
        raise EvaluationError("$substrBytes: the range ends in the middle of a character")
    return data[first:end].decode()


_TOO_LARGE: Final = Decimal(2**64)


def _long(value: Any, role: str) -> int:
    if not is_number(value):
        raise EvaluationError(f"$substrBytes needs a number as its {role}, not {type_name(value)}")
    if value.__class__ is Decimal:  # of one out of range comes the least integer, and a negative length is the rest
        whole = round(value) if is_finite(value) and abs(value) < _TOO_LARGE else INT64_MIN  # its digits would be thousands
        return whole if INT64_MIN <= whole <= INT64_MAX else INT64_MIN
    if not is_finite(value) or not INT64_MIN <= value <= INT64_MAX:
        raise EvaluationError(f"$substrBytes: the {role} {value} is out of range"[:200])
    return int(value)


def _continues(data: bytes, index: int) -> bool:
    return index < len(data) and data[index] & 0xC0 == 0x80  # a continuation byte of UTF-8


def substr_cp(text: Any, start: Any, length: Any) -> str:
    """``$substrCP``: *length* code points from *start* on."""
    source = coerced(text, "$substrCP")
    first = _position(start, "$substrCP", "starting index")
    count = _position(length, "$substrCP", "length")
    return source[first : first + count]


def to_lower(text: Any) -> str:
    """``$toLower`` of ASCII letters."""
    return _lower(coerced(text, "$toLower"))


def to_upper(text: Any) -> str:
    """``$toUpper`` of ASCII letters."""
    return _upper(coerced(text, "$toUpper"))


def _positional(
    name: str, function: Callable[..., Any], minimum: int, maximum: int | None, *examples: tuple[Any, Any], **more: Any
) -> Operator:
    made = [Example({name: argument}, answer) for argument, answer in examples]
    return Operator(name=name, function=function, minimum=minimum, maximum=maximum, **more, family="string", examples=made)


def _named(
    name: str,
    function: Callable[..., Any],
    required: tuple[str, ...],
    optional: tuple[str, ...],
    *examples: tuple[Any, Any],
    spared_from: int = 0,
) -> Operator:
    made = [Example({name: argument}, answer) for argument, answer in examples]
    return Operator(
        name=name,
        function=function,
        arguments=required,
        optional=optional,
        null_if_missing=True,
        spared_from=spared_from,
        family="string",
        examples=made,
    )


OPERATORS = (
    _positional("$concat", concat, 0, None, (["a", "b"], "ab"), (["a", None], None), associative="fully", spared_from=1),
    _positional("$indexOfBytes", _index("$indexOfBytes", in_bytes=True), 2, 4, (["vanilla", "ll"], 4), spared_from=1),
    _positional("$indexOfCP", _index("$indexOfCP", in_bytes=False), 2, 4, (["cafétéria", "t"], 4), spared_from=1),
    _named("$ltrim", _trim("$ltrim", left=True, right=False), ("input",), ("chars",), ({"input": " a "}, "a "), spared_from=1),
    _named("$rtrim", _trim("$rtrim", left=False, right=True), ("input",), ("chars",), ({"input": " a "}, " a"), spared_from=1),
    _named(
        "$trim",
        _trim("$trim", left=True, right=True),
        ("input",),
        ("chars",),
        ({"input": "xxaxx", "chars": "x"}, "a"),
        spared_from=1,
    ),
    _named(
        "$replaceAll",
        _replace("$replaceAll", -1),
        ("input", "find", "replacement"),
        (),
        ({"input": "aba", "find": "a", "replacement": "c"}, "cbc"),
    ),
    _named(
        "$replaceOne",
        _replace("$replaceOne", 1),
        ("input", "find", "replacement"),
        (),
        ({"input": "aba", "find": "a", "replacement": "c"}, "cba"),
    ),
    _positional("$split", split, 2, 2, (["a-b", "-"], ["a", "b"])),
    _positional("$strLenBytes", _length("$strLenBytes", in_bytes=True), 1, 1, ("é", 2)),
    _positional("$strLenCP", _length("$strLenCP", in_bytes=False), 1, 1, ("é", 1)),
    _positional("$strcasecmp", strcasecmp, 2, 2, (["a", "B"], -1)),
    _positional("$substr", substr_bytes, 3, 3, (["hello", 1, 3], "ell")),
    _positional("$substrBytes", substr_bytes, 3, 3, (["hello", 1, -1], "ello")),
    _positional("$substrCP", substr_cp, 3, 3, (["hello", 0, 2], "he")),
    _positional("$toLower", to_lower, 1, 1, ("ABC", "abc"), (None, "")),
    _positional("$toUpper", to_upper, 1, 1, ("abc", "ABC")),
)
