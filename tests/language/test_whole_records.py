"""A record is folded into its groups as a whole or not at all, wherever one of the rows that came of it fails.

Source: the design's rule that each record has exactly one fate.
"""

import pytest

from fluxion_core import EvaluationError, compile_pipeline
from fluxion_core.language import Accumulator

GOOD = [{"_id": 1, "a": [1, 2]}, {"_id": 3, "a": [5]}]
DOCUMENTS = [GOOD[0], {"_id": 2, "a": [3, "bad", 4]}, GOOD[1]]
COLLECTIONS = {"c": [{"k": 1, "o": {"x": 1}, "l": [1]}, {"k": "bad", "o": 5, "l": {}}, {"k": 3, "o": {"y": 2}, "l": [2]}]}


def picked(state, value):
    if value == "bad":
        raise EvaluationError("a bad value")
    state.append(value)
    return state


PICKY = Accumulator(name="$picky", initial=list, step=picked, result=list, total=False)
UNWIND, LOOKUP = {"$unwind": "$a"}, {"$lookup": {"from": "c", "localField": "a", "foreignField": "k", "as": "j"}}
JOINED = [UNWIND, LOOKUP, {"$unwind": {"path": "$j", "preserveNullAndEmptyArrays": True}}]
COUNT = {"$sum": 1}


def fates(stages, documents, emit):
    """Return the rows that came out, those of the end, the groups to be sealed, and the records that failed."""
    run = compile_pipeline(stages, accumulators=[PICKY], collections=COLLECTIONS).start(emit=emit)
    output = run.feed(documents=documents)
    changed = run.state_delta()
    return (output.documents, run.finish().documents, changed), {failure.index for failure in output.failures}


@pytest.mark.parametrize("emit", ["final", "each"])
@pytest.mark.parametrize(
    "stages",
    [
        [UNWIND, {"$group": {"_id": None, "n": COUNT, "x": {"$max": {"$divide": ["$a", 1]}}}}],
        [UNWIND, {"$group": {"_id": {"$add": ["$a", 1]}, "n": COUNT}}],
        [UNWIND, {"$group": {"_id": None, "n": COUNT, "x": {"$picky": "$a"}, "y": {"$push": "$a"}}}],
        [UNWIND, {"$group": {"_id": "$a", "x": {"$picky": "$_id"}, "y": {"$picky": "$a"}}}],
        [
            UNWIND,
            {
                "$group": {
                    "_id": {"n": {"$cond": [{"$eq": ["$a", "bad"]}, 0, 1]}},
                    "x": {"$firstN": {"input": "$a", "n": "$n"}},
                }
            },
        ],
        [UNWIND, LOOKUP, {"$group": {"_id": None, "n": COUNT, "x": {"$max": {"$divide": ["$a", 1]}}}}],
        [UNWIND, LOOKUP, {"$group": {"_id": None, "n": COUNT, "x": {"$picky": "$a"}}}],
        [*JOINED, {"$group": {"_id": None, "n": COUNT, "x": {"$mergeObjects": "$j.o"}}}],
        [*JOINED, {"$group": {"_id": None, "n": COUNT, "x": {"$concatArrays": "$j.l"}}}],
        [*JOINED, {"$group": {"_id": "$a", "n": COUNT, "x": {"$setUnion": "$j.l"}}}],
    ],
)
def test_a_record_of_which_one_row_fails_leaves_groups_as_they_were(stages, emit) -> None:
    kept, none = fates(stages, GOOD, emit)
    found, failed = fates(stages, DOCUMENTS, emit)
    assert (set(), {1}) == (none, failed)
    assert kept == found


@pytest.mark.parametrize(
    "fields",
    [
        {"x": {"$mergeObjects": "$o"}, "y": {"$concatArrays": "$l"}},
        {"x": {"$setUnion": "$l"}, "y": {"$mergeObjects": "$o"}},
        {"x": {"$picky": "$_id"}, "y": {"$picky": "$p"}},
    ],
)
def test_a_document_that_one_accumulator_refuses_is_in_none_of_them(fields) -> None:
    good = {"_id": 1, "o": {"a": 1}, "l": [1], "p": 1}
    stages = [{"$group": {"_id": "$k", **fields}}]
    bad = [{**good, "k": key, "o": {"b": 2}, "l": [2], "p": 2, **wrong} for key in (None, 7) for wrong in WRONG]
    kept, _ = fates(stages, [good], "final")
    found, failed = fates(stages, [good, *bad], "final")
    assert set(range(1, 1 + len(bad))) == failed
    assert kept == found


WRONG = [{"o": 1, "l": 1, "p": "bad"}]


def test_what_is_told_of_a_row_that_a_group_refuses_is_the_path_of_its_accumulator() -> None:
    stages = [{"$group": {"_id": None, "x": {"$mergeObjects": "$o"}}}]
    (failure,) = compile_pipeline(stages).start().feed(documents=[{"o": 1}]).failures
    assert "stages[0].$group.x.$mergeObjects: $mergeObjects needs objects, not int" == str(failure.error)


@pytest.mark.parametrize(("stage", "expected"), [({"$limit": 2}, [1]), ({"$skip": 1}, [3])])
def test_a_record_counts_where_it_passes_limit_and_skip_even_if_it_fails_later(stage, expected) -> None:
    """MongoDB manual, "$limit": it "limits the number of documents passed to the next stage in the pipeline"."""
    documents = [{"_id": 1, "a": 1}, {"_id": 2, "a": "bad"}, {"_id": 3, "a": 3}]
    (rows, _, _), failed = fates([stage, {"$set": {"b": {"$add": ["$a", 1]}}}], documents, "final")
    assert (expected, {1}) == ([row["_id"] for row in rows], failed)
