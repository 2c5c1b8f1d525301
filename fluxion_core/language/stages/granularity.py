"""Preferred numbers, which ``$bucketAuto`` rounds the bounds of its buckets to.

Source: MongoDB manual, "$bucketAuto" (granularity), which names ISO 3 and IEC 60063. Two series are shorter in the server than in
ISO 3, and so they are here: R40 has no 3.35, and R80 every other number of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any, Final

from fluxion_core.language.expressions.arithmetic import DECIMAL, to_decimal

__all__ = ["GRANULARITIES", "above", "below"]

# One decade of each series, in whole numbers; 920 is the one that IEC 60063 does not take from the formula.
_SERIES: Final[dict[str, Sequence[int]]] = {
    "R5": (10, 16, 25, 40, 63),
    "R10": (100, 125, 160, 200, 250, 315, 400, 500, 630, 800),
    "R20": (100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800, 900),
    "R40": (
        100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280, 300,
        315, 355, 375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850, 900, 950,
    ),
    "R80": (
        103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218, 230, 243, 258, 272, 290, 307,
        325, 345, 365, 387, 412, 437, 462, 487, 515, 545, 575, 615, 650, 690, 730, 775, 825, 875, 925, 975,
    ),
    "1-2-5": (10, 20, 50),
    "E6": (10, 15, 22, 33, 47, 68),
    "E12": (10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82),
    "E24": (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91),
    **{
        f"E{size}": tuple(920 if (size, place) == (192, 185) else round(10 ** (2 + place / size)) for place in range(size))
        for size in (48, 96, 192)
    },
}  # fmt: skip
GRANULARITIES: Final = (*_SERIES, "POWERSOF2")


def above(value: Any, granularity: str) -> Any:
    """Return the least preferred number above *value*, a finite number of at least 0; 0 stays."""
    if not float(value):
        return value
    if granularity == "POWERSOF2":
        return _power_of_two(value.bit_length() if isinstance(value, int) else math.floor(_log2(value)) + 1, value)
    number, series, unit, ten = _scale(value, granularity)
    with localcontext(DECIMAL):
        while number >= series[-1] * unit:
            unit *= ten
        while number < series[0] * unit:
            least = series[0] * unit
            unit /= ten
            if number >= series[-1] * unit:
                return least
        return next(made for item in series if (made := item * unit) > number)


def below(value: Any, granularity: str) -> Any:
    """Return the greatest preferred number below *value*, a finite number of at least 0; 0 stays."""
    if not float(value):
        return value
    if granularity == "POWERSOF2":
        whole = isinstance(value, int)
        return _power_of_two((value - 1).bit_length() - 1 if whole else math.ceil(_log2(value)) - 1, value)
    number, series, unit, ten = _scale(value, granularity)
    with localcontext(DECIMAL):
        while number <= series[0] * unit:
            unit /= ten
        while unit and number > series[-1] * unit:
            greatest = series[-1] * unit
            unit *= ten
            if number <= series[0] * unit:
                return greatest
        return next((made for item in reversed(series) if (made := item * unit) < number), 0.0)


def _scale(value: Any, granularity: str) -> tuple[Any, Sequence[Any], Any, Any]:
    """Return *value* and the series as decimals or doubles, and what the series is multiplied by: 1, and tens one by one.

    The product of doubles is the server's, which is not always the double nearest to the number: 33 tenths are 3.3000000000000003.
    """
    make = to_decimal if value.__class__ is Decimal else float
    return make(value), [make(float(item)) for item in _SERIES[granularity]], make(1), make(10)


def _log2(value: Any) -> float:
    return float(value.ln(DECIMAL) / Decimal(2).ln(DECIMAL)) if value.__class__ is Decimal else math.log2(value)


def _power_of_two(exponent: int, like: Any) -> Any:
    if like.__class__ is Decimal:
        return DECIMAL.power(Decimal(2), exponent)
    if 0 <= exponent < 63:  # what fits in a long
        return 2**exponent
    return 2.0**exponent if exponent < 1024 else math.inf  # what fits in a double
