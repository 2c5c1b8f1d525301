"""Waiting for the outside world: try, pause, try again, until it answers, we give up, or the pipeline is being stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

import msgspec

from fluxion_core.config.model import RetryPolicy
from fluxion_core.errors import FatalError, TransientError
from fluxion_core.observability.events import Listener, Paused, Resumed
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.deadline import DrainDeadline
from fluxion_core.spi.host import Host

__all__ = ["Abandoned", "Patience"]

T = TypeVar("T")


class Abandoned(BaseException):
    """A wait was cut short because the pipeline is stopping; whatever was under way is left as after a crash.

    Not an ``Exception``, so that no component takes it for a fault of a record.
    """


class Patience(msgspec.Struct, kw_only=True):
    """How one part of a pipeline (*where*) waits out an outage.

    The pauses grow as *policy* says, whatever its number of attempts: an outage is no record's fault and has no fixed
    length. *give_up_after_seconds* bounds it; *until* ends it. Once *stopping* is set it may go on up to the *deadline*.
    """

    where: str
    pipeline_id: str
    policy: RetryPolicy
    host: Host
    until: Event
    stopping: Event
    deadline: DrainDeadline
    notify: Listener
    metrics: MetricsRegistry
    give_up_after_seconds: float | None = None

    def call(
        self,
        action: Callable[[], T],
        *,
        recover: Callable[[], object] | None = None,
        before: Callable[[], object] | None = None,
    ) -> T:
        """Return what *action* returns, trying again as long as it raises ``TransientError``.

        *before* runs before the first pause; *recover* (reopen a connection) before each new attempt, under the same patience.

        Raises:
            FatalError: the outage lasted longer than ``give_up_after_seconds``.
            Abandoned: *until* was set while waiting, or a stop has waited for as long as it may.
        """
        clock = self.host.clock
        started: float | None = None
        attempt = 1
        while True:
            try:
                if attempt > 1 and recover is not None:
                    recover()
                answer = action()
            except TransientError as error:
                if started is None:
                    started = clock.monotonic()
                    if before is not None:
                        before()
                attempt += 1
                self._pause(error, attempt, clock.monotonic() - started)
            else:
                if started is not None:
                    self.notify(Resumed(pipeline_id=self.pipeline_id, where=self.where, seconds=clock.monotonic() - started))
                return answer

    def _pause(self, error: TransientError, attempt: int, waited_seconds: float) -> None:
        if self.give_up_after_seconds is not None and waited_seconds >= self.give_up_after_seconds:
            allowed = f"give_up_after_seconds is {self.give_up_after_seconds:g}"
            msg = f"{self.where}: gave up after {waited_seconds:.0f} s ({allowed}): {error}"
            raise FatalError(msg) from error
        seconds = self.policy.pause_seconds(attempt, self.host.rng.random())
        if error.retry_after_seconds is not None:
            seconds = max(seconds, min(error.retry_after_seconds, self.policy.max_backoff_seconds))
        self.metrics.retries += 1
        self.metrics.pauses += attempt == 2
        self.notify(
            Paused(pipeline_id=self.pipeline_id, where=self.where, reason=str(error), attempt=attempt, retry_in_seconds=seconds)
        )
        if self._wait(seconds):
            raise Abandoned from error

    def _wait(self, seconds: float) -> bool:
        """Wait before the next attempt; return whether there is none. A stop cuts the wait short: one more attempt at once."""
        clock = self.host.clock
        if not self.stopping.is_set():
            clock.wait(self.stopping, seconds)
            return self.until.is_set()
        return clock.wait(self.until, min(seconds, self.deadline.seconds_left)) or self.deadline.passed
