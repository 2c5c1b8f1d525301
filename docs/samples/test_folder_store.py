"""The store held to its contract: seals that are all or nothing, owners that fence each other, snapshots."""

from pathlib import Path

import pytest
from folder_store import FolderOptions, FolderStore

from fluxion_core.testing.suites import StateStoreCase, StateStoreSuite


class TestFolderStore(StateStoreSuite):
    @pytest.fixture
    def case(self, tmp_path: Path) -> StateStoreCase:
        return StateStoreCase(make=lambda: FolderStore(FolderOptions(path=tmp_path)))
