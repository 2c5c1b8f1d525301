"""The sealed loop: the steps that must not be reordered, by number.

    open   1 claim the epoch in the state store        2 open the sinks, compare their cursors with ours
    loop   3 redeliver sealed batches not yet delivered
           4 poll -> decode -> run; each record gets exactly one fate
           5 SEAL: positions + state + output + fates + epoch check, one transaction     <- the commit point
           6 source.commit (advisory)                  7 sink.write(sealed batch), fenced and idempotent
    close  8 drain to a seal boundary

Before 5 nothing of a record can be seen outside; after 5 nothing of it can be lost. :class:`Loop` holds the steps and no
threads: :mod:`fluxion_core.runtime.local` drives it with a few of them or with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fluxion_core.config.model import RuntimeConfig
from fluxion_core.errors import FatalError
from fluxion_core.language import Output, Run
from fluxion_core.observability.events import Listener, RecordFailed, Sealed
from fluxion_core.observability.metrics import Ledger, MetricsRegistry
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.runtime.checkpoints import Gathered, check_names, meta_of
from fluxion_core.runtime.decoding import feed_batch
from fluxion_core.runtime.delivery import Outlet
from fluxion_core.runtime.error_policies import (
    Fault,
    Located,
    dead_letter,
    fatal,
    faults_of,
    located,
    nobodys,
    place_of,
    too_many_groups,
)
from fluxion_core.runtime.outputs import OutputBuffer, content_bytes
from fluxion_core.runtime.queues import Delivered
from fluxion_core.runtime.retry import Patience
from fluxion_core.spi import Batch, Checkpoint, Document, Host, Lease, RecordError, SealedOutput, SealRequest, StateRows

__all__ = ["Loop"]

_LONGEST_SPACING_SECONDS: Final = 5.0
"""What a crash may cost at most, unless sealing itself takes longer or is set to be rarer."""
_COUNT_SECONDS: Final = 0.05
"""How often the counts of the stages are shown, besides at every seal: what is counted is small, but so may a batch be."""
_KEY_SECONDS: Final = 2e-6
"""About what sealing the state of one key takes: of the first seals there is no other measure, and state grows between two."""


class Loop(msgspec.Struct, kw_only=True):
    """One pipeline between its source and its sinks: runs batches, gathers their effects, seals them."""

    bound: BoundPipeline
    lease: Lease
    run: Run
    outlets: dict[str, Outlet]
    host: Host
    notify: Listener
    metrics: MetricsRegistry
    patience: Patience
    finished: bool = False
    """Whether the end of input was taken in, and nothing was read since."""
    _gathered: Gathered = msgspec.field(default_factory=Gathered)
    _buffers: dict[str, OutputBuffer] = msgspec.field(default_factory=dict)
    _last_seal_end: float = 0.0
    _last_seal_seconds: float = 0.0
    _last_count: float = 0.0
    _seal_cost_seconds: float = 0.0
    """What a seal took of late: a running mean, for one may meet a slow disk."""

    def __post_init__(self) -> None:
        limit = self.config.max_made_bytes
        self._buffers = {  # a dead letter is the record and more
            name: OutputBuffer(outlet.sink, outlet.codec, limit if name == "sink" else None)
            for name, outlet in self.outlets.items()
        }
        self._last_seal_end = self.host.clock.monotonic()

    # ------------------------------------------------------------------------------------------------- step 4

    def take(self, batch: Batch) -> None:
        """Run *batch* through the stages; nothing of it is durable or visible before the next seal.

        Raises:
            FatalError: a record is at fault and the policy is to fail at once.
            Abandoned: the outside world was away and the pipeline is being stopped.
        """
        self.host.reach("polled")
        self.finished = False
        self.run.now = self.host.clock.now()
        count, failures = self._feed(batch)
        self.metrics.batches += 1
        self.metrics.records_this_run += count
        self.ledger.records_in += count
        if self.run.state_keys > self.config.max_groups:
            raise FatalError(too_many_groups(self.run.state_keys, self.config.max_groups))
        now = self.host.clock.monotonic()
        if now - self._last_count >= _COUNT_SECONDS:
            self._last_count = now
            self._count_stages()
        self._settle(batch, failures)
        self._gathered.positions.update(batch.positions)
        self._gathered.records += count
        self.host.reach("ran")

    @property
    def ledger(self) -> Ledger:
        """What became of every record."""
        return self.metrics.ledger

    def _feed(self, batch: Batch) -> tuple[int, list[Located]]:
        """Run *batch*; return how many records it had, which decoding its block tells, and its failures."""
        fed = feed_batch(self.run, self.bound.source, self.bound.source_codec, batch, self.config.max_record_bytes)
        self.metrics.bytes_in += fed.bytes_in
        return fed.records, [*self._gather(fed.output, fed.indexes), *fed.broken]

    @property
    def config(self) -> RuntimeConfig:
        """The pipeline's runtime options."""
        return self.bound.definition.runtime

    def _gather(self, output: Output, indexes: Sequence[int] | None) -> list[Located]:
        """Keep the output of a run for the next seal; return its failures with indexes into the batch."""
        buffer = self._buffers["sink"]
        refused: list[tuple[Document, RecordError]] = []
        if output.count and buffer.wants_blocks:
            count, block, refused = buffer.block_of(output)
            buffer.add_block(count, block)
        elif output.count:
            refused = buffer.add_documents(output.documents)
        self._gathered.delivered += output.passed
        self._gathered.filtered += output.filtered
        self._gathered.refused += len(refused)
        if not output.failures and not refused:
            return []
        failures = located(output.failures, self.bound.program.stage_names, indexes)
        return [*failures, *((None, "encode", error, document) for document, error in refused)]

    def _settle(self, batch: Batch, failures: Sequence[Located]) -> None:
        for fault, of_record in faults_of(batch, failures):
            if not of_record and fault.document is None:
                raise FatalError(nobodys(fault))
            self._apply_policy(fault, of_record=of_record)

    def _apply_policy(self, fault: Fault, *, of_record: bool) -> None:
        policy = self.bound.definition.error_policy
        self.metrics.failures += 1
        fate = {"fail_fast": "fatal", "skip": "skipped", "dead_letter": "dead_lettered"}[policy.action]
        place = place_of(fault, self.bound.source)
        self.notify(
            RecordFailed(
                pipeline_id=self.lease.pipeline_id,
                stage=fault.stage,
                reason=fault.reason,
                position={"split": fault.split, "position": fault.position},
                place=place,
                fate=fate,
            )
        )
        if fate == "fatal":
            raise fatal(fault, policy, place)
        if fate == "dead_lettered":
            letter = dead_letter(fault, self.lease.pipeline_id, self.host.clock.now())
            for _, error in self._buffers["dead_letter"].add_documents([letter]):
                msg = f"dead_letter.codec: cannot write a dead letter: {error}; nothing was dropped; choose another codec"
                raise FatalError(msg)
        if of_record:
            self._gathered.skipped += fate == "skipped"
            self._gathered.dead_lettered += fate == "dead_lettered"

    def _count_stages(self) -> None:
        counted = zip(self.metrics.stages.stages, self.run.stage_counts(), self.run.stage_seconds(), strict=True)
        for counter, (documents_in, documents_out, failures), seconds in counted:
            counter.invocations = self.metrics.batches
            counter.documents_in = documents_in
            counter.documents_out = documents_out
            counter.failures = failures
            counter.duration_seconds = seconds

    # ------------------------------------------------------------------------------------------------- step 5

    def finish(self) -> None:
        """Take in the end of input: what the stages held back comes out with the next seal, which is due at once."""
        if self.finished:
            return
        self._settle(Batch.empty(), self._gather(self.run.finish(), None))
        self.finished = True
        self._gathered.urgent = True

    @property
    def nothing_to_seal(self) -> bool:
        """Whether nothing was taken in since the last seal."""
        return self._gathered.empty

    def seal_wait_seconds(self, *, idle: bool) -> float | None:
        """Return after how many seconds a seal is due: 0 for now, ``None`` if there is nothing to seal.

        Under load a seal is due every ``seal_interval_seconds``, or so much later that sealing takes no more than a twentieth of the
        time; at ``seal_max_bytes`` whatever it takes. Stages that keep nothing lose nothing by small seals, which take less memory:
        theirs are due at an eighth of those bytes, unless sealing then takes a quarter of the time. When nothing more is waiting
        (*idle*) a seal is due at once, unless sealing has taken more than a third of the time of late.
        """
        if self._gathered.empty:
            return None
        output_bytes = self.output_bytes
        if self._gathered.urgent or output_bytes >= self.config.seal_max_bytes:
            return 0.0
        since = self.host.clock.monotonic() - self._last_seal_end
        interval = self.config.seal_interval_seconds
        if idle:
            spacing = min(interval, 2 * self._seal_cost_seconds)
        else:
            coming = self.run.changed_keys * _KEY_SECONDS
            cost = max(self._seal_cost_seconds, self._last_seal_seconds, coming)
            spacing = max(interval, min(19 * cost, _LONGEST_SPACING_SECONDS))
            if output_bytes >= self.config.seal_max_bytes // 8 and not self.bound.program.stateful:
                spacing = min(spacing, 3 * cost)
        return max(0.0, spacing - since)

    @property
    def output_bytes(self) -> int:
        """How much output waits for the next seal."""
        return sum(buffer.size_bytes for buffer in self._buffers.values())

    def seal(self) -> dict[str, Any]:
        """Make everything gathered durable in one transaction (step 5) and queue it for delivery; return the sealed positions.

        Raises:
            FencedError: another process took the pipeline over.
            FatalError: the state store stayed away too long.
            PluginError: the source has named a split by what is no text.
        """
        started = self.host.clock.monotonic()
        check_names(self.bound, "poll", self._gathered.positions)
        if self.bound.emit == "updates":
            self._settle(Batch.empty(), self._gather(self.run.changed(), None))
        gathered, self._gathered = self._gathered, Gathered()
        self._enter_fates(gathered)
        outputs = self._seal_outputs()
        request = SealRequest(
            lease=self.lease,
            positions=gathered.positions,
            rows=StateRows(self.run.state_delta()),
            outputs=outputs,
            delivered=gathered.marks,
            ledger=self.ledger.sealed_form(),
            meta=meta_of(self.bound, finished=self.finished),
        )
        self.patience.call(lambda: self.bound.store.seal(request))
        self.host.reach("sealed")
        for output in outputs:
            self.outlets[output.target].queue.put(output)
        self._note_seal(gathered, outputs, started)
        return gathered.positions

    def _enter_fates(self, gathered: Gathered) -> None:
        self.ledger.delivered += gathered.delivered
        self.ledger.filtered += gathered.filtered
        self.ledger.skipped += gathered.skipped
        self.ledger.dead_lettered += gathered.dead_lettered
        self.ledger.documents_sealed += gathered.refused
        self.ledger.documents_refused += gathered.refused

    def _seal_outputs(self) -> list[SealedOutput]:
        outputs = [
            self.outlets[target].seal_next(packed.count, packed.data)
            for target, buffer in self._buffers.items()
            for packed in buffer.drain()
        ]
        documents = sum(output.count for output in outputs if output.target == "sink")
        self.ledger.documents_sealed += documents
        self.metrics.documents_this_run += documents
        self.metrics.bytes_out += sum(content_bytes(output.data) for output in outputs if output.target == "sink")
        return outputs

    def _note_seal(self, gathered: Gathered, outputs: Sequence[SealedOutput], started: float) -> None:
        self._last_seal_end = self._last_count = self.host.clock.monotonic()
        self._count_stages()
        seconds = self._last_seal_end - started
        self._last_seal_seconds = seconds
        self._seal_cost_seconds += (seconds - self._seal_cost_seconds) / (4 if self._seal_cost_seconds else 1)
        self.metrics.seals += 1
        self.metrics.seal_seconds += seconds
        self.metrics.state_keys = self.run.state_keys
        self.metrics.state_bytes = self.run.state_bytes
        self.metrics.observe_sink_queue(self.outlets["sink"].queue.documents)
        self.notify(
            Sealed(
                pipeline_id=self.lease.pipeline_id,
                number=self.metrics.seals,
                records=gathered.records,
                documents=sum(output.count for output in outputs),
                seconds=seconds,
            )
        )

    # ------------------------------------------------------------------------------------------------- step 7, its end

    def apply(self, report: Delivered) -> None:
        """Take in that a sealed output is delivered; the next seal records it, together with what the sink refused.

        Raises:
            FatalError: the sink refused a record and the policy is to fail at once, or the dead-letter sink refused one.
        """
        output, refused = report.output, report.result.refused
        self.outlets[output.target].delivered_seq = output.seq
        self.metrics.deliveries += 1
        self.metrics.delivery_seconds += report.seconds
        self.metrics.duplicates_suppressed += report.result.duplicate
        self.metrics.observe_sink_queue(self.outlets["sink"].queue.documents)
        if output.target == "sink":
            self.ledger.documents_refused += len(refused)
            self.ledger.documents_delivered += output.count - len(refused)
        elif refused:
            msg = f"dead-letter sink refused a record: {refused[0].reason}; nothing was dropped; mend the sink and run again"
            raise FatalError(msg)
        for refusal in refused:
            self._refused(output, refusal.index, refusal.reason)
        self._gathered.marks[output.target] = output.seq
        self.host.reach("delivered")

    def _refused(self, output: SealedOutput, index: int, reason: str) -> None:
        batch = self.outlets[output.target].as_batch(output)
        fault = Fault(
            reason=reason,
            kind="RecordError",
            stage="sink",
            split="output",
            position=batch.record_key(index),
            payload=batch.payloads[index] if batch.documents is None else None,
            document=batch.documents[index] if batch.documents is not None else None,
        )
        self._apply_policy(fault, of_record=False)
        self._gathered.urgent = True

    # ------------------------------------------------------------------------------------------------- step 8

    def settle_marks(self) -> None:
        """Record the last deliveries in the store, so that a clean end leaves nothing to redeliver."""
        if self._gathered.marks or not self._gathered.empty:
            self.seal()


def restore(run: Run, checkpoint: Checkpoint, metrics: MetricsRegistry) -> None:
    """Put the sealed state back into a fresh *run*, and the sealed counts into *metrics*."""
    run.restore(checkpoint.rows)
    metrics.ledger = Ledger(**checkpoint.ledger)
    metrics.state_keys = run.state_keys
    metrics.state_bytes = run.state_bytes
