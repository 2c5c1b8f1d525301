"""The documents of a collection by a field of theirs, and how large a join may become.

What it puts into one document is within the allowance of that document, and within the size of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import (
    CONTAINER_BYTES,
    LIMIT_BYTES,
    LIMIT_DOCUMENT_BYTES,
    PLACE_BYTES,
    SMALL_BYTES,
    measured,
    take,
)
from fluxion_core.language.ordering import identity
from fluxion_core.language.query.leaves import endpoints
from fluxion_core.language.values import MISSING

__all__ = ["ROW_BYTES", "Index", "Joined", "check_rows"]

ROW_BYTES: Final = 3 * CONTAINER_BYTES
"""What a document takes that a pipeline made of another one."""


def _keys(document: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return the identities of the values at a path: of an array itself and of each of its elements; missing counts as null."""
    return [None if value is MISSING else identity(value) for value in endpoints(document, names)]


class Index:
    """The documents of a collection by the values at a path."""

    def __init__(self, documents: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
        self._documents = documents
        self._places: dict[Any, list[int]] = {}
        for place, document in enumerate(documents):
            for key in dict.fromkeys(_keys(document, names)):
                self._places.setdefault(key, []).append(place)

    def find(self, keys: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the documents that have any of *keys*, in their order."""
        places = {place for key in keys for place in self._places.get(key, ())}
        return [self._documents[place] for place in sorted(places)]


class Joined:
    """Checks the documents that one document is joined with; they are among *documents*, or made for it alone."""

    def __init__(self, documents: Sequence[dict[str, Any]] | None) -> None:
        self._documents = documents
        self._total: int | None = None
        self._known: dict[int, tuple[Any, int, int]] = {}

    def check(self, found: Sequence[dict[str, Any]]) -> None:
        """Take *found* from what the document may still make.

        Raises:
            EvaluationError: there is not so much left, or the document would be larger than one may be.
        """
        size = len(found) * (ROW_BYTES if self._documents is None else PLACE_BYTES)
        if size > SMALL_BYTES:
            take(size)
        if self._size(found) > LIMIT_DOCUMENT_BYTES:
            raise EvaluationError(f"a document would grow beyond {LIMIT_DOCUMENT_BYTES >> 20} MiB by what it is joined with")

    def _size(self, found: Sequence[dict[str, Any]]) -> int:
        if self._documents is None:
            return measured(found, {})[0]
        if self._total is None:
            self._total = self._sum(self._documents)
        return self._total if self._total <= LIMIT_DOCUMENT_BYTES else self._sum(found)

    def _sum(self, documents: Sequence[dict[str, Any]]) -> int:
        return sum(measured(document, self._known)[0] for document in documents)


def check_rows(count: int) -> None:
    """Check that one document can hold *count* documents that pipelines made.

    Raises:
        EvaluationError: it cannot.
    """
    if count * ROW_BYTES > LIMIT_BYTES:
        msg = f"one document would hold {count} documents; at most {LIMIT_BYTES // ROW_BYTES} are allowed"
        raise EvaluationError(msg)
