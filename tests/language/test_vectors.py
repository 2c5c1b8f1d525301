"""Vector similarity and the subtype of binary data.

Source: MongoDB manual 8.3, "$similarityCosine", "$similarityDotProduct", "$similarityEuclidean", "$subtype", "$toArray"; the BSON specification,
"BinData Vector".
"""

import struct
from decimal import Decimal
from uuid import UUID

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate

OPERATORS = ["$similarityCosine", "$similarityDotProduct", "$similarityEuclidean"]


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_vector_that_is_null_or_missing_gives_null(operator) -> None:
    assert value_of({operator: ["$none", [1]]}) is None
    assert value_of({operator: {"vectors": [[1], None], "score": True}}) is None


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("other", [[1], ["a", "b"], 5, b"ab"])
def test_vectors_are_of_one_length_and_of_numbers(operator, other) -> None:
    with pytest.raises(EvaluationError):
        value_of({operator: [[1, 2], "$other"]}, {"other": other})


def test_the_angle_with_no_direction_is_0() -> None:
    assert value_of({"$similarityCosine": [[0, 0], [1, 2]]}) == 0


@pytest.mark.parametrize("wrong", [{"vectors": [[1]]}, {"score": True}, {"vectors": [[1], [1]], "score": 1}, [[1]]])
def test_there_are_two_vectors_and_the_score_is_true_or_false(wrong) -> None:
    with pytest.raises(CompileError):
        value_of({"$similarityDotProduct": wrong})


@pytest.mark.parametrize(
    ("data", "dot"),
    [
        (b"\x03\x00\xff\x02", 3.0),
        (b"\x27\x00" + struct.pack("<2f", 0.5, 2), 4.5),
        (b"\x10\x06\x40", 2.0),
    ],
)
def test_binary_vectors_are_of_bytes_floats_or_bits(data, dot) -> None:
    bson = pytest.importorskip("bson")
    assert dot == value_of({"$similarityDotProduct": ["$vector", [1, 2]]}, {"vector": bson.Binary(data, 9)})


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (b"\x03\x00\xff\x02", [-1, 2]),
        (b"\x27\x00" + struct.pack("<2f", 0.5, 2), [0.5, 2.0]),
        (b"\x10\x06\x40", [False, True]),
        (b"\x10\x00", []),
        (b"\x10\x07", []),
        (b"", []),
    ],
)
def test_a_binary_vector_becomes_an_array(data, items) -> None:
    bson = pytest.importorskip("bson")
    found = value_of({"$toArray": "$vector"}, {"vector": bson.Binary(data, 9)})
    assert items == found
    assert [type(item) for item in items] == [type(item) for item in found]


@pytest.mark.parametrize(
    "data", [b"\x03", b"\x03\x01\xff", b"\x27\x01\0\0\0\0", b"\x27\x00\0\0\0", b"\x10\x08\xff", b"\x44\x00\xff"]
)
def test_bytes_of_another_element_length_or_padding_are_no_vector(data) -> None:
    bson = pytest.importorskip("bson")
    for expression in ({"$toArray": "$vector"}, {"$similarityDotProduct": ["$vector", "$vector"]}):
        with pytest.raises(EvaluationError):
            value_of(expression, {"vector": bson.Binary(data, 9)})


def test_binary_data_of_another_subtype_is_no_vector() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$toArray": "$data"}, {"data": b"\x03\x00\xff"})


def test_bits_beyond_what_a_document_may_make_are_refused() -> None:
    bson = pytest.importorskip("bson")
    with pytest.raises(EvaluationError):
        value_of({"$toArray": "$vector"}, {"vector": bson.Binary(b"\x10\x00" + bytes(8_000_000), 9)})


def test_the_subtype_of_a_uuid_is_4_and_of_what_is_no_binary_data_an_error() -> None:
    assert value_of({"$subtype": UUID(int=1)}) == 4
    assert value_of({"$subtype": "$none"}) is None
    with pytest.raises(EvaluationError):
        value_of({"$subtype": "$text"}, {"text": "abc"})


@pytest.mark.parametrize(("number", "expected"), [(Decimal("sNaN"), "nan"), (10**400, "inf"), (-(10**400), "-inf")])
def test_a_number_that_no_float_holds_is_infinite_or_none(number, expected) -> None:
    (row,) = aggregate([{"v": [number]}], [{"$project": {"_id": 0, "x": {"$similarityDotProduct": ["$v", [1]]}}}])
    assert expected == str(row["x"])
