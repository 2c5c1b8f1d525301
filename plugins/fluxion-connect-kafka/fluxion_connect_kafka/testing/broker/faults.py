"""Failures on command: what the next request of a kind shall run into."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TypeAlias

import attrs

from fluxion_connect_kafka.testing.broker.codes import Code
from fluxion_connect_kafka.testing.broker.wire import VERSIONS

__all__ = ["Delay", "Drop", "DropAfter", "Fault", "Faults"]


@attrs.frozen
class Drop:
    """The connection closes before the request is carried out."""


@attrs.frozen
class DropAfter:
    """The request is carried out, and the connection closes in place of an answer: the client cannot know."""


@attrs.frozen
class Delay:
    """The request is carried out *seconds* later."""

    seconds: float


Fault: TypeAlias = Code | Drop | DropAfter | Delay


class Faults:
    """A queue of faults for each kind of request; every request takes the next one, or none."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, api: str, *faults: Fault) -> None:
        """Queue *faults* for the next requests of the kind *api* (``"Produce"``, ``"Fetch"``, ...).

        Raises:
            ValueError: the small broker has no such request.
        """
        if api not in VERSIONS:
            msg = f"{api!r} is no request of the small broker; it answers {', '.join(VERSIONS)}"
            raise ValueError(msg)
        self._queues[api].extend(faults)

    def next(self, api: str) -> Fault | None:
        """Take the next fault for a request of the kind *api*."""
        queue = self._queues[api]
        return queue.popleft() if queue else None

    def clear(self) -> None:
        """Forget every fault that has not happened."""
        self._queues.clear()
