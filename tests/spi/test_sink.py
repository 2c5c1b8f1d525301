"""The five rules of ``dedupe = "batch"``, as the comparison of a cursor with a batch."""

from __future__ import annotations

import pytest

from fluxion_core.spi import Cursor, FencedError, SealedBatch, StateError, is_duplicate


def batch(seq: int, epoch: int = 5, incarnation: str = "life") -> SealedBatch:
    """Return an empty batch."""
    return SealedBatch(pipeline_id="p", incarnation=incarnation, epoch=epoch, seq=seq, count=0, block=b"")


@pytest.mark.parametrize(("seq", "expected"), [(1, True), (6, True), (7, True), (8, False)])
def test_a_batch_up_to_the_cursor_is_a_duplicate(seq: int, expected: bool) -> None:
    assert expected == is_duplicate(Cursor("life", 5, 7), batch(seq), "sink")


@pytest.mark.parametrize("epoch", [5, 6, 99])
def test_a_newer_owner_may_redeliver(epoch: int) -> None:
    assert is_duplicate(Cursor("life", 5, 7), batch(7, epoch), "sink")


@pytest.mark.parametrize("seq", [1, 7, 8, 9])
def test_an_older_owner_is_fenced_whatever_it_brings(seq: int) -> None:
    with pytest.raises(FencedError, match=r"sink: a newer owner .* has written \(epoch 5, this is 4\)"):
        is_duplicate(Cursor("life", 5, 7), batch(seq, epoch=4), "sink")


def test_a_gap_is_an_error() -> None:
    with pytest.raises(StateError, match="sink: holds the batches up to 7, and now comes 9; expected 8"):
        is_duplicate(Cursor("life", 5, 7), batch(9), "sink")


@pytest.mark.parametrize("seq", [1, 7, 8, 9])
@pytest.mark.parametrize("epoch", [4, 5, 6])
def test_another_life_is_an_error_before_anything_else(seq: int, epoch: int) -> None:
    with pytest.raises(StateError, match=r"another life of the state \(old, this is life\)"):
        is_duplicate(Cursor("old", 5, 7), batch(seq, epoch), "sink")


def test_the_first_batch_needs_no_cursor() -> None:
    assert not is_duplicate(None, batch(1), "sink")


def test_a_gap_before_the_first_batch_is_an_error() -> None:
    with pytest.raises(StateError, match="holds the batches up to 0, and now comes 2; expected 1"):
        is_duplicate(None, batch(2), "sink")
