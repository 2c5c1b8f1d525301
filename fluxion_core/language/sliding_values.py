"""Window functions that keep the values of their window: by arrival, as a set, or in an order. What leaves is what came first.

Source: MongoDB manual, "$setWindowFields" and the page of each; for the order of sets and of ``$bottom``, the server's
WindowFunctionAddToSet, -SetUnion and -TopBottomN.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

from fluxion_core.language.accumulators.extremes import checked_n
from fluxion_core.language.ordering import identity, sort_key
from fluxion_core.language.values import MISSING, is_nullish, present

__all__ = ["KEEPING", "Arrivals", "Members", "Ordered"]


class Arrivals:
    """The values in the order in which they came; *pick* makes the result of them."""

    def __init__(self, pick: Callable[[deque[Any]], Any]) -> None:
        self._pick = pick
        self._kept: deque[Any] = deque()

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value."""
        if sign > 0:
            self._kept.append(value)
        else:
            self._kept.popleft()

    def value(self) -> Any:
        """Return what was picked."""
        return self._pick(self._kept)


class Members:
    """The members that values bring to a set, in the order of all values; of equal ones that which came first."""

    def __init__(self, members_of: Callable[[Any], Iterable[Any]]) -> None:
        self._members_of = members_of
        self._equal: dict[Any, deque[Any]] = {}
        self._keys: list[Any] = []
        self._identities: list[Any] = []

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget the members of one value."""
        for member in self._members_of(value) if value is not MISSING else ():
            if sign > 0:
                self._take(member)
            else:
                self._forget(member)

    def _take(self, member: Any) -> None:
        name = identity(member)
        equal = self._equal.get(name)
        if equal is None:
            self._equal[name] = equal = deque()
            key = sort_key(member)
            place = bisect_left(self._keys, key)
            self._keys.insert(place, key)
            self._identities.insert(place, name)
        equal.append(member)

    def _forget(self, member: Any) -> None:
        name = identity(member)
        equal = self._equal[name]
        equal.popleft()
        if not equal:
            del self._equal[name]
            place = bisect_left(self._keys, sort_key(member))
            del self._keys[place], self._identities[place]

    def value(self) -> list[Any]:
        """Return the set."""
        return [self._equal[name][0] for name in self._identities]


class Ordered:
    """What *entry_of* makes of values, a key and what is kept, in the order of the keys; equal ones in that of their arrival."""

    def __init__(self, entry_of: Callable[[Any], tuple[Any, Any] | None], pick: Callable[[list[Any]], Any]) -> None:
        self._entry_of = entry_of
        self._pick = pick
        self._keys: list[Any] = []
        self._values: list[Any] = []

    def add(self, value: Any, sign: int) -> None:
        """Take in or forget one value; there is no entry of what is passed over."""
        entry = self._entry_of(value)
        if entry is None:
            return
        if sign > 0:
            place = bisect_right(self._keys, entry[0])
            self._keys.insert(place, entry[0])
            self._values.insert(place, entry[1])
        else:
            place = bisect_left(self._keys, entry[0])
            del self._keys[place], self._values[place]

    def value(self) -> Any:
        """Return what was picked."""
        return self._pick(self._values)


def _first_n(n: Any) -> Arrivals:
    return Arrivals(lambda kept: [present(value) for value in islice(kept, checked_n(n))])


def _last_n(n: Any) -> Arrivals:
    return Arrivals(lambda kept: [present(value) for value in islice(reversed(kept), checked_n(n))][::-1])


def _by_size(value: Any) -> tuple[Any, Any] | None:
    return None if is_nullish(value) else (sort_key(value), value)


def _by_order(order: Sequence[Any]) -> Callable[[Any], tuple[Any, Any]]:
    from fluxion_core.language.stages.sort import order_key

    key_of = order_key(tuple((tuple(names), descending) for names, descending in order))
    return lambda row: (key_of(row[0]), present(row[1]))


KEEPING: Final[dict[str, Callable[..., Arrivals | Members | Ordered]]] = {
    "$count": lambda: Arrivals(len),
    "$first": lambda: Arrivals(lambda kept: present(kept[0]) if kept else None),
    "$last": lambda: Arrivals(lambda kept: present(kept[-1]) if kept else None),
    "$firstN": _first_n,
    "$lastN": _last_n,
    "$push": lambda: Arrivals(lambda kept: [value for value in kept if value is not MISSING]),
    "$concatArrays": lambda: Arrivals(lambda kept: [item for value in kept if value is not MISSING for item in value]),
    "$addToSet": lambda: Members(lambda value: (value,)),
    "$setUnion": lambda: Members(lambda value: value),
    "$minN": lambda n: Ordered(_by_size, lambda values: values[: checked_n(n)]),
    "$maxN": lambda n: Ordered(_by_size, lambda values: values[: -checked_n(n) - 1 : -1]),
    "$top": lambda order, _n: Ordered(_by_order(order), lambda values: values[0] if values else None),
    "$topN": lambda order, n: Ordered(_by_order(order), lambda values: values[: checked_n(n)]),
    "$bottom": lambda order, _n: Ordered(_by_order(order), lambda values: values[-1] if values else None),
    "$bottomN": lambda order, n: Ordered(_by_order(order), lambda values: values[-checked_n(n) :]),
}
"""Accumulators over a window that has a lower bound, each made of what shapes the accumulator."""
