from __future__ import annotations

from typing import Any

import attrs
import pytest

from fluxion_core.connectors import MemorySink, MemorySource
from fluxion_core.connectors.memory import MemorySinkOptions, MemorySourceOptions
from fluxion_core.errors import ConfigError
from fluxion_core.spi import Context, Cursor, SealedBatch, StateError


def batch(seq: int, *documents: Any, incarnation: str = "life") -> SealedBatch:
    """Return a sealed batch."""
    return SealedBatch(pipeline_id="p", incarnation=incarnation, epoch=1, seq=seq, count=len(documents), documents=documents)


@pytest.mark.parametrize("options", [{}, {"documents": [{}], "payloads": [b"{}"]}])
def test_exactly_one_of_documents_and_payloads(options: Any) -> None:
    with pytest.raises(ConfigError, match=r"source\.documents: expected either documents or payloads"):
        MemorySourceOptions.parse(options, where="source")


def test_an_empty_list_is_a_list() -> None:
    assert [] == MemorySourceOptions.parse({"documents": []}, where="source").documents


def test_a_document_must_be_a_dict() -> None:
    with pytest.raises(ConfigError, match=r"source\.documents: document 1 is of type int; expected a dict each"):
        MemorySourceOptions.parse({"documents": [{"n": 1}, 5]}, where="source")


def test_a_payload_must_be_bytes_or_text() -> None:
    with pytest.raises(ConfigError, match=r"source\.payloads: a payload is neither bytes nor text"):
        MemorySourceOptions.parse({"payloads": [b"a", 1]}, where="source")


def test_a_list_that_became_shorter_is_an_error(context: Context) -> None:
    source = MemorySource(MemorySourceOptions(documents=[{"n": 1}]))
    with pytest.raises(StateError) as caught:
        source.open(context, {"0": 3})
    assert (
        "source memory: 3 elements were read before, now there are 1; give the same list, or keep the state in memory too "
        '(state: {type: memory}; StateConfig("memory") as state_store in Python)'
    ) == str(caught.value)


def test_lag_is_what_is_left(context: Context) -> None:
    source = MemorySource(MemorySourceOptions(documents=[{}, {}, {}]))
    source.open(context, {"0": None})
    source.poll(2, 0)
    assert 1 == source.lag()


def test_the_place_is_the_pipeline_where_none_is_named(context: Context) -> None:
    sink = MemorySink(MemorySinkOptions())
    sink.open(attrs.evolve(context, pipeline_id="a pipeline of this test's own"))
    sink.write(batch(1, {"a": 1}))
    assert [{"a": 1}] == MemorySink.results("a pipeline of this test's own")


def test_what_to_append_to_must_be_a_list() -> None:
    with pytest.raises(ConfigError, match=r"sink\.into: expected a list to append to, not dict"):
        MemorySinkOptions.parse({"into": {}}, where="sink")


def test_a_list_that_was_emptied_by_its_reader_keeps_its_cursor(context: Context) -> None:
    """Reading results and taking them out is no reason to get them again."""
    into: list[Any] = []
    sink = MemorySink(MemorySinkOptions(into=into))
    sink.open(context)
    sink.write(batch(1, {"a": 1}))
    into.clear()
    assert Cursor("life", 1, 1) == MemorySink(MemorySinkOptions(into=into)).open(context)


def test_a_list_that_was_emptied_takes_another_life(context: Context) -> None:
    into: list[Any] = []
    sink = MemorySink(MemorySinkOptions(into=into))
    sink.open(context)
    sink.write(batch(1, {"a": 1}))
    into.clear()
    other = MemorySink(MemorySinkOptions(into=into))
    assert other.open(attrs.evolve(context, incarnation="other")) is None
    other.write(batch(1, {"a": 2}, incarnation="other"))
    assert [{"a": 2}] == into


def test_a_new_list_at_the_address_of_an_old_one_is_a_new_list(context: Context) -> None:
    """Python reuses addresses; equal documents are not the same documents."""
    old: list[Any] = []
    sink = MemorySink(MemorySinkOptions(into=old))
    sink.open(context)
    sink.write(batch(1, {"a": 1}))
    old[:] = [{"a": 1}]  # what a new list there would look like
    assert sink.open(attrs.evolve(context, incarnation="other")) is None
