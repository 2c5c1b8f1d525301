"""The stage held to its contract: subclass, and say what it is given."""

import pytest
from lines_stage import Lines

from fluxion_core.testing.suites import StageCase, StageSuite


class TestLines(StageSuite):
    @pytest.fixture
    def case(self) -> StageCase:
        return StageCase(
            stage=Lines,
            specification={"field": "text"},
            documents=[{"_id": 1}, {"_id": 2, "text": "one\ntwo"}],
            wrong=["text", {}, {"field": 5}, {"field": "text", "by": ","}],
        )
