"""A third way to drive a loop: threads for the sinks, and one that polls, runs and seals.

For a source that has its records at hand (a file, a list) a thread of its own would only take turns with the stages: they share
one interpreter, every batch would be handed over, and dozens of them would wait in memory.
"""

from __future__ import annotations

from fluxion_core.runtime.drive import Threaded
from fluxion_core.runtime.queues import Delivered, EndMark
from fluxion_core.runtime.retry import Abandoned
from fluxion_core.spi import Batch, EndOfInput

__all__ = ["Polling"]


class Polling(Threaded):
    """Polls a prompt source in the thread that runs the stages and seals; every sink has a thread."""

    def run(self) -> None:
        """Drive the loop to its end."""
        try:
            super().run()
        finally:
            self.intake.close()

    def _start_source(self) -> None:
        splits = self.intake.splits()
        self.opened(splits)
        self.intake.open(splits, self.checkpoint.positions)
        self.intake.before_outage = self._seal_what_is_here

    def _take(self) -> Batch | EndMark | Delivered | None:
        self.intake.commit()
        report = self.execution.inbox.take_report(0)
        if report is not None or self.execution.abandoned.is_set():
            return report
        if self.execution.stopping.is_set():
            return EndMark(exhausted=False)
        try:
            return self._poll()
        except EndOfInput:
            return EndMark(exhausted=True)
        except Abandoned:
            return EndMark(exhausted=False)

    def _poll(self) -> Batch | Delivered | None:
        longest, seconds = self.execution.config.max_wait_seconds, None
        if not self.loop.nothing_to_seal:
            batch = self.intake.poll(0.0)
            if batch or batch.positions:
                return batch
            seconds = self._wait_seconds()
            if seconds == 0.0:
                return batch  # a seal is due
            if seconds is None:  # it is, and a sink is behind
                return self.execution.inbox.take_report(longest)
        began = self.clock.monotonic()
        batch = self.intake.poll(longest if seconds is None else min(seconds, longest))
        self._waited_seconds += self.clock.monotonic() - began
        return batch

    def _seal_what_is_here(self) -> None:
        """Let nothing wait for the end of an outage that was read before it."""
        if not self.loop.nothing_to_seal and self._sinks_have_room(0):
            self._seal()

    def _drain(self) -> None:
        super()._drain()
        self.intake.commit()
