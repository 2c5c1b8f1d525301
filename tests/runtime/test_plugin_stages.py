"""A stage that a plugin brings stands in a pipeline like the language's own."""

import json

import pytest

from fluxion_core import (
    ConfigError,
    ErrorPolicy,
    PipelineDefinition,
    PipelineOrchestrator,
    SinkConfig,
    SourceConfig,
    StateConfig,
    load_plugins,
)
from fluxion_core.errors import Problem, RecordError
from fluxion_core.spi import Stage


class Repeat(Stage):
    """Gives every document out as often as its field says."""

    name = "$repeat"
    pure = True

    @classmethod
    def check(cls, specification):
        return [] if isinstance(specification, str) else [Problem("", "the name of a field was expected")]

    def process(self, documents):
        return [
            self._answer(document.get(self.specification)) or [document] * document[self.specification]
            for document in documents
        ]

    @staticmethod
    def _answer(times):
        return None if isinstance(times, int) else RecordError(f"{times!r} is no number of times")


class Wrong(Repeat):
    def process(self, documents):
        return []


def run(tmp_path, documents, stages, stage=Repeat):
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(document) + "\n" for document in documents))
    definition = PipelineDefinition(
        id="plugin-stage",
        source=SourceConfig("file", path=str(tmp_path / "in.ndjson")),
        stages=stages,
        sink=SinkConfig("file", path=str(tmp_path / "out.ndjson")),
        state_store=StateConfig("sqlite", path=str(tmp_path / "state.db")),
        error_policy=ErrorPolicy.skip(),
    )
    components = load_plugins().components.with_class("stage", stage)
    handle = PipelineOrchestrator(components).run(definition)
    handle.wait(30)
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines], handle.metrics().ledger.snapshot()


def test_documents_are_replaced_dropped_and_multiplied(tmp_path) -> None:
    documents = [{"n": 2}, {"n": 0}, {"n": 1}, {"n": "x"}]
    rows, ledger = run(tmp_path, documents, [{"$repeat": "n"}, {"$set": {"seen": True}}])
    assert [{"n": 2, "seen": True}, {"n": 2, "seen": True}, {"n": 1, "seen": True}] == rows
    assert (4, 2, 1, 1) == (ledger["records_in"], ledger["delivered"], ledger["filtered"], ledger["skipped"])


def test_its_own_check_is_told_under_its_path(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"stages\[0\].\$repeat: the name of a field was expected"):
        run(tmp_path, [], [{"$repeat": 5}])


def test_a_stage_that_answers_for_fewer_documents_is_named(tmp_path) -> None:
    with pytest.raises(Exception, match=r"stage '\$repeat': process\(\) gave 0 answers to 1 documents"):
        run(tmp_path, [{"n": 1}], [{"$repeat": "n"}], Wrong)
