"""What happens to a pipeline, as immutable values: logs, progress displays and plugins (``fluxion_event``) all read these.

At most one event per micro-batch; never one per record, but for records at fault, which are events of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

__all__ = ["Ended", "Event", "Listener", "Paused", "RecordFailed", "Resumed", "Sealed", "Started", "Warned"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to pipeline *pipeline_id*."""

    pipeline_id: str


class Started(Event, frozen=True, kw_only=True):
    """The pipeline is open: *resumed* says whether it continues from an earlier run; *delivery* what it promises and why."""

    epoch: int
    incarnation: str
    resumed: bool
    delivery: str


class Sealed(Event, frozen=True, kw_only=True):
    """A seal has committed: *records* were read since the last one, *documents* go out."""

    number: int
    records: int
    documents: int
    seconds: float


class RecordFailed(Event, frozen=True, kw_only=True):
    """A record is at fault. *fate* is ``skipped``, ``dead_lettered`` or ``fatal``; the record's bytes are not in here.

    *place* says *position* in the words of the source, and nothing where there is none.
    """

    stage: str
    reason: str
    position: Any
    place: str
    fate: str


class Paused(Event, frozen=True, kw_only=True):
    """The outside world is away: *where* is ``source``, ``sink``, ``dead_letter``, ``stages`` or ``state``."""

    where: str
    reason: str
    attempt: int
    retry_in_seconds: float


class Resumed(Event, frozen=True, kw_only=True):
    """The outside world is back after *seconds*."""

    where: str
    seconds: float


class Warned(Event, frozen=True, kw_only=True):
    """Something a person should know and nothing stops for."""

    message: str


class Ended(Event, frozen=True, kw_only=True):
    """The pipeline has ended: *status* is ``finished``, ``stopped`` or ``failed``, with the *reason* of a failure."""

    status: str
    reason: str
    ledger: Mapping[str, int]


Listener: TypeAlias = Callable[[Event], None]
"""Called with each event from the runtime's threads; must return quickly."""
