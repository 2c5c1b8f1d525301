"""Columns of a batch that are made when somebody looks at them: most are never looked at, and making them costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

__all__ = ["Column"]

T = TypeVar("T")


class Column(Sequence[T]):
    """A sequence of *length* entries that *make* returns when the first is asked for. Equal to a list of the same entries."""

    __slots__ = ("_length", "_make", "_values")

    def __init__(self, length: int, make: Callable[[], Sequence[T]]) -> None:
        """Remember how to make the entries."""
        self._length = length
        self._make = make
        self._values: Sequence[T] | None = None

    def _made(self) -> Sequence[T]:
        if self._values is None:
            self._values = self._make()
        return self._values

    def __len__(self) -> int:
        """Return the number of entries, without making them."""
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """Return one entry, or some."""
        return self._made()[index]

    def __iter__(self) -> Iterator[T]:
        """Iterate over the entries."""
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence, entry by entry."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        """Show the entries."""
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the list that it stands for."""
        return list, (list(self),)
