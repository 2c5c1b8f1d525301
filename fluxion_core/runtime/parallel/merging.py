"""The loop of a pipeline whose records come through workers: parts are taken in where other loops run batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fluxion_core.language import Output, TailRun, decode_value, unpack_columns
from fluxion_core.runtime.error_policies import Located
from fluxion_core.runtime.loop import Loop
from fluxion_core.runtime.parallel.channel import unpack_list
from fluxion_core.runtime.parallel.division import Division
from fluxion_core.runtime.parallel.exchange import Exchange
from fluxion_core.runtime.parallel.intake import PartBatch
from fluxion_core.runtime.parallel.part import Part, kept_records
from fluxion_core.runtime.parallel.workers import Workers
from fluxion_core.spi import Batch, Context, Source

__all__ = ["MergingLoop"]


class MergingLoop(Loop, kw_only=True):
    """Runs the tail of the stages over the parts, in the order in which they come, and counts what the workers counted."""

    division: Division
    reader: Source[Any]
    """A source that is not open: it reads a piece again when a record of it is at fault in the tail."""
    context: Context
    workers: Workers
    exchange: Exchange | None = None
    _head_counts: list[list[int]] = msgspec.field(default_factory=list)
    _head_seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._head_counts = [[0, 0, 0] for _ in self.division.stage_names]

    def _feed(self, batch: Batch) -> tuple[int, list[Located]]:
        if not isinstance(batch, PartBatch):
            return super()._feed(batch)
        return batch.part.records, self._feed_part(batch, batch.part)

    def _feed_part(self, batch: PartBatch, part: Part) -> list[Located]:
        self.metrics.bytes_in += part.bytes_in
        self._head_seconds += part.seconds
        for total, added in zip(self._head_counts, part.counts, strict=True):
            total[:] = [before + more for before, more in zip(total, added, strict=True)]
        if self.exchange is not None:
            self.exchange.fold(part, batch.worker, batch.number)
        elif isinstance(self.run, TailRun):
            fates = {"records": part.records, "failed": len(part.faults), "passed": part.passed}
            return self._gather(_fed(self.run, part, fates), None)
        self._add(part)
        return []

    def _add(self, part: Part) -> None:
        """Take in the fates of the records, and keep what left the stages in the worker for the next seal."""
        self._gathered.delivered += part.passed
        self._gathered.filtered += part.filtered
        self._gathered.refused += len(part.refused)
        if part.rows and part.form == "block":
            self._buffers["sink"].add_block(part.rows, part.blobs[0])
        elif part.rows and part.form == "items":
            self._buffers["sink"].add_items(unpack_list(part.blobs[0]))

    def _settle(self, batch: Batch, failures: Sequence[Located]) -> None:
        if not isinstance(batch, PartBatch):
            super()._settle(batch, failures)
            return
        for fault in batch.part.faults:
            self._apply_policy(fault, of_record=True)
        for fault in batch.part.refused:
            self._apply_policy(fault, of_record=False)
        super()._settle(batch, [failure for failure in failures if failure[0] is None])
        first = 0
        for records in self._records(batch) if any(index is not None for index, *_ in failures) else ():
            inside = [
                (index - first, *rest) for index, *rest in failures if index is not None and 0 <= index - first < len(records)
            ]
            super()._settle(records, inside)
            first += len(records)

    def _records(self, batch: PartBatch) -> Sequence[Batch]:
        """Return the records themselves, which only a fault in the tail asks for."""
        if batch.part.kept is not None:
            return [kept_records(batch.part.kept, batch.positions)]
        try:
            patience = msgspec.structs.replace(self.patience, where="source")
            return patience.call(lambda: list(self.reader.read_piece(self.context, batch.piece)))
        finally:
            self.reader.close()

    def seal_wait_seconds(self, *, idle: bool) -> float | None:
        """Return after how many seconds a seal is due; nothing is idle while pieces, or the end of input, are under way."""
        return super().seal_wait_seconds(idle=idle and not self.workers.busy and not self.workers.exhausted)

    def _count_stages(self) -> None:
        head, tail = set(self.division.head_stages), set(self.division.tail_stages)
        tails = zip(self.run.stage_counts(), self.run.stage_seconds(), strict=True)
        counts = zip(self.metrics.stages.stages, self._head_counts, tails, strict=True)
        for stage, (counter, (entered, left, failed), ((tail_entered, tail_left, tail_failed), seconds)) in enumerate(counts):
            counter.invocations = self.metrics.batches
            counter.documents_in = entered if stage in head else tail_entered
            counter.documents_out = tail_left if stage in tail else left
            counter.failures = failed + tail_failed
            counter.duration_seconds = (self._head_seconds if stage in head else 0.0) + seconds


def _fed(run: TailRun, part: Part, fates: dict[str, int]) -> Output:
    if part.form == "lines":
        return run.feed_lines(part.blobs[0], part.row_origins(), **fates)
    if part.form == "documents":
        return run.feed_rows(decode_value(part.blobs[0]), part.row_origins(), **fates)
    return run.feed_columns(unpack_columns(part.blobs), part.row_origins(), **fates)
