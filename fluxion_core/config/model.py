"""A pipeline as values: what a pipeline file says, and what a Python program builds itself.

::

    definition = PipelineDefinition(
        id="orders-ltv",
        source=SourceConfig("file", path="orders.ndjson"),
        stages=load_stages("orders-ltv.json"),
        sink=SinkConfig("file", path="ltv.ndjson"),
    )

Nothing here opens or imports a component: names and options are bound when the pipeline is linted or run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, Self, TypeAlias

import attrs

from fluxion_core.spi.options import Options, option

__all__ = [
    "CodecConfig",
    "Delivery",
    "Emit",
    "ErrorPolicy",
    "PipelineDefinition",
    "RetryPolicy",
    "RunnerConfig",
    "RuntimeConfig",
    "SinkConfig",
    "SourceConfig",
    "StateConfig",
    "snake_case",
    "snake_case_keys",
]

Emit: TypeAlias = Literal["auto", "final", "updates", "each"]
Delivery: TypeAlias = Literal["auto", "exactly_once", "at_least_once"]


def snake_case(name: str) -> str:
    """Return an option's snake_case name for its camelCase spelling: ``bootstrapServers`` is ``bootstrap_servers``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def snake_case_keys(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return *options* with every top-level name in snake_case; what an option holds is left as it is."""
    return {snake_case(str(name)): value for name, value in options.items()}


def _names_alone(options: Mapping[str, Any]) -> str:
    """Return what a ``repr`` shows: only a component knows which of its options are secret."""
    return "{" + ", ".join(f"{name}: ..." for name in options) + "}"


@attrs.frozen(init=False)
class ComponentConfig:
    """The name of a component and the options beside it, in either spelling; *codec* overrides the component's own."""

    type: str
    options: Mapping[str, Any] = attrs.field(repr=_names_alone)
    codec: str | CodecConfig | None

    def __init__(self, type: str, /, *, codec: str | CodecConfig | None = None, **options: Any) -> None:  # noqa: A002  # the word of the pipeline file
        self.__attrs_init__(type, snake_case_keys(options), codec)


class CodecConfig(ComponentConfig):
    """A codec with options: ``SourceConfig("file", path="orders.csv", codec=CodecConfig("csv", columns=["id", "total"]))``."""


class RunnerConfig(ComponentConfig):
    """Who executes the pipeline, with options; a runner without any is named by its name alone."""


class SourceConfig(ComponentConfig):
    """Where records come from: ``SourceConfig("kafka", topic="orders", bootstrap_servers="localhost:9092")``."""


class SinkConfig(ComponentConfig):
    """Where documents go: ``SinkConfig("http", endpoint="https://api.example.com/ltv")``."""


class StateConfig(ComponentConfig):
    """Where state lives: ``StateConfig("sqlite", path="state.db")``."""


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and after which pauses to try again.

    The pause before attempt *n* (from 2) is ``backoff_seconds * multiplier ** (n - 2)``, at most *max_backoff_seconds*, and
    varied by up to the fraction *jitter* of itself to either side, so that many pipelines do not knock all at once.
    """

    max_attempts: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    backoff_seconds: float = attrs.field(default=0.2, validator=attrs.validators.ge(0))
    multiplier: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))
    jitter: float = attrs.field(default=0.2, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    max_backoff_seconds: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))

    def pause_seconds(self, attempt: int, random: float) -> float:
        """Return how long to wait before *attempt* (from 2); *random* is in [0, 1)."""
        try:
            grown = self.backoff_seconds * self.multiplier ** (attempt - 2)
        except OverflowError:
            grown = math.inf if self.backoff_seconds else 0.0
        pause = min(grown, self.max_backoff_seconds)
        return pause * (1 + self.jitter * (2 * random - 1))


@attrs.frozen
class ErrorPolicy:
    """What becomes of a record that is at fault; outages of the outside world are never a record's fault.

    Build one with :meth:`fail_fast`, :meth:`skip`, :meth:`dead_letter` or :meth:`retry`.
    """

    action: Literal["fail_fast", "skip", "dead_letter"] = "fail_fast"
    retrying: RetryPolicy | None = None
    sink: SinkConfig | None = None

    @classmethod
    def fail_fast(cls) -> Self:
        """Stop the pipeline at the first record at fault."""
        return cls("fail_fast")

    @classmethod
    def skip(cls) -> Self:
        """Count and log the record, and go on without it."""
        return cls("skip")

    @classmethod
    def dead_letter(cls, sink: SinkConfig | None = None) -> Self:
        """Write the record, its bytes and the reason to *sink* (or to the definition's ``dead_letter``), and go on."""
        return cls("dead_letter", None, sink)

    @classmethod
    def retry(
        cls,
        max_attempts: int = 5,
        backoff_seconds: float = 0.2,
        multiplier: float = 2.0,
        jitter: float = 0.2,
        *,
        then: ErrorPolicy | None = None,
    ) -> Self:
        """Try the record again after growing pauses, *max_attempts* times in all, and *then* do as that policy says.

        Only operators that ask the outside world can answer differently the second time: a record that fails in a pure stage,
        and one that the sink refuses, go to *then* at once. An outage is waited out with the same pauses, without end.
        """
        last = then or cls.fail_fast()
        retrying = RetryPolicy(max_attempts=max_attempts, backoff_seconds=backoff_seconds, multiplier=multiplier, jitter=jitter)
        return cls(last.action, retrying, last.sink)


@attrs.frozen
class RuntimeConfig(Options):
    """How the runtime batches, buffers, seals and stops."""

    micro_batch_size: int = option(500, "The most records that are polled and run through the stages at a time.", minimum=1)
    max_wait_seconds: float = option(0.05, "The longest that a poll waits for its first record.", minimum=0)
    source_queue_capacity: int = option(
        32,
        "The most polled batches that wait between a source that has a thread of its own and the stages; then polling pauses.",
        minimum=1,
    )
    queue_capacity: int = option(
        2048,
        "The most sealed documents that wait for the sink before sealing pauses (a single larger seal is let in).",
        minimum=1,
    )
    parallelism: int = option(
        1, "How many processes read the source and run the stages that keep nothing between documents.", minimum=1
    )
    direct_handoff: bool = option(default=False, doc="Poll, run, seal and deliver in turns in one thread, without queues.")
    worker_thread_pool_size: int = option(
        8, "Threads for stages that ask the outside world ($httpCall, $sqlQuery): the most calls at a time.", minimum=1
    )
    seal_interval_seconds: float = option(
        0.25,
        "Under load, the time between two seals (more, up to 5 s, where one takes long); an idle source seals at once.",
        minimum=0,
    )
    seal_max_bytes: int = option(
        16 * 1024 * 1024, "Seal when this much output has gathered; an eighth of it where the stages keep no state.", minimum=1
    )
    drain_timeout_seconds: float = option(
        30.0, "How long a stop may take to deliver what is sealed, before it is left for the next run.", minimum=0
    )
    give_up_after_seconds: float | None = option(
        None, "Stop (exit code 74) when the outside world has been away this long; unset waits for ever.", minimum=0
    )
    max_record_bytes: int = option(16 * 1024 * 1024, "A larger payload is a record at fault.", minimum=1)
    max_rows_per_record: int = option(
        250_000,
        "More documents that come of one, where $unwind follows $unwind or $lookup, make it a record at fault.",
        minimum=1,
    )
    max_groups: int = option(
        10_000_000,
        "The most groups that are kept: more stop the pipeline (exit code 74) before they fill the memory.",
        minimum=1,
    )

    @property
    def max_made_bytes(self) -> int:
        """How large a document that the stages make may be: 16 MiB, as in MongoDB, or as large as one that comes in."""
        return max(self.max_record_bytes, 16 * 1024 * 1024)


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


_Validator: TypeAlias = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _check_id(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        msg = f"pipeline id {value!r}: expected 1 to 128 letters, digits, '.', '_' or '-', starting with a letter or digit"
        raise ValueError(msg)


def _misfit(where: str, value: Any, write: str) -> TypeError:
    """Return that *value* does not fit at *where*; it is not shown, as it may hold secrets."""
    return TypeError(f"{where}: a value of type {type(value).__name__} does not fit; write {write}")


def _is(wanted: type | tuple[type, ...], write: str) -> _Validator:
    """Return a check of an attribute's class."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, wanted):
            raise _misfit(attribute.name, value, write)

    return check


def _is_one_of(*words: str) -> _Validator:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in words:
            msg = f"{attribute.name}: unknown word {value!r}; one of {', '.join(words)}"
            raise ValueError(msg)

    return check


def _check_state_store(_: object, __: object, value: Any) -> None:
    """Refuse what is neither a configuration nor a store, which is known by its first method: the class is not imported here."""
    is_store = hasattr(value, "claim") and not isinstance(value, type)
    if value is not None and not isinstance(value, StateConfig) and not is_store:
        raise _misfit("state_store", value, 'StateConfig("sqlite", path="state.db")')


def _check_metrics(_: object, __: object, value: Any) -> None:
    if value is not None and not hasattr(value, "snapshot"):
        raise _misfit("metrics", value, "StageMetrics()")


def _check_collections(_: object, __: object, value: Mapping[str, Any]) -> None:
    for name, one in value.items():
        if isinstance(one, str | Mapping) or not isinstance(one, SourceConfig | Sequence):
            raise _misfit(f"collections[{name!r}]", one, "a SourceConfig or a list of documents")


def _check_pipelines(_: object, __: object, value: Mapping[str, Any]) -> None:
    for name, stages in value.items():
        if not isinstance(stages, list | tuple):
            raise _misfit(f"pipelines[{name!r}]", stages, "a list of stages")


def _check_runtime(_: object, __: object, value: RuntimeConfig) -> None:
    if value == _DEFAULT_RUNTIME:
        return
    parsed = RuntimeConfig.parse(given := attrs.asdict(value), where="runtime")
    for name, one in given.items():
        if one != getattr(parsed, name):  # a file may say a number as text, a program has numbers
            raise _misfit(f"runtime.{name}", one, repr(getattr(parsed, name)))


_DEFAULT_RUNTIME = RuntimeConfig()


@attrs.frozen(kw_only=True)
class PipelineDefinition:
    """A whole pipeline. *id* names its state: two definitions with one id are two versions of the same pipeline.

    ``state_store`` is a store object or a :class:`StateConfig`; without one, SQLite under ``.fluxion/`` in *base_dir*.
    ``collections`` are what ``$lookup``, ``$graphLookup`` and ``$unionWith`` join with: documents, or a bounded source of them, which
    is read whole when the pipeline starts.
    ``pipelines`` are the stages that ``$subPipeline`` calls by name.
    ``metrics`` is a :class:`fluxion_core.observability.metrics.StageMetrics` to fill, if the caller wants to keep one.
    """

    id: str = attrs.field(validator=_check_id)
    source: SourceConfig = attrs.field(validator=_is(SourceConfig, 'SourceConfig("file", path="orders.ndjson")'))
    sink: SinkConfig = attrs.field(validator=_is(SinkConfig, 'SinkConfig("file", path="results.ndjson")'))
    stages: Sequence[Mapping[str, Any]] = ()
    emit: Emit = attrs.field(default="auto", validator=_is_one_of("auto", "final", "updates", "each"))
    dead_letter: SinkConfig | None = attrs.field(
        default=None, validator=_is((SinkConfig, NoneType), 'SinkConfig("file", path="rejected.ndjson")')
    )
    error_policy: ErrorPolicy = attrs.field(
        factory=ErrorPolicy, validator=_is(ErrorPolicy, "ErrorPolicy.skip(), .dead_letter(), .retry() or .fail_fast()")
    )
    delivery: Delivery = attrs.field(default="auto", validator=_is_one_of("auto", "exactly_once", "at_least_once"))
    state_store: Any = attrs.field(default=None, validator=_check_state_store)
    runtime: RuntimeConfig = attrs.field(
        factory=RuntimeConfig, validator=[_is(RuntimeConfig, "RuntimeConfig(parallelism=2)"), _check_runtime]
    )
    runner: str | RunnerConfig = attrs.field(default="local", validator=_is((str, RunnerConfig), '"local"'))
    connections: Mapping[str, Mapping[str, Any]] = attrs.field(
        factory=dict, repr=_names_alone, validator=_is(Mapping, "a mapping of names to options")
    )
    variables: Mapping[str, Any] = attrs.field(factory=dict, validator=_is(Mapping, "a mapping of names to values"))
    collections: Mapping[str, SourceConfig | Sequence[Mapping[str, Any]]] = attrs.field(
        factory=dict, validator=[_is(Mapping, "a mapping of names to a SourceConfig or documents"), _check_collections]
    )
    pipelines: Mapping[str, Sequence[Mapping[str, Any]]] = attrs.field(
        factory=dict, validator=[_is(Mapping, "a mapping of names to lists of stages"), _check_pipelines]
    )
    metrics: Any = attrs.field(default=None, validator=_check_metrics)
    base_dir: Path = attrs.field(factory=Path.cwd, converter=Path)
