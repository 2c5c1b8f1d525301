"""The front of the runtime: give it a definition, get a handle.

handle = PipelineOrchestrator().run(definition)      # returns at once
handle.wait()
print(handle.metrics().snapshot()["ledger"])
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fluxion_core.components import ComponentSet
from fluxion_core.config.model import PipelineDefinition
from fluxion_core.errors import FluxionError, PluginError
from fluxion_core.observability.events import Event, Listener
from fluxion_core.observability.metrics import MetricsRegistry, StageMetrics
from fluxion_core.plugins import PluginRegistry, load_plugins
from fluxion_core.runtime.binding import BoundPipeline, bind
from fluxion_core.runtime.bugs import bug_text, wrong_answer
from fluxion_core.runtime.local import LocalPlan
from fluxion_core.spi import Execution, Host

__all__ = ["PipelineHandle", "PipelineOrchestrator"]

_logger = logging.getLogger("fluxion.orchestrator")


class PipelineHandle:
    """A pipeline that was started; every method may be called from any thread."""

    def __init__(self, execution: Execution, metrics: MetricsRegistry) -> None:
        self._execution = execution
        self._metrics = metrics

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until the pipeline has ended, or for *timeout_seconds*; return whether it has ended.

        Raises:
            FluxionError: the reason for which it stopped, if it ended badly.
        """
        return self._execution.wait(timeout_seconds)

    def stop(self, *, abandon: bool = False) -> None:
        """Begin to stop and return: drain what is in hand, or (*abandon*) leave it to the next run, which is always safe."""
        self._execution.stop(abandon=abandon)

    def metrics(self) -> MetricsRegistry:
        """Return the live counters."""
        return self._metrics

    def status(self) -> str:
        """Return starting, running, waiting (for the outside), draining, finished, stopped or failed."""
        return self._execution.status()

    @property
    def drained(self) -> bool:
        """Whether nothing sealed was left undelivered by a stop; known once the pipeline has ended."""
        return bool(getattr(self._execution, "drained", True))


def _check_components(given: Any) -> None:
    if given is not None and not isinstance(given, ComponentSet):
        msg = f"components: a {type(given).__name__} does not fit; write registry=load_plugins(), or give its .components"
        raise TypeError(msg)


def _started(bound: BoundPipeline, plan: LocalPlan) -> Execution:
    """Return what the runner started.

    Raises:
        PluginError: it raised what it may not, or gave something else.
    """
    try:
        execution = bound.runner.start(plan)
    except FluxionError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(bug_text(error, bound.registered)) from error
    if not hasattr(execution, "wait"):
        raise wrong_answer(f"runner '{bound.runner.name}': start()", execution, "an Execution")
    return execution


class PipelineOrchestrator:
    """Assembles pipelines from whatever components are installed, or from those it is given."""

    def __init__(
        self,
        components: ComponentSet | None = None,
        *,
        registry: PluginRegistry | None = None,
        listeners: Sequence[Listener] = (),
        host: Host | None = None,
    ) -> None:
        _check_components(components)
        self._registry = registry or load_plugins()
        self._components = components or self._registry.components
        self._listeners = tuple(listeners)
        self._host = host

    def run(
        self, definition: PipelineDefinition, *, takeover: bool = False, metrics: MetricsRegistry | None = None
    ) -> PipelineHandle:
        """Start *definition* and return at once; *takeover* takes the pipeline from a process that still runs it.

        *metrics* is filled in place of a new registry.

        Raises:
            ConfigError: the definition is wrong; carries every problem. What goes wrong later is raised by ``wait``.
        """
        bound = bind(definition, self._components)
        metrics = metrics or MetricsRegistry(pipeline_id=definition.id)
        metrics.stages = definition.metrics or StageMetrics()
        plan = LocalPlan(bound=bound, host=self._host or Host(), notify=self._notify, metrics=metrics, takeover=takeover)
        return PipelineHandle(_started(bound, plan), metrics)

    def _notify(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                _logger.exception("a listener failed on %s", type(event).__name__)
        for distribution, error in self._registry.call_each("fluxion_event", event=event):
            _logger.error("plugin %s failed on %s", distribution, type(event).__name__, exc_info=error)
