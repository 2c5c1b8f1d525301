from __future__ import annotations

import pytest

from fluxion_core.spi import Context, FencedError, StateError
from fluxion_core.state import InMemoryStateStore, SqliteStateStore


@pytest.fixture
def memory() -> InMemoryStateStore:
    """A store, open."""
    store = InMemoryStateStore()
    store.open(Context(pipeline_id="p"))
    return store


def test_it_does_not_outlive_the_process() -> None:
    assert not InMemoryStateStore.durable


def test_what_it_keeps_is_its_own(memory: InMemoryStateStore, request_of) -> None:
    """Changing what was sealed, or what was loaded, does not reach the state."""
    lease = memory.claim("p")
    position = {"offset": 1}
    memory.seal(request_of(lease, 1, positions={"0": position}))
    position["offset"] = 2
    memory.load().positions["0"]["offset"] = 3
    assert {"0": {"offset": 1}} == memory.load().positions


def test_an_older_claim_in_the_same_process_is_fenced(memory: InMemoryStateStore, request_of) -> None:
    old, new = memory.claim("p"), memory.claim("p")
    with pytest.raises(FencedError, match="claimed it with epoch 1, another has since claimed it with epoch 2"):
        memory.seal(request_of(old, 1))
    memory.seal(request_of(new, 1))


def test_state_bytes_follow_the_rows(memory: InMemoryStateStore, request_of) -> None:
    lease = memory.claim("p")
    memory.seal(request_of(lease, 1, rows=[("g", b"key", b"12345"), ("g", b"other", b"1")]))
    memory.seal(request_of(lease, 2, rows=[("g", b"key", b"1"), ("g", b"other", None)]))
    assert len(b"key" + b"1") == memory.state_bytes


def test_a_snapshot_moves_to_another_kind_of_store_and_back(memory: InMemoryStateStore, store, request_of) -> None:
    lease = memory.claim("p")
    memory.seal(request_of(lease, 1))
    sqlite: SqliteStateStore = store()
    sqlite.claim("p")
    sqlite.restore(memory.snapshot())
    loaded = sqlite.load()
    assert ({"0": 1}, [("g", b"key", b"1")], [b"1"]) == (
        loaded.positions,
        list(loaded.rows),
        [output.data for output in loaded.outputs],
    )
    assert memory.snapshot() == sqlite.snapshot()


def test_no_snapshot_is_told(memory: InMemoryStateStore) -> None:
    memory.claim("p")
    with pytest.raises(StateError, match="snapshot: these bytes are no state of Fluxion: the state is damaged"):
        memory.restore(b"something else")
