from __future__ import annotations

from typing import Any

import pytest

from fluxion_core.spi import Batch, SealedBatch, StateRows, key_group, key_groups
from fluxion_core.spi.state import KEY_GROUPS


@pytest.mark.parametrize(
    "content",
    [{}, {"payloads": [], "documents": []}, {"block": b"", "payloads": []}, {"block": b"", "documents": [], "payloads": []}],
)
def test_a_batch_holds_exactly_one_form_of_content(content: Any) -> None:
    with pytest.raises(ValueError, match="exactly one of payloads, block and documents"):
        Batch(positions={}, **content)


@pytest.mark.parametrize(
    ("content", "length", "payloads"),
    [
        ({"payloads": [b"a", b"b"]}, 2, [b"a", b"b"]),
        ({"block": b"a\nb\n"}, 2, [b"a", b"b"]),
        ({"block": b"\na\n\n\nb\n\n"}, 2, [b"a", b"b"]),
        ({"block": b""}, 0, []),
        ({"block": b"\n\n"}, 0, []),
        ({"documents": [{}, {}, {}]}, 3, None),
    ],
)
def test_a_batch_knows_its_records(content: Any, length: int, payloads: Any) -> None:
    batch = Batch(positions={}, **content)
    assert (length, payloads) == (len(batch), batch.payload_list())


@pytest.mark.parametrize("content", [{"payloads": [b""]}, {"block": b"a\n"}, {"documents": [{}]}])
def test_a_batch_is_true_if_something_came(content: Any) -> None:
    assert (True, False) == (bool(Batch(positions={}, **content)), bool(Batch.empty()))


def test_an_empty_batch_moves_nothing() -> None:
    assert (0, {}) == (len(Batch.empty()), Batch.empty().positions)


def sealed(**content: Any) -> SealedBatch:
    """Return a sealed batch."""
    return SealedBatch(pipeline_id="p", incarnation="life", epoch=3, seq=7, count=2, **content)


@pytest.mark.parametrize(
    ("content", "payloads"),
    [({"block": b"a\nb\n"}, [b"a", b"b"]), ({"payload_column": [b"a", b"b\nc"]}, [b"a", b"b\nc"]), ({"documents": [{}]}, [])],
)
def test_a_sealed_batch_gives_its_payloads(content: Any, payloads: list[bytes]) -> None:
    assert payloads == list(sealed(**content).payloads)


def test_keys_do_not_depend_on_the_epoch() -> None:
    """A redelivery by the next owner has another epoch and must have the same keys."""
    assert ("p:life:7", "life:7:1") == (sealed().key, sealed().record_key(1))


def test_a_key_group_follows_from_the_key_alone() -> None:
    """These values are in state files; they must never change."""
    assert [0, 67, 125, 114] == [key_group(key) for key in (b"", b"a", b"customer-1", b"\x00\xff")]


def test_keys_spread_over_all_groups() -> None:
    assert set(range(KEY_GROUPS)) == {key_group(b"%d" % number) for number in range(5000)}


def test_the_groups_of_many_keys_are_those_of_each():
    assert [0, 67, 125, 114] == key_groups([b"", b"a", b"customer-1", b"\x00\xff"])


def test_rows_of_state_are_a_sequence():
    rows = StateRows({"0.0": {b"a": b"1", b"b": None}, "1.0": {b"a": b"2"}})
    assert [("0.0", b"a", b"1"), ("0.0", b"b", None), ("1.0", b"a", b"2")] == list(rows)
    assert (3, ("0.0", b"b", None), [("1.0", b"a", b"2")]) == (len(rows), rows[1], rows[2:])
