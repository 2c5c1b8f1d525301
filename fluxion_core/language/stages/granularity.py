"""Preferred numbers, which ``$bucketAuto`` rounds the bounds of its buckets to.

Source: MongoDB manual, "$bucketAuto" (granularity), which names ISO 3 and IEC 60063. Two series are shorter in the server than in
ISO 3, and so they are here: R40 has no 3.35, and R80 every other number of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from fluxion_core.language.expressions.arithmetic import DECIMAL

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
    """Return the least preferred number above *value*, a number of at least 0; 0 and infinity stay."""
    if value == 0 or math.isinf(value):
        return value
    if granularity == "POWERSOF2":
        return _power_of_two(value.bit_length() if isinstance(value, int) else math.floor(_log2(value)) + 1, value)
    series, scale = _SERIES[granularity], _scaled(value)
    exponent = 0
    while value >= scale(series[-1], exponent):
        exponent += 1
    while value < scale(series[0], exponent):
        exponent -= 1
        if value >= scale(series[-1], exponent):
            return scale(series[0], exponent + 1)
    return next(made for item in series if (made := scale(item, exponent)) > value)


def below(value: Any, granularity: str) -> Any:
    """Return the greatest preferred number below *value*, a number of at least 0; 0 and infinity stay."""
    if value == 0 or math.isinf(value):
        return value
    if granularity == "POWERSOF2":
        whole = isinstance(value, int)
        return _power_of_two((value - 1).bit_length() - 1 if whole else math.ceil(_log2(value)) - 1, value)
    series, scale = _SERIES[granularity], _scaled(value)
    exponent = 0
    while value <= scale(series[0], exponent):
        exponent -= 1
    while value > scale(series[-1], exponent):
        exponent += 1
        if value <= scale(series[0], exponent):
            return scale(series[-1], exponent - 1)
    return next(made for item in reversed(series) if (made := scale(item, exponent)) < value)


def _scaled(value: Any) -> Any:
    """Return what moves a number of a series by powers of ten, in decimals where *value* is one."""
    if value.__class__ is Decimal:
        return lambda item, exponent: DECIMAL.scaleb(Decimal(item), exponent)
    return lambda item, exponent: float(f"{item}e{exponent}")


def _log2(value: Any) -> float:
    return float(value.ln(DECIMAL) / Decimal(2).ln(DECIMAL)) if value.__class__ is Decimal else math.log2(value)


def _power_of_two(exponent: int, like: Any) -> Any:
    if like.__class__ is Decimal:
        return DECIMAL.power(Decimal(2), exponent)
    if 0 <= exponent < 63:  # what fits in a long
        return 2**exponent
    return 2.0**exponent if exponent < 1024 else math.inf  # what fits in a double
