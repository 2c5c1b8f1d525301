"""Window functions that are kept up to date: what enters a window is added, what leaves it is taken away.

MongoDB does so wherever a window has a lower bound. What has passed through such a window may leave traces (of an overflow, of
rounding), and they are the same here.

Source: MongoDB manual, "$setWindowFields", "$stdDevPop", "$covariancePop"; the server's WindowFunctionSum, -StdDev, -Covariance and
-Integral.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, Protocol

from fluxion_core.language import windows
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.accumulators.sums import total
from fluxion_core.language.expressions.arithmetic import add, divide, multiply, subtract
from fluxion_core.language.extents import Extreme, Percentiles
from fluxion_core.language.sliding_values import KEEPING
from fluxion_core.language.values import INT64_MAX, INT64_MIN, as_float, is_finite, is_nan, is_number

__all__ = ["REMOVABLE", "SORTED", "Covariance", "Window", "integrals", "removable", "slid"]

_SUM: Final = ACCUMULATORS["$sum"]


class Window(Protocol):
    """What is known of the documents of one window."""

    def add(self, value: Any, sign: int) -> None:
        """Take in the value of a document that enters (*sign* 1), or forget that of the one that has been there longest (-1)."""

    def value(self) -> Any:
        """Return the result for the documents that are in the window."""


def slid(window: Window, values: Sequence[Any], places: Sequence[tuple[int, int]]) -> Iterator[Any]:
    """Yield the result for each of *places*, half-open ranges of *values* neither of whose ends moves back."""
    low = high = 0
    for start, end in places:
        if low >= high:
            low = high = start
        if start < end:
            for place in range(high, end):
                window.add(values[place], 1)
            high = end
        stay = start if start < end else high
        for place in range(low, stay):
            window.add(values[place], -1)
        low = stay
        yield window.value()


def _whole_sums(values: Sequence[Any], places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]] | None:
    """Return the sum of the numbers in each of *places* and how many there are; ``None`` unless all numbers of *values* are whole.

    Only then are the sums from the beginning on exact, and the difference of two what a window alone would come to.
    """
    whole = [value.__class__ is int for value in values]
    if any(not plain and is_number(value) for plain, value in zip(whole, values, strict=True)):
        return None
    sums = [0, *accumulate(value if plain else 0 for plain, value in zip(whole, values, strict=True))]
    counts = [0, *accumulate(whole)]
    return ((sums[max(low, high)] - sums[low], counts[max(low, high)] - counts[low]) for low, high in places)


class Sum:
    """``$sum`` of the numbers of a window: of the finite ones, and how many were infinite or none at all.

    Its type is that of the numbers that are in the window; what calculates it stays a float or a decimal once it was one.
    """

    def __init__(self) -> None:
        self._finite = _SUM.initial()
        self._infinite = {math.inf: 0, -math.inf: 0}
        self._without_value = 0
        self._of_class = {float: 0, Decimal: 0}

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if not is_number(value):
            return
        if value.__class__ in self._of_class:
            self._of_class[value.__class__] += sign
        if is_finite(value):
            self._finite = _SUM.step(self._finite, _signed(value, sign))
        elif not is_nan(value):
            self._infinite[float(value)] += sign
        else:
            self._without_value += sign

    def value(self) -> Any:
        """Return the sum."""
        above, below = self._infinite[math.inf] > 0, self._infinite[-math.inf] > 0
        if self._without_value > 0 or (above and below):
            endless = math.nan
        elif above or below:
            endless = math.inf if above else -math.inf
        else:
            return self._narrowed(total(self._finite))
        return Decimal(endless) if self._of_class[Decimal] > 0 else endless

    def _narrowed(self, result: Any) -> Any:
        """Return *result* as the type of what is left, where that is narrower."""
        if result.__class__ is Decimal and self._of_class[Decimal] == 0:
            whole = self._of_class[float] == 0 and INT64_MIN - 0.5 <= result < INT64_MAX + 0.5
            return round(result) if whole else as_float(result)
        if result.__class__ is float and self._of_class[float] == 0 and INT64_MIN <= result < INT64_MAX:
            return math.trunc(result + math.copysign(0.5, result))
        return result


class Average:
    """``$avg`` of the numbers of a window: null where there are none."""

    def __init__(self) -> None:
        self._sum = Sum()
        self._count = 0

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if is_number(value):
            self._sum.add(value, sign)
            self._count += sign

    def value(self) -> Any:
        """Return the average."""
        if not self._count:
            return None
        result = self._sum.value()
        return divide(as_float(result) if isinstance(result, int) else result, self._count)


def _endless(pair: Sequence[Any]) -> Any:
    """Return what the numbers of a *pair* that are not finite come to: a decimal where one of the two is."""
    result = sum(as_float(number) for number in pair if not is_finite(number))
    return Decimal(result) if Decimal in {number.__class__ for number in pair} else result


def _signed(number: Any, sign: int) -> Any:
    if sign > 0:
        return number
    return number.copy_negate() if number.__class__ is Decimal else -number


class Deviation:
    """``$stdDevPop`` (*less* 0) and ``$stdDevSamp`` (*less* 1) of the numbers of a window; everything else is passed over."""

    def __init__(self, less: int) -> None:
        self._less = less
        self._clear()

    def _clear(self) -> None:
        self._sum, self._squares = _SUM.initial(), _SUM.initial()
        self._count = self._infinite = 0

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if not is_number(value):
            return
        if not is_finite(value):
            self._infinite += sign
            return
        if self._count == 0:
            self._count = 1
            self._sum = _SUM.step(self._sum, value)
            return
        if self._count + sign == 0:
            self._clear()
            return
        number = as_float(value)
        distance = self._count * number - as_float(total(self._sum))
        self._count += sign
        self._sum = _SUM.step(self._sum, number * sign)
        self._squares = _SUM.step(self._squares, distance * distance * sign / (self._count * (self._count - sign)))

    def value(self) -> float | None:
        """Return the deviation: null while there is a number that is not finite, and of too few."""
        if self._infinite > 0:
            return None
        count = self._count - self._less
        if count <= 0:
            return None
        squares = as_float(total(self._squares))
        if squares < 0 or (self._count == 1 and not self._less):  # below zero by rounding
            self._squares = _SUM.initial()
            return 0.0
        return math.sqrt(squares / count)


class Covariance:
    """``$covariancePop`` (*less* 0) and ``$covarianceSamp`` (*less* 1) of pairs of numbers; others are passed over.

    With enough finite pairs an infinite value makes the result infinite, and NaN makes it NaN; what overflows does so as well.
    """

    def __init__(self, less: int) -> None:
        self._less = less
        self._clear()

    def _clear(self) -> None:
        self._count = 0
        self._xs, self._ys, self._products = Sum(), Sum(), Sum()

    def _mean(self, numbers: Sum) -> Any:
        return divide(numbers.value(), self._count)

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget the pair *value*, a list of x and y."""
        if value.__class__ is not list or len(value) != 2 or not all(map(is_number, value)):  # x and y
            return
        x, y = value
        if not (is_finite(x) and is_finite(y)):
            self._products.add(_endless(value), sign)
            return
        if sign > 0:
            from_mean = subtract(x, self._mean(self._xs)) if self._count else None
            self._count += 1
            self._xs.add(x, 1)
            self._ys.add(y, 1)
            if from_mean is not None:
                self._products.add(multiply(from_mean, subtract(y, self._mean(self._ys))), 1)
            return
        self._count -= 1
        if self._count == 0:
            self._clear()
            return
        self._xs.add(x, -1)
        from_mean = subtract(x, self._mean(self._xs))
        # The mean of the ys is that of the count before: MongoDB takes y away from its sum last.
        before = divide(self._ys.value(), self._count + 1)
        self._products.add(multiply(from_mean, subtract(y, before)), -1)
        self._ys.add(y, -1)

    def value(self) -> Any:
        """Return the covariance: null of too few pairs."""
        if self._count <= max(self._less, 1):
            return 0.0 if self._count > self._less else None
        return divide(self._products.value(), self._count - self._less)


class _Integral:
    """``$integral`` by trapezoids, of pairs of what a document lies at and its number: NaN while there is one in the window."""

    def __init__(self, unit_milliseconds: int | None) -> None:
        self._unit_milliseconds = unit_milliseconds
        self._points: deque[tuple[Any, Any]] = deque()
        self._area = Sum()
        self._without_value = 0

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget a pair of key and value."""
        if sign > 0:
            key, number = value
            point = windows.point(key, number, self._unit_milliseconds)
            if self._points:
                self._area.add(_trapezoid(self._points[-1], point), 1)
            self._points.append(point)
        else:
            point = self._points.popleft()
            if self._points:
                self._area.add(_trapezoid(point, self._points[0]), -1)
        self._without_value += sign * any(map(is_nan, point))

    def value(self) -> Any:
        """Return the area: null of no documents."""
        if not self._points:
            return None
        if self._without_value > 0:
            return math.nan
        area = self._area.value()
        return area if self._unit_milliseconds is None else divide(area, self._unit_milliseconds)


def _trapezoid(left: tuple[Any, Any], right: tuple[Any, Any]) -> Any:
    if any(map(is_nan, (*left, *right))):
        return 0
    return divide(multiply(add(right[1], left[1]), subtract(right[0], left[0])), 2.0)


def integrals(
    keys: Sequence[Any], values: Sequence[Any], places: Sequence[tuple[int, int]], unit_milliseconds: int | None
) -> list[Any]:
    """Return ``$integral`` over each of *places*."""
    return list(slid(_Integral(unit_milliseconds), list(zip(keys, values, strict=True)), places))


_STARTS_OF_SUMS: Final[dict[str, Callable[[int, int], list[Any]]]] = {
    "$sum": lambda whole, _numbers: [whole, None, 0.0, None],
    "$avg": lambda whole, numbers: [whole, None, 0.0, None, numbers],
}
"""The states of sums of whole numbers, which need not be gathered anew for each window."""
REMOVABLE: Final[dict[str, Callable[..., Window]]] = {
    "$sum": Sum,
    "$avg": Average,
    "$stdDevPop": lambda: Deviation(0),
    "$stdDevSamp": lambda: Deviation(1),
    "$min": lambda: Extreme(greatest=False),
    "$max": lambda: Extreme(greatest=True),
    "$percentile": Percentiles,
    "$median": lambda shares: Percentiles(shares, median=True),
    **KEEPING,
}
"""What MongoDB keeps up to date in another way than the accumulator does where a window has a lower bound, sums with other answers."""
SORTED: Final = {"$percentile", "$median"}
"""Those of them that would sort all numbers anew for each window that only grows."""


def removable(name: str, shape: Sequence[Any], values: Sequence[Any], places: Sequence[tuple[int, int]]) -> Iterable[Any]:
    """Give the results of the accumulator *name*, one of :data:`REMOVABLE` that *shape* shapes, for each of *places*."""
    start = _STARTS_OF_SUMS.get(name)
    sums = _whole_sums(values, places) if start is not None else None
    if start is None or sums is None:
        return slid(REMOVABLE[name](*shape), values, places)
    return [ACCUMULATORS[name].result(start(whole, numbers)) for whole, numbers in sums]
