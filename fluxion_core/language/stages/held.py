"""A step that holds every document until the end of input: what ``$sort`` and its like are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fluxion_core.language.compiler.parts import Step
from fluxion_core.language.encoding import decode_value, encode_value

__all__ = ["Held"]


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
        return {
            index.to_bytes(8, "big"): encode_value(document) for index, document in enumerate(self._documents[start:], start)
        }

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take the documents back, in their order."""
        self._documents = [decode_value(rows[key]) for key in sorted(rows)]
        self._sealed = len(self._documents)
