"""The extreme number of a group has a place of its own in generated code: it stands for the same as the accumulator's one state."""

import itertools
import json
import math
from decimal import Decimal

import pytest

from fluxion_core import aggregate_ndjson, compile_pipeline

NAN, INFINITE = float("nan"), float("inf")
VALUES = [NAN, INFINITE, -INFINITE, 0.0, 3, 2.5, 2**70, "text", True, None, [1]]
STAGES = [{"$group": {"_id": "$k", "least": {"$min": "$v"}, "most": {"$max": "$v"}}}]
RANKS = {str: 2, list: 3, bool: 4}


def rank(value):
    """Return what MongoDB orders the values above by: numbers, NaN the least, then text, arrays and booleans."""
    if value.__class__ in RANKS:
        return RANKS[value.__class__], 0
    return 1, -INFINITE if math.isnan(value) else value, not math.isnan(value)


def expected(values):
    there = [value for value in values if value is not None]
    return {"_id": 1, "least": min(there, key=rank, default=None), "most": max(there, key=rank, default=None)}


@pytest.mark.parametrize("adapts_after", [0, 10**9])
@pytest.mark.parametrize("values", list(itertools.permutations(VALUES, 2)))
def test_numbers_and_all_else_are_one_order(values, adapts_after: int) -> None:
    run = compile_pipeline(STAGES).start()
    run.adapts_after = adapts_after
    run.feed(documents=[{"k": 0, "v": 1.5}] * 40)
    run.feed(documents=[{"k": 0, "v": 1.5}] * 40)
    run.feed(documents=[{"k": 1, "v": value} for value in values])
    assert repr(expected(values)) == repr(run.finish().documents[1])


@pytest.mark.parametrize("values", [[1.5, Decimal("1.5")], [Decimal("1.5"), 1.5], [2, None, Decimal(2)], [NAN, Decimal("NaN")]])
def test_of_equal_numbers_the_first_is_the_extreme(values) -> None:
    run = compile_pipeline(STAGES).start()
    run.feed(documents=[{"k": 1, "v": value} for value in values])
    assert repr([values[0], values[0]]) == repr([run.finish().documents[0][name] for name in ("least", "most")])


@pytest.mark.parametrize("value", VALUES)
def test_an_extreme_is_the_same_after_it_was_sealed(value) -> None:
    program = compile_pipeline(STAGES)
    first, second = program.start(), program.start()
    first.feed(documents=[{"k": 1, "v": value}])
    second.restore((name, key, content) for name, rows in first.state_delta().items() for key, content in rows.items())
    second.feed(documents=[{"k": 1, "v": 1}, {"k": 1}])
    assert repr(expected([value, 1])) == repr(second.finish().documents[0])


@pytest.mark.parametrize("value", [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**200, Decimal(2**70), 0.5])
def test_a_sum_of_any_size_is_the_same_after_it_was_sealed(value) -> None:
    stages = [
        {
            "$group": {
                "_id": None,
                "sum": {"$sum": "$v"},
                "average": {"$avg": "$v"},
                "least": {"$min": "$v"},
                "count": {"$count": {}},
            }
        }
    ]
    first, second = compile_pipeline(stages).start(), compile_pipeline(stages).start()
    first.feed(documents=[{"v": value}])
    expected = compile_pipeline(stages).start()
    expected.feed(documents=[{"v": value}, {"v": 1}])
    second.restore((name, key, content) for name, rows in first.state_delta().items() for key, content in rows.items())
    second.feed(documents=[{"v": 1}])
    assert repr(expected.finish().documents) == repr(second.finish().documents)


@pytest.mark.parametrize("passing", [0, 1, 2, 8, 9, 30])
def test_lines_that_pass_leave_as_they_came_however_few_they_are(passing: int) -> None:
    lines = [json.dumps({"a": index * 7 % 31, "n": index}).encode() + b"\n" for index in range(31)]
    expected = [line for line in lines if json.loads(line)["a"] < passing]
    assert b"".join(expected) == b"".join(aggregate_ndjson([b"".join(lines)], [{"$match": {"a": {"$lt": passing}}}]))
