"""Any value in any place of a stage's specification is accepted or refused; nothing else comes out of it."""

import random
import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate

NAN, INFINITY = float("nan"), float("inf")
VALUES = [
    0, 1, -1, 1.5, NAN, INFINITY, Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"), 10**40, True, False, None,
    "", "abc", "$a", "$$ROOT", "$", "a.b", "a\0b", "\ud800", [], [1], ["a"], (1, 2), {}, {"a": 1}, {"$add": [1, 1]}, {1: 2}, {"": 1},
    {"a": {"b": [{"c": 1}]}}, {1, 2}, b"a", bytearray(b"a"), UUID(int=1), re.compile("a"), datetime(2020, 1, 1, tzinfo=UTC), object(),
]  # fmt: skip
SCHEMA = {
    "bsonType": "object", "required": ["a"], "patternProperties": {"x": {}}, "additionalProperties": {}, "minProperties": 1,
    "properties": {"a": {"minimum": 0, "exclusiveMinimum": True, "multipleOf": 1}, "v": {"minLength": 1, "pattern": "x"}, "l": {"items": [{}], "additionalItems": {"type": "object"}, "uniqueItems": True}},
    "dependencies": {"a": ["v"], "q": {}}, "allOf": [{}], "not": {"required": ["z"]}, "enum": [1], "title": "x",
}  # fmt: skip
STAGES = [
    {"$match": {"a": {"$gt": 1, "$in": [1, 2], "$exists": True, "$type": "int", "$mod": [2, 1]}, "$or": [{"a": 1}], "$sampleRate": 1}},
    {"$match": {"l": {"$all": [1], "$size": 2, "$elemMatch": {"$gt": 0}}, "a": {"$not": {"$gt": 1}}, "v": {"$regex": "x", "$options": "i"}}},
    {"$match": {"a": {"$bitsAllSet": 1, "$bitsAnySet": [0]}, "l": {"$all": [{"$elemMatch": {"b": 2}}]}, "$expr": {"$gt": ["$a", 0]}}},
    {"$match": {"$jsonSchema": SCHEMA}},
    {"$project": {"a": 1, "b": "$a", "o": {"x": 1}, "_id": 0}},
    {"$set": {"b": "$a", "o": {"x": 1}, "c.d": [1, "$a"]}},
    {"$unset": ["a", "o.x"]},
    {"$sort": {"a": 1, "o.x": -1}},
    {"$limit": 1},
    {"$sample": {"size": 1}},
    {"$count": "n"},
    {"$sortByCount": "$a"},
    {"$group": {"_id": {"x": "$a"}, "f": {"$firstN": {"n": 2, "input": "$a"}}, "t": {"$topN": {"n": 1, "sortBy": {"a": 1}, "output": "$a"}}}},
    {"$group": {"_id": "$a", "p": {"$percentile": {"input": "$a", "p": [0.5], "method": "approximate"}}, "m": {"$mergeObjects": "$o"}}},
    {"$bucket": {"groupBy": "$a", "boundaries": [0, 2], "default": 9, "output": {"n": {"$sum": 1}}}},
    {"$bucketAuto": {"groupBy": "$a", "buckets": 2, "granularity": "R5"}},
    {"$facet": {"x": [{"$match": {"a": 1}}]}},
    {"$unwind": {"path": "$l", "includeArrayIndex": "i", "preserveNullAndEmptyArrays": True}},
    {"$replaceWith": {"a": "$a"}},
    {"$redact": {"$cond": [{"$eq": ["$a", 1]}, "$$PRUNE", "$$DESCEND"]}},
    {"$lookup": {"from": "c", "localField": "a", "foreignField": "k", "let": {"x": "$a"}, "pipeline": [{"$match": {"k": 1}}], "as": "j"}},
    {"$graphLookup": {"from": "c", "startWith": "$a", "connectFromField": "k", "connectToField": "_id", "as": "g", "maxDepth": 2, "depthField": "d"}},
    {"$unionWith": {"coll": "c", "pipeline": [{"$match": {"k": 1}}]}},
    {"$documents": [{"a": 1}]},
    {"$densify": {"field": "a", "partitionByFields": ["o.x"], "range": {"step": 1, "bounds": [0, 3]}}},
    {"$densify": {"field": "d", "range": {"step": 1, "unit": "day", "bounds": "full"}}},
    {"$fill": {"partitionBy": {"x": "$o.x"}, "sortBy": {"a": 1}, "output": {"v": {"method": "locf"}, "w": {"value": "$a"}}}},
    {"$setWindowFields": {"partitionBy": "$o", "sortBy": {"a": 1}, "output": {"s": {"$sum": "$a", "window": {"documents": [-1, "current"]}}, "p": {"$push": "$v", "window": {"range": [-1, 1]}}, "e": {"$shift": {"output": "$a", "by": 1, "default": 0}}}}},
    {"$setWindowFields": {"sortBy": {"d": 1}, "output": {"s": {"$sum": "$a", "window": {"range": [-1, 0], "unit": "day"}}, "e": {"$expMovingAvg": {"input": "$a", "alpha": 0.5}}, "g": {"$derivative": {"input": "$a", "unit": "day"}, "window": {"documents": [-1, 0]}}, "m": {"$minMaxScaler": {"input": "$a", "min": 0, "max": 10}}}}},
    {"$merge": {"into": {"db": "d", "coll": "c"}, "on": ["_id"], "whenMatched": "merge", "whenNotMatched": "insert"}},
]  # fmt: skip
DOCUMENTS = [
    {"_id": n, "a": n, "v": v, "d": datetime(2020, 1, n, tzinfo=UTC), "l": [1, {"b": 2}], "o": {"x": 1}}
    for n, v in enumerate("xyz", 1)
]


def places(spec, above=()):
    yield above
    for name, inner in spec.items() if isinstance(spec, dict) else enumerate(spec) if isinstance(spec, list) else ():
        yield from places(inner, (*above, name))


def replaced(spec, place, value):
    if not place:
        return value
    copy = dict(spec) if isinstance(spec, dict) else list(spec)
    copy[place[0]] = replaced(copy[place[0]], place[1:], value)
    return copy


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: next(iter(stage)))
def test_any_value_in_any_place_is_accepted_or_refused(stage) -> None:
    draw = random.Random(0)
    for place in list(places(stage))[1:]:
        for value in draw.sample(VALUES, 5):
            collections = {"c": [{"_id": 1, "k": 1}, {"_id": 2, "k": [1, 2]}]}
            with suppress(CompileError, EvaluationError):
                list(aggregate(DOCUMENTS, [replaced(stage, place, value)], collections=collections))


@pytest.mark.parametrize(
    "stage", [{"$count": "\ud800"}, {"$set": {"\ud800": 1}}, {"$set": {"a": {1: 2}}}, {"$match": {"a": [{1: 2}]}}]
)
def test_names_are_strings_and_strings_are_text(stage) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [stage]))
    with pytest.raises(CompileError, match=r"pipelines\.inner"):
        list(aggregate([], [{"$subPipeline": {"pipeline": "inner"}}], pipelines={"inner": [stage]}))
