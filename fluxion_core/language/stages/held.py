"""Steps that hold documents until the end of input, all or those that come first: what ``$sort`` and its like are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.parts import Step
from fluxion_core.language.encoding import decode_value, encode_value

__all__ = ["Held", "Leading"]

_MORE: Final = 4_096
"""So many documents are held beside those that lead, so that they are seldom put in order."""


class Held(Step):
    """Keeps documents in order of arrival, as state too, and gives *arrange(documents)* out at the end."""

    def __init__(self, arrange: Callable[[Sequence[dict[str, Any]]], Iterable[dict[str, Any]]]) -> None:
        self._arrange = arrange
        self._documents: list[dict[str, Any]] = []
        self._sealed = 0

    def feed(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep *documents*."""
        self._documents += documents
        return []

    def finish(self) -> list[dict[str, Any]]:
        """Return everything, arranged."""
        return list(self._arrange(self._documents))

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the documents that came since the last call."""
        start, self._sealed = self._sealed, len(self._documents)
        return {_key(index): encode_value(document) for index, document in enumerate(self._documents[start:], start)}

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take the documents back, in their order."""
        self._documents = [decode_value(rows[key]) for key in sorted(rows)]
        self._sealed = len(self._documents)


class Leading(Step):
    """Keeps the *most* documents that lead in an order, as state too, and gives them out at the end.

    ``order(documents)`` returns where they stand, in their order; of equal ones the first that came leads. A document that has no
    place in the order fails the run at its end, as where all are held, and until then all that come are kept.
    """

    def __init__(self, order: Callable[[Sequence[dict[str, Any]]], Sequence[int]], most: int) -> None:
        self._order = order
        self._most = most
        self._documents: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        """Which of all that came each is."""
        self._came = 0
        self._sealed = 0
        self._gone: list[int] = []
        """The numbers of those that are in the state, and lead no longer."""
        self._fails = False

    def feed(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep *documents*, as far as they may lead."""
        self._documents += documents
        self._numbers += range(self._came, self._came + len(documents))
        self._came += len(documents)
        if len(self._documents) > 2 * self._most + _MORE:
            self._cut()
        return []

    def _cut(self) -> None:
        if self._fails or len(self._documents) <= self._most:
            return
        try:
            places = self._order(self._documents)
        except EvaluationError:
            self._fails = True
            return
        self._gone += [number for place in places[self._most :] if (number := self._numbers[place]) < self._sealed]
        leading = places[: self._most]
        self._documents = [self._documents[place] for place in leading]
        self._numbers = [self._numbers[place] for place in leading]

    def finish(self) -> list[dict[str, Any]]:
        """Return those that lead, in their order."""
        return [self._documents[place] for place in self._order(self._documents)[: self._most]]

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the documents that lead since the last call, and that others do so no longer."""
        self._cut()
        rows: dict[bytes, bytes | None] = dict.fromkeys(map(_key, self._gone))
        rows |= {
            _key(number): encode_value(document)
            for number, document in zip(self._numbers, self._documents, strict=True)
            if number >= self._sealed
        }
        self._sealed, self._gone = self._came, []
        return rows

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take the documents back, in the order in which they came."""
        self._numbers = sorted(int.from_bytes(key, "big") for key in rows)
        self._documents = [decode_value(rows[_key(number)]) for number in self._numbers]
        self._came = self._sealed = self._numbers[-1] + 1 if self._numbers else 0


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")
