"""Whatever is done to them, the two stores hold the same as a plain dictionary would."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxion_core.spi import Context, Lease, SealedOutput, SealRequest, StateStore
from fluxion_core.state import InMemoryStateStore, SqliteStateStore
from fluxion_core.state.changelog import Changelog

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["g", "h"]), st.sampled_from([b"", b"a", b"b", b"\x00", b"a" * 50]), st.none() | st.binary(max_size=200)
    ),
    max_size=6,
)
SEALS = st.fixed_dictionaries(
    {
        "positions": st.dictionaries(st.sampled_from(["0", "1"]), st.integers(0, 2**70) | st.none(), max_size=2),
        "rows": ROWS,
        "outputs": st.integers(0, 3),
        "delivered": st.integers(0, 3),
    }
)
STEPS = st.lists(st.one_of(SEALS, st.sampled_from(["reopen", "remember", "return"])), max_size=12)


class Model:
    """What a store should hold."""

    def __init__(self) -> None:
        self.positions: dict[str, Any] = {}
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.outputs: dict[int, bytes] = {}
        self.sealed = self.delivered = 0

    def request(self, lease: Lease, step: dict[str, Any]) -> SealRequest:
        """Take over a step, and return it as a seal."""
        new = [
            SealedOutput("sink", self.sealed + 1 + index, 1, b"%d" % (self.sealed + index)) for index in range(step["outputs"])
        ]
        self.sealed += len(new)
        self.delivered = min(self.sealed, self.delivered + step["delivered"])
        self.positions |= step["positions"]
        for operator, key, value in step["rows"]:
            self.rows.pop((operator, key), None)
            if value is not None:
                self.rows[operator, key] = value
        self.outputs |= {output.seq: output.data for output in new}
        self.outputs = {seq: data for seq, data in self.outputs.items() if seq > self.delivered}
        delivered = {"sink": self.delivered} if self.delivered else {}
        return SealRequest(lease=lease, positions=step["positions"], rows=step["rows"], outputs=new, delivered=delivered)

    def plain(self) -> Any:
        """Return everything, to compare and to remember."""
        return (dict(self.positions), dict(self.rows), dict(self.outputs), self.sealed, self.delivered)


def plain(store: StateStore[Any]) -> Any:
    """Return what a store holds, in the model's form."""
    loaded = store.load()
    return (
        dict(loaded.positions),
        {(operator, key): value for operator, key, value in loaded.rows},
        {output.seq: output.data for output in loaded.outputs},
        loaded.sealed.get("sink", 0),
        loaded.delivered.get("sink", 0),
    )


def check(store: StateStore[Any], steps: list[Any]) -> None:
    """Do the steps to a store and to a model."""
    model, memory = Model(), None
    store.open(Context(pipeline_id="p"))
    lease = store.claim("p")
    for step in steps:
        if step == "reopen":
            store.close()
            store.open(Context(pipeline_id="p"))
            lease = store.claim("p")
        elif step == "remember":
            memory = (store.snapshot(), model.plain())
        elif step == "return" and memory is not None:
            store.restore(memory[0])
            model.positions, model.rows, model.outputs, model.sealed, model.delivered = (
                *(dict(part) for part in memory[1][:3]),
                *memory[1][3:],
            )
        elif isinstance(step, dict):
            store.seal(model.request(lease, step))
        assert model.plain() == plain(store)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_the_memory_store_is_a_dictionary(steps: list[Any]) -> None:
    check(InMemoryStateStore(), steps)


@pytest.mark.parametrize(("fold_above_bytes", "most_deltas"), [(0, 0), (300, 0), (300, 3), (10**9, 3)])
def test_the_sqlite_store_is_a_dictionary(fold_above_bytes: int, most_deltas: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it folds its changes at every seal, now and then, or never."""
    monkeypatch.setattr(f"{Changelog.__module__}._MINIMUM_BYTES", fold_above_bytes)
    monkeypatch.setattr(f"{Changelog.__module__}._MOST_DELTAS", most_deltas)

    @given(steps=STEPS)
    @settings(max_examples=40, deadline=None)
    def holds(steps: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            store = SqliteStateStore(path=Path(directory) / "state.db")
            try:
                check(store, steps)
            finally:
                store.close()

    holds()
