"""Binds a definition to components: names resolved, options parsed, stages compiled, guarantees settled.

Reaches nothing outside. Everything that is wrong is reported at once, each problem under the path that the pipeline file
gives it (``source.topic``,
``stages[2].$group.total``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import attrs
import msgspec

from fluxion_core.components import PACKAGES, ComponentSet
from fluxion_core.config.model import ComponentConfig, PipelineDefinition, SinkConfig, SourceConfig
from fluxion_core.errors import CompileError, ConfigError, FluxionError, PluginError, Problem
from fluxion_core.language import Accumulator, Form, Operator, Program, compile_pipeline
from fluxion_core.runtime.bugs import Registered, bug_text
from fluxion_core.runtime.collections import BoundCollection
from fluxion_core.runtime.connections import Connections
from fluxion_core.runtime.effects import patient_operator
from fluxion_core.runtime.parallel.division import Division, divide, parallelism_problems
from fluxion_core.runtime.plugin_stages import stage_form
from fluxion_core.runtime.shared_files import shared_files
from fluxion_core.spi import Codec, Runner, Sink, Source, StateStore

__all__ = ["BoundPipeline", "bind"]

T = TypeVar("T")


class BoundPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that is ready to be opened: component objects (none of them open yet), the program, and what is promised."""

    definition: PipelineDefinition
    source: Source[Any]
    source_codec: Codec[Any]
    sink: Sink[Any]
    sink_codec: Codec[Any]
    dead_letter: Sink[Any] | None
    dead_letter_codec: Codec[Any] | None
    store: StateStore[Any]
    program: Program
    runner: Runner
    collections: tuple[BoundCollection, ...]
    """What is to be filled before the program starts."""
    emit: Literal["final", "updates", "each"]
    delivery: Literal["exactly_once", "at_least_once"]
    delivery_note: str
    notes: tuple[str, ...]
    """What is allowed, and perhaps not what was meant."""
    registered: Registered = ()
    """What the expressions may call that plugins have registered."""
    division: Division | None = None
    """How the pipeline is divided over processes; ``None``: it runs in this one."""
    undivided: str = ""
    """Why it is not, although that was asked for."""


class _Binder:
    """Collects problems while it resolves one definition."""

    def __init__(self, definition: PipelineDefinition, components: ComponentSet) -> None:
        self.definition = definition
        self.components = components
        self.problems: list[Problem] = []
        self.operators: list[Operator | Form] = [component.value for component in components.all("operator")]
        self.accumulators: list[Accumulator] = [component.value for component in components.all("accumulator")]
        self.registered: Registered = (*self.operators, *self.accumulators)
        self.connections = Connections(definition.connections, self.operators, definition.base_dir)

    def attempt(self, action: Callable[[], T], prefix: str = "") -> T | None:
        """Return what *action* returns; a problem that it raises is kept, under *prefix*."""
        try:
            return action()
        except ConfigError as error:
            self.problems += [
                msgspec.structs.replace(problem, path=problem.path if problem.path.startswith(prefix) else prefix)
                for problem in error.problems
            ]
        except CompileError as error:
            self.problems += [self._with_package(problem) for problem in error.problems]
        return None

    def _with_package(self, problem: Problem) -> Problem:
        for (kind, name), package in PACKAGES.items():
            if name.startswith("$") and f"'{name}'" in problem.message and name not in self.components.names(kind):
                return msgspec.structs.replace(problem, hint=f"pip install {package}")
        if problem.message.startswith("unknown "):
            return msgspec.structs.replace(problem, hint=self.components.with_idle_named(problem.hint))
        return problem

    def component(self, kind: str, config: ComponentConfig, where: str) -> Any:
        """Return an object of the class that *config* names, with its options parsed."""
        return self._made(kind, config, where, f"{where}.type")

    def named(self, kind: str, given: str | ComponentConfig, where: str) -> Any:
        """Return an object of the class that *given* names: alone where it needs no options, or with them."""
        if isinstance(given, str):
            return self._made(kind, ComponentConfig(given), where, where)
        return self.component(kind, given, where)

    def _made(self, kind: str, config: ComponentConfig, where: str, named_at: str) -> Any:
        found = self.attempt(lambda: self.components.get(kind, config.type).value, named_at)
        if found is None:
            return None
        return self.attempt(
            lambda: found(found.options.parse(config.options, where=where, base_dir=self.definition.base_dir)), where
        )

    def codec(self, component: Source[Any] | Sink[Any] | None, config: ComponentConfig, where: str) -> Any:
        """Return the codec of a source or sink: the one that *config* names, else the component's own."""
        if component is None:
            return None
        return self.named("codec", config.codec or component.codec, f"{where}.codec")

    def collections(self) -> dict[str, list[Any] | BoundCollection]:
        """Return the collections that the stages may join with: documents, or the bounded source that holds them."""
        found: dict[str, list[Any] | BoundCollection] = {}
        for name, given in self.definition.collections.items():
            where = f"collections.{name}"
            if not isinstance(given, SourceConfig):
                found[name] = list(given)
                self.problems += [
                    Problem(f"{where}[{index}]", f"a document was expected, not {document!r}"[:200])
                    for index, document in enumerate(given)
                    if not isinstance(document, dict)
                ]
                continue
            source = self.component("source", given, where)
            codec = self.codec(source, given, where)
            if source is not None and not source.bounded:
                hint = "use a source that ends, or name it as the pipeline's source"
                self.problems.append(Problem(where, f"source '{given.type}' does not end; a collection is read whole", hint))
            found[name] = BoundCollection(name=name, source=source, codec=codec)
        return found

    def program(self, collections: Mapping[str, list[Any] | BoundCollection], *, unbounded: bool) -> Program | None:
        """Return the compiled stages."""
        lists = {name: given.documents if isinstance(given, BoundCollection) else given for name, given in collections.items()}
        operators = [
            patient_operator(self.connections.checked(one)) if isinstance(one, Operator) else one for one in self.operators
        ]
        return self.attempt(
            lambda: compile_pipeline(
                self.definition.stages,
                operators=operators,
                accumulators=self.accumulators,
                forms=[stage_form(component.value) for component in self.components.all("stage")],
                variables=self.definition.variables,
                collections=MappingProxyType(lists) if lists else None,
                pipelines=self.definition.pipelines,
                unbounded=unbounded,
                name=self.definition.id,
            )
        )

    def store(self) -> Any:
        """Return the state store: the object given, the one configured, or SQLite beside the pipeline."""
        given = self.definition.state_store
        if isinstance(given, StateStore):
            return given
        if given is not None:
            return self.component("state store", given, "state")
        path = Path(".fluxion") / f"{self.definition.id}.db"
        return self.component("state store", ComponentConfig("sqlite", path=str(path)), "state")

    def dead_letter_config(self) -> SinkConfig | None:
        """Return the configuration of the dead-letter sink, which the ``dead_letter`` policy must have."""
        config = self.definition.error_policy.sink or self.definition.dead_letter
        if config is None and self.definition.error_policy.action == "dead_letter":
            self.problems.append(
                Problem(
                    "error_policy", "dead_letter needs a place for dead letters", "add dead_letter: {type: file, path: ...}"
                )
            )
        return config

    def check_stateful(self, program: Program | None, source: Source[Any] | None) -> list[str]:
        """Return notes on what the stages mean for this source."""
        if program is None or source is None:
            return []
        keyed = any(step.kind == "keyed" for step in program.plan)
        emit = self.definition.emit
        if keyed and emit == "final" and not source.bounded:
            self.problems.append(Problem("emit", "final never comes on a source that does not end", "use updates or each"))
        if not keyed and emit in {"updates", "each"}:
            return [f"emit: {emit} changes nothing: no stage keeps groups"]
        return []

    def notes(self, program: Program | None, source: Source[Any] | None) -> list[str]:
        """Return what is allowed, and perhaps not what was meant."""
        notes = self.check_stateful(program, source)
        policy = self.definition.error_policy
        if self.definition.dead_letter is not None and policy.action != "dead_letter":
            notes.append(
                f"nothing goes to dead_letter: error_policy is {policy.action}; set error_policy: dead_letter, or remove dead_letter"
            )
        return notes


def _delivery(definition: PipelineDefinition, source: Source[Any], sink: Sink[Any], store: StateStore[Any]) -> tuple[str, str]:
    """Return what is promised, and why not more."""
    gaps = [
        gap
        for missing, gap in (
            (not source.replayable, f"source '{source.name}' cannot be read again from a position"),
            (sink.dedupe == "none", f"sink '{sink.name}' cannot tell a redelivery from a new batch"),
            (not store.durable, f"state store '{store.name}' forgets when the process ends"),
        )
        if missing
    ]
    if not gaps and definition.delivery != "at_least_once":
        return "exactly_once", "source, state and sink all support it"
    return "at_least_once", "; ".join(gaps) or "asked for"


def bind(definition: PipelineDefinition, components: ComponentSet) -> BoundPipeline:
    """Return *definition* bound to *components*; opens nothing, writes nothing, asks no network.

    Raises:
        ConfigError: with every problem of the whole definition.
        PluginError: a component raised what it may not while it was made or asked what is wrong with its options.
    """
    binder = _Binder(definition, components)
    try:
        return _bound(binder)
    except FluxionError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(bug_text(error, binder.registered)) from error


def _bound(binder: _Binder) -> BoundPipeline:
    definition = binder.definition
    source = binder.component("source", definition.source, "source")
    source_codec = binder.codec(source, definition.source, "source")
    sink = binder.component("sink", definition.sink, "sink")
    sink_codec = binder.codec(sink, definition.sink, "sink")
    dead_config = binder.dead_letter_config()
    dead_place = "error_policy.dead_letter" if definition.error_policy.sink is not None else "dead_letter"
    dead = binder.component("sink", dead_config, dead_place) if dead_config else None
    dead_codec = binder.codec(dead, dead_config, dead_place) if dead_config else None
    store = binder.store()
    collections = binder.collections()
    binder.problems += shared_files(
        {"source": source} | {f"collections.{name}": getattr(given, "source", None) for name, given in collections.items()},
        {"state": store, "sink": sink, dead_place: dead},
    )
    runner = binder.named("runner", definition.runner, "runner")
    binder.problems += binder.connections.problems()
    binder.problems += parallelism_problems(definition.runtime)
    program = binder.program(collections, unbounded=source is not None and not source.bounded)
    notes = binder.notes(program, source)
    if binder.problems or program is None:
        raise ConfigError(binder.problems)
    delivery, note = _delivery(definition, source, sink, store)
    if definition.delivery == "exactly_once" and delivery != "exactly_once":
        raise ConfigError(
            [
                Problem(
                    "delivery",
                    f"exactly_once cannot be promised: {note}",
                    "set delivery: at_least_once, or use components that can",
                )
            ]
        )
    emit = _emit(definition, source)
    division, undivided = divide(
        definition.runtime, program, (source, source_codec), (sink, sink_codec), emit, binder.registered
    )
    return BoundPipeline(
        definition=attrs.evolve(definition, connections=binder.connections.options),
        source=source,
        source_codec=source_codec,
        sink=sink,
        sink_codec=sink_codec,
        dead_letter=dead,
        dead_letter_codec=dead_codec,
        store=store,
        program=program,
        runner=runner,
        collections=tuple(given for given in collections.values() if isinstance(given, BoundCollection)),
        emit=emit,
        delivery=delivery,  # type: ignore[arg-type]  # one of the two words, see _delivery
        delivery_note=note,
        notes=tuple(notes),
        registered=binder.registered,
        division=division,
        undivided=undivided,
    )


def _emit(definition: PipelineDefinition, source: Source[Any]) -> Literal["final", "updates", "each"]:
    if definition.emit == "auto":
        return "final" if source.bounded else "updates"
    return definition.emit
