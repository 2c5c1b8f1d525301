"""Pipelines with sinks that a test can take away, slow down or look into."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any, ClassVar

import attrs
import pytest

from fluxion_core import (
    PipelineDefinition,
    PipelineHandle,
    PipelineOrchestrator,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    load_plugins,
)
from fluxion_core.spi import Context, Cursor, Options, Refusal, SealedBatch, Sink, TransientError, WriteResult


class Wall(Sink[Options]):
    """A sink that does what the test says: *away* raises an outage, *slow* blocks until the test lets go, *refuses* refuses."""

    name: ClassVar[str] = "wall"
    opening: ClassVar[bool]
    writing: ClassVar[bool]
    held: ClassVar[Event]
    refuses: ClassVar[Callable[[dict[str, Any]], bool]]
    lines: ClassVar[list[dict[str, Any]]]

    @classmethod
    def reset(cls) -> None:
        cls.opening = cls.writing = True
        cls.held, cls.lines = Event(), []
        cls.held.set()
        cls.refuses = staticmethod(lambda _: False)

    def open(self, context: Context) -> Cursor | None:
        if not self.opening:
            raise TransientError("the other side is away")
        return None

    def write(self, batch: SealedBatch) -> WriteResult:
        Wall.held.wait(30)
        if not Wall.writing:
            raise TransientError("the other side is away")
        documents = [json.loads(payload) for payload in batch.payloads]
        refused = [index for index, document in enumerate(documents) if Wall.refuses(document)]
        Wall.lines += [document for index, document in enumerate(documents) if index not in refused]
        return WriteResult(tuple(Refusal(index, "refused by the wall") for index in refused))


@attrs.define
class Bench:
    """Starts pipelines in *folder*, and ends those that a test leaves running."""

    folder: Path
    started: list[PipelineHandle] = attrs.field(factory=list)
    events: list[Any] = attrs.field(factory=list)
    wall: type[Wall] = Wall

    def start(
        self, *, source: SourceConfig | None = None, sink: SinkConfig | None = None, components: Any = None, **parts: Any
    ) -> PipelineHandle:
        """Start a pipeline from the generator (without end) to the wall, with *parts* of its definition."""
        runtime = parts.pop("runtime", {})
        definition = PipelineDefinition(
            id="bench",
            source=source or SourceConfig("generator"),
            sink=sink or SinkConfig("wall"),
            state_store=parts.pop("state_store", None) or StateConfig("sqlite", path=str(self.folder / "state.db")),
            runtime=RuntimeConfig(**runtime),
            base_dir=self.folder,
            **parts,
        )
        chosen = (components or load_plugins().components).with_class("sink", Wall)
        handle = PipelineOrchestrator(chosen, listeners=[self.events.append]).run(definition)
        self.started.append(handle)
        return handle

    def file(self, name: str, *lines: bytes | dict[str, Any]) -> SourceConfig:
        """Write a file of lines and return the source that reads it."""
        path = self.folder / name
        path.write_bytes(b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines))
        return SourceConfig("file", path=str(path))

    def read(self, name: str) -> list[Any]:
        """Return the documents of a file that a pipeline wrote."""
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    Wall.reset()
    made = Bench(tmp_path)
    yield made
    Wall.held.set()
    for handle in made.started:
        handle.stop(abandon=True)
        try:
            handle.wait(10)
        except Exception:  # noqa: BLE001  # the test has looked at it
            continue


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so, for ten seconds at most."""

    def wait(so: Callable[[], bool]) -> None:
        end = monotonic() + 10
        while not so():
            assert monotonic() < end, "it never came to that"
            sleep(0.005)

    return wait
