"""Trigonometry of decimals to all 34 digits of Decimal128, where a double has 16.

Arguments are finite and lie in the domain of the function. Results come from a computation with more digits than are asked for and are
rounded by the caller. Source: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal, getcontext, localcontext
from functools import lru_cache, wraps
from itertools import count
from typing import Final

__all__ = ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinh", "tan", "tanh"]

_DIGITS: Final = 90
"""34 digits of the result, as many that may cancel out, and some to round by."""
_PI_DIGITS: Final = 128
"""Pi is kept to so many digits, and twice, four times as many, up to the 8192 that the largest decimals need."""
_TINY: Final = Decimal("1e-12")
"""Below it a few terms of a series give all digits, where a logarithm would lose them."""


def _context(digits: int) -> Context:
    return Context(prec=digits, Emin=-99_999, Emax=99_999, traps=[])


def _precise(function: Callable[..., Decimal]) -> Callable[..., Decimal]:
    """Return *function* computed with digits enough for a result of 34."""

    @wraps(function)
    def computed(*arguments: Decimal) -> Decimal:
        with localcontext(_context(_DIGITS)):
            return function(*arguments)

    return computed


@lru_cache(maxsize=8)
def _pi_of(digits: int) -> Decimal:
    """Return pi to *digits* digits, by Machin's formula in whole numbers."""
    unit: int = 10 ** (digits + 10)

    def inverse_tangent_of_inverse(n: int) -> int:
        power = total = unit // n
        for divisor in count(3, 2):
            power = -power // (n * n)
            if power in {0, -1}:  # what is left of a division that rounds down
                return total
            total += power // divisor
        raise AssertionError("count does not end")

    whole = 4 * (4 * inverse_tangent_of_inverse(5) - inverse_tangent_of_inverse(239))
    return Decimal(whole).scaleb(-(digits + 10), _context(digits + 20))


def _pi() -> Decimal:
    digits = _PI_DIGITS
    while digits < getcontext().prec:
        digits *= 2
    return +_pi_of(digits)


def _sum(terms: Iterator[Decimal]) -> Decimal:
    """Return the sum of *terms* that shrink, up to the first that no longer changes it."""
    total = next(terms)
    for term in terms:
        before = total
        total += term
        if total == before:
            break
    return total


def _powers(x: Decimal, sign: int) -> Iterator[Decimal]:
    """Yield x/1!, sign * x**3/3!, x**5/5! and so on."""
    term = x
    for n in count(2, 2):
        yield term
        term = sign * term * x * x / (n * (n + 1))


def _quadrant(x: Decimal) -> tuple[int, Decimal]:
    """Return the nearest multiple of a right angle, modulo four, and what *x* is beyond it.

    Digits enough to tell where in its period a large *x* lies are thousands; all else is computed with the usual ones.
    """
    with localcontext(_context(_DIGITS + max(0, x.adjusted()))):
        right = _pi() / 2
        turns = (x / right).to_integral_value(ROUND_HALF_EVEN)
        rest = x - turns * right
        place = int(turns % 4)
    return place, +rest


def _sine(x: Decimal) -> Decimal:
    return _sum(_powers(x, -1))


def _cosine(x: Decimal) -> Decimal:  # of an angle of at most an eighth of the circle, whose sine is no 1
    sine = _sine(x)
    return (1 - sine * sine).sqrt()


@_precise
def sin(x: Decimal) -> Decimal:
    """Return the sine of *x*."""
    turns, rest = _quadrant(x)
    value = _cosine(rest) if turns % 2 else _sine(rest)
    return -value if turns in {2, -2, 3, -1} else value


@_precise
def cos(x: Decimal) -> Decimal:
    """Return the cosine of *x*."""
    turns, rest = _quadrant(x)
    value = _sine(rest) if turns % 2 else _cosine(rest)
    return -value if turns in {1, -3, 2, -2} else value


@_precise
def tan(x: Decimal) -> Decimal:
    """Return the tangent of *x*."""
    turns, rest = _quadrant(x)
    sine, cosine = _sine(rest), _cosine(rest)
    return -cosine / sine if turns % 2 else sine / cosine


def _inverse_tangent(x: Decimal) -> Decimal:
    if abs(x) > 1:
        return (_pi() / 2).copy_sign(x) - _inverse_tangent(1 / x)
    halvings = 0
    while abs(x) > Decimal("0.05"):
        x = x / (1 + (1 + x * x).sqrt())
        halvings += 1

    def terms(power: Decimal) -> Iterator[Decimal]:
        for n in count(1, 2):
            yield power / n
            power = -power * x * x

    return _sum(terms(x)) * (1 << halvings)


@_precise
def atan(x: Decimal) -> Decimal:
    """Return the angle whose tangent is *x*."""
    return _inverse_tangent(x)


@_precise
def asin(x: Decimal) -> Decimal:
    """Return the angle whose sine is *x*."""
    if abs(x) == 1:
        return (_pi() / 2).copy_sign(x)
    return _inverse_tangent(x / (1 - x * x).sqrt())


@_precise
def acos(x: Decimal) -> Decimal:
    """Return the angle whose cosine is *x*."""
    return _pi() if x == -1 else 2 * _inverse_tangent(((1 - x) / (1 + x)).sqrt())


@_precise
def atan2(y: Decimal, x: Decimal) -> Decimal:
    """Return the angle of the point at *x* and *y*, which are not both zero."""
    if x == 0:
        return (_pi() / 2).copy_sign(y)
    angle = _inverse_tangent(y / x)
    return angle if x > 0 else angle + _pi().copy_sign(y)


@_precise
def sinh(x: Decimal) -> Decimal:
    """Return the hyperbolic sine of *x*."""
    if abs(x) < 1:
        return _sum(_powers(x, 1))
    return (x.exp() - (-x).exp()) / 2


@_precise
def cosh(x: Decimal) -> Decimal:
    """Return the hyperbolic cosine of *x*."""
    return (x.exp() + (-x).exp()) / 2


@_precise
def tanh(x: Decimal) -> Decimal:
    """Return the hyperbolic tangent of *x*."""
    if abs(x) < 1:
        sine = _sum(_powers(x, 1))
        return sine / (1 + sine * sine).sqrt()
    return (1 - 2 / ((2 * abs(x)).exp() + 1)).copy_sign(x)


@_precise
def asinh(x: Decimal) -> Decimal:
    """Return the number whose hyperbolic sine is *x*."""
    size = abs(x)
    if size < _TINY:
        return x - x**3 / 6 + 3 * x**5 / 40
    return (size + (size * size + 1).sqrt()).ln().copy_sign(x)


@_precise
def acosh(x: Decimal) -> Decimal:
    """Return the number, zero or above, whose hyperbolic cosine is *x*."""
    return (x + (x * x - 1).sqrt()).ln()


@_precise
def atanh(x: Decimal) -> Decimal:
    """Return the number whose hyperbolic tangent is *x*, which lies between -1 and 1."""
    if abs(x) < _TINY:
        return x + x**3 / 3 + x**5 / 5
    return ((1 + x) / (1 - x)).ln() / 2
