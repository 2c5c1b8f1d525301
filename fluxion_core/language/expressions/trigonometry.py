"""Trigonometry expressions, on radians; a decimal gives a decimal."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.expressions.arithmetic import DECIMAL, number, to_decimal
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import MISSING, is_finite

__all__ = ["OPERATORS"]


def _function(name: str, of_float: Callable[[float], float], valid: Callable[[Any], bool] | None) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        if value is None or value is MISSING:
            return None
        number(value, name)
        if math.isnan(value):
            return value
        if valid is not None and not valid(value):
            raise EvaluationError(f"cannot apply {name} to {value}: it is out of range")
        try:
            result = of_float(float(value))
        except OverflowError:
            result = math.copysign(math.inf, value) if name != "$cosh" else math.inf
        return DECIMAL.create_decimal(repr(result)) if value.__class__ is Decimal else result

    return function


def _finite(value: Any) -> bool:
    return is_finite(value)


def _within_one(value: Any) -> bool:
    return bool(-1 <= value <= 1)


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


def _atan2(y: Any, x: Any) -> Any:
    if y is None or y is MISSING or x is None or x is MISSING:
        return None
    result = math.atan2(float(number(y, "$atan2")), float(number(x, "$atan2")))
    return DECIMAL.create_decimal(repr(result)) if Decimal in {y.__class__, x.__class__} else result


_PI = Decimal("3.141592653589793238462643383279503")


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
        name="$atan2", function=_atan2, minimum=2, maximum=2, family="trigonometry", examples=[Example({"$atan2": [0, 1]}, 0.0)]
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
