"""Vector similarity and the subtype of binary data.

Source: MongoDB manual 8.3, "$similarityCosine", "$similarityDotProduct", "$similarityEuclidean", "$subtype"; the BSON specification,
"BinData Vector".
"""

import struct
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


def test_the_subtype_of_a_uuid_is_4_and_of_what_is_no_binary_data_an_error() -> None:
    assert value_of({"$subtype": UUID(int=1)}) == 4
    assert value_of({"$subtype": "$none"}) is None
    with pytest.raises(EvaluationError):
        value_of({"$subtype": "$text"}, {"text": "abc"})
