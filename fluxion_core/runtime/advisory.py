"""The two calls of a source on which nothing depends: the end of a commit, and the lag. What goes wrong in them is a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fluxion_core.errors import FluxionError
from fluxion_core.runtime.bugs import error_text
from fluxion_core.spi import Source

__all__ = ["AdvisoryCalls"]


class AdvisoryCalls(msgspec.Struct, kw_only=True):
    """Makes such calls of *source* and has *warn* told of failures.

    A commit that the outside world refuses is told each time; a bug would come back at every seal or poll, and is told once.
    """

    source: Source[Any]
    warn: Callable[[str], object]
    _told: set[tuple[str, type]] = msgspec.field(default_factory=set)

    def commit(self, action: Callable[[], object]) -> None:
        """Do *action*, which lets the source know of a seal."""
        try:
            action()
        except (FluxionError, OSError) as error:
            self.warn(f"source '{self.source.name}': commit: {error}")
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the contract: a failure is logged and nothing else
            self._warn_once("commit", error)

    def lag(self) -> int | None:
        """Return how many records wait, as the source says, or ``None`` where it fails to."""
        try:
            return self.source.lag()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # it is a figure for people, and no record hangs on it
            self._warn_once("lag", error)
            return None

    def _warn_once(self, call: str, error: BaseException) -> None:
        key = (call, type(error))
        if key not in self._told:
            self._told.add(key)
            text = f"{call}: {error_text(error)} (this is a bug in that component, told once; the run goes on)"
            self.warn(f"source '{self.source.name}': {text}")
