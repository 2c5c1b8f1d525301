"""Arithmetic expressions. Whole numbers stay whole while they fit 64 bits, a float makes a float, a decimal a decimal of 34 digits.

Null or a missing field among the arguments makes the result null. Source: MongoDB manual, "Arithmetic Expression Operators".
"""

# Longer than 400 lines: every operator under one heading of the manual.
from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
)
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Call, Node
from fluxion_core.language.dates import milliseconds
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import (
    INT64_MAX,
    INT64_MIN,
    MISSING,
    any_nullish,
    as_float,
    is_finite,
    is_nan,
    is_nullish,
    is_number,
    is_whole,
    shown,
    type_name,
)

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["DECIMAL", "OPERATORS", "narrowed", "number", "to_decimal"]

DECIMAL: Final = Context(prec=34, Emin=-6143, Emax=6144, clamp=1, traps=[])
"""Arithmetic of Decimal128: 34 digits; what is undefined is NaN."""
_EXACT: Final = Context(prec=13_000, Emin=-20_000, Emax=20_000, traps=[])
"""Enough digits for the quotient of any two decimals."""
_LEAST_ZERO: Final = Decimal("0E-6176")
"""Added to a decimal it writes that out to 34 digits, as MongoDB does where it rounds and after a power."""
_LEFT_OUT: Final = object()
"""An optional argument that was not written, which is not the same as one that is missing in the document."""


def number(value: Any, operator: str) -> Any:
    """Return *value* if it is a number.

    Raises:
        EvaluationError: it is none.
    """
    if is_number(value):
        return value
    raise EvaluationError(f"{operator} only supports numeric types, not {type_name(value)}")


def to_decimal(value: Any) -> Decimal:
    """Return a number as a decimal; a float has the 15 digits that MongoDB keeps of it, zeros at the end included."""
    if value.__class__ is float:
        if not is_finite(value) or value == 0:
            return Decimal(value)
        return Decimal(f"{value:.14e}")
    return DECIMAL.create_decimal(value)


def narrowed(value: int) -> Any:
    """Return a whole result: as it is while it fits 64 bits, else as a float."""
    if INT64_MIN <= value <= INT64_MAX:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# --------------------------------------------------------------------------------------------------- sums and products


def add(*values: Any) -> Any:
    """``$add``: numbers from the left to the right, with at most one date to which they are milliseconds.

    The first null ends it; what stands behind is not looked at.
    """
    total: Any = 0
    date: datetime | None = None
    shift = 0
    for value in values:
        if value is None or value is MISSING:
            return None
        if value.__class__ is datetime:
            if date is not None:
                raise EvaluationError("only one date allowed in an $add expression")
            date, shift = value, _whole_milliseconds(total, "$add")
        elif not is_number(value):
            raise EvaluationError(f"$add only supports numeric or date types, not {type_name(value)}")
        elif date is not None:
            shift += _whole_milliseconds(value, "$add")
        else:
            total = _added(total, value)
    return total if date is None else _shifted(date, shift, "$add")


def _added(left: Any, right: Any) -> Any:
    if left.__class__ is Decimal or right.__class__ is Decimal:
        return DECIMAL.add(to_decimal(left), to_decimal(right))
    result = left + right
    if result.__class__ is int and not INT64_MIN <= result <= INT64_MAX:
        return as_float(left) + as_float(right)  # each rounded, as a processor does it
    return result


def _whole_milliseconds(value: Any, operator: str) -> int:
    """Return a number as whole milliseconds; halves of a float go away from zero, those of a decimal to the even neighbour."""
    if not is_finite(value) or not INT64_MIN <= value <= INT64_MAX:
        raise EvaluationError(f"{operator} cannot shift a date by {shown(value)}")
    return math.trunc(value + math.copysign(0.5, value)) if value.__class__ is float else round(value)


def _shifted(date: datetime, milliseconds: int, operator: str) -> datetime:
    try:
        start = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return start + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise EvaluationError(f"{operator}: the date is out of range") from None


def subtract(left: Any, right: Any) -> Any:
    """``$subtract``: numbers, milliseconds from a date, or the milliseconds between two dates."""
    if any_nullish(left, right):
        return None
    if left.__class__ is datetime:
        if right.__class__ is datetime:
            return milliseconds(left) - milliseconds(right)
        if is_number(right):
            return _shifted(left, -_whole_milliseconds(right, "$subtract"), "$subtract")
    elif is_number(left) and is_number(right):
        if Decimal in {left.__class__, right.__class__}:
            return DECIMAL.subtract(to_decimal(left), to_decimal(right))
        return _added(left, -right)
    raise EvaluationError(f"can't $subtract {type_name(right)} from {type_name(left)}")


def multiply(*values: Any) -> Any:
    """``$multiply``, from the left to the right; the first null ends it.

    The product of the numbers as floats is kept beside that of the whole numbers, which holds as long as it fits 64 bits.
    """
    result: Any = 1
    product = 1.0
    for value in values:
        if value is None or value is MISSING:
            return None
        number(value, "$multiply")
        if value.__class__ is Decimal or result.__class__ is Decimal:
            result = DECIMAL.multiply(to_decimal(result), to_decimal(value))
            continue
        product *= as_float(value)
        whole = isinstance(result, int) and isinstance(value, int)
        result = result * value if whole else product
        if whole and not INT64_MIN <= result <= INT64_MAX:
            result = product
    return result


def divide(left: Any, right: Any) -> Any:
    """``$divide``; two whole numbers that divide evenly still give a double."""
    if any_nullish(left, right):
        return None
    if not is_number(left) or not is_number(right):
        raise EvaluationError(f"$divide only supports numeric types, not {type_name(left)} and {type_name(right)}")
    if right == 0:
        raise EvaluationError("can't $divide by zero")
    if Decimal in {left.__class__, right.__class__}:
        return DECIMAL.divide(to_decimal(left), to_decimal(right))
    return left / right


def mod(left: Any, right: Any) -> Any:
    """``$mod``: the remainder has the sign of the dividend."""
    if any_nullish(left, right):
        return None
    if not is_number(left) or not is_number(right):
        raise EvaluationError(f"$mod only supports numeric types, not {type_name(left)} and {type_name(right)}")
    if right == 0:
        raise EvaluationError("can't $mod by zero")
    if Decimal in {left.__class__, right.__class__}:
        remainder = _EXACT.remainder(to_decimal(left), to_decimal(right))
        return remainder if remainder.is_nan() else DECIMAL.plus(remainder)
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return rest if left >= 0 else -rest
    try:
        return math.fmod(left, right)
    except ValueError:
        return math.nan


# --------------------------------------------------------------------------------------------------- one argument


def absolute(value: Any) -> Any:
    """``$abs``; the least 64-bit integer has none."""
    if is_nullish(value):
        return None
    if number(value, "$abs") == INT64_MIN and isinstance(value, int):
        raise EvaluationError("can't take $abs of long long min")
    return DECIMAL.abs(value) if value.__class__ is Decimal else abs(value)


def _whole(name: str, of_float: Callable[[float], int], rounding: str) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        if is_nullish(value):
            return None
        if isinstance(number(value, name), int):
            return value
        if value.__class__ is Decimal:  # more than 34 digits come to NaN, as in Decimal128
            return value.quantize(Decimal(1), rounding=rounding, context=DECIMAL)
        if not is_finite(value):
            return value
        return math.copysign(float(of_float(value)), value)

    return function


def sqrt(value: Any) -> Any:
    """``$sqrt`` of a number that is not negative."""
    if is_nullish(value):
        return None
    if is_nan(number(value, "$sqrt")):
        return value
    if value < 0:
        raise EvaluationError("$sqrt's argument must be greater than or equal to 0")
    return DECIMAL.sqrt(value) if value.__class__ is Decimal else math.sqrt(value)


def exp(value: Any) -> Any:
    """``$exp``."""
    if is_nullish(value):
        return None
    if number(value, "$exp").__class__ is Decimal:
        return DECIMAL.exp(value)
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _logarithm(name: str, of_float: Callable[[float], float], of_decimal: Callable[[Decimal], Decimal]) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        if is_nullish(value):
            return None
        if is_nan(number(value, name)):
            return math.nan  # a double even for a decimal, as in the server
        if value <= 0:
            raise EvaluationError(f"{name}'s argument must be a positive number, but is {shown(value)}")
        return of_decimal(value) if value.__class__ is Decimal else of_float(value)

    return function


def log(value: Any, base: Any) -> Any:
    """``$log`` of a positive number to a positive base other than 1."""
    if any_nullish(value, base):
        return None
    number(value, "$log")
    number(base, "$log")
    if not is_nan(value) and value <= 0:
        raise EvaluationError(f"$log's argument must be a positive number, but is {shown(value)}")
    if not is_nan(base) and (base <= 0 or base == 1):
        raise EvaluationError(f"$log's base must be a positive number not equal to 1, but is {shown(base)}")
    if is_nan(value) or is_nan(base):
        return math.nan
    if Decimal in {value.__class__, base.__class__}:
        return DECIMAL.divide(DECIMAL.ln(to_decimal(value)), DECIMAL.ln(to_decimal(base)))
    return math.log(value) / math.log(base)


def power(base: Any, exponent: Any) -> Any:
    """``$pow``; whole numbers give a whole number while it fits."""
    if any_nullish(base, exponent):
        return None
    number(base, "$pow")
    number(exponent, "$pow")
    negative = (
        exponent.is_signed() if exponent.__class__ is Decimal else exponent < 0
    )  # of decimals, a zero and a NaN may be negative
    if base == 0 and negative:
        raise EvaluationError("$pow cannot take a base of 0 and a negative exponent")
    if Decimal in {base.__class__, exponent.__class__}:
        return _decimal_power(to_decimal(base), to_decimal(exponent))
    if (
        isinstance(base, int) and isinstance(exponent, int) and exponent >= 0 and (abs(base) <= 1 or exponent <= 64)
    ):  # 2**64 is past 64 bits
        return _whole_power(base, exponent)
    try:
        result = math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan
    if isinstance(base, int) and isinstance(exponent, int) and base in {1, -1}:
        return int(result)
    return result


def _decimal_power(base: Decimal, exponent: Decimal) -> Decimal:
    """Return what C's ``pow`` says where Python's decimals know no answer: 1 for an exponent of 0 and for a base of 1."""
    known = exponent == 0 or base == 1 or (base == -1 and exponent.is_infinite())
    return DECIMAL.add(Decimal(1) if known else DECIMAL.power(base, exponent), _LEAST_ZERO)


def _whole_power(base: int, exponent: int) -> Any:
    if abs(base) <= 1:
        return base ** (exponent % 2 + 2 if exponent else 0) if base < 0 else base ** min(exponent, 1)
    result = base**exponent
    return result if INT64_MIN <= result <= INT64_MAX else math.pow(base, exponent)


def _places(value: Any, name: str) -> int | None:
    if value is _LEFT_OUT:
        return 0
    if value is None or value is MISSING:
        return None
    if not is_whole(value):
        raise EvaluationError(f"the precision of {name} must be a whole number, not {shown(value)}")
    if not -20 <= value <= 100:  # MongoDB's bounds
        raise EvaluationError(f"cannot apply {name} with precision value {int(value)} value must be in [-20, 100]")
    return int(value)


def _rounded(name: str, rounding: str) -> Callable[[Any, Any], Any]:
    def function(value: Any, precision: Any = _LEFT_OUT) -> Any:
        if is_nullish(value):
            return None
        number(value, name)
        places = _places(precision, name)
        if places is None:
            return None
        if isinstance(value, int):
            return _round_whole(value, places, rounding)
        if not is_finite(value):
            return value
        if value.__class__ is Decimal:
            return _quantized(value, places, rounding)
        if rounding == ROUND_HALF_EVEN and places >= 0:
            return round(value, places)
        return float(_quantized(DECIMAL.create_decimal(value), places, rounding))

    return function


def _round_whole(value: int, places: int, rounding: str) -> Any:
    if places >= 0:
        return value
    result = int(_quantized(Decimal(value), places, rounding))
    if not INT64_MIN <= result <= INT64_MAX:
        raise EvaluationError("invalid conversion to long during $round")
    return result


def _quantized(value: Decimal, places: int, rounding: str) -> Decimal:
    """Return *value* cut to *places*; it has no digits to lose where those would be beyond the 34th."""
    if value and value.adjusted() + places >= DECIMAL.prec:
        return DECIMAL.add(value, _LEAST_ZERO)
    return value.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=DECIMAL)


def sigmoid(value: Any) -> Any:
    """``$sigmoid``: 1 / (1 + e^-x)."""
    if is_nullish(value):
        return None
    if number(value, "$sigmoid").__class__ is Decimal:
        return DECIMAL.divide(Decimal(1), DECIMAL.add(Decimal(1), DECIMAL.exp(-value)))
    try:
        return 1 / (1 + math.exp(-value))
    except OverflowError:
        return 0.0


def _operator(
    name: str, function: Callable[..., Any], minimum: int, maximum: int | None, *examples: tuple[Any, Any], **more: Any
) -> Operator:
    made = [Example({name: argument}, answer) for argument, answer in examples]
    return Operator(name=name, function=function, minimum=minimum, maximum=maximum, family="arithmetic", examples=made, **more)


_SIGMOID: Final = Operator(name="$sigmoid", function=sigmoid, family="arithmetic")


def _parse_sigmoid(parser: Parser, spec: Any, where: str) -> Node:
    if isinstance(spec, list | tuple):
        return parser.problem(where, "$sigmoid takes its number as it stands, not in an array")
    return Call(where, _SIGMOID, (parser.expression(spec, where),))


OPERATORS = (
    _operator("$abs", absolute, 1, 1, (-1, 1), (None, None)),
    _operator("$add", add, 0, None, ([1, 2.5], 3.5), (["$missing", 1], None), associative="left", spared_from=1),
    _operator("$ceil", _whole("$ceil", math.ceil, ROUND_CEILING), 1, 1, (7.2, 8)),
    _operator("$divide", divide, 2, 2, ([7, 2], 3.5)),
    _operator("$exp", exp, 1, 1, (0, 1)),
    _operator("$floor", _whole("$floor", math.floor, ROUND_FLOOR), 1, 1, (-2.3, -3)),
    _operator("$ln", _logarithm("$ln", math.log, DECIMAL.ln), 1, 1, (1, 0)),
    _operator("$log", log, 2, 2, ([100, 10], 2)),
    _operator("$log10", _logarithm("$log10", math.log10, DECIMAL.log10), 1, 1, (1000, 3)),
    _operator("$mod", mod, 2, 2, ([-7, 3], -1)),
    _operator("$multiply", multiply, 0, None, ([2, 3], 6), ([2, None], None), associative="left", spared_from=1),
    _operator("$pow", power, 2, 2, ([2, 10], 1024)),
    _operator("$round", _rounded("$round", ROUND_HALF_EVEN), 1, 2, ([2.345, 2], 2.35), ([2.5], 2), spared_from=1),
    Form(name="$sigmoid", parse=_parse_sigmoid, family="arithmetic", examples=[Example({"$sigmoid": 0}, 0.5)]),
    _operator("$sqrt", sqrt, 1, 1, (9, 3)),
    _operator("$subtract", subtract, 2, 2, ([5, 3], 2)),
    _operator("$trunc", _rounded("$trunc", ROUND_DOWN), 1, 2, ([-2.7], -2), ([1234, -2], 1200), spared_from=1),
)
