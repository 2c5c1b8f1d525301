"""What a record changed in groups before it failed, and how it is taken back: a record is folded as a whole or not at all.

Only accumulators of plugins fail in their step, and only parameters that depend on the key fail when a group is made; all else is
evaluated before the first change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from fluxion_core.language.encoding import decode_value, encode_value
from fluxion_core.language.operators import Accumulator

__all__ = ["Undo", "by_record"]


class Undo:
    """What one record changed in *groups*: those that it made, and states that were there."""

    def __init__(self, groups: dict[Any, Any]) -> None:
        self._groups = groups
        self._made: list[Any] = []
        self._before: dict[tuple[int, str], tuple[Any, Accumulator | None, Any]] = {}

    def made(self, identity: Any) -> None:
        """Take note that the group of *identity* is new."""
        self._made.append(identity)

    def changes(self, group: Any, place: str, accumulator: Accumulator | None) -> None:
        """Take note of what is at *place* of *group* before the record: the state of *accumulator*, or a plain value."""
        if (id(group), place) not in self._before:
            found = getattr(group, place)
            kept = found if accumulator is None else encode_value(accumulator.dump(found))
            self._before[id(group), place] = group, accumulator, kept

    def __call__(self) -> None:
        """Take it all back."""
        for (_, place), (group, accumulator, kept) in self._before.items():
            setattr(group, place, kept if accumulator is None else accumulator.load(decode_value(kept)))
        for identity in self._made:
            del self._groups[identity]


def by_record(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int | None, Sequence[tuple[Any, ...]]]]:
    """Yield *rows*, whose first column is the record that each came of, by record; those that are no record's one by one."""
    for origin, together in groupby(rows, itemgetter(0)):
        if origin is None:
            yield from ((None, (row,)) for row in together)
        else:
            yield origin, tuple(together)
