"""``pipelines:`` of a pipeline file, called by ``$subPipeline``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import PipelineOrchestrator, load_pipeline, load_plugins
from fluxion_core.errors import ConfigError, StateError

STAGES = [{"$subPipeline": {"pipelines": ["clean", "count"]}}]


def run(folder: Path, pipelines: Any, records: int = 3) -> list[Any]:
    (folder / "in.ndjson").write_text("".join(f'{{"n":{n}}}\n' for n in range(records)))
    file = folder / "pipeline.json"
    pipeline = {
        "id": "named",
        "source": {"type": "file", "path": "in.ndjson"},
        "stages": STAGES,
        "pipelines": pipelines,
        "sink": {"type": "file", "path": "out.ndjson"},
    }
    file.write_text(json.dumps(pipeline))
    PipelineOrchestrator(load_plugins().components).run(load_pipeline(file)).wait(30)
    return [json.loads(line) for line in (folder / "out.ndjson").read_text().splitlines()]


COUNT = [{"$group": {"_id": None, "n": {"$sum": 1}}}]


def test_they_stand_in_the_file_or_in_one_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "clean.json").write_text('[{"$match": {"n": {"$gt": 0}}}]')
    assert [{"_id": None, "n": 2}] == run(tmp_path, {"clean": "clean.json", "count": COUNT})


def test_state_of_a_pipeline_that_changed_behind_its_name_is_not_continued(tmp_path: Path) -> None:
    run(tmp_path, {"clean": [], "count": COUNT})
    changed = [{"$group": {"_id": "$n", "n": {"$sum": 1}}}]
    with pytest.raises(StateError, match=r"\$subPipeline"):
        run(tmp_path, {"clean": [], "count": changed}, records=4)


@pytest.mark.parametrize(
    ("pipelines", "letter"),
    [
        ({"clean": "nosuch.json", "count": []}, r"pipelines\.clean: .*nosuch\.json"),
        (
            {"clean": 5, "count": []},
            r"pipelines\.clean: a list of stages, or the path of a file that holds one, was expected, not 5",
        ),
        ([], r"pipelines: a mapping was expected, not \[\]"),
    ],
)
def test_what_is_wrong_with_them_is_said(tmp_path: Path, pipelines: Any, letter: str) -> None:
    with pytest.raises(ConfigError, match=letter):
        run(tmp_path, pipelines)
