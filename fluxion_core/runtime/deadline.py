"""How long a stop may take: until everything sealed is delivered, but no longer than the drain timeout."""

from __future__ import annotations

import math

import msgspec

from fluxion_core.spi.host import Clock

__all__ = ["DrainDeadline"]


class DrainDeadline(msgspec.Struct):
    """The moment at which a stop stops waiting; there is none before somebody has asked to stop (:meth:`start`)."""

    clock: Clock
    timeout_seconds: float
    _at: float = math.inf

    def start(self) -> None:
        """Let the time run from now on; asking again changes nothing."""
        if self._at == math.inf:
            self._at = self.clock.monotonic() + self.timeout_seconds

    @property
    def seconds_left(self) -> float:
        """How long there is still; infinite before a stop."""
        return max(0.0, self._at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return not self.seconds_left
