"""The built-in state stores under the suite that every third party can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxion_core.state import InMemoryStateStore, SqliteStateStore
from fluxion_core.testing.suites import StateStoreCase, StateStoreSuite


class TestSqliteStateStore(StateStoreSuite):
    """State in a file."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> StateStoreCase:
        """A file in an empty directory."""
        return StateStoreCase(make=lambda: SqliteStateStore(path=tmp_path / "state.db"))


class TestInMemoryStateStore(StateStoreSuite):
    """State in an object."""

    @pytest.fixture
    def case(self) -> StateStoreCase:
        """One object, which every owner shares."""
        store = InMemoryStateStore()
        return StateStoreCase(make=lambda: store, respects_living_owner=False)
