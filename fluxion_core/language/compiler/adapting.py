"""Chooses between the code of a segment for documents of any classes and that for those that come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fluxion_core.language.compiler.guesses import Sample
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep

__all__ = ["Adapting"]

_LOOKED_AT: Final = 20  # documents of a batch
_ENOUGH: Final = 200  # documents; looking at one costs ten times as much as running it
_ATTEMPTS: Final = 3
_JUDGED: Final = 1_000  # documents, before the share of odd ones means something
_TOO_MANY: Final = 0.05


class Adapting:
    """What one run has seen of the input of a segment. *after*: the documents that come first, through the *general* code."""

    def __init__(self, step: SegmentStep, general: Loaded, after: int) -> None:
        self._step = step
        self._general = general
        self._after = after
        self._attempts = _ATTEMPTS if step.segment.turns_away and general.written.asked else 0
        self._code: Loaded | None = None
        self._begin()

    def _begin(self) -> None:
        self._sample = Sample(self._general.written.asked)
        self._seen = 0
        self._odd = 0

    def code(self, documents: Sequence[Any]) -> Loaded:
        """Return the code for *documents*, the next batch."""
        if self._code is not None:
            return self._code
        if self._attempts:
            self._seen += len(documents)
            if self._sample.size < _ENOUGH:
                self._sample.add(documents[:_LOOKED_AT])
            if self._seen > self._after:
                self._guess()
        return self._general

    def _guess(self) -> None:
        classes = self._sample.classes
        self._attempts -= 1
        self._begin()
        if classes:
            self._code = self._step.load_for(classes, self._general)
        else:
            self._attempts = 0

    def note(self, fed: int, odd: int) -> None:
        """Take note of how many of the documents were odd; too many, and the guess is given up."""
        if self._code is None:
            return
        self._seen += fed
        self._odd += odd
        if self._seen > _JUDGED:
            if self._odd > _TOO_MANY * self._seen:
                self._code = None
                self._begin()
            else:
                self._seen //= 2  # what comes now counts more than what came long ago
                self._odd //= 2
