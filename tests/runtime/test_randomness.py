"""What is drawn in a pipeline comes from the host, so that a run can be repeated."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from fluxion_core import PipelineDefinition, PipelineOrchestrator, SinkConfig, SourceConfig, StateConfig, load_plugins
from fluxion_core.spi import Host


def kept(folder: Path, stages: Any, seed: int) -> list[str]:
    folder.mkdir()
    definition = PipelineDefinition(
        id="drawn",
        source=SourceConfig("memory", documents=[{"n": n} for n in range(200)]),
        stages=stages,
        sink=SinkConfig("file", path=str(folder / "out.ndjson")),
        state_store=StateConfig("memory"),
    )
    PipelineOrchestrator(load_plugins().components, host=Host(rng=Random(seed))).run(definition).wait(30)
    return (folder / "out.ndjson").read_text().splitlines()


@pytest.mark.parametrize(
    "stages",
    [
        [{"$match": {"$sampleRate": 0.5}}],
        [{"$set": {"drawn": {"$rand": {}}}}],
        [{"$sample": {"size": 20}}],
        [{"$subPipeline": {"parallel": True, "pipelines": [[{"$match": {"$sampleRate": 0.5}}]]}}],
    ],
)
def test_the_seed_of_the_host_decides(tmp_path: Path, stages: Any) -> None:
    one, same, other = kept(tmp_path / "1", stages, 7), kept(tmp_path / "2", stages, 7), kept(tmp_path / "3", stages, 8)
    assert one == same
    assert one != other
