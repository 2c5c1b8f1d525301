"""The source side of the loop: open at the sealed positions, poll, survive a lost connection, tell the source of seals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fluxion_core.errors import PluginError
from fluxion_core.observability.events import Listener, Warned
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.advisory import AdvisoryCalls
from fluxion_core.runtime.retry import Patience
from fluxion_core.spi import Batch, Context, Json, Source, Split

__all__ = ["Intake"]


class Intake(msgspec.Struct, kw_only=True):
    """A source with the positions up to which it was polled (which run ahead of those that are sealed)."""

    source: Source[Any]
    context: Context
    patience: Patience
    metrics: MetricsRegistry
    notify: Listener
    max_records: int
    positions: dict[str, Json] = msgspec.field(default_factory=dict)
    before_outage: Callable[[], object] | None = None
    """Called when the source is found to be away, before it is waited for."""
    _to_commit: Mapping[str, Json] | None = None
    _advisory: AdvisoryCalls = msgspec.UNSET  # type: ignore[assignment]  # made when the source is known

    def __post_init__(self) -> None:
        self._advisory = AdvisoryCalls(source=self.source, warn=self._warn)

    def _warn(self, message: str) -> None:
        self.notify(Warned(pipeline_id=self.context.pipeline_id, message=message))

    def splits(self) -> list[Split]:
        """Return the source's splits, waiting for the outside world if need be."""
        return list(self.patience.call(lambda: self.source.splits(self.context)))

    def open(self, splits: list[Split], sealed: Mapping[str, Json]) -> None:
        """Open the source where the last seal left it."""
        self.positions = {split.id: sealed.get(split.id) for split in splits} | dict(sealed)
        self.patience.call(self._open)

    def _open(self) -> None:
        self.source.open(self.context, dict(self.positions))

    def poll(self, timeout_seconds: float) -> Batch:
        """Return the next batch (step 4); an outage is waited out and the source reopened where polling had come to.

        Raises:
            EndOfInput: the source has ended.
        """
        batch: object = self.patience.call(
            lambda: self.source.poll(self.max_records, timeout_seconds), recover=self._open, before=self.before_outage
        )
        if not isinstance(batch, Batch):
            msg = f"source '{self.source.name}': poll() returned {type(batch).__name__}; the contract says Batch"
            raise PluginError(msg)
        self.positions.update(batch.positions)
        self.metrics.lag_records = self._advisory.lag()
        return batch

    def sealed_up_to(self, positions: Mapping[str, Json]) -> None:
        """Note that everything before *positions* is sealed; may be called from another thread."""
        self._to_commit = {**(self._to_commit or {}), **positions}

    def commit(self) -> None:
        """Tell the source of the last seal (step 6), if there was one since; a failure is only worth a warning."""
        positions, self._to_commit = self._to_commit, None
        if positions is None:
            return
        self._advisory.commit(lambda: self._commit(positions))
        self.context.host.reach("committed")

    def _commit(self, positions: Mapping[str, Json]) -> None:
        self.source.commit(positions)

    def close(self) -> None:
        """Close the source."""
        self.source.close()
