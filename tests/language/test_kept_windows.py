"""Functions that keep the values of a window that has a lower bound: each result is what the documents of the window alone come to.

Source: MongoDB manual, "$setWindowFields" and the page of each.
"""

import math
import random
from decimal import Decimal

import pytest

from fluxion_core import compile_pipeline

VALUES = [None, 1, 1.0, Decimal(1), 2, 2.5, "a", "", True, [1], [], {"a": 1}, b"x", math.nan, 3, 3, 3, -1]
FUNCTIONS = [
    *[{"$count": {}}, {"$first": "$v"}, {"$last": "$v"}, {"$push": "$v"}, {"$concatArrays": "$l"}],
    *[{"$firstN": {"input": "$v", "n": 2}}, {"$lastN": {"input": "$v", "n": 2.0}}],
    {"$minN": {"input": "$v", "n": 2}},
    *[
        {"$top": {"output": "$v", "sortBy": {"w": -1}}},
        {"$topN": {"output": ["$v", "$n"], "sortBy": {"v": 1, "w": -1}, "n": 2}},
    ],
]
SETS = [{"$addToSet": "$v"}, {"$setUnion": "$l"}]
IN_ORDER = {"$project": {"result": {"$sortArray": {"input": "$members", "sortBy": 1}}}}
BOUNDS = [(-2, 0), (-3, -1), (1, 2), (0, 0), ("current", "unbounded"), (-1, "unbounded")]


def documents(seed):
    chosen = random.Random(seed)
    for number in range(chosen.randint(1, 12)):
        document = {"n": number, "w": chosen.randint(0, 3), "l": chosen.choices(VALUES, k=chosen.randint(0, 3))}
        yield document | ({} if chosen.random() < 0.1 else {"v": chosen.choice(VALUES)})


def windowed(function, bounds):
    stage = {
        "$setWindowFields": {"sortBy": {"n": 1}, "output": {"result": {**function, "window": {"documents": list(bounds)}}}}
    }
    return compile_pipeline([stage])


def results(program, rows):
    run = program.start()
    return [row["result"] for row in [*run.feed(documents=rows).documents, *run.finish().documents]]


def alone(program, bounds, rows):
    low, high = bounds
    for place in range(len(rows)):
        start = place if low == "current" else max(0, place + low)
        end = len(rows) if high == "unbounded" else max(0, place + high + 1)
        if start < min(end, len(rows)):
            (result,) = results(program, rows[start:end])
            yield place, result


def compared(function, bounds):
    """Yield what a window came to, and what its documents came to as a group, for each window of random documents."""
    window, group = windowed(function, bounds), compile_pipeline([{"$group": {"_id": None, "result": function}}])
    for seed in range(20):
        rows = list(documents(seed))
        found = results(window, rows)
        for place, expected in alone(group, bounds, rows):
            yield expected, found[place]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: next(iter(function)))
def test_a_window_comes_to_what_its_documents_alone_come_to(function, bounds) -> None:
    for expected, found in compared(function, bounds):
        assert repr(expected) == repr(found)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("function", SETS, ids=lambda function: next(iter(function)))
def test_a_set_has_the_same_members_in_their_order(function, bounds) -> None:
    in_order = compile_pipeline([IN_ORDER])
    for members, found in compared(function, bounds):
        assert repr(results(in_order, [{"members": members}])) == repr([found])


@pytest.mark.parametrize("name", ["$bottom", "$bottomN"])
def test_the_bottom_is_the_last_in_the_order(name) -> None:
    n = {"n": 2} if name == "$bottomN" else {}
    rows = [{"n": 0, "w": 1}, {"n": 1, "w": 2}, {"n": 2, "w": 2}, {"n": 3, "w": 0}]
    program = windowed({name: {"output": "$n", "sortBy": {"w": 1}, **n}}, (-2, 0))
    assert ([[0], [0, 1], [1, 2], [1, 2]] if n else [0, 1, 2, 2]) == results(program, rows)


@pytest.mark.parametrize(("function", "expected"), [({"$first": "$v"}, None), ({"$count": {}}, 0), ({"$addToSet": "$v"}, [])])
def test_an_empty_window_comes_to_nothing(function, expected) -> None:
    assert [expected] * 2 == results(windowed(function, (5, 6)), [{"n": 0, "v": 1}, {"n": 1, "v": 2}])
