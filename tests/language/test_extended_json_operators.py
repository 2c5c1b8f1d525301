"""``$serializeEJSON $deserializeEJSON $toArray $toObject $hash $hexHash``, and the places of elements in ``$map`` and its like.

Source: MongoDB manual 8.3, the page of each operator; the specification "MongoDB Extended JSON v2"; the XXH64 specification.
"""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate

SAME_IN_BOTH_FORMS = [
    ("text", "text"),
    (None, None),
    (True, True),
    (float("-inf"), {"$numberDouble": "-Infinity"}),
    (Decimal("1.50"), {"$numberDecimal": "1.50"}),
    (b"abc", {"$binary": {"base64": "YWJj", "subType": "0"}}),
    (UUID("0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60"), {"$uuid": "0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60"}),
]
NUMBERS = [
    (7, {"$numberInt": "7"}),
    (2**40, {"$numberLong": "1099511627776"}),
    (1.0, {"$numberDouble": "1"}),
    ({"a": [1]}, {"a": [{"$numberInt": "1"}]}),
]
DATE = datetime(2004, 3, 21, 18, 59, 54, tzinfo=UTC)


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


def refuses(expression, document=None):
    with pytest.raises((CompileError, EvaluationError)):
        value_of(expression, document)


@pytest.mark.parametrize(
    ("value", "written"), [*SAME_IN_BOTH_FORMS, *NUMBERS, (DATE, {"$date": {"$numberLong": "1079895594000"}})]
)
def test_the_canonical_form_is_written_and_read(value, written) -> None:
    assert value_of({"$serializeEJSON": {"input": "$v", "relaxed": False}}, {"v": value}) == written
    assert value_of({"$deserializeEJSON": {"input": "$v"}}, {"v": written}) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [*SAME_IN_BOTH_FORMS, *((value, value) for value, _ in NUMBERS), (DATE, {"$date": "2004-03-21T18:59:54.000Z"})],
)
def test_the_relaxed_form_is_the_default(value, written) -> None:
    assert value_of({"$serializeEJSON": {"input": "$v"}}, {"v": value}) == written
    assert value_of({"$deserializeEJSON": {"input": "$v"}}, {"v": written}) == value


@pytest.mark.parametrize(
    "wrong",
    [
        {"$numberLong": 1},
        {"$numberLong": "Infinity"},
        {"$numberInt": "3000000000"},
        {"$numberDouble": "inf"},
        {"$binary": {"base64": "MTIz", "subType": "004"}},
        {"$numberInt": "09"},
        {"$numberInt": "0x"},
        {"$numberDouble": "0x1p3x"},
        {"$date": "2020-01-01T00:00:00"},
        {"$date": "2020-01-01"},
        {"$date": "2020-01-01T00:00:00 EST"},
        {"$code": "x", "$scope": {"$numberInt": "1"}},
        {"$oid": "x"},
        {"a": 1, "$oid": "507f1f77bcf86cd799439011"},
        {"$date": 5},
    ],
)
def test_a_wrong_wrapper_is_an_error_that_on_error_answers(wrong) -> None:
    refuses({"$deserializeEJSON": {"input": "$v"}}, {"v": wrong})
    assert value_of({"$deserializeEJSON": {"input": "$v", "onError": "no"}}, {"v": wrong}) == "no"


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert value_of({"$serializeEJSON": {"input": "$v"}}, {"v": DATE.replace(tzinfo=None)}) == {
        "$date": "2004-03-21T18:59:54.000Z"
    }


@pytest.mark.parametrize(
    ("date", "written"),
    [
        (datetime(1902, 1, 1, tzinfo=UTC), "1902-01-01T00:00:00.000Z"),
        (datetime(1901, 12, 31, 23, 59, 59, tzinfo=UTC), {"$numberLong": "-2145916801000"}),
        (datetime(3000, 12, 31, 23, 59, 58, tzinfo=UTC), "3000-12-31T23:59:58.000Z"),
        (datetime(3000, 12, 31, 23, 59, 59, tzinfo=UTC), {"$numberLong": "32535215999000"}),
    ],
)
def test_a_date_before_1902_or_after_the_year_3000_is_written_as_a_number(date, written) -> None:
    assert {"$date": written} == value_of({"$serializeEJSON": {"input": "$v"}}, {"v": date})
    assert date == value_of({"$deserializeEJSON": {"input": "$v"}}, {"v": {"$date": written}})


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"$numberInt": "0x1F"}, 31),
        ({"$numberLong": "-017"}, -15),
        ({"$numberInt": "0"}, 0),
        ({"$numberDouble": "-0x1.8p1"}, -3.0),
        ({"$date": "2020-01-01T01:00:00.5+01:00"}, datetime(2020, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_numbers_are_read_as_c_reads_them_and_dates_with_an_offset(written, value) -> None:
    assert value == value_of({"$deserializeEJSON": {"input": "$v"}}, {"v": written})


def test_every_subtype_is_read_and_a_timestamp_cut_to_32_bits() -> None:
    bson = pytest.importorskip("bson")
    read = {"$deserializeEJSON": {"input": "$v"}}
    assert bson.Binary(b"abc", 127) == value_of(read, {"v": {"$binary": {"base64": "YWJj", "subType": "7f"}}})
    assert bson.Binary(b"abc", 4) == value_of(read, {"v": {"$binary": {"base64": "YWJj", "subType": "4"}}})
    assert bson.Timestamp(2**32 - 1, 1) == value_of(read, {"v": {"$timestamp": {"t": -1, "i": 2**32 + 1}}})
    refuses(read, {"v": {"$minKey": bson.Int64(1)}})


def test_what_json_does_not_hold_is_not_read() -> None:
    refuses({"$deserializeEJSON": {"input": "$v"}}, {"v": DATE})


def test_relaxed_is_true_or_false_whatever_on_error_says() -> None:
    refuses({"$serializeEJSON": {"input": 1, "relaxed": 1, "onError": 2}})


def test_json_text_becomes_an_array_or_an_object() -> None:
    assert value_of({"$toArray": '[1, 2.5, {"a": null}]'}) == [1, 2.5, {"a": None}]
    assert value_of({"$toObject": '{"$toString": 18446744073709551615}'}) == {"$toString": 18446744073709551615.0}
    assert value_of({"$toArray": "$none"}) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "123", '"a"', '{"a": 1,}', "{a: 1}", '{"a": NaN}', '{"a": 1e999}', '{"a\\u0000": 1}', 5]
)
def test_what_is_no_object_in_json_is_refused(text) -> None:
    refuses({"$toObject": "$t"}, {"t": text})


@pytest.mark.parametrize(
    ("text", "digits"),
    [("", "EF46DB3751D8E999"), ("a", "D24EC4F1A98C6E5B"), ("Nobody inspects the spammish repetition", "FBCEA83C8A378BF1")],
)
def test_xxh64(text, digits) -> None:
    assert value_of({"$hexHash": {"input": "$t", "algorithm": "xxh64"}}, {"t": text}) == digits
    assert value_of({"$hash": {"input": "$t", "algorithm": "xxh64"}}, {"t": text.encode()}) == bytes.fromhex(digits)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_digests_of_the_library(algorithm) -> None:
    digest = hashlib.new(algorithm, "ü".encode())
    assert value_of({"$hash": {"input": "ü", "algorithm": algorithm}}) == digest.digest()
    assert value_of({"$hash": {"input": "$none", "algorithm": algorithm}}) is None


@pytest.mark.parametrize("arguments", [{"input": [1], "algorithm": "md5"}, {"input": "a", "algorithm": "MD5"}, {"input": "a"}])
def test_a_hash_needs_a_text_and_an_algorithm(arguments) -> None:
    refuses({"$hash": arguments})


# --------------------------------------------------------------------------------------------------- places


def test_the_place_of_an_element_is_idx_unless_it_has_a_name() -> None:
    inner = {"$map": {"input": "$a", "arrayIndexAs": "inner", "in": ["$$IDX", "$$inner"]}}
    assert value_of({"$map": {"input": "$a", "in": inner}}, {"a": ["x", "y"]}) == [
        [[0, 0], [0, 1]],
        [[1, 0], [1, 1]],
    ]
    assert value_of({"$filter": {"input": [0, 7, 2], "cond": {"$eq": ["$$this", "$$IDX"]}}}) == [0, 2]


def test_reduce_names_its_element_its_value_and_its_place() -> None:
    body = {"$add": ["$$sum", {"$multiply": ["$$item", "$$at"]}]}
    names = {"as": "item", "valueAs": "sum", "arrayIndexAs": "at"}
    assert value_of({"$reduce": {"input": [1, 2, 3], "initialValue": 0, "in": body, **names}}) == 8


@pytest.mark.parametrize(
    "expression",
    [
        {"$map": {"input": [1], "arrayIndexAs": "i", "in": "$$IDX"}},
        {"$map": {"input": [1], "arrayIndexAs": "IDX", "in": 1}},
        {"$map": {"input": ["$$IDX"], "in": 1}},
        {"$filter": {"input": [1], "cond": True, "limit": "$$IDX"}},
        {"$filter": {"input": [1], "as": "i", "arrayIndexAs": "i", "cond": True}},
        {"$reduce": {"input": [1], "initialValue": "$$IDX", "in": 1}},
        {"$reduce": {"input": [1], "initialValue": 0, "as": "e", "in": "$$this"}},
        {"$reduce": {"input": [1], "initialValue": 0, "as": "e", "valueAs": "e", "in": 1}},
    ],
)
def test_a_name_is_seen_in_the_body_only_and_given_once(expression) -> None:
    refuses(expression)
