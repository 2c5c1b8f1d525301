"""Trigonometry expressions, on radians; a decimal gives a decimal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language import decimal_trigonometry
from fluxion_core.language.expressions.arithmetic import DECIMAL, number, to_decimal
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import MISSING, is_finite, is_nan, shown

__all__ = ["OPERATORS"]

_PI: Final = Decimal("3.1415926535897932384626433832795028842")
_HALF_PI: Final = Decimal("1.570796326794896619231321691639751442")


def _function(name: str, of_float: Callable[[float], float], valid: Callable[[Any], bool] | None) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        if value is None or value is MISSING:
            return None
        number(value, name)
        if is_nan(value):
            return value
        if valid is not None and not valid(value):
            raise EvaluationError(f"cannot apply {name} to {shown(value)}: it is out of range")
        if value.__class__ is Decimal:
            return _of_decimal(name, value)
        try:
            return of_float(float(value))
        except OverflowError:
            return math.copysign(math.inf, value) if name != "$cosh" else math.inf

    return function


_INFINITE: Final[Mapping[str, Callable[[Decimal], Decimal]]] = {
    "$acosh": lambda value: value,
    "$asinh": lambda value: value,
    "$atan": _HALF_PI.copy_sign,
    "$cosh": abs,
    "$sinh": lambda value: value,
    "$tanh": Decimal(1).copy_sign,
}
_EVEN: Final = frozenset(["$acos", "$cos", "$cosh"])


def _of_decimal(name: str, value: Decimal) -> Decimal:
    """Return the function *name* of a decimal, infinite only where it has a limit there."""
    if value.is_infinite():
        return DECIMAL.plus(_INFINITE[name](value))
    if value == 0 and name not in _EVEN:
        return value
    if name == "$atanh" and abs(value) == 1:
        return Decimal("Infinity").copy_sign(value)
    function: Callable[[Decimal], Decimal] = getattr(decimal_trigonometry, name[1:])
    return DECIMAL.plus(function(value))


def _finite(value: Any) -> bool:
    return is_finite(value)


def _within_one(value: Any) -> bool:
    return bool(-1 <= value <= 1)


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


def _atan2(y: Any, x: Any) -> Any:
    for side in (y, x):  # the first that is null or wrong decides
        if side is None or side is MISSING:
            return None
        number(side, "$atan2")
    if Decimal in {y.__class__, x.__class__}:
        return _angle(to_decimal(y), to_decimal(x))
    return math.atan2(float(y), float(x))


def _angle(y: Decimal, x: Decimal) -> Decimal:
    if y.is_nan() or x.is_nan():
        return Decimal("NaN")
    if y.is_infinite() or x.is_infinite():  # what is finite is nothing beside it
        y, x = (Decimal(int(side.is_infinite())).copy_sign(side) for side in (y, x))
    if y == 0:
        return DECIMAL.plus(_PI.copy_sign(y)) if x.is_signed() else y
    return DECIMAL.plus(decimal_trigonometry.atan2(y, x))


def _scaled(name: str, of_float: Callable[[float], float], factor: Decimal) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        if value is None or value is MISSING:
            return None
        if number(value, name).__class__ is Decimal:
            return DECIMAL.multiply(to_decimal(value), factor)
        return of_float(float(value))

    return function


_ROWS: tuple[tuple[str, Callable[[float], float], Callable[[Any], bool] | None, Any, Any], ...] = (
    ("$acos", math.acos, _within_one, 1, 0.0),
    ("$acosh", math.acosh, lambda value: bool(value >= 1), 1, 0.0),
    ("$asin", math.asin, _within_one, 0, 0.0),
    ("$asinh", math.asinh, None, 0, 0.0),
    ("$atan", math.atan, None, 0, 0.0),
    ("$atanh", _atanh, _within_one, 0, 0.0),
    ("$cos", math.cos, _finite, 0, 1.0),
    ("$cosh", math.cosh, None, 0, 1.0),
    ("$sin", math.sin, _finite, 0, 0.0),
    ("$sinh", math.sinh, None, 0, 0.0),
    ("$tan", math.tan, _finite, 0, 0.0),
    ("$tanh", math.tanh, None, 0, 0.0),
)
OPERATORS = (
    *(
        Operator(
            name=name,
            function=_function(name, of_float, valid),
            family="trigonometry",
            examples=[Example({name: value}, answer)],
        )
        for name, of_float, valid, value, answer in _ROWS
    ),
    Operator(
        name="$atan2",
        function=_atan2,
        minimum=2,
        maximum=2,
        spared_from=1,
        family="trigonometry",
        examples=[Example({"$atan2": [0, 1]}, 0.0)],
    ),
    Operator(
        name="$degreesToRadians",
        function=_scaled("$degreesToRadians", math.radians, DECIMAL.divide(_PI, Decimal(180))),
        family="trigonometry",
        examples=[Example({"$degreesToRadians": 180}, math.pi)],
    ),
    Operator(
        name="$radiansToDegrees",
        function=_scaled("$radiansToDegrees", math.degrees, DECIMAL.divide(Decimal(180), _PI)),
        family="trigonometry",
        examples=[Example({"$radiansToDegrees": math.pi}, 180.0)],
    ),
)
