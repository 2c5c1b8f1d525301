"""The built-in runner: one pipeline in this process, driven by a thread each for source, stages and sinks, or by fewer.

The threads share nothing but the two kinds of queues in :mod:`fluxion_core.runtime.queues`; every component is opened, used and
closed by one thread. With ``direct_handoff`` the same steps run in turns in a single thread, which is also how a simulation
drives a pipeline under a clock and a seed of its own.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from fluxion_core.config.model import RetryPolicy
from fluxion_core.hookspecs import hookimpl
from fluxion_core.observability.events import Ended, Listener, Started, Warned
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.runtime.bugs import presentable
from fluxion_core.runtime.checkpoints import check_fits
from fluxion_core.runtime.deadline import DrainDeadline
from fluxion_core.runtime.delivery import Outlet
from fluxion_core.runtime.drive import Inline, Threaded
from fluxion_core.runtime.effects import EffectContext
from fluxion_core.runtime.intake import Intake
from fluxion_core.runtime.loop import Loop, restore
from fluxion_core.runtime.polling import Polling
from fluxion_core.runtime.queues import Inbox
from fluxion_core.runtime.retry import Abandoned, Patience
from fluxion_core.spi import Checkpoint, Context, Host, Lease, Runner

if TYPE_CHECKING:
    from fluxion_core.runtime.parallel.launch import Divided

__all__ = ["LocalExecution", "LocalPlan", "LocalRunner", "fluxion_register_runners"]


class LocalPlan(msgspec.Struct, frozen=True, kw_only=True):
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
        self.stopping = Event()
        self.abandoned = Event()
        self.deadline = DrainDeadline(plan.host.clock, self.config.drain_timeout_seconds)
        self._ended = Event()
        self._paused: set[str] = set()
        self._failure: BaseException | None = None
        self.inbox = Inbox(self.config.source_queue_capacity, self.metrics.observe_queue)
        self._divided: Divided | None = None
        self._undivided = ""
        self._threads: list[Thread] = []
        self._wakers: list[Callable[[], None]] = [self.inbox.close]
        self._logger = logging.getLogger(f"fluxion.pipeline.{self.bound.definition.id}")

    # --------------------------------------------------------------------------------------------- from any thread

    def start(self) -> None:
        """Start the workers, if there are to be some, and the thread that opens the pipeline and drives it to its end."""
        if self.bound.division is not None:
            from fluxion_core.runtime.parallel.launch import launch  # nobody else should pay for what it imports

            self._divided, self._undivided = launch(self.bound, self.bound.division, self.plan.host)
            if self._divided is not None:
                self._wakers.append(self._divided.workers.shut)
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
        """Begin to stop: drain to a seal boundary in good time, or (*abandon*) end at once, which is always safe."""
        self.deadline.start()
        self.stopping.set()
        if abandon:
            self.drained = False
            self._abandon()

    def status(self) -> str:
        """Return starting, running, waiting (for the outside), draining, finished, stopped or failed."""
        return self.metrics.status

    # --------------------------------------------------------------------------------------------- one thread each

    def run(self) -> None:
        """Drive the pipeline from its first step to its last; what goes wrong is kept for :meth:`wait`."""
        self.metrics.begin(self.plan.host.clock.monotonic)
        try:
            with contextlib.ExitStack() as closing:
                self._run(closing)
        except Abandoned:
            self.drained = False
        except BaseException as error:  # noqa: BLE001  # kept for wait(), which raises it where somebody listens
            self._fail(error)
        finally:
            self._abandon()
            self._join()
            self._conclude()

    def _run(self, closing: contextlib.ExitStack) -> None:
        bound, host = self.bound, self.plan.host
        if self._divided is not None:
            closing.callback(self._divided.workers.close)
        closing.callback(bound.store.close)
        context = self._context(Lease(pipeline_id=bound.definition.id, epoch=0, incarnation=""))
        patience = self._patience("state", self.stopping)
        patience.call(lambda: bound.store.open(context))
        lease = patience.call(lambda: bound.store.claim(bound.definition.id, takeover=self.plan.takeover))
        host.reach("claimed")
        checkpoint = patience.call(bound.store.load)
        check_fits(bound, checkpoint)
        self._settle_workers()
        loop = self._loop(lease, checkpoint, closing)
        self.metrics.status = "running"
        self._drive()(self, loop, self._intake(lease), checkpoint).run()

    def _drive(self) -> type[Inline | Threaded]:
        if self.config.direct_handoff:
            return Inline
        return Polling if self._divided is None and self.bound.source.prompt else Threaded

    def _settle_workers(self) -> None:
        """Wait for the workers; go on without them where they cannot be, and say so."""
        if self._divided is not None and (reason := self._divided.workers.refusal()):
            self._divided.workers.close()
            self._divided, self._undivided = None, reason
        message = (
            f"parallelism: {self.config.parallelism} is 1 now: {self._undivided}" if self._undivided else self.bound.undivided
        )
        if message:
            self.notify(Warned(pipeline_id=self.bound.definition.id, message=message))

    def _loop(self, lease: Lease, checkpoint: Checkpoint, closing: contextlib.ExitStack) -> Loop:
        bound = self.bound
        effects = EffectContext(
            context=self._context(lease),
            pool_size=self.config.worker_thread_pool_size,
            patience=self._patience("stages", self.stopping),
            retrying=bound.definition.error_policy.retrying,
            metrics=self.metrics,
            closing=closing,
        )
        for collection in bound.collections:
            collection.fill(effects.context, self._patience(f"collections.{collection.name}", self.stopping))
        start = self._divided.start_run if self._divided is not None else bound.program.start
        run = start(emit=bound.emit, context=effects)
        run.max_record_bytes = self.config.max_record_bytes
        run.max_rows_per_record = self.config.max_rows_per_record
        run.random = self.plan.host.rng.random
        run.monotonic = self.plan.host.clock.monotonic
        self.metrics.stages.reset(bound.program.stage_names, bound.program.stage_steps)
        restore(run, checkpoint, self.metrics)
        make = self._divided.loop if self._divided is not None else Loop
        return make(
            bound=bound,
            lease=lease,
            run=run,
            outlets=self._outlets(lease),
            host=self.plan.host,
            notify=self.notify,
            metrics=self.metrics,
            patience=self._patience("state", self.abandoned),
            finished=bool(checkpoint.meta.get("finished")),
        )

    def _outlets(self, lease: Lease) -> dict[str, Outlet]:
        """Return what stands before each sink. Dead letters are numbered apart, so their keys name another incarnation."""
        context = self._context(lease, self.abandoned)
        sinks = {"sink": (self.bound.sink, self.bound.sink_codec)}
        if self.bound.dead_letter is not None and self.bound.dead_letter_codec is not None:
            sinks["dead_letter"] = (self.bound.dead_letter, self.bound.dead_letter_codec)
        return {
            target: Outlet(
                target=target,
                sink=sink,
                codec=codec,
                context=context if target == "sink" else attrs.evolve(context, incarnation=f"{lease.incarnation}-{target}"),
                lease=lease,
                patience=self._patience(target, self.abandoned),
                state_place=self.bound.store.place,
            )
            for target, (sink, codec) in sinks.items()
        }

    def _intake(self, lease: Lease) -> Intake:
        make = self._divided.intake if self._divided is not None else Intake
        return make(
            source=self.bound.source,
            context=self._context(lease),
            patience=self._patience("source", self.stopping),
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
            stopping=stopping or self.stopping,
            logger=self._logger,
            base_dir=definition.base_dir,
            connections=definition.connections,
            max_record_bytes=self.config.max_record_bytes,
        )

    def _patience(self, where: str, until: Event) -> Patience:
        return Patience(
            where=where,
            pipeline_id=self.bound.definition.id,
            policy=self.bound.definition.error_policy.retrying or RetryPolicy(),
            host=self.plan.host,
            until=until,
            stopping=self.stopping,
            deadline=self.deadline,
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
        for note in self.bound.notes:
            self.notify(Warned(pipeline_id=lease.pipeline_id, message=note))

    def wake_on_end(self, wake: Callable[[], None]) -> None:
        """Call *wake* when everything should end, for a thread that waits on something of its own."""
        self._wakers.append(wake)

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Run *target* in a thread of its own; its failure stops the pipeline."""

        def guarded() -> None:
            try:
                target()
            except Abandoned:  # by a sink that was waited for long enough; a source that stops says so in the inbox
                self.drained = False
                self._abandon()
            except BaseException as error:  # noqa: BLE001  # kept for wait()
                self._fail(error)

        self._spawn(name, guarded)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = Thread(target=target, name=f"fluxion-{self.bound.definition.id}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = presentable(error, self.bound.registered)
        self.stopping.set()
        self._abandon()

    def _abandon(self) -> None:
        self.stopping.set()
        self.abandoned.set()
        for wake in self._wakers:
            wake()

    def _join(self) -> None:
        for thread in self._threads[1:]:
            thread.join(timeout=5)

    def _conclude(self) -> None:
        self.metrics.end()
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
