"""A bug of a component in a worker process ends the run as it does in one process: the component is named, and nothing hangs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxion_core.testing.crash import CrashHarness

LEFT = "SystemExit: 0 (this is a bug in that component; --debug shows where)"


@pytest.fixture(scope="module")
def harness() -> Iterator[CrashHarness]:
    with CrashHarness(Path(__file__).with_name("parallel_runs.py")) as made:
        yield made


@pytest.fixture
def error_of(harness, tmp_path: Path):
    """Return the last line of what a run over 600 documents ends with."""
    lines = "".join(json.dumps({"n": n, "k": n % 23}) + "\n" for n in range(600))
    (tmp_path / "in.ndjson").write_text(lines)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.ndjson").write_text(lines)

    def error_of(processes: int, stages: list[Any], **given: Any) -> str:
        arguments = {"folder": str(tmp_path), "parallelism": processes, "stages": stages, **given}
        outcome = harness.run("run", arguments)
        assert not outcome.finished
        return [line for line in outcome.error.splitlines() if line.startswith("fluxion_core.errors.")][-1]

    return error_of


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"$set": {"b": {"$leave": "$n"}}}], f"operator '$leave': {LEFT}"),
        ([{"$group": {"_id": "$k", "b": {"$leaving": "$n"}}}], f"accumulator '$leaving': {LEFT}"),
    ],
    ids=["operator", "accumulator"],
)
def test_a_component_that_leaves_is_named(error_of, processes: int, stages: list[Any], expected: str) -> None:
    assert f"fluxion_core.errors.PluginError: {expected}" == error_of(processes, stages)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_source_that_gives_no_document_is_named(error_of, tmp_path: Path, processes: int) -> None:
    expected = "source 'numbers' gave int as document 0; the contract says dict (this is a bug in that component)"
    source = {"type": "numbers", "folder": str(tmp_path / "parts")}
    assert f"fluxion_core.errors.PluginError: {expected}" == error_of(processes, [{"$set": {"b": 1}}], source=source)
