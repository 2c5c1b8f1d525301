"""Starts the workers of a bound pipeline, and says why not where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import msgspec

from fluxion_core.config.model import ComponentConfig
from fluxion_core.language import Run, encode_value
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.runtime.intake import Intake
from fluxion_core.runtime.outputs import OutputBuffer
from fluxion_core.runtime.parallel.division import Division
from fluxion_core.runtime.parallel.exchange import Exchange
from fluxion_core.runtime.parallel.intake import PieceIntake, SplitIntake
from fluxion_core.runtime.parallel.merging import MergingLoop
from fluxion_core.runtime.parallel.worker import Assignment
from fluxion_core.runtime.parallel.workers import Workers, can_fork
from fluxion_core.spi import Context, Host

__all__ = ["Divided", "components_of", "launch"]


class Divided(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline whose workers have been started: what the runner makes in place of the parts of an undivided one."""

    bound: BoundPipeline
    division: Division
    workers: Workers
    context: Context
    exchange: Exchange | None
    """The groups of the first ``$group``, where the workers keep them."""

    def start_run(self, *, emit: Literal["final", "updates", "each"], context: Any) -> Run:
        """Return a run of what is done in this process: the tail of the stages, or none of them."""
        cut = self.division.cut
        if cut.tail is None:
            return self.bound.program.start(emit=emit, context=context)
        return cut.start_tail(emit=emit, context=context, groups=self.exchange)

    def loop(self, **parts: Any) -> MergingLoop:
        """Return the loop; *parts* are those of any loop."""
        reader = type(self.division.source)(self.division.source.config)
        return MergingLoop(
            division=self.division, reader=reader, context=self.context, workers=self.workers, exchange=self.exchange, **parts
        )

    def intake(self, **parts: Any) -> Intake:
        """Return the source's side; *parts* are those of any intake."""
        return (PieceIntake if self.division.pieces else SplitIntake)(workers=self.workers, **parts)


def launch(bound: BoundPipeline, division: Division, host: Host) -> tuple[Divided | None, str]:
    """Start the workers; or return ``None`` and why the pipeline runs in one process although it could be divided."""
    definition = bound.definition
    context = Context(
        pipeline_id=definition.id,
        host=host,
        base_dir=definition.base_dir,
        connections=definition.connections,
        max_record_bytes=definition.runtime.max_record_bytes,
    )
    forks = can_fork()
    sharded = forks and division.sharded  # only copies of one process agree on the hash of a key
    assignment = Assignment(division=division, seed=host.rng.getrandbits(64), context=context, sharded=sharded)
    if forks:
        workers = Workers.forked(assignment)
    else:
        told = _told(bound)
        try:
            encode_value(told)
        except TypeError as error:
            return None, f"the pipeline cannot be told to another process: {error}"
        workers = Workers.spawned(assignment, told)
    exchange = _exchange(workers, division) if sharded else None
    return Divided(bound=bound, division=division, workers=workers, context=context, exchange=exchange), ""


def _exchange(workers: Workers, division: Division) -> Exchange:
    runtime = division.runtime
    lines = division.cut.ends_in_groups and OutputBuffer(division.sink, division.sink_codec).wants_blocks
    return Exchange(workers, division.cut.columns or 0, runtime.max_groups, runtime.max_made_bytes if lines else None)


def components_of(bound: BoundPipeline) -> list[str]:
    """Return the names of the classes that a worker uses."""
    used = (bound.source, bound.source_codec, bound.sink, bound.sink_codec)
    return [f"{type(component).__module__}.{type(component).__qualname__}" for component in used]


def _told(bound: BoundPipeline) -> dict[str, Any]:
    """Return what a worker must know to bind the same pipeline."""
    definition = bound.definition
    return {
        "id": definition.id,
        "source": _component(definition.source),
        "sink": _component(definition.sink),
        "stages": list(definition.stages),
        "emit": definition.emit,
        "runtime": attrs.asdict(definition.runtime),
        "connections": {name: dict(options) for name, options in definition.connections.items()},
        "variables": dict(definition.variables),
        "collections": list(definition.collections),
        "pipelines": {name: list(stages) for name, stages in definition.pipelines.items()},
        "base_dir": str(definition.base_dir),
        "components": components_of(bound),
    }


def _component(config: ComponentConfig) -> dict[str, Any]:
    codec = _component(config.codec) if isinstance(config.codec, ComponentConfig) else config.codec
    return {"type": config.type, "codec": codec, "options": _plain(config.options)}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
