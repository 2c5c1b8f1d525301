"""What ``aggregate`` is given as documents and ``aggregate_ndjson`` as chunks of lines, and is none."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from copy import deepcopy
from typing import Any

import pytest

from fluxion_core import aggregate, aggregate_ndjson

STAGES: list[list[dict[str, Any]]] = [
    [{"$match": {"a": 1}}],
    [{"$set": {"b": "$a"}}],
    [{"$group": {"_id": "$a"}}],
    [{"$sort": {"a": 1}}],
]


@pytest.mark.parametrize("stages", [[], *STAGES])
@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([5], "documents[0]: a document (dict) was expected, not 5"),
        ([[("a", 1)]], "documents[0]: a document (dict) was expected, not [('a', 1)]"),
        ("abc", "documents: a document (dict) was expected, not 'a'"),
        ({"a": 1}, "documents: a document (dict) was expected, not 'a'"),
        (range(5), "documents: a document (dict) was expected, not 0"),
    ],
)
def test_what_is_no_document_is_told(documents: Any, expected: str, stages: Any) -> None:
    with pytest.raises(TypeError) as failure:
        list(aggregate(documents, stages))
    assert expected == str(failure.value)


@pytest.mark.parametrize("chunks", [b"", b'{"a":1}\n', bytearray(b"{}"), memoryview(b"{}"), '{"a":1}'])
def test_one_chunk_in_the_place_of_several_is_told_at_once(chunks: Any) -> None:
    with pytest.raises(TypeError) as failure:
        aggregate_ndjson(chunks, [])
    expected = f"chunks: an iterable of bytes was expected, not {type(chunks).__name__} itself; write [chunk]"
    assert expected == str(failure.value)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (['{"a":1}\n'], "chunks: bytes were expected, not '{\"a\":1}\\n'"),
        ([b"{}\n", 5], "chunks: bytes were expected, not 5"),
        ([{"a": 1}], "chunks: bytes were expected, not {'a': 1}"),
    ],
)
def test_a_chunk_that_is_not_bytes_is_told(chunks: Any, expected: str) -> None:
    with pytest.raises(TypeError) as failure:
        list(aggregate_ndjson(chunks, []))
    assert expected == str(failure.value)


@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("place", [1, 5_000])
def test_its_place_is_told_among_documents_too(place: int, stages: Any) -> None:
    documents: list[Any] = [*({"a": 1} for _ in range(place)), "x"]
    with pytest.raises(TypeError, match=rf"^documents\[{place}\]: "):
        list(aggregate(documents, stages))


@pytest.mark.parametrize("stages", [[], *STAGES])
def test_a_dict_of_a_class_of_its_own_is_a_document(stages: Any) -> None:
    assert list(aggregate([{"a": 1}], stages)) == [dict(row) for row in aggregate([OrderedDict(a=1)], stages)]


def test_a_dict_that_makes_what_it_is_asked_for_is_asked_for_nothing() -> None:
    documents: list[dict[str, Any]] = [{"a": 1, "b": number} for number in range(5_000)]
    documents += [defaultdict(lambda: 5, a=1), {"a": 1, "c": defaultdict(list)}]
    before = deepcopy(documents)
    stages = [{"$group": {"_id": "$a", "sum": {"$sum": "$b"}, "least": {"$min": "$b"}, "all": {"$push": "$c.d"}}}]
    assert [{"_id": 1, "sum": sum(range(5_000)), "least": 0, "all": []}] == list(aggregate(documents, stages))
    assert before == documents
