"""A line that is too large, through a whole pipeline: one clear letter, and every other record arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import (
    ErrorPolicy,
    InMemoryStateStore,
    PipelineDefinition,
    PipelineOrchestrator,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    load_plugins,
)

COMPONENTS = load_plugins(allow=[]).components
LIMIT = 1000


@pytest.mark.parametrize("codec", ["json", "raw"])
@pytest.mark.parametrize("filling", ["x", "ü", "😀", "\r"])
@pytest.mark.parametrize("chunk_bytes", [7, 65536])
def test_a_line_over_the_limit_is_the_only_one_refused(tmp_path: Path, codec: str, filling: str, chunk_bytes: int) -> None:
    """Wherever the source cuts it: within a character, at a carriage return, or not at all."""
    whole = {"n": 2, "text": "x" * (LIMIT - 50)}
    lines = ['{"n":1}', '{"n":0,"text":"' + filling * LIMIT + '"}', json.dumps(whole), '{"n":3}']
    (tmp_path / "in").write_bytes("\n".join(lines).encode())
    results: list[Any] = []
    dead: list[Any] = []
    pipeline = PipelineDefinition(
        id="p",
        source=SourceConfig("file", codec=codec, path=str(tmp_path / "in"), chunk_bytes=chunk_bytes),
        sink=SinkConfig("memory", into=results),
        dead_letter=SinkConfig("memory", into=dead),
        error_policy=ErrorPolicy.dead_letter(),
        state_store=InMemoryStateStore(),
        runtime=RuntimeConfig(max_record_bytes=LIMIT),
    )
    handle = PipelineOrchestrator(COMPONENTS).run(pipeline)
    handle.wait(30)
    (letter,) = dead
    assert letter["errInfo"]["reason"].endswith(f"is too large: more than max_record_bytes ({LIMIT})")
    kept = [json.loads(one["payload"]) if codec == "raw" else one for one in results]
    assert [{"n": 1}, whole, {"n": 3}] == kept
    ledger = handle.metrics().ledger.snapshot()
    assert (4, 3, 1) == (ledger["records_in"], ledger["delivered"], ledger["dead_lettered"])
