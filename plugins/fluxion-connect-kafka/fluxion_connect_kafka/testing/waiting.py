"""Waiting for what comes true a little later, with an end to the patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["drained", "wait_until"]

_PATIENCE_SECONDS = 60.0
_POLL_MILLISECONDS = 100


def wait_until(condition: Callable[[], object]) -> None:
    """Return when *condition* holds.

    Raises:
        TimeoutError: it did not come true within a minute.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            msg = f"the condition did not come true within {_PATIENCE_SECONDS:g} s"
            raise TimeoutError(msg)
        time.sleep(0.01)


def drained(consumer: Any, count: int) -> list[Any]:
    """Poll a ``KafkaConsumer`` until *count* records have come, and return all that came.

    Raises:
        TimeoutError: they did not come within a minute.
    """
    records: list[Any] = []

    def enough() -> bool:
        records.extend(record for polled in consumer.poll(_POLL_MILLISECONDS).values() for record in polled)
        return len(records) >= count

    wait_until(enough)
    return records
