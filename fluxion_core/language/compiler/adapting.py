"""Chooses between the code of a segment for documents of any classes and that for those that come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fluxion_core.language.compiler.guesses import Classes, Sample
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep

__all__ = ["Adapting"]

_LOOKED_AT: Final = 20  # documents of a batch
_ENOUGH: Final = 200  # documents; looking at one costs ten times as much as running it
_ATTEMPTS: Final = 3
_JUDGED: Final = 1_000  # documents, before the share of odd ones means something
_TOO_MANY: Final = 0.05
_FAILED: Final = 4
"""How many batches may fail to be decoded as what is likely, ..."""
_FAILED_SHARE: Final = 0.2
"""... and what share of them: each is decoded twice, as far as its odd document, where the others save a sixth of their time."""
_PAUSE: Final = 50
"""For how many batches nothing is then taken for likely; four times as many each time."""


class Adapting:
    """What one run has seen of the input of a segment. *after*: the documents that come first, through the *general* code; one with
    an array that is gone through counts as many times.

    *once*: the run ends with the first failure, and nobody asks what changed.
    """

    def __init__(self, step: SegmentStep, general: Loaded, after: int, *, once: bool) -> None:
        self._once = once
        self._step = step
        self._general = general
        self._after = after
        self._attempts = _ATTEMPTS if step.segment.turns_away and general.written.asked else 0
        self._classes: Classes = {}
        self._names: Mapping[str, str] = {}
        self._code: Loaded | None = None
        self._decoded: Loaded | None = None
        self._pause = _PAUSE
        self._begin()

    def _begin(self) -> None:
        self._sample = Sample(self._general.written.asked)
        self._seen = 0.0
        self._odd = 0.0
        self._tried = 0
        self._failed = 0
        self._rests = 0

    def code(self, documents: Sequence[Any]) -> Loaded:
        """Return the code for *documents*, the next batch, decoded for any classes."""
        if self._code is not None:
            return self._code
        if self._classes:
            self._code = self._step.load_for(self._classes, self._general, once=self._once, names=self._names)
            return self._code
        if self._attempts:
            if self._sample.size < _ENOUGH:
                self._sample.add(documents[:_LOOKED_AT])
            self._seen += len(documents) * self._sample.weight
            if self._seen > self._after:
                self._guess()
        return self._general

    def _guess(self) -> None:
        self._classes, self._names = self._sample.classes, self._sample.names
        self._attempts = self._attempts - 1 if self._classes else 0
        self._begin()

    def decoded(self) -> Loaded | None:
        """Return the code for documents whose classes the decoder looks at, if the next batch should be tried so."""
        if not self._classes or self._general.written.record is None:
            return None
        if self._rests:
            self._rests -= 1
            return None
        if self._decoded is None:
            self._decoded = self._step.load_for(self._classes, self._general, once=self._once, decoded=True)
        return self._decoded

    def tried(self, *, failed: bool) -> None:
        """Take note of whether a batch could not be decoded so."""
        self._tried += 1
        self._failed += failed
        if self._failed >= _FAILED:
            if self._failed > _FAILED_SHARE * self._tried:
                self._rests, self._pause = self._pause, 4 * self._pause
                self._tried = self._failed = 0
            else:
                self._tried //= 2
                self._failed //= 2

    def note(self, fed: int, odd: int) -> None:
        """Take note of how many of the documents were odd; too many, and the guess is given up."""
        if not self._classes:
            return
        self._seen += fed
        self._odd += odd
        if self._seen > _JUDGED:
            if self._odd > _TOO_MANY * self._seen:
                self._classes, self._code, self._decoded = {}, None, None
                self._begin()
            else:
                self._seen /= 2  # what comes now counts more than what came long ago
                self._odd /= 2
