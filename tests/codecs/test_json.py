from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core.codecs import JsonCodec
from fluxion_core.codecs.json import MAX_DEPTH
from fluxion_core.spi import RecordError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4)
    ),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), VALUES, max_size=5)


@pytest.fixture
def codec() -> JsonCodec:
    """The codec."""
    return JsonCodec()


@given(document=DOCUMENTS)
def test_every_json_document_survives_the_round_trip(document: dict[str, Any]) -> None:
    codec = JsonCodec()
    assert repr(document) == repr(codec.decode(codec.encode(document)))


@given(document=DOCUMENTS)
def test_what_it_writes_is_one_line_that_others_read(document: dict[str, Any]) -> None:
    written = JsonCodec().encode(document)
    assert b"\n" not in written
    assert document == json.loads(written)


@given(payload=st.binary(max_size=40))
def test_no_bytes_raise_anything_but_a_record_error(payload: bytes) -> None:
    (answer,) = JsonCodec().decode_batch([payload])  # lets every other exception through
    assert isinstance(answer, dict | RecordError)


HALF_A_PAIR = "the record is not JSON that can be read: a \\u escape in it is half of a surrogate pair"


@pytest.mark.parametrize(
    ("payload", "letter"),
    [
        (b"", "the record is empty; expected a JSON object"),
        (b" \t", "the record is empty; expected a JSON object"),
        (b"[]", "the record is an array; expected a JSON object"),
        (b'"a"', "the record is a text; expected a JSON object"),
        (b"1", "the record is a number; expected a JSON object"),
        (b"1.5", "the record is a number; expected a JSON object"),
        (b"true", "the record is true or false; expected a JSON object"),
        (b"null", "the record is null; expected a JSON object"),
        (b"{", "the record is not JSON: "),
        (b'{"a":NaN}', "the record is not JSON: "),
        (b'{"a":1e999}', "the record is not JSON that can be read: Number out of range"),
        (rb'{"a":"\ud800"}', HALF_A_PAIR),
        (rb'{"a":"\ud800 and more than six bytes"}', HALF_A_PAIR),
        (rb'{"a":"\udc00"}', HALF_A_PAIR),
        (rb'{"a":"\\\ud800"}', HALF_A_PAIR),
        (rb'{"a":"\ud83d\ude00', "the record is not JSON: Input data was truncated"),
        (rb'{"a":"\\ud800', "the record is not JSON: Input data was truncated"),
        (b'{"a":1}{"a":2}', "the record is not JSON: "),
        (b'{"a":"\xff"}', "the record is not "),
        (b'\xef\xbb\xbf{"a":1}', "the record is not JSON: "),
    ],
)
def test_what_is_wrong_is_said(codec: JsonCodec, payload: bytes, letter: str) -> None:
    with pytest.raises(RecordError) as caught:
        codec.decode(payload)
    assert str(caught.value).startswith(letter)


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
@pytest.mark.parametrize("levels", [1000, 100_000])
def test_a_document_nested_without_end_is_a_record_error(codec: JsonCodec, opening: bytes, levels: int) -> None:
    closing = {b'{"a":': b"}", b"[": b"]"}[opening]
    payload = b'{"x":' + opening * levels + b"1" + closing * levels + b"}"
    with pytest.raises(RecordError, match="nested more than 100 levels deep"):
        codec.decode(payload)


@pytest.mark.parametrize(("levels", "good"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_the_limit_of_nesting_is_exact(codec: JsonCodec, levels: int, good: bool) -> None:
    payload = b'{"a":' * levels + b"1" + b"}" * levels
    if good:
        assert json.loads(payload) == codec.decode(payload)
    else:
        with pytest.raises(RecordError, match="nested more than 100 levels deep"):
            codec.decode(payload)


def test_braces_in_text_are_no_nesting(codec: JsonCodec) -> None:
    payload = json.dumps({"a": "{[" * 500}).encode()
    assert {"a": "{[" * 500} == codec.decode(payload)


def test_a_document_too_deep_to_write_is_a_record_error(codec: JsonCodec) -> None:
    document: dict[str, Any] = {}
    for _ in range(100_000):
        document = {"a": document}
    with pytest.raises(RecordError, match="nested more than 100 levels deep"):
        codec.encode(document)
    while document:  # taken apart by hand: freeing it in one go would be as deep
        document = document["a"]


def test_of_equal_keys_the_last_one_counts(codec: JsonCodec) -> None:
    assert {"a": 2} == codec.decode(b'{"a":1,"a":2}')


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1.0), ("-0", 0), ("1e2", 100.0), ("9223372036854775808", 2**63), ("1" * 40, int("1" * 40))],
)
def test_numbers_keep_their_kind(codec: JsonCodec, text: str, value: Any) -> None:
    assert repr(value) == repr(codec.decode(b'{"n":%s}' % text.encode())["n"])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC), '"2024-05-06T07:08:09.123Z"'),
        (datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2))), '"2024-05-06T05:08:09.000Z"'),
        (datetime(1, 1, 1, tzinfo=UTC), '"0001-01-01T00:00:00.000Z"'),
        (Decimal("1.10"), '"1.10"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (b"\x00\xff", '"AP8="'),
        (float("nan"), "null"),
        (float("inf"), "null"),
        ((1, (2,)), "[1,[2]]"),
        (2**64, str(2**64)),
        (-(2**70), str(-(2**70))),
        (1.0, "1.0"),
        (True, "true"),
    ],
)
def test_what_json_lacks_is_written_as_promised(codec: JsonCodec, value: Any, written: str) -> None:
    assert f'{{"v":{written}}}'.encode() == codec.encode({"v": value})
    assert f'{{"v":[{written}]}}'.encode() == codec.encode({"v": [value]})


def test_a_date_of_another_year_in_utc_is_a_record_error(codec: JsonCodec) -> None:
    with pytest.raises(RecordError, match="no form in JSON"):
        codec.encode({"v": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))})


def test_a_lone_surrogate_is_a_record_error(codec: JsonCodec) -> None:
    with pytest.raises(RecordError, match="no form in JSON"):
        codec.encode({"a": "\ud800"})


def test_the_core_may_decode_its_payloads_itself() -> None:
    assert JsonCodec.json_text
