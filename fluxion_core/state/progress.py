"""The small part of a pipeline's state: positions, numbering, ledger and meta, and how one seal moves it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fluxion_core.spi import Checkpoint, Json, SealedOutput, SealRequest
from fluxion_core.state.packing import Rows, live, live_rows, pack, unpack

__all__ = ["Progress", "Snapshot"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What the seals so far add up to, but for keyed state and waiting output."""

    positions: Mapping[str, Json] = msgspec.field(default_factory=dict)
    sealed: Mapping[str, int] = msgspec.field(default_factory=dict)
    delivered: Mapping[str, int] = msgspec.field(default_factory=dict)
    ledger: Mapping[str, int] = msgspec.field(default_factory=dict)
    meta: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def after(self, request: SealRequest) -> Progress:
        """Return the progress that *request* leads to.

        Raises:
            ValueError: outputs do not continue the numbering, or more is said to be delivered than was sealed.
        """
        sealed = dict(self.sealed)
        for output in request.outputs:
            expected = sealed.get(output.target, 0) + 1
            if output.seq != expected:
                msg = f"a seal brings output {output.seq} for '{output.target}'; expected {expected}"
                raise ValueError(msg)
            sealed[output.target] = output.seq
        return Progress(
            positions={**self.positions, **request.positions},
            sealed=sealed,
            delivered={**self.delivered, **_checked_deliveries(self.delivered, sealed, request.delivered)},
            ledger=dict(request.ledger),
            meta=dict(request.meta),
        )

    def pack(self) -> bytes:
        """Return this as bytes. Positions travel as JSON, which holds integers of any size."""
        return pack(
            {
                "positions": msgspec.json.encode(self.positions),
                "sealed": self.sealed,
                "delivered": self.delivered,
                "ledger": self.ledger,
                "meta": self.meta,
            }
        )

    @classmethod
    def unpack(cls, data: bytes, *, where: str) -> Progress:
        """Return what :meth:`pack` wrote.

        Raises:
            StateError: *data* is damaged.
        """
        fields = unpack(data, _ProgressFields, where=where)
        return cls(**{**msgspec.structs.asdict(fields), "positions": msgspec.json.decode(fields.positions)})

    def checkpoint(self, outputs: Sequence[SealedOutput], rows: Rows) -> Checkpoint:
        """Return the whole, as the runtime loads it."""
        return Checkpoint(
            positions=self.positions,
            sealed=self.sealed,
            delivered=self.delivered,
            outputs=outputs,
            ledger=self.ledger,
            meta=self.meta,
            rows=live_rows(rows),
        )


def _checked_deliveries(before: Mapping[str, int], sealed: Mapping[str, int], now: Mapping[str, int]) -> Mapping[str, int]:
    for target, seq in now.items():
        if not before.get(target, 0) <= seq <= sealed.get(target, 0):
            msg = f"'{target}' is said to hold {seq}; expected {before.get(target, 0)} to {sealed.get(target, 0)}"
            raise ValueError(msg)
    return now


class Snapshot(msgspec.Struct, frozen=True):
    """A pipeline's whole state as one value: what ``StateStore.snapshot`` packs. Every store here reads every other's."""

    progress: Progress
    outputs: Sequence[SealedOutput]
    rows: Rows

    def pack(self) -> bytes:
        """Return this as bytes."""
        outputs = [(output.target, output.seq, output.count, output.data) for output in self.outputs]
        return pack({"progress": self.progress.pack(), "outputs": outputs, "rows": live(self.rows)})

    @classmethod
    def unpack(cls, data: bytes) -> Snapshot:
        """Return what :meth:`pack` wrote.

        Raises:
            StateError: *data* is damaged or no snapshot.
        """
        fields = unpack(data, _SnapshotFields, where="snapshot")
        outputs = [SealedOutput(*output) for output in fields.outputs]
        return cls(Progress.unpack(fields.progress, where="snapshot"), outputs, fields.rows)


class _ProgressFields(msgspec.Struct):
    positions: bytes
    sealed: dict[str, int]
    delivered: dict[str, int]
    ledger: dict[str, int]
    meta: dict[str, Any]


class _SnapshotFields(msgspec.Struct):
    progress: bytes
    outputs: list[tuple[str, int, int, bytes]]
    rows: dict[str, dict[bytes, bytes | None]]
