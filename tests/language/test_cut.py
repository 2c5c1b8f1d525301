"""A program in two: whatever the parts of the input, heads and tail together give what the whole gives."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from fluxion_core.language import (
    MISSING,
    Accumulator,
    compile_pipeline,
    cut_program,
    pack_columns,
    unpack_columns,
)


def documents(count: int = 400) -> list[dict[str, Any]]:
    draw = Random(5)
    made = []
    for n in range(count):
        document: dict[str, Any] = {"n": n, "k": draw.choice(["a", "b", 3, None, 2.5]), "x": draw.uniform(-1e6, 1e6)}
        if draw.random() < 0.1:
            document["x"] = draw.choice(["text", None, 2**70, Decimal("1.5"), datetime(2024, 1, 1, tzinfo=UTC), [1, {"a": 2}]])
        if draw.random() < 0.1:
            del document["k"]
        document["items"] = [{"sku": draw.choice("pqr"), "qty": draw.randrange(5)} for _ in range(draw.randrange(4))]
        made.append(document)
    return made


GROUP = {
    "$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$x"}, "average": {"$avg": "$x"}, "all": {"$push": "$x"}}
}
UNWOUND = {"$group": {"_id": {"sku": "$items.sku", "k": "$k"}, "units": {"$sum": "$items.qty"}, "first": {"$first": "$n"}}}
PIPELINES = {
    "nothing": [],
    "match": [{"$match": {"n": {"$mod": [3, 0]}}}],
    "set": [{"$match": {"n": {"$gte": 7}}}, {"$set": {"twice": {"$multiply": ["$n", 2]}}}, {"$project": {"items": 0}}],
    "unwind": [{"$unwind": "$items"}, {"$project": {"sku": "$items.sku"}}],
    "group": [GROUP],
    "match and group": [{"$match": {"n": {"$mod": [2, 0]}}}, GROUP],
    "group of constants": [{"$group": {"_id": None, "count": {"$sum": 1}}}],
    "unwind and group": [{"$unwind": "$items"}, UNWOUND],
    "group and sort": [{"$match": {"n": {"$lt": 300}}}, GROUP, {"$sort": {"count": -1, "_id": 1}}, {"$limit": 3}],
    "limit": [{"$match": {"n": {"$mod": [2, 1]}}}, {"$limit": 50}, {"$set": {"m": 1}}],
    "unwind and limit": [{"$unwind": "$items"}, {"$skip": 11}, {"$limit": 50}],
    "sort": [{"$match": {"n": {"$mod": [5, 0]}}}, {"$sort": {"n": -1}}],
    "failing": [{"$set": {"y": {"$add": ["$x", 1]}}}, {"$group": {"_id": "$k", "total": {"$sum": "$y"}}}],
}


def whole(stages: Any, parts: list[list[dict[str, Any]]], emit: Any) -> tuple[list[Any], list[Any]]:
    run = compile_pipeline(stages).start(emit=emit)
    rows, fates = [], []
    for part in parts:
        output = run.feed(documents=part)
        rows += output.documents
        fates.append((output.passed, output.filtered, sorted(failure.index or 0 for failure in output.failures)))
    if emit == "updates":
        rows += run.changed().documents
    return rows + run.finish().documents, [*fates, run.state_delta(), run.stage_counts()]


def divided(stages: Any, parts: list[list[dict[str, Any]]], emit: Any) -> tuple[list[Any], list[Any]]:
    program = compile_pipeline(stages)
    cut = cut_program(program)
    assert cut is not None
    tail = cut.start_tail(emit=emit, context=None) if cut.tail is not None else None
    heads = [cut.head.start(), cut.head.start()]
    rows, fates = [], []
    for number, part in enumerate(parts):
        output = heads[number % 2].feed(documents=part)
        failed = [failure.index or 0 for failure in output.failures]
        if tail is None:
            rows += output.documents
            fates.append((output.passed, output.filtered, sorted(failed)))
            continue
        fates_of_head = {"records": len(part), "failed": len(failed), "passed": output.passed}
        if cut.columns is None:
            rest = tail.feed_rows(output.documents, output.origins, **fates_of_head)
        else:
            rest = tail.feed_columns(unpack_columns(pack_columns(output.rows)), output.origins, **fates_of_head)
        rows += rest.documents
        fates.append((rest.passed, rest.filtered, sorted([*failed, *(failure.index or 0 for failure in rest.failures)])))
    counts = [
        [sum(one) for one in zip(*stage, strict=True)] for stage in zip(*(head.stage_counts() for head in heads), strict=True)
    ]
    if tail is None:
        return rows, [*fates, {}, list(map(tuple, counts))]
    if emit == "updates":
        rows += tail.changed().documents
    rows += tail.finish().documents
    merged = [
        (
            head[0] if stage in cut.head.own_stages else behind[0],
            behind[1] if stage in cut.tail.own_stages else head[1],
            head[2] + behind[2],
        )
        for stage, (head, behind) in enumerate(zip(counts, tail.stage_counts(), strict=True))
    ]
    return rows, [*fates, tail.state_delta(), merged]


@pytest.mark.parametrize("size", [7, 64, 1000])
@pytest.mark.parametrize("emit", ["final", "updates", "each"])
@pytest.mark.parametrize("name", PIPELINES)
def test_heads_and_tail_give_rows_fates_state_and_counts_of_the_whole(name: str, emit: str, size: int) -> None:
    given = documents()
    parts = [given[start : start + size] for start in range(0, len(given), size)]
    assert whole(PIPELINES[name], parts, emit) == divided(PIPELINES[name], parts, emit)


def test_a_group_needs_columns_and_no_documents() -> None:
    cut = cut_program(compile_pipeline([{"$match": {"n": 1}}, GROUP]))
    assert cut is not None
    assert (5, ("n", "k", "x")) == (1 + cut.columns, cut.head.required_fields)  # type: ignore[operator]


@pytest.mark.parametrize("stages", [[{"$sort": {"n": 1}}], [{"$limit": 3}, {"$set": {"a": 1}}], [{"$facet": {"a": []}}]])
def test_nothing_before_what_must_see_everything_cannot_be_cut(stages: Any) -> None:
    assert cut_program(compile_pipeline(stages)) is None


def test_a_group_that_may_fail_keeps_the_rows_of_a_record_together() -> None:
    picky = Accumulator(name="$picky", initial=lambda: 0, step=lambda state, value: state + 1, total=False)
    group = {"$group": {"_id": None, "count": {"$picky": "$items"}}}
    cut = cut_program(compile_pipeline([{"$match": {"n": 1}}, {"$unwind": "$items"}, group], accumulators=[picky]))
    assert cut is not None
    assert ((0,), (1, 2), None) == (cut.head.own_stages, cut.tail.own_stages, cut.columns)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1, 2.5, "a", None, True, b"b"],
        [MISSING, 1, MISSING],
        [2**63, -(2**63)],
        [2**64, 1],
        [Decimal("1.10"), datetime(2024, 1, 1, tzinfo=UTC)],
        [MISSING, Decimal(1)],
        [[1, MISSING], {"a": Decimal(2)}],
        [-0.0, float("inf")],
    ],
)
def test_a_column_comes_out_as_it_went_in(values: list[Any]) -> None:
    (found,) = unpack_columns(pack_columns([values]))
    assert (values, list(map(type, values)), repr(values)) == (found, list(map(type, found)), repr(found))


SHARDED = {
    **{name: PIPELINES[name] for name in ("unwind and group", "group and sort")},
    "plain key": [{"$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$x"}, "all": {"$push": "$n"}}}],
    "computed key": [{"$group": {"_id": {"$mod": ["$n", 40]}, "average": {"$avg": "$x"}}}],
    "key of several parts": [
        {"$match": {"n": {"$gte": 5}}},
        {"$group": {"_id": {"fixed": "f", "k": "$k", "of": {"x": {"$gt": ["$x", 0]}}}, "first": {"$first": "$n"}}},
    ],
}


def sharded(
    stages: Any, parts: list[list[dict[str, Any]]], shards: int, *, restart: int = -1
) -> tuple[list[Any], dict[str, Any]]:
    """Run with the rows of every part dealt out; *restart*: before this part, all goes on from the state that was sealed."""
    cut = cut_program(compile_pipeline(stages))
    assert cut is not None
    head = cut.start_head(tracks=False)
    kept = [cut.start_shard(number, shards) for number in range(shards)]
    state: dict[bytes, bytes] = {}

    def seal() -> None:
        fresh = []
        for shard in kept:
            delta = shard.delta()
            rows = list(zip(delta.keys, delta.contents, strict=True))
            ordinals = array("Q", delta.ordinals)
            state.update(rows[: len(rows) - len(ordinals)])
            fresh += zip(ordinals, rows[len(rows) - len(ordinals) :], strict=True)
        state.update(row for _, row in sorted(fresh))

    for number, part in enumerate(parts):
        if number == restart:
            seal()
            kept = [cut.start_shard(number, shards + 1) for number in range(shards + 1)]
            for shard in kept:
                shard.restore(list(state), list(state.values()))
        for shard, dealt in zip(kept, kept[0].deal(head.feed(documents=part).rows), strict=True):
            shard.fold(number + 1, dealt)
        if number % 3 == 2:
            seal()
    seal()
    found = sorted(
        ((ordinal, row) for shard in kept for row, ordinal in zip(*shard.rows(), strict=True)), key=lambda pair: pair[0]
    )
    return [row for _, row in found], state


@pytest.mark.parametrize("restart", [-1, 0, 4])
@pytest.mark.parametrize("shards", [1, 2, 7])
@pytest.mark.parametrize("name", SHARDED)
def test_shards_together_hold_the_groups_of_the_whole_in_their_order(name: str, shards: int, restart: int) -> None:
    given = documents()
    parts = [given[start : start + 64] for start in range(0, len(given), 64)]
    place = next(place for place, stage in enumerate(SHARDED[name]) if "$group" in stage)
    groups, (*_, state, _) = whole(SHARDED[name][: place + 1], parts, "final")
    rows, kept = sharded(SHARDED[name], parts, shards, restart=restart)
    assert (groups, list(map(repr, groups))) == (rows, list(map(repr, rows)))
    assert [*state.values()] == [kept]


def test_every_shard_has_a_part_of_the_groups() -> None:
    cut = cut_program(compile_pipeline([{"$group": {"_id": "$n", "count": {"$sum": 1}}}]))
    assert cut is not None
    for numbers in (range(1000), range(0, 64_000, 64), map(str, range(1000)), (n / 4 for n in range(1000))):
        dealt = cut.start_shard(0, 4).deal([list(numbers)])
        assert all(share.count > 150 for share in dealt)


@pytest.mark.parametrize("group", [{"_id": None, "count": {"$sum": 1}}, {"_id": {"a": "one"}, "total": {"$sum": "$x"}}])
def test_a_single_group_is_not_dealt_out(group: Any) -> None:
    cut = cut_program(compile_pipeline([{"$group": group}]))
    assert cut is not None
    assert cut.sharding is None
    with pytest.raises(ValueError, match="dealt out"):
        cut.start_shard(0, 2)
