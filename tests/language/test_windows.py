"""``$setWindowFields`` and ``$densify``: windows that need an order, outputs in each other's way, and steps of months.

Source: MongoDB manual, "$setWindowFields", "$densify"; for what they leave open, the server's parser and its generator of documents.
"""

from datetime import UTC, datetime

import pytest

from fluxion_core import CompileError, aggregate


@pytest.mark.parametrize("bounds", [[-1, 0], ["unbounded", "current"], ["current", "unbounded"]])
def test_a_bounded_window_of_documents_needs_an_order(bounds) -> None:
    output = {"sum": {"$sum": "$v", "window": {"documents": bounds}}}
    with pytest.raises(CompileError):
        list(aggregate([{"v": 1}], [{"$setWindowFields": {"output": output}}]))
    (row,) = aggregate([{"v": 1}], [{"$setWindowFields": {"sortBy": {}, "output": output}}])
    assert 1 == row["sum"]


def test_an_unbounded_window_of_documents_needs_none() -> None:
    output = {"sum": {"$sum": "$v", "window": {"documents": ["unbounded", "unbounded"]}}}
    assert [3, 3] == [row["sum"] for row in aggregate([{"v": 1}, {"v": 2}], [{"$setWindowFields": {"output": output}}])]


def test_outputs_may_not_lie_within_each_other() -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [{"$setWindowFields": {"output": {"a": {"$sum": 1}, "a.b": {"$sum": 1}}}}]))


def test_densify_takes_every_step_from_the_one_before() -> None:
    days = [datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 4, 15, tzinfo=UTC)]
    rows = aggregate(
        [{"d": day} for day in days], [{"$densify": {"field": "d", "range": {"step": 1, "unit": "month", "bounds": "full"}}}]
    )
    assert ["12-31", "01-31", "02-29", "03-29", "04-15"] == [f"{row['d']:%m-%d}" for row in rows]


def test_densify_with_many_steps_is_quick() -> None:
    rows = aggregate(
        [{"v": 0}, {"v": 30_000}], [{"$densify": {"field": "v", "range": {"step": 1, "bounds": "full"}}}, {"$count": "n"}]
    )
    assert [{"n": 30_001}] == list(rows)
