"""State stores of the core: SQLite (the default) and memory."""

from __future__ import annotations

from typing import Any

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import StateStore
from fluxion_core.state.memory import InMemoryStateStore
from fluxion_core.state.sqlite import SqliteOptions, SqliteStateStore

__all__ = ["InMemoryStateStore", "SqliteOptions", "SqliteStateStore"]


@hookimpl
def fluxion_register_state_stores() -> list[type[StateStore[Any]]]:
    """Return the state stores."""
    return [SqliteStateStore, InMemoryStateStore]
