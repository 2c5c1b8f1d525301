"""The contract of a state store, as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import attrs
import pytest

from fluxion_core.spi import (
    Checkpoint,
    Context,
    FencedError,
    Host,
    Json,
    KillPoints,
    Lease,
    SealedOutput,
    SealRequest,
    StateError,
    StateStore,
)
from fluxion_core.testing.suites.declarations import declaration_problems

__all__ = ["StateStoreCase", "StateStoreSuite"]


@attrs.frozen(kw_only=True)
class StateStoreCase:
    """A state store.

    *make* returns a store of the same place each time: a new object if the store is ``durable``, else the one object that holds
    the state. *respects_living_owner* is whether ``claim`` without *takeover* is refused while another owner lives.
    """

    make: Callable[[], StateStore[Any]]
    respects_living_owner: bool = True


class _CrashError(BaseException):
    """Stands for ``kill -9``: nothing in the store may catch it for good."""


class _CrashAt(KillPoints):
    """Raises instead of killing the process."""

    def fire(self, name: str) -> None:
        """Die, as far as the store can tell."""
        raise _CrashError(name)


@attrs.define
class _Place:
    """The place that the stores of one test keep their state in."""

    case: StateStoreCase
    stores: ExitStack
    context: Context

    def open(self, *, crash_at: str | None = None) -> StateStore[Any]:
        """Return a store, open."""
        store = self.case.make()
        self.stores.enter_context(closing(store))
        host = Host(kill_points=_CrashAt(crash_at)) if crash_at else self.context.host
        store.open(attrs.evolve(self.context, host=host))
        return store

    def claimed(self, pipeline_id: str = "p") -> tuple[StateStore[Any], Lease]:
        """Return a store, open, and the lease on *pipeline_id*."""
        store = self.open()
        return store, store.claim(pipeline_id)

    def reloaded(self, pipeline_id: str = "p") -> Checkpoint:
        """Return what a new owner finds, once the present one has closed."""
        self.stores.close()
        store, _ = self.claimed(pipeline_id)
        return store.load()


def _request(lease: Lease, seq: int, **changes: Any) -> SealRequest:
    """Return the seal numbered *seq*: a position, a row and an output that follow from the number."""
    whole: dict[str, Any] = {
        "positions": {"0": {"offset": seq * 10}},
        "rows": [("0:$group", b"key", f"value {seq}".encode())],
        "outputs": [SealedOutput("sink", seq, 2, f"output {seq}".encode())],
        "ledger": {"records_in": seq * 2},
        "meta": {"number": seq},
    }
    return SealRequest(lease=lease, **(whole | changes))


def _plain(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint as plain values; reading the rows uses them up."""
    return {
        "positions": dict(checkpoint.positions),
        "sealed": dict(checkpoint.sealed),
        "delivered": dict(checkpoint.delivered),
        "outputs": list(checkpoint.outputs),
        "ledger": dict(checkpoint.ledger),
        "meta": dict(checkpoint.meta),
        "rows": sorted(checkpoint.rows),
    }


class StateStoreSuite:
    """Subclass, and return a :class:`StateStoreCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> StateStoreCase:
        """Return the store to test; every subclass has its own."""
        msg = "write a fixture `case` that returns a StateStoreCase"
        raise NotImplementedError(msg)

    @pytest.fixture
    def context(self) -> Context:
        """Return what the store is opened with; override for one that needs connections or a directory."""
        return Context(pipeline_id="p")

    @pytest.fixture
    def place(self, case: StateStoreCase, context: Context) -> Iterator[_Place]:
        """Return the place that the stores of this test share; closes them all."""
        with ExitStack() as stores:
            yield _Place(case, stores, context)

    def test_the_class_declares_name_options_and_purpose(self, case: StateStoreCase) -> None:
        """A store class has a name, an Options class, a docstring, and a doc for each option."""
        assert declaration_problems("state store", type(case.make())) == []

    def test_a_first_run_finds_nothing(self, place: _Place) -> None:
        """``load`` after the first ``claim`` returns an empty checkpoint."""
        store, _ = place.claimed()
        assert _plain(Checkpoint()) == _plain(store.load())

    def test_every_claim_raises_the_epoch(self, place: _Place) -> None:
        """The first epoch is 1, each further owner's is one above, whether or not anything was sealed."""
        epochs = []
        for _ in range(3):
            store, lease = place.claimed()
            epochs.append(lease.epoch)
            store.close()
        assert epochs == [1, 2, 3]

    def test_the_incarnation_stays(self, place: _Place) -> None:
        """All owners of one life of the state see the same incarnation, and it is not empty."""
        first, one = place.claimed()
        first.close()
        _, other = place.claimed()
        assert one.incarnation
        assert one.incarnation == other.incarnation

    def test_what_was_sealed_is_loaded(self, place: _Place) -> None:
        """Positions, rows, outputs, ledger and meta come back as they went in."""
        store, lease = place.claimed()
        positions: dict[str, Json] = {"0": {"offset": 7, "head": None}, "t-1": [2**70, "Grüße", 1.5, True]}
        outputs = [SealedOutput("sink", 1, 2, bytes(range(256))), SealedOutput("dead_letter", 1, 1, b"")]
        rows = [("1:$group", b"\x00key", b"\xffvalue"), ("2:$count", b"", b"5")]
        meta = {"format": 1, "fingerprints": {"a": "b"}, "list": [1, None, 2.5]}
        store.seal(
            SealRequest(lease=lease, positions=positions, rows=rows, outputs=outputs, ledger={"records_in": 3}, meta=meta)
        )
        found = _plain(place.reloaded())
        assert {
            "positions": positions,
            "sealed": {"sink": 1, "dead_letter": 1},
            "delivered": {},
            "outputs": sorted(outputs, key=lambda output: (output.target, output.seq)),
            "ledger": {"records_in": 3},
            "meta": meta,
            "rows": sorted(rows),
        } == found | {"outputs": sorted(found["outputs"], key=lambda output: (output.target, output.seq))}

    def test_seals_add_up(self, place: _Place) -> None:
        """Later positions and rows replace earlier ones of the same name; others stay; ledger and meta are the last ones."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1, positions={"a": 1, "b": 1}, rows=[("g", b"x", b"1"), ("g", b"y", b"1")]))
        store.seal(_request(lease, 2, positions={"b": 2, "c": 2}, rows=[("g", b"y", b"2"), ("h", b"y", b"2")]))
        found = _plain(place.reloaded())
        assert found["positions"] == {"a": 1, "b": 2, "c": 2}
        assert found["rows"] == [("g", b"x", b"1"), ("g", b"y", b"2"), ("h", b"y", b"2")]
        assert (found["ledger"], found["meta"]) == ({"records_in": 4}, {"number": 2})

    def test_a_deleted_row_is_gone(self, place: _Place) -> None:
        """A row with the value ``None`` deletes its key; a later value makes it anew."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1, rows=[("g", b"x", b"1"), ("g", b"y", b"1"), ("g", b"z", b"1")]))
        store.seal(_request(lease, 2, rows=[("g", b"x", None), ("g", b"y", None), ("g", b"never", None)]))
        store.seal(_request(lease, 3, rows=[("g", b"y", b"3")]))
        assert _plain(place.reloaded())["rows"] == [("g", b"y", b"3"), ("g", b"z", b"1")]

    def test_many_rows_over_many_seals(self, place: _Place) -> None:
        """State that is far larger than one seal comes back as a whole, however the store arranges it."""
        store, lease = place.claimed()
        live: dict[bytes, bytes] = {}
        for seq in range(1, 41):
            changed = {b"key-%d" % (seq * 37 % 300 + index): bytes([seq]) * 200 for index in range(100)}
            store.seal(_request(lease, seq, rows=[("g", key, value) for key, value in changed.items()]))
            live |= changed
        assert store.state_bytes > 0
        assert sorted(("g", key, value) for key, value in live.items()) == _plain(place.reloaded())["rows"]

    def test_output_is_kept_until_it_is_delivered(self, place: _Place) -> None:
        """The sealed batches that are not known to be delivered come back in order; *delivered* lets the store forget."""
        store, lease = place.claimed()
        for seq in (1, 2, 3):
            store.seal(_request(lease, seq))
        store.seal(_request(lease, 4, delivered={"sink": 2}))
        found = _plain(place.reloaded())
        assert [(output.seq, output.data) for output in found["outputs"]] == [(3, b"output 3"), (4, b"output 4")]
        assert (found["sealed"], found["delivered"]) == ({"sink": 4}, {"sink": 2})

    def test_each_target_counts_for_itself(self, place: _Place) -> None:
        """Sink and dead letters are numbered apart."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1, outputs=[SealedOutput("sink", 1, 1, b"s1"), SealedOutput("sink", 2, 1, b"s2")]))
        store.seal(_request(lease, 2, outputs=[SealedOutput("dead_letter", 1, 1, b"d1")], delivered={"sink": 2}))
        found = _plain(place.reloaded())
        assert found["sealed"] == {"sink": 2, "dead_letter": 1}
        assert [SealedOutput("dead_letter", 1, 1, b"d1")] == found["outputs"]

    def test_a_gap_in_the_numbering_is_refused(self, place: _Place) -> None:
        """An output that does not continue its target's numbering is an error, and nothing of the request is kept."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1))
        with pytest.raises(ValueError, match="2"):
            store.seal(_request(lease, 3))
        store.seal(_request(lease, 2))
        assert _plain(place.reloaded())["sealed"] == {"sink": 2}

    def test_a_crash_within_the_seal_leaves_the_state_before_it(self, place: _Place) -> None:
        """Killed at ``sealing``, a new process finds the seal before, whole.

        Skipped where the store never reaches the kill point.
        """
        store = place.open(crash_at="sealing")
        lease = store.claim("p")
        try:
            store.seal(_request(lease, 1))
        except _CrashError:
            assert _plain(Checkpoint()) == _plain(place.reloaded())
        else:
            pytest.skip("the store does not call context.host.reach('sealing')")

    def test_a_seal_that_failed_can_be_repeated(self, place: _Place) -> None:
        """After a seal that raised, nothing has changed: the same request goes through on the same object."""
        store = place.open(crash_at="sealing")
        lease = store.claim("p")
        try:
            store.seal(_request(lease, 1))
        except _CrashError:
            store.seal(_request(lease, 1))
        assert _plain(place.reloaded())["sealed"] == {"sink": 1}

    def test_a_living_owner_is_respected(self, place: _Place) -> None:
        """Without *takeover* a second claim raises ``FencedError``, and the first owner goes on."""
        if not place.case.respects_living_owner:
            pytest.skip("every claim of this store takes over")
        first, lease = place.claimed()
        second = place.open()
        with pytest.raises(FencedError, match="takeover"):
            second.claim("p")
        first.seal(_request(lease, 1))

    def test_a_takeover_fences_the_former_owner(self, place: _Place) -> None:
        """After ``claim(takeover=True)`` the former owner's seal raises ``FencedError`` and changes nothing."""
        first, old = place.claimed()
        first.seal(_request(old, 1))
        second = place.open()
        new = second.claim("p", takeover=True)
        assert old.epoch + 1 == new.epoch
        with pytest.raises(FencedError):
            first.seal(_request(old, 2, positions={"0": "from the old owner"}))
        assert _plain(second.load())["positions"] == {"0": {"offset": 10}}

    def test_a_former_owner_is_fenced_after_the_new_one_has_sealed(self, place: _Place) -> None:
        """The numbers that both would use next collide: it is still ``FencedError``, and the new owner's seal stands."""
        first, old = place.claimed()
        first.seal(_request(old, 1))
        second = place.open()
        new = second.claim("p", takeover=True)
        second.seal(_request(new, 2, positions={"0": "new"}))
        with pytest.raises(FencedError):
            first.seal(_request(old, 2, positions={"0": "old"}, delivered={"sink": 1}))
        second.seal(_request(new, 3, positions={"0": "newer"}))
        found = _plain(place.reloaded())
        assert found["positions"] == {"0": "newer"}
        assert [output.seq for output in found["outputs"]] == [1, 2, 3]

    def test_pipelines_do_not_see_each_other(self, place: _Place) -> None:
        """One place may hold many pipelines, each with its own epoch, incarnation and state."""
        one, lease = place.claimed("one")
        one.seal(_request(lease, 1))
        one.close()
        other, other_lease = place.claimed("other")
        assert other_lease.epoch == 1
        assert lease.incarnation != other_lease.incarnation
        assert _plain(Checkpoint()) == _plain(other.load())
        other.close()
        assert _plain(place.reloaded("one"))["sealed"] == {"sink": 1}

    def test_a_snapshot_brings_the_state_back(self, place: _Place) -> None:
        """``restore(snapshot)`` returns to the moment of the snapshot, whatever was sealed since; the epoch stays ours."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1, rows=[("g", b"x", b"1"), ("g", b"y", b"1")]))
        before, snapshot = _plain(store.load()), store.snapshot()
        store.seal(_request(lease, 2, rows=[("g", b"x", None), ("g", b"z", b"2")], delivered={"sink": 1}))
        store.restore(snapshot)
        assert before == _plain(store.load())
        store.seal(_request(lease, 2, rows=[("g", b"w", b"2")]))
        found = _plain(place.reloaded())
        assert found["rows"] == [("g", b"w", b"2"), ("g", b"x", b"1"), ("g", b"y", b"1")]
        assert found["sealed"] == {"sink": 2}

    def test_a_damaged_snapshot_changes_nothing(self, place: _Place) -> None:
        """``restore`` of bytes that are cut, flipped or no snapshot raises ``StateError``; the state stays."""
        store, lease = place.claimed()
        store.seal(_request(lease, 1))
        snapshot, before = store.snapshot(), _plain(store.load())
        flipped = bytearray(snapshot)
        flipped[len(flipped) // 2] ^= 0xFF
        for damaged in (b"", b"no snapshot", snapshot[: len(snapshot) // 2], bytes(flipped)):
            with pytest.raises(StateError):
                store.restore(damaged)
        assert before == _plain(store.load())

    def test_closing_is_always_allowed(self, place: _Place, case: StateStoreCase) -> None:
        """``close`` may come without ``open``, and twice, and gives the ownership up."""
        case.make().close()
        store, _ = place.claimed()
        store.close()
        store.close()
        _, lease = place.claimed()
        assert lease.epoch == 2
