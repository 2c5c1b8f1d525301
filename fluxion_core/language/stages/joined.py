"""How large a join may become: what it puts into one document is within the allowance of that document, and within its size."""

from __future__ import annotations

from collections.abc import Sequence
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

__all__ = ["ROW_BYTES", "Joined", "check_rows"]

ROW_BYTES: Final = 3 * CONTAINER_BYTES
"""What a document takes that a pipeline made of another one."""


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
