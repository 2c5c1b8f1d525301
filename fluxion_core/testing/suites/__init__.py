"""Test suites for those who write components: subclass one, write its one fixture, and pytest holds you to the contract.

    # tests/test_ticks.py of a plugin
    import pytest
    from fluxion_core.testing.suites import SourceCase, SourceSuite
    from my_plugin.source import TickOptions, TickSource

    class TestTickSource(SourceSuite):
        @pytest.fixture
        def case(self):
            return SourceCase(
                make=lambda: TickSource(TickOptions.parse({"count": 5})),
                documents=[{"tick": number} for number in range(5)],
            )

Each test is one sentence of the contract in :mod:`fluxion_core.spi`, and its docstring is that sentence. A test that asks for
something that the component does not declare (``replayable``, ``dedupe = "batch"``) is skipped and says so. Needs pytest.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "fluxion_core.testing.suites.accumulator",
    "fluxion_core.testing.suites.codec",
    "fluxion_core.testing.suites.operator",
    "fluxion_core.testing.suites.sink",
    "fluxion_core.testing.suites.source",
    "fluxion_core.testing.suites.stage",
    "fluxion_core.testing.suites.state_store",
)

from fluxion_core.testing.suites.accumulator import (  # noqa: E402  # asserts are rewritten from here on
    AccumulatorCase,
    AccumulatorSuite,
)
from fluxion_core.testing.suites.codec import CodecCase, CodecSuite  # noqa: E402
from fluxion_core.testing.suites.operator import OperatorCase, OperatorSuite  # noqa: E402
from fluxion_core.testing.suites.sink import SinkCase, SinkSuite  # noqa: E402
from fluxion_core.testing.suites.source import SourceCase, SourceSuite  # noqa: E402
from fluxion_core.testing.suites.stage import StageCase, StageSuite  # noqa: E402
from fluxion_core.testing.suites.state_store import StateStoreCase, StateStoreSuite  # noqa: E402

__all__ = [
    "AccumulatorCase",
    "AccumulatorSuite",
    "CodecCase",
    "CodecSuite",
    "OperatorCase",
    "OperatorSuite",
    "SinkCase",
    "SinkSuite",
    "SourceCase",
    "SourceSuite",
    "StageCase",
    "StageSuite",
    "StateStoreCase",
    "StateStoreSuite",
]
