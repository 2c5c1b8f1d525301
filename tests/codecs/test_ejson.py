"""Extended JSON v2, canonical and relaxed; the pairs are those of the specification's tables."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core.codecs import CanonicalExtendedJsonCodec, ExtendedJsonCodec
from fluxion_core.spi import FatalError, RecordError
from fluxion_core.testing.suites import CodecCase, CodecSuite

MOMENT = datetime(2024, 5, 6, 7, 8, 9, 120000, tzinfo=UTC)
PLAIN = [
    (1, '{"$numberInt":"1"}', "1"),
    (-(2**31), '{"$numberInt":"-2147483648"}', "-2147483648"),
    (2**31, '{"$numberLong":"2147483648"}', "2147483648"),
    (-(2**63), '{"$numberLong":"-9223372036854775808"}', "-9223372036854775808"),
    (1.0, '{"$numberDouble":"1.0"}', "1.0"),
    (-0.0, '{"$numberDouble":"-0.0"}', "-0.0"),
    (float("inf"), '{"$numberDouble":"Infinity"}', '{"$numberDouble":"Infinity"}'),
    (float("-inf"), '{"$numberDouble":"-Infinity"}', '{"$numberDouble":"-Infinity"}'),
    (float("nan"), '{"$numberDouble":"NaN"}', '{"$numberDouble":"NaN"}'),
    (Decimal("1.10"), '{"$numberDecimal":"1.10"}', '{"$numberDecimal":"1.10"}'),
    (Decimal("NaN"), '{"$numberDecimal":"NaN"}', '{"$numberDecimal":"NaN"}'),
    (MOMENT, '{"$date":{"$numberLong":"1714979289120"}}', '{"$date":"2024-05-06T07:08:09.120Z"}'),
    (MOMENT.replace(microsecond=0), '{"$date":{"$numberLong":"1714979289000"}}', '{"$date":"2024-05-06T07:08:09Z"}'),
    (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), '{"$date":{"$numberLong":"-1000"}}', '{"$date":{"$numberLong":"-1000"}}'),
    (b"\x00\xff", '{"$binary":{"base64":"AP8=","subType":"00"}}', '{"$binary":{"base64":"AP8=","subType":"00"}}'),
    (
        UUID(int=1),
        '{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAQ==","subType":"04"}}',
        '{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAQ==","subType":"04"}}',
    ),
    (
        re.compile("^a", re.IGNORECASE | re.MULTILINE),
        '{"$regularExpression":{"pattern":"^a","options":"im"}}',
        '{"$regularExpression":{"pattern":"^a","options":"im"}}',
    ),
    ("text", '"text"', '"text"'),
    (None, "null", "null"),
    (True, "true", "true"),
]


def payload(text: str) -> bytes:
    return f'{{"v":{text}}}'.encode()


def read(text: str) -> Any:
    return ExtendedJsonCodec().decode(payload(text))["v"]


@pytest.mark.parametrize(("value", "canonical", "relaxed"), PLAIN)
def test_each_form_is_written_as_the_specification_says(value: Any, canonical: str, relaxed: str) -> None:
    assert payload(canonical) == CanonicalExtendedJsonCodec().encode({"v": value})
    assert payload(relaxed) == ExtendedJsonCodec().encode({"v": value})


@pytest.mark.parametrize(("value", "canonical", "relaxed"), PLAIN)
def test_both_forms_are_read_by_both(value: Any, canonical: str, relaxed: str) -> None:
    for codec in (ExtendedJsonCodec(), CanonicalExtendedJsonCodec()):
        for text in (canonical, relaxed):
            assert repr({"v": value}) == repr(codec.decode(payload(text)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"$uuid":"00000000-0000-0000-0000-000000000001"}', UUID(int=1)),
        ('{"$date":1714979289120}', MOMENT),
        ('{"$date":"2024-05-06T09:08:09.120+02:00"}', MOMENT),
        ('{"$binary":"AP8=","$type":"00"}', b"\x00\xff"),
        ('{"$symbol":"s"}', "s"),
        ('{"$undefined":true}', None),
        ('{"$unknown":1}', {"$unknown": 1}),
        ('{"a":{"$numberInt":"1"},"b":[{"$numberInt":"2"}]}', {"a": 1, "b": [2]}),
        ('{"$numberDouble":"1.2345678921232E+18"}', 1.2345678921232e18),
    ],
)
def test_other_notations_are_read_too(text: str, value: Any) -> None:
    assert value == read(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"$numberInt":1}',
        '{"$numberInt":"1.5"}',
        '{"$numberInt":"2147483648"}',
        '{"$numberLong":"9223372036854775808"}',
        '{"$numberLong":"1","more":1}',
        '{"$numberDouble":"1_0"}',
        '{"$numberDouble":"inf"}',
        '{"$numberDecimal":"12345678901234567890123456789012345"}',
        '{"$numberDecimal":"abc"}',
        '{"$date":"2024-05-06"}',
        '{"$date":null}',
        '{"$binary":{"base64":"*","subType":"00"}}',
        '{"$binary":{"base64":"AP8="}}',
        '{"$uuid":"x"}',
        '{"$oid":"xyz"}',
        '{"$oid":5}',
        '{"$regularExpression":{"pattern":"a"}}',
        '{"$timestamp":{"t":-1,"i":0}}',
        '{"$minKey":2}',
        '{"$undefined":false}',
    ],
)
def test_what_begins_like_a_type_and_is_none_is_a_record_error(text: str) -> None:
    with pytest.raises(RecordError, match=r"^v: .* is no \$\w+ of Extended JSON v2"):
        read(text)


@pytest.mark.parametrize("number", ["253402300800000", "-62135596800001", "9223372036854775807"])
def test_a_date_that_python_does_not_have_is_a_record_error_that_says_so(number: str) -> None:
    with pytest.raises(RecordError, match=f"^v: the date {number} lies outside the years 1 to 9999"):
        read(f'{{"$date":{{"$numberLong":"{number}"}}}}')


def test_a_date_of_another_year_in_utc_is_written_in_milliseconds() -> None:
    moment = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    assert b'{"v":{"$date":{"$numberLong":"253402315200000"}}}' == ExtendedJsonCodec().encode({"v": moment})


@pytest.mark.parametrize(
    ("value", "letter"),
    [
        (2**63, "v: 9223372036854775808 has more than the 64 bits of BSON's integers"),
        ({"a": [object()]}, r"v\.a\[0\]: a value of class object is none of BSON's"),
    ],
)
def test_what_is_no_value_of_bson_is_a_record_error_with_its_place(value: Any, letter: str) -> None:
    with pytest.raises(RecordError, match=letter):
        ExtendedJsonCodec().encode({"v": value})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary()
    | st.uuids()
    | st.decimals(places=3, min_value=-(10**20), max_value=10**20)
    | st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, fold=0)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "$c", ""]), inner, max_size=3),
    max_leaves=15,
)


@pytest.mark.parametrize("make", [ExtendedJsonCodec, CanonicalExtendedJsonCodec])
@given(value=VALUES)
def test_every_document_of_every_type_survives_the_round_trip(make: Any, value: Any) -> None:
    assert repr({"v": value}) == repr(make().decode(make().encode({"v": value})))


@given(
    data=st.binary(max_size=30)
    | st.sampled_from(["$oid", "$date", "$binary", "$code"]).map(lambda n: b'{"v":{"%s":[]}}' % n.encode())
)
def test_no_bytes_raise_anything_but_a_record_error(data: bytes) -> None:
    (answer,) = ExtendedJsonCodec().decode_batch([data])
    assert isinstance(answer, dict | RecordError)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"$oid":"5f000000000000000000000a"}', "ObjectId"),
        ('{"$timestamp":{"t":1,"i":2}}', "Timestamp"),
        ('{"$minKey":1}', "MinKey"),
        ('{"$maxKey":1}', "MaxKey"),
        ('{"$binary":{"base64":"AP8=","subType":"05"}}', "Binary"),
        ('{"$code":"x"}', "Code"),
    ],
)
def test_without_the_package_bson_its_types_stop_the_pipeline_with_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "bson", None)
    with pytest.raises(
        FatalError, match=rf"v: a value of BSON type {name} needs the extra 'bson': pip install 'fluxion-core\[bson\]'"
    ):
        read(text)


class TestExtendedJsonCodec(CodecSuite):
    """The relaxed form."""

    @pytest.fixture
    def case(self) -> CodecCase:
        """All values that need no package."""
        return CodecCase(
            make=ExtendedJsonCodec,
            documents=[{}, {"v": [value for value, _, _ in PLAIN if value == value]}, {"a": {"$b": 1}}],  # noqa: PLR0124  # NaN equals nothing
            bad_payloads=[b"", b"[1]", b'{"a":{"$oid":1}}'],
            bad_documents=[{"a": object()}, {"a": 2**64}],
        )


class TestCanonicalExtendedJsonCodec(TestExtendedJsonCodec):
    """The canonical form."""

    @pytest.fixture
    def case(self) -> CodecCase:
        """The same values."""
        return CodecCase(
            make=CanonicalExtendedJsonCodec,
            documents=[{}, {"v": [value for value, _, _ in PLAIN if value == value]}, {"a": {"$b": 1}}],  # noqa: PLR0124  # NaN equals nothing
            bad_payloads=[b"", b"[1]", b'{"a":{"$oid":1}}'],
            bad_documents=[{"a": object()}, {"a": 2**64}],
        )
