"""Pipelines that the tests of parallelism run in a process with a single thread, which forks its workers."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs

from fluxion_core import (
    ErrorPolicy,
    PipelineDefinition,
    PipelineOrchestrator,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    load_plugins,
)
from fluxion_core.connectors import FileSource
from fluxion_core.language import Accumulator, Operator
from fluxion_core.runtime.binding import bind
from fluxion_core.runtime.parallel.channel import Message
from fluxion_core.runtime.parallel.exchange import Exchange
from fluxion_core.runtime.parallel.worker import Assignment
from fluxion_core.runtime.parallel.workers import Workers
from fluxion_core.spi import REQUIRED, Batch, Context, EndOfInput, Json, Options, Source, Split, TransientError, option

REGISTRY = load_plugins()


@attrs.frozen
class PartedOptions(Options):
    folder: str = option(REQUIRED, "Where the files are, one per split.")
    unsteady: bool = option(False, "Whether every split is away once.")


class PartedSource(Source[PartedOptions]):
    """Reads the files of a folder, each a split of its own, and takes notes of what it was told."""

    name: ClassVar[str] = "parted"
    options: ClassVar[type[Options]] = PartedOptions
    parallel = "splits"

    bounded = True

    def splits(self, context: Context) -> Sequence[Split]:
        self._asked = True
        return [Split(path.name) for path in sorted(Path(self.config.folder).glob("*.ndjson"))]

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        assert self._asked
        self._at = {split: position or 0 for split, position in positions.items()}
        with (Path(self.config.folder) / f"opened-{os.getpid()}").open("a") as file:
            file.write(json.dumps(dict(positions)) + "\n")
        self._lines = {split: (Path(self.config.folder) / split).read_bytes().splitlines() for split in positions}

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        waiting = {split: at for split, at in self._at.items() if at < len(self._lines[split])}
        if not waiting:
            raise EndOfInput
        split = min(waiting, key=lambda split: waiting[split])
        start = waiting[split]
        if self.config.unsteady and start >= 10 and not (away := Path(self.config.folder) / f"{split}.away").exists():
            away.touch()
            raise TransientError(f"{split} is away")
        part = self._lines[split][start : start + max_records]
        self._at[split] = start + len(part)
        return Batch(
            positions={split: self._at[split]},
            payloads=part,
            splits=[split] * len(part),
            record_positions=list(range(start, start + len(part))),
        )

    def commit(self, positions: Mapping[str, Json]) -> None:
        with (Path(self.config.folder) / f"committed-{os.getpid()}").open("a") as file:
            file.write(json.dumps(dict(positions)) + "\n")

    def lag(self) -> int | None:
        return sum(len(self._lines[split]) - at for split, at in self._at.items())


class UnsteadyFile(FileSource):
    """A file of which no piece can be read at the first try."""

    name: ClassVar[str] = "unsteady"

    def read_piece(self, context: Context, piece: Any) -> Iterator[Batch]:
        away = self.config.path.with_name(f"away-{piece['from']}")
        if not away.exists():
            away.touch()
            raise TransientError(f"the disk is away at {piece['from']}")
        yield from super().read_piece(context, piece)


class VanishingFile(FileSource):
    """A file of which only the first thousand bytes can be read."""

    name: ClassVar[str] = "vanishing"

    def read_piece(self, context: Context, piece: Any) -> Iterator[Batch]:
        if piece["from"] > 1000:
            raise TransientError("the disk is away")
        yield from super().read_piece(context, piece)


class NumbersSource(PartedSource):
    """Hands out numbers in place of documents."""

    name: ClassVar[str] = "numbers"

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        batch = super().poll(max_records, timeout_seconds)
        return Batch(positions=batch.positions, documents=[5 for _ in batch.payload_list() or ()])  # type: ignore[misc]  # that is the fault


def leave(_value: Any) -> Any:
    """Do what no component may."""
    sys.exit(0)


def fold_and_leave(_state: Any, _value: Any) -> Any:
    """Do so as an accumulator."""
    sys.exit(0)


COMPONENTS = (
    REGISTRY.components.with_class("source", PartedSource)
    .with_class("source", UnsteadyFile)
    .with_class("source", VanishingFile)
    .with_class("source", NumbersSource)
    .with_class("operator", Operator(name="$leave", function=leave))
    .with_class("accumulator", Accumulator(name="$leaving", initial=int, step=fold_and_leave))
)


def definition(folder: str, parallelism: int, stages: Any, **given: Any) -> PipelineDefinition:
    """Return a pipeline over ``in.ndjson`` in *folder*."""
    place = Path(folder)
    source = dict(given.pop("source", {}))
    if source.setdefault("type", "file") not in {"parted", "numbers"}:
        source = {"path": str(place / "in.ndjson"), "piece_bytes": 300} | source
    policies = {
        "fail_fast": ErrorPolicy.fail_fast(),
        "skip": ErrorPolicy.skip(),
        "dead_letter": ErrorPolicy.dead_letter(),
        "retry": ErrorPolicy.retry(3, 0.01, then=ErrorPolicy.dead_letter()),
    }
    policy = policies[given.pop("policy", "fail_fast")]
    runtime = {"parallelism": parallelism, "micro_batch_size": 20} | given.pop("runtime", {})
    return PipelineDefinition(
        id="parallel",
        source=SourceConfig(source.pop("type"), **source),
        stages=stages,
        sink=SinkConfig("file", path=str(place / "out.ndjson"), codec=given.pop("codec", None)),
        state_store=StateConfig("sqlite", path=str(place / "state.db")),
        dead_letter=SinkConfig("file", path=str(place / "dead.ndjson")) if policy.action == "dead_letter" else None,
        error_policy=policy,
        runtime=RuntimeConfig(**runtime),
        **given,
    )


def run(folder: str, parallelism: int, stages: Any, **given: Any) -> None:
    """Run to the end; leave what was counted in ``metrics.json`` and the events in ``events.txt``."""
    events: list[str] = []
    orchestrator = PipelineOrchestrator(
        COMPONENTS, registry=REGISTRY, listeners=[lambda event: events.append(f"{type(event).__name__} {event}")]
    )
    handle = orchestrator.run(definition(folder, parallelism, stages, **given))
    try:
        handle.wait()
    finally:
        Path(folder, "metrics.json").write_text(json.dumps(handle.metrics().snapshot()))
        Path(folder, "events.txt").write_text("\n".join(events))


def run_a_part(folder: str, parallelism: int, stages: Any, records: int, **given: Any) -> None:
    """Run until *records* are read, and stop."""
    handle = PipelineOrchestrator(COMPONENTS, registry=REGISTRY).run(definition(folder, parallelism, stages, **given))
    while handle.metrics().records_this_run < records and not handle.wait(0.001):
        pass
    handle.stop()
    handle.wait()


def stop_in_an_outage(folder: str, parallelism: int, stages: Any, **given: Any) -> None:
    """Run until the source is away, and stop."""
    handle = PipelineOrchestrator(COMPONENTS, registry=REGISTRY).run(
        definition(folder, parallelism, stages, source={"type": "vanishing"}, **given)
    )
    while handle.status() != "waiting" or not handle.metrics().records_this_run:
        time.sleep(0.001)
    handle.stop()
    handle.wait()
    assert handle.drained


def lose_a_worker(folder: str, parallelism: int, stages: Any) -> None:
    """Run over a file that is followed until something is sealed, and kill a worker."""
    handle = PipelineOrchestrator(COMPONENTS, registry=REGISTRY).run(
        definition(folder, parallelism, stages, source={"follow": True})
    )
    while not handle.metrics().ledger.delivered:
        time.sleep(0.001)
    os.kill(children()[0], signal.SIGKILL)
    handle.wait()


def ask_while_nobody_reads(folder: str, stages: Any, pieces: int, questions: int) -> None:
    """Have a worker meet *pieces* outages, and ask it for its groups all the while; only then hear of the outages."""
    division = bind(definition(folder, 2, stages, source={"type": "unsteady"}), COMPONENTS).division
    assert division is not None
    workers = Workers.forked(Assignment(division=division, seed=1, context=Context(pipeline_id="parallel"), sharded=True))
    try:
        assert not workers.refusal()
        exchange, first = Exchange(workers, division.cut.columns or 0, 10), workers.members[0]
        for number in range(pieces):
            workers.send(first, Message("piece", [number, {"from": number}]))
        assert [[]] * questions == [exchange.rows() for _ in range(questions)]
        assert list(range(pieces)) == [workers.receive(first).content[0] for _ in range(pieces)]
    finally:
        workers.close()


def children() -> Sequence[int]:
    """Return the processes that this one has started."""
    return [int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]
