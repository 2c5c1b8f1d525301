"""What is known of the order of the values of a window: its ends, and shares of its numbers, kept up to date as values enter and leave.

Source: MongoDB manual, "$setWindowFields"; the server's WindowFunctionMinMax and -Percentile.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from typing import Any

from fluxion_core.language.accumulators.percentiles import percentile
from fluxion_core.language.ordering import sort_key
from fluxion_core.language.values import as_float, is_nan, is_nullish, is_number

__all__ = ["Extent", "Extreme", "Percentiles"]


class Extreme:
    """``$min`` or, *greatest*, ``$max`` of a window; null and missing are passed over.

    Kept are only those values that may become the extreme when what has been there longer is gone.
    """

    def __init__(self, *, greatest: bool) -> None:
        self._greatest = greatest
        self._kept: deque[tuple[int, Any, Any]] = deque()  # number, key and value
        self._entered = self._left = 0

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if is_nullish(value):
            return
        if sign > 0:
            self.enter(sort_key(value), value)
        else:
            self.leave()

    def enter(self, key: Any, value: Any) -> None:
        """Take in *value* with its sort key."""
        kept = self._kept
        while kept and (kept[-1][1] <= key if self._greatest else key < kept[-1][1]):
            kept.pop()
        kept.append((self._entered, key, value))
        self._entered += 1

    def leave(self) -> None:
        """Forget the value that has been there longest."""
        if self._kept[0][0] == self._left:
            self._kept.popleft()
        self._left += 1

    def value(self) -> Any:
        """Return the extreme: null where there is no value."""
        return self._kept[0][2] if self._kept else None


class Extent:
    """The least and the greatest number of a window."""

    def __init__(self) -> None:
        self._least, self._most = Extreme(greatest=False), Extreme(greatest=True)

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if not is_number(value):
            return
        if sign > 0:
            key = sort_key(value)
            self._least.enter(key, value)
            self._most.enter(key, value)
        else:
            self._least.leave()
            self._most.leave()

    def value(self) -> tuple[Any, Any]:
        """Return both: null where there is no number."""
        return self._least.value(), self._most.value()


class Percentiles:
    """``$percentile`` and, of one share, ``$median`` of the numbers of a window, which are kept sorted."""

    def __init__(self, shares: Sequence[float], *, median: bool = False) -> None:
        self._shares = shares
        self._median = median
        self._numbers: list[float] = []

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if not is_number(value) or is_nan(value):
            return
        number = as_float(value)
        if sign > 0:
            insort(self._numbers, number)
        else:
            del self._numbers[bisect_left(self._numbers, number)]

    def value(self) -> Any:
        """Return the percentiles: null where there is no number."""
        found = [percentile(self._numbers, share) for share in self._shares]
        return found[0] if self._median else found
