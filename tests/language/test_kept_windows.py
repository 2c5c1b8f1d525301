"""Functions that keep the values of a window that has a lower bound: each result is what the documents of the window alone come to.

Source: MongoDB manual, "$setWindowFields" and the page of each.
"""

import math
import random
from decimal import Decimal

import pytest

from fluxion_core import aggregate

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
BOUNDS = [(-2, 0), (-3, -1), (1, 2), (0, 0), ("current", "unbounded"), (-1, "unbounded")]


def documents(seed):
    chosen = random.Random(seed)
    for number in range(chosen.randint(1, 12)):
        document = {"n": number, "w": chosen.randint(0, 3), "l": chosen.choices(VALUES, k=chosen.randint(0, 3))}
        yield document | ({} if chosen.random() < 0.1 else {"v": chosen.choice(VALUES)})


def in_window(function, bounds, rows):
    stage = {
        "$setWindowFields": {"sortBy": {"n": 1}, "output": {"result": {**function, "window": {"documents": list(bounds)}}}}
    }
    return [row["result"] for row in aggregate(rows, [stage])]


def alone(function, bounds, rows):
    low, high = bounds
    for place in range(len(rows)):
        start = place if low == "current" else max(0, place + low)
        end = len(rows) if high == "unbounded" else max(0, place + high + 1)
        if start < end and start < len(rows):
            (group,) = aggregate(rows[start:end], [{"$group": {"_id": None, "result": function}}])
            yield place, group["result"]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: next(iter(function)))
def test_a_window_comes_to_what_its_documents_alone_come_to(function, bounds) -> None:
    for seed in range(20):
        rows = list(documents(seed))
        found = in_window(function, bounds, rows)
        for place, expected in alone(function, bounds, rows):
            assert repr(expected) == repr(found[place])


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("function", SETS, ids=lambda function: next(iter(function)))
def test_a_set_has_the_same_members_in_their_order(function, bounds) -> None:
    in_order = {"$sortArray": {"input": "$result", "sortBy": 1}}
    for seed in range(20):
        rows = list(documents(seed))
        found = in_window(function, bounds, rows)
        for place, members in alone(function, bounds, rows):
            (expected,) = aggregate([{"result": members}], [{"$set": {"result": in_order}}])
            assert repr(expected["result"]) == repr(found[place])


@pytest.mark.parametrize("name", ["$bottom", "$bottomN"])
def test_the_bottom_is_the_last_in_the_order(name) -> None:
    n = {"n": 2} if name == "$bottomN" else {}
    rows = [{"n": 0, "w": 1}, {"n": 1, "w": 2}, {"n": 2, "w": 2}, {"n": 3, "w": 0}]
    found = in_window({name: {"output": "$n", "sortBy": {"w": 1}, **n}}, (-2, 0), rows)
    assert ([[0], [0, 1], [1, 2], [1, 2]] if n else [0, 1, 2, 2]) == found


@pytest.mark.parametrize(("function", "expected"), [({"$first": "$v"}, None), ({"$count": {}}, 0), ({"$addToSet": "$v"}, [])])
def test_an_empty_window_comes_to_nothing(function, expected) -> None:
    assert [expected] * 2 == in_window(function, (5, 6), [{"n": 0, "v": 1}, {"n": 1, "v": 2}])
