"""Documents of more than 16 MiB as BSON are refused by the library too, going in and coming out.

Source: MongoDB manual, "BSON Document Size" and "Result Size Restrictions"; the BSON specification for the sizes.
"""

import re
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from uuid import UUID

import pytest

from fluxion_core import EvaluationError, aggregate
from fluxion_core.language.bson_size import bson_size
from fluxion_core.language.weighing import EACH, FIRST

MIB = 1024 * 1024
TEXT = "x" * 9 * MIB


def refused(documents, stages, path):
    with pytest.raises(EvaluationError, match=rf"^{path}: a document .* 16 MiB"):
        list(aggregate(documents, stages))


@pytest.mark.parametrize(
    "value",
    [
        "x" * 17 * MIB,
        b"x" * 17 * MIB,
        {"b": [TEXT, {"c": TEXT}]},
        [0] * 2_000_000,  # in text a fifth of it
        [{}] * 2_000_000,
    ],
)
@pytest.mark.parametrize("stages", [[], [{"$match": {"k": 1}}], [{"$project": {"k": 1}}]])
def test_a_document_that_comes_in_too_large_is_an_error_that_names_it(stages, value) -> None:
    refused([{"k": 1}, {"k": 1, "a": value}], stages, r"documents\[1\]")


@pytest.mark.parametrize("value", [["x" * MIB] * 1000, reduce(lambda inner, _: {"a": inner, "b": inner}, range(60), {})])
def test_what_is_shared_counts_as_often_as_it_stands_there_and_is_weighed_once(value) -> None:
    tracemalloc.start()
    try:
        refused([{"a": value}], [], r"documents\[0\]")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MIB


def test_one_of_16_mib_passes() -> None:
    document = {"a": "x" * (16 * MIB - 13)}
    assert 16 * MIB == bson_size(document, {})
    assert [document] == list(aggregate([document], []))


@pytest.mark.parametrize(
    "stages",
    [
        [{"$set": {"b": "$a"}}],
        [{"$project": {"b": ["$a", "$a"]}}],
        [{"$group": {"_id": "$a", "b": {"$first": "$a"}}}],
        [{"$group": {"_id": None, "b": {"$push": "$a"}, "c": {"$max": "$a"}}}],
        [{"$sort": {"k": 1}}, {"$replaceWith": {"x": "$$ROOT", "y": "$$ROOT"}}],
    ],
)
def test_one_that_comes_out_too_large_is_an_error_that_names_the_last_stage(stages) -> None:
    last = len(stages) - 1
    refused([{"a": TEXT}], stages, rf"stages\[{last}\]\.\{next(iter(stages[last]))}")


def test_a_group_that_gathers_many_documents_is_weighed() -> None:
    documents = ({"s": "x" * 1000, "k": number % 7 == 0} for number in range(30_000))
    refused(documents, [{"$group": {"_id": "$k", "all": {"$push": "$$ROOT"}}}], r"stages\[0\]\.\$group")


def test_all_are_looked_at_once_one_is_large() -> None:
    documents = [{"a": "x" * MIB}] * FIRST + [{"a": 1}] * 300 + [{"a": "x" * 17 * MIB}]
    refused(documents, [], rf"documents\[{FIRST + 300}\]")


def test_one_of_many_small_ones_is_looked_at_now_and_then() -> None:
    refused([{"a": 1}] * (FIRST - 1 + EACH) + [{"a": "x" * 17 * MIB}], [], rf"documents\[{FIRST - 1 + EACH}\]")


def test_what_is_no_value_of_bson_is_not_weighed() -> None:
    nested = reduce(lambda inner, _: {"a": inner}, range(5000), {})
    assert [{1: 2}, nested] == list(aggregate([{1: 2}, nested], []))  # type: ignore[dict-item]


def test_the_size_is_that_of_bson() -> None:
    bson = pytest.importorskip("bson")
    plain = {"a": None, "é": ["ü", b"ab", 1.5, True, 2**31, -(2**31), {"": {}}], "d": datetime(2024, 1, 1, tzinfo=UTC)}
    special = {"o": bson.ObjectId(), "t": bson.Timestamp(1, 2), "m": [bson.MinKey(), bson.MaxKey()], "i": bson.Int64(1)}
    other = {"r": bson.Regex("a", re.IGNORECASE), "c": bson.Code("f"), "b": bson.Binary(b"x", 5), "n": [None] * 1234}
    for document in (plain, special, other, {}):
        assert len(bson.encode(document)) == bson_size(document, {})
    assert 16 == bson_size({"a": Decimal(1)}, {}) - bson_size({"a": None}, {})
    assert 5 + 16 == bson_size({"a": UUID(int=1)}, {}) - bson_size({"a": None}, {})
