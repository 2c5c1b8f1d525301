"""The contract of a runner: who executes a bound pipeline.

The local runner (this process, a few threads) is built in. An engine that owns state and timers itself comes as a plugin that
hosts the same sources, compiled programs, state rows and sinks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from fluxion_core.spi.options import Options

__all__ = ["Execution", "Runner"]


class Execution(Protocol):
    """A pipeline that was started: what a handle asks of it. Every method may be called from any thread."""

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until the pipeline has ended; return whether it has. Raises what stopped it, once it has ended badly."""

    def stop(self, *, abandon: bool = False) -> None:
        """Begin to stop: drain to a seal boundary, or (*abandon*) end at once, which is always safe."""

    def status(self) -> str:
        """Return starting, running, waiting (for the outside), draining, finished, stopped or failed."""


class Runner(ABC):
    """Who executes a bound pipeline."""

    name: ClassVar[str]
    options: ClassVar[type[Options]] = Options

    def __init__(self, config: Any) -> None:
        """Keep the parsed options; start nothing yet."""
        self.config = config

    @abstractmethod
    def start(self, plan: Any) -> Execution:
        """Start *plan* (a :class:`fluxion_core.runtime.local.LocalPlan`) and return at once.

        ``plan.bound`` is the pipeline: component objects, of which none is open, the compiled program, and what was promised.
        ``plan.host``, ``plan.metrics`` and ``plan.takeover`` are what the caller gave, ``plan.notify`` takes events.
        """
