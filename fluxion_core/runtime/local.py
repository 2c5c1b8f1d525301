"""The built-in runner: one pipeline in this process, driven by a thread each for source, stages and sinks, or by one alone.

The threads share nothing but the two kinds of queues in :mod:`fluxion_core.runtime.queues`; every component is opened, used and
closed by one thread. With ``direct_handoff`` the same steps run in turns in a single thread, which is also how a simulation
drives a pipeline under a clock and a seed of its own.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import attrs

from fluxion_core.config.model import RetryPolicy
from fluxion_core.errors import FluxionError, PluginError
from fluxion_core.hookspecs import hookimpl
from fluxion_core.observability.events import Ended, Listener, Started
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.runtime.checkpoints import check_fits, check_splits
from fluxion_core.runtime.delivery import Outlet
from fluxion_core.runtime.effects import EffectContext
from fluxion_core.runtime.intake import Intake
from fluxion_core.runtime.loop import Loop, restore
from fluxion_core.runtime.queues import Delivered, EndMark, Inbox
from fluxion_core.runtime.retry import Abandoned, Patience
from fluxion_core.spi import Batch, Checkpoint, Context, EndOfInput, Host, Lease, Runner, Split

__all__ = ["LocalExecution", "LocalPlan", "LocalRunner", "fluxion_register_runners"]


@attrs.frozen(kw_only=True)
class LocalPlan:
    """What the orchestrator hands to a runner: the bound pipeline and how to run it."""

    bound: BoundPipeline
    host: Host
    notify: Listener
    metrics: MetricsRegistry
    takeover: bool = False


class LocalRunner(Runner):
    """Runs the pipeline in this process."""

    name = "local"

    def start(self, plan: LocalPlan) -> LocalExecution:
        """Start the pipeline's threads and return at once."""
        execution = LocalExecution(plan)
        execution.start()
        return execution


@hookimpl
def fluxion_register_runners() -> list[type[Runner]]:
    """Register the built-in runner."""
    return [LocalRunner]


class LocalExecution:
    """One run of one pipeline."""

    def __init__(self, plan: LocalPlan) -> None:
        self.plan = plan
        self.bound = plan.bound
        self.config = plan.bound.definition.runtime
        self.metrics = plan.metrics
        self.drained = True
        self._stopping = Event()
        self._abandoned = Event()
        self._ended = Event()
        self._paused: set[str] = set()
        self._failure: BaseException | None = None
        self._inbox = Inbox(self.config.source_queue_capacity)
        self._threads: list[Thread] = []
        self._wakers: list[Callable[[], None]] = [self._inbox.close]
        self._logger = logging.getLogger(f"fluxion.pipeline.{self.bound.definition.id}")

    # --------------------------------------------------------------------------------------------- from any thread

    def start(self) -> None:
        """Start the thread that opens the pipeline and drives it to its end."""
        self._spawn("stages", self.run)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until the pipeline has ended; return whether it has.

        Raises:
            FluxionError: the reason for which it stopped.
        """
        if not self._ended.wait(timeout_seconds):
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def stop(self, *, abandon: bool = False) -> None:
        """Begin to stop: drain to a seal boundary, or (*abandon*) end at once, which is always safe."""
        self._stopping.set()
        if abandon:
            self.drained = False
            self._abandon()

    def status(self) -> str:
        """Return starting, running, waiting (for the outside), draining, finished, stopped or failed."""
        return self.metrics.status

    # --------------------------------------------------------------------------------------------- one thread each

    def run(self) -> None:
        """Drive the pipeline from its first step to its last; what goes wrong is kept for :meth:`wait`."""
        started = self.plan.host.clock.monotonic()
        try:
            with contextlib.ExitStack() as closing:
                self._run(closing, started)
        except Abandoned:
            self.drained = False
        except BaseException as error:  # noqa: BLE001  # kept for wait(), which raises it where somebody listens
            self._fail(error)
        finally:
            self._abandon()
            self._join()
            self._conclude(started)

    def _run(self, closing: contextlib.ExitStack, started: float) -> None:
        bound, host = self.bound, self.plan.host
        closing.callback(bound.store.close)
        bound.store.open(self._context(Lease(pipeline_id=bound.definition.id, epoch=0, incarnation="")))
        lease = self._patience("state", self._stopping).call(
            lambda: bound.store.claim(bound.definition.id, takeover=self.plan.takeover)
        )
        host.reach("claimed")
        checkpoint = bound.store.load()
        check_fits(bound, checkpoint)
        pool = ThreadPoolExecutor(self.config.worker_thread_pool_size, "fluxion-effects")
        closing.callback(pool.shutdown, wait=False, cancel_futures=True)
        loop = self._loop(lease, checkpoint, pool)
        drive = _Inline if self.config.direct_handoff else _Threaded
        self.metrics.status = "running"
        drive(self, loop, self._intake(lease), checkpoint).run()
        self.metrics.running_seconds = host.clock.monotonic() - started

    def _loop(self, lease: Lease, checkpoint: Checkpoint, pool: ThreadPoolExecutor) -> Loop:
        bound = self.bound
        effects = EffectContext(
            context=self._context(lease),
            pool=pool,
            patience=self._patience("stages", self._stopping),
            retrying=bound.definition.error_policy.retrying,
            metrics=self.metrics,
        )
        run = bound.program.start(emit=bound.emit, context=effects)
        segments = [index for index, step in enumerate(bound.program.plan) for _ in step.stages]
        self.metrics.stages.reset(bound.program.stage_names, segments)
        restore(run, checkpoint, self.metrics)
        return Loop(
            bound=bound,
            lease=lease,
            run=run,
            outlets=self._outlets(lease),
            host=self.plan.host,
            notify=self.notify,
            metrics=self.metrics,
            patience=self._patience("state", self._abandoned),
            finished=bool(checkpoint.meta.get("finished")),
        )

    def _outlets(self, lease: Lease) -> dict[str, Outlet]:
        context = self._context(lease, self._abandoned)
        sinks = {"sink": (self.bound.sink, self.bound.sink_codec)}
        if self.bound.dead_letter is not None and self.bound.dead_letter_codec is not None:
            sinks["dead_letter"] = (self.bound.dead_letter, self.bound.dead_letter_codec)
        return {
            target: Outlet(
                target=target,
                sink=sink,
                codec=codec,
                context=context,
                lease=lease,
                patience=self._patience(target, self._abandoned),
            )
            for target, (sink, codec) in sinks.items()
        }

    def _intake(self, lease: Lease) -> Intake:
        return Intake(
            source=self.bound.source,
            context=self._context(lease),
            patience=self._patience("source", self._stopping),
            metrics=self.metrics,
            notify=self.notify,
            max_records=self.config.micro_batch_size,
        )

    def _context(self, lease: Lease, stopping: Event | None = None) -> Context:
        definition = self.bound.definition
        return Context(
            pipeline_id=lease.pipeline_id,
            incarnation=lease.incarnation,
            epoch=lease.epoch,
            host=self.plan.host,
            stopping=stopping or self._stopping,
            logger=self._logger,
            base_dir=definition.base_dir,
            connections=definition.connections,
        )

    def _patience(self, where: str, until: Event) -> Patience:
        return Patience(
            where=where,
            pipeline_id=self.bound.definition.id,
            policy=self.bound.definition.error_policy.retrying or RetryPolicy(),
            host=self.plan.host,
            until=until,
            notify=self.notify,
            metrics=self.metrics,
            give_up_after_seconds=self.config.give_up_after_seconds,
        )

    # --------------------------------------------------------------------------------------------- life and death

    def notify(self, event: Any) -> None:
        """Pass *event* on, keeping the status in step with it."""
        kind = type(event).__name__
        if kind == "Paused":
            self._paused.add(event.where)
        elif kind == "Resumed":
            self._paused.discard(event.where)
        if kind in {"Paused", "Resumed"} and self.metrics.status in {"running", "waiting"}:
            self.metrics.status = "waiting" if self._paused else "running"
        self.plan.notify(event)

    def announce(self, lease: Lease, *, resumed: bool) -> None:
        """Tell that the pipeline is open."""
        delivery = f"{self.bound.delivery} ({self.bound.delivery_note})"
        self.notify(
            Started(
                pipeline_id=lease.pipeline_id,
                epoch=lease.epoch,
                incarnation=lease.incarnation,
                resumed=resumed,
                delivery=delivery,
            )
        )

    @property
    def stopping(self) -> Event:
        """Set when polling should end."""
        return self._stopping

    @property
    def abandoned(self) -> Event:
        """Set when everything should end, sealed or not."""
        return self._abandoned

    @property
    def inbox(self) -> Inbox:
        """What waits for the stages."""
        return self._inbox

    def wake_on_end(self, wake: Callable[[], None]) -> None:
        """Call *wake* when everything should end, for a thread that waits on something of its own."""
        self._wakers.append(wake)

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Run *target* in a thread of its own; its failure stops the pipeline."""

        def guarded() -> None:
            try:
                target()
            except Abandoned:
                self._abandon_unless_stopping()
            except BaseException as error:  # noqa: BLE001  # kept for wait()
                self._fail(error)

        self._spawn(name, guarded)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = Thread(target=target, name=f"fluxion-{self.bound.definition.id}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _abandon_unless_stopping(self) -> None:
        if not self._stopping.is_set():
            self._abandon()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = _presentable(error)
        self._stopping.set()
        self._abandon()

    def _abandon(self) -> None:
        self._stopping.set()
        self._abandoned.set()
        for wake in self._wakers:
            wake()

    def _join(self) -> None:
        for thread in self._threads[1:]:
            thread.join(timeout=5)

    def _conclude(self, started: float) -> None:
        self.metrics.running_seconds = self.plan.host.clock.monotonic() - started
        if self._failure is not None:
            self.metrics.status = "failed"
        elif self.metrics.status not in {"finished", "stopped"}:
            self.metrics.status = "stopped"
        reason = str(self._failure) if self._failure else ""
        with contextlib.suppress(Exception):  # a listener must not keep wait() waiting
            self.plan.notify(
                Ended(
                    pipeline_id=self.bound.definition.id,
                    status=self.metrics.status,
                    reason=reason,
                    ledger=self.metrics.ledger.snapshot(),
                )
            )
        self._ended.set()


def _presentable(error: BaseException) -> BaseException:
    if isinstance(error, FluxionError) or not isinstance(error, Exception):
        return error
    wrapped = PluginError(f"{type(error).__name__}: {error} (this is a bug in a component; --debug shows where)")
    wrapped.__cause__ = error
    return wrapped


class _Drive:
    """What both ways of driving a loop share."""

    def __init__(self, execution: LocalExecution, loop: Loop, intake: Intake, checkpoint: Checkpoint) -> None:
        self.execution = execution
        self.loop = loop
        self.intake = intake
        self.checkpoint = checkpoint
        self.clock = execution.plan.host.clock

    def opened(self, splits: Sequence[Split]) -> None:
        """Announce that steps 1 and 2 are done."""
        check_splits(self.execution.bound, self.checkpoint.positions, splits)
        self.execution.announce(self.loop.lease, resumed=bool(self.checkpoint.meta))

    def concluded(self) -> None:
        """Note how the loop has ended."""
        self.execution.metrics.status = "finished" if self.loop.finished else "stopped"


class _Inline(_Drive):
    """Polls, runs, seals and delivers in turns, in the thread that calls."""

    def run(self) -> None:
        """Drive the loop to its end."""
        outlets = list(self.loop.outlets.values())
        try:
            for outlet in outlets:
                outlet.open(self.checkpoint)
            splits = self.intake.splits()
            self.opened(splits)
            self.intake.open(splits, self.checkpoint.positions)
            self._deliver()
            self._poll_to_the_end()
            self._seal_and_deliver()
            self.loop.host.reach("draining")
            self.loop.settle_marks()
            self.concluded()
        finally:
            self.intake.close()
            for outlet in outlets:
                outlet.close()

    def _poll_to_the_end(self) -> None:
        while not self.execution.stopping.is_set():
            if self.loop.run.done:
                self.loop.finish()
                return
            try:
                batch = self.intake.poll(self.execution.config.max_wait_seconds)
            except EndOfInput:
                self.loop.finish()
                return
            except Abandoned:
                return
            if len(batch) or batch.positions:
                self.loop.take(batch)
            if self.loop.seal_wait_seconds(idle=not len(batch)) == 0.0:
                self._seal_and_deliver()

    def _seal_and_deliver(self) -> None:
        while self.loop.seal_wait_seconds(idle=True) is not None:
            self.intake.sealed_up_to(self.loop.seal())
            self.intake.commit()
            self._deliver()

    def _deliver(self) -> None:
        for outlet in self.loop.outlets.values():
            while (output := outlet.queue.take(wait=False)) is not None:
                self.loop.apply(outlet.deliver(output))


class _Threaded(_Drive):
    """A thread each for the source and for every sink; the calling thread runs the stages and seals."""

    def run(self) -> None:
        """Drive the loop to its end."""
        self._start_sinks()
        self._start_source()
        self._take_until_the_end()
        self._drain()
        self.concluded()

    # ------------------------------------------------------------------------------------------------- threads

    def _start_sinks(self) -> None:
        for target, outlet in self.loop.outlets.items():
            opened = Event()
            self.execution.wake_on_end(outlet.queue.close)
            self.execution.spawn(target, lambda outlet=outlet, opened=opened: self._deliver_forever(outlet, opened))  # type: ignore[misc]  # lambda defaults
            self._await(opened)

    def _deliver_forever(self, outlet: Outlet, opened: Event) -> None:
        try:
            outlet.open(self.checkpoint)
            opened.set()
            while (output := outlet.queue.take()) is not None:
                self.execution.inbox.report(outlet.deliver(output))
        finally:
            outlet.close()

    def _start_source(self) -> None:
        opened = Event()
        self.execution.spawn("source", lambda: self._poll_forever(opened))
        self._await(opened)

    def _poll_forever(self, opened: Event) -> None:
        exhausted = False
        try:
            splits = self.intake.splits()
            self.opened(splits)
            self.intake.open(splits, self.checkpoint.positions)
            opened.set()
            exhausted = self._poll_until_stopped()
        except Abandoned:
            opened.set()
        finally:
            self.intake.close()
        self.execution.inbox.put(EndMark(exhausted))

    def _poll_until_stopped(self) -> bool:
        """Poll into the inbox; return whether the source has ended."""
        execution = self.execution
        while not execution.stopping.is_set():
            try:
                batch = self.intake.poll(execution.config.max_wait_seconds)
            except EndOfInput:
                return True
            if (len(batch) or batch.positions) and not execution.inbox.put(batch):
                return False
            execution.metrics.observe_queue(execution.inbox.depth)
            self.intake.commit()
        return False

    def _await(self, opened: Event) -> None:
        while not opened.wait(0.05):
            if self.execution.abandoned.is_set():
                raise Abandoned

    # ------------------------------------------------------------------------------------------------- the stages' thread

    def _take_until_the_end(self) -> None:
        execution, loop = self.execution, self.loop
        while True:
            if loop.run.done:
                execution.stopping.set()
                loop.finish()
                return
            item = execution.inbox.take(loop.seal_wait_seconds(idle=execution.inbox.depth == 0))
            if isinstance(item, EndMark):
                if item.exhausted:
                    loop.finish()
                return
            if isinstance(item, Delivered):
                loop.apply(item)
            elif isinstance(item, Batch):
                loop.take(item)
            elif execution.abandoned.is_set():
                raise Abandoned
            self._seal_if_due()

    def _seal_if_due(self) -> None:
        inbox, loop = self.execution.inbox, self.loop
        if loop.seal_wait_seconds(idle=inbox.depth == 0) != 0.0:
            return
        queue, capacity = loop.outlets["sink"].queue, self.execution.config.queue_capacity
        full = loop.output_bytes >= self.execution.config.seal_max_bytes
        while not queue.wait_below(capacity, 0.5 if full else 0):
            if self.execution.abandoned.is_set():
                raise Abandoned
            if not full:
                return  # the sink is behind: let the next seal grow instead of the queue
        self.intake.sealed_up_to(loop.seal())

    def _drain(self) -> None:
        """Step 8: seal what was taken, deliver what is sealed, within the drain timeout if somebody is waiting for us."""
        execution, loop = self.execution, self.loop
        if execution.metrics.status in {"running", "waiting"}:
            execution.metrics.status = "draining"
        deadline: float | None = None
        while True:
            if loop.seal_wait_seconds(idle=True) is not None:
                loop.seal()
            if all(
                not outlet.queue.documents and outlet.delivered_seq == outlet.sealed_seq for outlet in loop.outlets.values()
            ):
                break
            deadline = self._deadline(deadline)
            report = execution.inbox.take_report(0.2)
            if report is not None:
                loop.apply(report)
            if execution.abandoned.is_set() or (deadline is not None and self.clock.monotonic() > deadline):
                raise Abandoned
        loop.host.reach("draining")
        loop.settle_marks()
        for outlet in loop.outlets.values():
            outlet.queue.close()

    def _deadline(self, deadline: float | None) -> float | None:
        if deadline is None and self.execution.stopping.is_set() and not self.loop.finished:
            return self.clock.monotonic() + self.execution.config.drain_timeout_seconds
        return deadline
