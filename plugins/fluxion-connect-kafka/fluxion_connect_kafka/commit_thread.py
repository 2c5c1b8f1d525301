"""Committing a group's offsets beside the reading, and never in its way, with whichever client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from fluxion_connect_kafka.client import BrokerError

__all__ = ["CommitThread", "GroupOffsets"]

_FAREWELL_SECONDS = 1.0


class GroupOffsets(Protocol):
    """A client's way to commit; used from one thread."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the offsets, by partition, and return when the brokers have answered; connects when it is first called.

        Raises:
            BrokerError: they did not take them.
        """

    def close(self) -> None:
        """Let go of the connections, at once. May be called without a commit."""


class CommitThread:
    """See :class:`~fluxion_connect_kafka.client.Committer`: a thread that commits the newest offsets it was told."""

    def __init__(self, group: GroupOffsets, name: str, on_failure: Callable[[str], None]) -> None:
        """Start the thread under *name*; *group* connects with the first commit."""
        self._group = group
        self._on_failure = on_failure
        self._waiting: dict[int, int] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Begin to commit the offsets; those not yet on their way are overtaken."""
        with self._changed:
            self._waiting.update(offsets)
            self._changed.notify()

    def close(self) -> None:
        """Let go, after a second at most for the last commit."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_FAREWELL_SECONDS)

    def _run(self) -> None:
        while (offsets := self._next()) is not None:
            try:
                self._group.commit(offsets)
            except BrokerError as error:
                if not self._closing:
                    self._on_failure(str(error))
        self._group.close()

    def _next(self) -> dict[int, int] | None:
        """Wait for offsets and take them; ``None`` when closing and there are none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            taken, self._waiting = self._waiting, {}
            return taken or None
