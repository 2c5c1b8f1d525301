from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core.spi import StateError
from fluxion_core.state.packing import fold, live_rows, pack, rows_of, unpack

ROWS = st.lists(st.tuples(st.sampled_from("gh"), st.binary(max_size=3), st.none() | st.binary(max_size=5)), max_size=30)


@given(value=st.dictionaries(st.text(), st.binary() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.none()))
def test_what_was_packed_comes_back(value: dict[str, Any]) -> None:
    assert value == unpack(pack(value), dict[str, Any], where="here")


@given(value=st.binary(min_size=1, max_size=50), at=st.integers(0, 1000), bit=st.integers(0, 7))
def test_every_flipped_bit_is_noticed(value: bytes, at: int, bit: int) -> None:
    packed = bytearray(pack(value))
    packed[at % len(packed)] ^= 1 << bit
    with pytest.raises(StateError, match="here: "):
        unpack(bytes(packed), bytes, where="here")


@given(value=st.binary(max_size=50), kept=st.integers(0, 60))
def test_every_cut_is_noticed(value: bytes, kept: int) -> None:
    packed = pack(value)
    if kept < len(packed):
        with pytest.raises(StateError, match="damaged; restore it from a backup"):
            unpack(packed[:kept], bytes, where="here")


def test_a_newer_format_is_told_from_damage() -> None:
    with pytest.raises(StateError, match="here: written in format 2; this version reads format 1"):
        unpack(b"FX\x02" + pack(1)[3:], int, where="here")


def test_another_shape_is_told() -> None:
    with pytest.raises(StateError, match="the content cannot be read"):
        unpack(pack([1]), dict[str, int], where="here")


@given(rows=ROWS, cut=st.integers(0, 30))
def test_folding_in_parts_is_folding_at_once(rows: Any, cut: int) -> None:
    parts = rows_of(rows[:cut])
    fold(parts, rows_of(rows[cut:]))
    last = {(operator, key): value for operator, key, value in rows}
    expected = sorted((operator, key, value) for (operator, key), value in last.items() if value is not None)
    assert expected == sorted(live_rows(parts))
