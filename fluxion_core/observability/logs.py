"""Events as log lines: one line each, in plain words, under the logger ``fluxion.pipeline.<id>``.

Records at fault are the exception: a stream of nothing else would fill a disk with lines, so some are told and the others counted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from fluxion_core.observability.events import Ended, Event, Paused, RecordFailed, Resumed, Sealed, Started, Warned

__all__ = ["EventLog", "log_event"]


def _started(event: Started) -> tuple[int, str]:
    begun = "resumed" if event.resumed else "started"
    return logging.INFO, f"{begun}: epoch {event.epoch}, delivery {event.delivery}"


def _sealed(event: Sealed) -> tuple[int, str]:
    text = f"seal {event.number}: {event.records} records, {event.documents} documents, {event.seconds * 1000:.1f} ms"
    return logging.DEBUG, text


def _record_failed(event: RecordFailed) -> tuple[int, str]:
    where = f" at {event.place}" if event.place else ""
    return logging.WARNING, f"record{where} {event.fate} in {event.stage}: {event.reason}"


def _paused(event: Paused) -> tuple[int, str]:
    text = f"waiting for the {event.where}: {event.reason}; attempt {event.attempt}, next in {event.retry_in_seconds:.1f} s"
    return logging.WARNING, text


def _resumed(event: Resumed) -> tuple[int, str]:
    return logging.INFO, f"the {event.where} is back after {event.seconds:.1f} s"


def _warned(event: Warned) -> tuple[int, str]:
    return logging.WARNING, event.message


def _ended(event: Ended) -> tuple[int, str]:
    reason = f": {event.reason}" if event.reason else ""
    return logging.ERROR if event.status == "failed" else logging.INFO, f"{event.status}{reason}"


_LINES: Final[Mapping[type[Event], Callable[[Any], tuple[int, str]]]] = {
    Started: _started,
    Sealed: _sealed,
    RecordFailed: _record_failed,
    Paused: _paused,
    Resumed: _resumed,
    Warned: _warned,
    Ended: _ended,
}


def log_event(event: Event) -> None:
    """Write *event* to the log."""
    write = _LINES.get(type(event))
    if write is not None:
        level, text = write(event)
        line = " ".join(text.split())  # a reason may quote what somebody else wrote, newlines and all
        logging.getLogger(f"fluxion.pipeline.{event.pipeline_id}").log(level, "%s", line)


class EventLog:
    """Writes events to the log; of records at fault the first *most_per_second*, and then how many more there were.

    A listener for :class:`~fluxion_core.runtime.orchestrator.PipelineOrchestrator`.
    """

    def __init__(self, most_per_second: int = 10, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most_per_second
        self._monotonic = monotonic
        self._since = 0.0
        self._told = self._left_out = 0
        self._lettered = False

    def __call__(self, event: Event) -> None:
        """Write *event*, if it is not one too many."""
        if isinstance(event, RecordFailed) and event.fate != "fatal":
            if self._monotonic() - self._since >= 1:
                self._tell_left_out(event.pipeline_id)
                self._since, self._told = self._monotonic(), 0
            if self._told >= self._most:
                self._left_out += 1
                self._lettered = event.fate == "dead_lettered"  # one error policy for all of a pipeline
                return
            self._told += 1
        elif isinstance(event, Ended):
            self._tell_left_out(event.pipeline_id)
        log_event(event)

    def _tell_left_out(self, pipeline_id: str) -> None:
        left_out, self._left_out = self._left_out, 0
        if left_out:
            letters = ", and dead letters tell of each" if self._lettered else ""
            text = f"{left_out:,} more records at fault; the ledger counts them{letters}"
            logging.getLogger(f"fluxion.pipeline.{pipeline_id}").warning("%s", text)
