"""The head of the stages, run over one batch after the other, as a worker does."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from random import Random

import msgspec

from fluxion_core.language import Output, encode_value, pack_columns
from fluxion_core.runtime.decoding import feed_batch
from fluxion_core.runtime.error_policies import Fault, Located, faults_of, located
from fluxion_core.runtime.outputs import OutputBuffer
from fluxion_core.runtime.parallel.channel import pack_list
from fluxion_core.runtime.parallel.division import Division
from fluxion_core.runtime.parallel.part import Form, Part
from fluxion_core.runtime.parallel.shard import KeptShard
from fluxion_core.spi import Batch, Host, Json

__all__ = ["Head"]


class _Made(msgspec.Struct):
    """What the batches of one part have become so far."""

    outputs: list[Output] = msgspec.field(default_factory=list)
    origins: array[int] = msgspec.field(default_factory=lambda: array("I"))
    faults: list[Fault] = msgspec.field(default_factory=list)
    refused: list[Fault] = msgspec.field(default_factory=list)
    dealt: Sequence[int] = ()
    positions: dict[str, Json] = msgspec.field(default_factory=dict)
    records: int = 0
    bytes_in: int = 0


class Head:
    """One run of the head. *seed* decides, together with the number of a part, what is drawn in it."""

    def __init__(self, division: Division, host: Host, seed: int, shard: KeptShard | None) -> None:
        self._division = division
        self._cut = division.cut
        self._host = host
        self._seed = seed
        self._run = self._cut.start_head(tracks=shard is None)
        self._run.max_record_bytes = division.runtime.max_record_bytes
        self._run.max_rows_per_record = division.runtime.max_rows_per_record
        self._shard = shard
        self._counts = self._run.stage_counts()
        self._buffer = OutputBuffer(division.sink, division.sink_codec, division.runtime.max_made_bytes)

    def take(self, batches: Iterable[Batch], number: int) -> Part:
        """Return what becomes of the records of *batches*, which are taken in one by one."""
        clock = self._host.clock
        started = clock.monotonic()
        self._run.now = self._host.clock.now()
        self._run.random = Random((self._seed << 64) + number).random  # noqa: S311  # what $rand draws, no secret
        made = _Made()
        for batch in batches:
            records, failures = self._feed(batch, made)
            made.faults += [fault for fault, _ in faults_of(batch, failures)]
            made.positions.update(batch.positions)
            made.records += records
        form, rows, blobs = self._packed(made, number)
        return Part(
            records=made.records,
            bytes_in=made.bytes_in,
            passed=sum(output.passed for output in made.outputs),
            filtered=sum(output.filtered for output in made.outputs),
            positions=made.positions,
            faults=made.faults,
            refused=made.refused,
            form=form,
            rows=rows,
            blobs=blobs,
            origins=made.origins.tobytes(),
            counts=self._counted(),
            dealt=made.dealt,
            groups=self._shard.counts if self._shard is not None else (),
            seconds=clock.monotonic() - started + (self._shard.seconds() if self._shard is not None else 0.0),
        )

    # ------------------------------------------------------------------------------------------------- in

    def _feed(self, batch: Batch, made: _Made) -> tuple[int, list[Located]]:
        """Run *batch*; return how many records it had and its failures."""
        division = self._division
        fed = feed_batch(self._run, division.source, division.source_codec, batch, division.runtime.max_record_bytes)
        made.bytes_in += fed.bytes_in
        return fed.records, [*self._add(fed.output, fed.indexes, made), *fed.broken]

    def _add(self, output: Output, records: Sequence[int], made: _Made) -> list[Located]:
        """Add the *output* of some *records* of a batch; return its failures."""
        made.outputs.append(output)
        if self._cut.tail is not None and output.origins is not None:
            numbers = (
                range(made.records, made.records + len(records))
                if isinstance(records, range)
                else [made.records + record for record in records]
            )
            made.origins.extend(map(numbers.__getitem__, output.origins))  # type: ignore[arg-type]  # the head keeps track of every row
        return located(output.failures, self._division.stage_names, records)

    # ------------------------------------------------------------------------------------------------- out

    def _packed(self, made: _Made, number: int) -> tuple[Form, int, list[bytes]]:
        """Return the rows of part *number* as a part holds them: their form, how many there are, and the blobs."""
        filled = [output for output in made.outputs if output.count]
        rows = sum(output.count for output in filled)
        if self._cut.columns is not None:
            columns = [list(chain.from_iterable(output.rows[place] for output in filled)) for place in range(self._cut.columns)]
            if self._shard is None:
                return "columns", rows, pack_columns(columns)
            made.dealt, blobs = self._shard.deal(number, columns)
            return "dealt", rows, blobs
        if self._cut.tail is None and self._buffer.wants_blocks:
            blocks = [self._buffer.block_of(output) for output in filled]
            made.refused = [
                Fault.of(error, stage="encode", document=document) for *_, refused in blocks for document, error in refused
            ]
            return "block", sum(count for count, *_ in blocks), [b"".join([block for _, block, _ in blocks])]
        if self._cut.tail is not None and filled and all(output.form.endswith("line") for output in filled):
            return "lines", rows, [b"".join([output.json_lines() for output in filled])]
        documents = [document for output in filled for document in output.documents]
        if self._cut.tail is not None:
            return "documents", rows, [encode_value(documents)]
        items, refused = self._buffer.encoded(documents)
        made.refused = [Fault.of(error, stage="encode", document=document) for document, error in refused]
        return "items", len(items), [pack_list(items)]

    def _counted(self) -> list[list[int]]:
        """Return what was counted since the last call."""
        before, self._counts = self._counts, self._run.stage_counts()
        return [[now - then for now, then in zip(*stage, strict=True)] for stage in zip(self._counts, before, strict=True)]
