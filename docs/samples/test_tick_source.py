"""The source held to its contract: subclass, and say what there is to read."""

import pytest
from tick_source import TickOptions, TickSource

from fluxion_core.testing.suites import SourceCase, SourceSuite


class TestTickSource(SourceSuite):
    @pytest.fixture
    def case(self) -> SourceCase:
        documents = [{"_id": n, "name": f"tick-{n}"} for n in range(10)]
        return SourceCase(make=lambda: TickSource(TickOptions(count=10)), documents=documents)
