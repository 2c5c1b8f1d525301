"""How many documents may come of one: ``$unwind`` after ``$unwind`` multiplies, and all that comes of a record is sealed with it.

A loop over an array that stands in the input is as long as the input is, and is let be. Where loops stand within loops, or go over an
array that the pipeline made, generated code counts; between segments the rows are counted by the record that they came of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

from fluxion_core.errors import EvaluationError

__all__ = ["LIMIT_ROWS", "SLICE", "Sliced", "too_many_rows"]

LIMIT_ROWS: Final = 250_000
"""The most documents that come of one, where they multiply: with ten fields they take 84 MiB."""
SLICE: Final = 256
"""So many rows go through a loop at a time, where those before them were multiplied."""
TOO_MANY: Final = "more than {} documents would come of one; filter or slice before, or raise max_rows_per_record"
_HELD_ROWS: Final = 1_000
"""The most documents that come of one on average, of those that were held back."""


def too_many_rows(limit: int) -> NoReturn:
    """Raise: more than *limit* documents would come of one."""
    raise EvaluationError(TOO_MANY.format(limit))


class Sliced:
    """What came out of the slices of one loop. *fed*: documents that the run began with; *limit*: documents of one record."""

    def __init__(self, fed: int, limit: int) -> None:
        self._held_limit = max(limit, _HELD_ROWS * fed)
        self._limit = limit
        self._counts: Counter[int | None] = Counter()
        self._gone: set[int | None] = set()
        self.rows: list[Any] = []
        self.origins: list[int | None] = []

    def slices(
        self, rows: Sequence[Any], origins: Sequence[int | None] | None
    ) -> Iterator[tuple[Sequence[Any], Sequence[int | None]]]:
        """Yield *rows* and *origins* in slices, without those of records that have failed by then."""
        known = origins if origins is not None else [None] * len(rows)
        for start in range(0, len(rows), SLICE):
            part = rows[start : start + SLICE], known[start : start + SLICE]
            yield _without(*part, self._gone) if self._gone else part

    def fault(self, where: str) -> EvaluationError:
        """Return what is wrong with a record of which too many rows have come."""
        return EvaluationError(TOO_MANY.format(self._limit), where)

    def add(self, rows: Sequence[Any], origins: Sequence[int | None] | None) -> list[int | None]:
        """Add what a slice made; return the records of which too many rows have come: all their rows are left out."""
        if origins is None:
            origins = [None] * len(rows)
        self.rows += rows
        self.origins += origins
        self._counts.update(origins)
        found = [
            origin
            for origin in set(origins)
            if self._counts[origin] > (self._limit if origin is not None else self._held_limit) and origin not in self._gone
        ]
        if found:
            self._gone.update(found)
            self.rows, self.origins = _without(self.rows, self.origins, self._gone)
        return found


def _without(rows: Sequence[Any], origins: Sequence[int | None], gone: set[int | None]) -> tuple[list[Any], list[int | None]]:
    kept = [(row, origin) for row, origin in zip(rows, origins, strict=True) if origin not in gone]
    return [row for row, _ in kept], [origin for _, origin in kept]
