"""What a component is given when it is opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

import attrs

from fluxion_core.spi.host import Host

__all__ = ["Context"]


@attrs.frozen(kw_only=True, eq=False)
class Context:
    """The surroundings of an open component: who it works for and how it reaches the machine.

    ``stopping`` is set when the pipeline begins to stop: a call that waits should wait on it (through
    ``host.clock.wait``) and return early. ``logger`` is where a component reports what a person should know, such as a
    broker that went away; never payloads, never secrets. ``connections`` holds the named connections of the pipeline file
    as plain mappings. ``max_record_bytes`` is the size above which the runtime refuses a payload: a source need not keep more
    of it in memory than one byte beyond.
    """

    pipeline_id: str
    incarnation: str = ""
    epoch: int = 0
    host: Host = attrs.field(factory=Host)
    stopping: Event = attrs.field(factory=Event)
    logger: logging.Logger = attrs.field(factory=lambda: logging.getLogger("fluxion"))
    base_dir: Path = attrs.field(factory=Path.cwd)
    max_record_bytes: int = 16 * 1024 * 1024
    connections: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)
