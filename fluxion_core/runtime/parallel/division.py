"""Whether a pipeline can be divided over processes, and how: decided when it is bound, told by lint and explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from fluxion_core.config.model import RuntimeConfig
from fluxion_core.errors import Problem
from fluxion_core.language import MAX_SHARDS, Cut, Program, cut_program
from fluxion_core.runtime.bugs import Registered
from fluxion_core.spi import Codec, Sink, Source

__all__ = ["Division", "divide", "parallelism_problems"]


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline in *processes* workers, each of which reads a part of *source* and runs the head of *cut* over it."""

    processes: int
    cut: Cut
    source: Source[Any]
    source_codec: Codec[Any]
    sink: Sink[Any]
    sink_codec: Codec[Any]
    runtime: RuntimeConfig
    stage_names: Sequence[str]
    registered: Registered
    """What the expressions may call that plugins have registered."""
    sharded: bool
    """Whether each worker can keep a share of the groups, by their keys; else this process keeps them all."""

    @property
    def pieces(self) -> bool:
        """Whether the source is handed out piece by piece; else each worker reads splits of its own."""
        return self.source.parallel == "pieces"

    def described(self) -> str:
        """Return what runs where, for a person."""
        head, tail = self._named(self.head_stages), self._named(self.tail_stages)
        reading = f"{self.processes} read {'pieces' if self.pieces else 'splits'} of the source"
        if not self.sharded:
            return f"{reading} and run {head}; this one runs {tail}"
        rest = self._named([stage for stage in self.tail_stages if stage not in self.head_stages])
        return f"{reading}, run {head} and keep the groups of a share of the keys each; this one runs {rest}"

    def _named(self, stages: Sequence[int]) -> str:
        return ", ".join(f"[{stage}] {self.stage_names[stage]}" for stage in stages) or "no stage"

    @property
    def head_stages(self) -> Sequence[int]:
        """The stages of which workers run at least a part."""
        return self.cut.head.own_stages

    @property
    def tail_stages(self) -> Sequence[int]:
        """The stages of which this process runs at least a part."""
        return self.cut.tail.own_stages if self.cut.tail is not None else ()


def parallelism_problems(runtime: RuntimeConfig) -> list[Problem]:
    """Return what is wrong with the number of processes: each keeps a share of the keys, and there are so many shares at most."""
    if runtime.parallelism <= MAX_SHARDS:
        return []
    found = f"{runtime.parallelism} is too large; expected at most {MAX_SHARDS}"
    return [Problem("runtime.parallelism", found, "more processes than the machine has cores gain nothing")]


def divide(
    runtime: RuntimeConfig,
    program: Program,
    source: tuple[Source[Any], Codec[Any]],
    sink: tuple[Sink[Any], Codec[Any]],
    emit: Literal["final", "updates", "each"],
    registered: Registered,
) -> tuple[Division | None, str]:
    """Return how the pipeline is divided, or ``None`` and, if that is not what was asked for, why it is not."""
    if runtime.parallelism == 1:
        return None, ""
    reader, source_codec = source
    alone = f"parallelism: {runtime.parallelism} changes nothing"
    if reader.parallel == "no":
        return None, f"{alone}: source '{reader.name}' cannot be read by several processes at once"
    cut = cut_program(program)
    if cut is None:
        first = program.stage_names[0]
        return None, f"{alone}: no stage stands before {first}, which must see all documents in their order"
    division = Division(
        processes=runtime.parallelism,
        cut=cut,
        source=reader,
        source_codec=source_codec,
        sink=sink[0],
        sink_codec=sink[1],
        runtime=runtime,
        stage_names=program.stage_names,
        registered=registered,
        sharded=cut.sharding is not None and emit != "each",
    )
    return division, ""
