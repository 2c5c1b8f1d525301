"""``$toHashedIndexKey``: the value that a hashed index of MongoDB would hold.

Source: MongoDB manual, "$toHashedIndexKey"; the number is the one with which the server checks its hash when it starts.
"""

from decimal import Decimal

import pytest

from fluxion_core import aggregate


def hash_of(document):
    (row,) = aggregate([document], [{"$project": {"_id": 0, "value": {"$toHashedIndexKey": "$value"}}}])
    return row["value"]


@pytest.mark.parametrize("number", [42, 42.0, 42.9, Decimal("42.5")])
def test_numbers_of_one_whole_part_have_one_hash(number) -> None:
    assert hash_of({"value": number}) == -944302157085130861


def test_a_text_has_the_hash_of_the_manual() -> None:
    assert hash_of({"value": "string to hash"}) == 763543691661428748


def test_a_missing_field_is_as_null() -> None:
    assert hash_of({"value": None}) == hash_of({})


@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), ([1], 1), ({"a": 1}, {"b": 1}), ({"a": [1]}, {"a": [1, 1]}), (b"a", "a")]
)
def test_values_that_differ_have_different_hashes(one, other) -> None:
    assert hash_of({"value": one}) != hash_of({"value": other})
