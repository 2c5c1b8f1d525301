"""A pipeline with results and dead letters: two sinks, each numbered from one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import (
    ConfigError,
    ErrorPolicy,
    InMemoryStateStore,
    PipelineDefinition,
    PipelineOrchestrator,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    load_plugins,
)
from fluxion_core.connectors import MemorySource
from fluxion_core.errors import StateError
from fluxion_core.spi import Context

COMPONENTS = load_plugins(allow=[]).components
PAYLOADS = [b'{"n":1}', b"bad", b'{"n":2}']


def definition(sink: SinkConfig, dead_letter: SinkConfig, **parts: Any) -> PipelineDefinition:
    """Return a pipeline with one bad record."""
    whole: dict[str, Any] = {
        "id": "p",
        "source": SourceConfig("memory", payloads=PAYLOADS),
        "sink": sink,
        "dead_letter": dead_letter,
        "error_policy": ErrorPolicy.dead_letter(),
        "state_store": InMemoryStateStore(),
    }
    return PipelineDefinition(**(whole | parts))


def run(pipeline: PipelineDefinition) -> None:
    """Run to the end."""
    PipelineOrchestrator(COMPONENTS).run(pipeline).wait(30)


def test_results_and_dead_letters_in_the_same_file_are_a_problem(tmp_path: Path) -> None:
    """Both count their batches from one: the second to come would be taken for a redelivery of the first."""
    path = str(tmp_path / "out.ndjson")
    for dead_letter in (SinkConfig("file", path=path), SinkConfig("file", path=path, append=True)):
        with pytest.raises(
            ConfigError, match=r"dead_letter\.path: is the file of sink\.path; give dead letters a file of their own"
        ):
            run(definition(SinkConfig("file", path=path), dead_letter))


def test_a_place_that_cannot_be_told_beforehand_refuses_instead_of_losing_dead_letters() -> None:
    both: list[Any] = []
    with pytest.raises(StateError, match="holds results of another life"):
        run(definition(SinkConfig("memory", into=both), SinkConfig("memory", into=both)))


def test_keys_of_results_and_of_dead_letters_differ(tmp_path: Path) -> None:
    """A receiver that looks at keys must not take a dead letter for a result."""
    run(definition(SinkConfig("file", path=str(tmp_path / "out")), SinkConfig("file", path=str(tmp_path / "dead"))))
    marks = [json.loads((tmp_path / f"{name}.fluxion").read_text()) for name in ("out", "dead")]
    assert [1, 1] == [mark["seq"] for mark in marks]
    assert f"{marks[0]['incarnation']}-dead_letter" == marks[1]["incarnation"]


def test_dead_letters_are_continued_after_a_restart(tmp_path: Path) -> None:
    out, dead, state = tmp_path / "out", tmp_path / "dead", InMemoryStateStore()
    for payloads in (PAYLOADS, [*PAYLOADS, b"worse"]):
        source = SourceConfig("memory", payloads=payloads)
        sinks = (SinkConfig("file", path=str(out)), SinkConfig("file", path=str(dead)))
        run(definition(*sinks, source=source, state_store=state))
    assert [{"n": 1}, {"n": 2}] == [json.loads(line) for line in out.read_text().splitlines()]
    assert ["bad", "worse"] == [json.loads(line)["payload"] for line in dead.read_text().splitlines()]


def test_a_source_knows_how_large_a_record_may_be(tmp_path: Path) -> None:
    """Else it would cut what the runtime would have taken."""
    seen: list[int] = []

    class Asking(MemorySource):
        name = "asking"

        def open(self, context: Context, positions: Any) -> None:
            seen.append(context.max_record_bytes)
            super().open(context, positions)

    pipeline = definition(
        SinkConfig("memory", into=[]),
        SinkConfig("memory", into=[]),
        source=SourceConfig("asking", payloads=PAYLOADS),
        runtime=RuntimeConfig(max_record_bytes=64 * 1024 * 1024),
    )
    PipelineOrchestrator(COMPONENTS.with_class("source", Asking)).run(pipeline).wait(30)
    assert [64 * 1024 * 1024] == seen
