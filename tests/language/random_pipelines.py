"""Random documents and pipelines: most are sensible, many are wrong, none may break more than their document."""

import random
from datetime import UTC, datetime
from decimal import Decimal

from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.operators import Operator

FIELDS = ["a", "b", "c", "d"]
PATHS = ["a", "b", "c", "d", "a.b", "b.c", "c.a", "a.b.c", "d.0", "missing"]
SCALARS = [
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**63 - 1, -(2**63), 0.0, -0.0, 0.5, 1e300, float("nan"), float("inf"),
    Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), "", "a", "abc", "2020-01-01", "UTC", "day", "12", datetime(2020, 2, 29, tzinfo=UTC), b"\x00\xff",
]  # fmt: skip
DATE_PARTS = {
    "$year", "$month", "$dayOfMonth", "$dayOfYear", "$dayOfWeek", "$hour", "$minute", "$second", "$millisecond", "$week", "$isoWeek",
    "$isoWeekYear", "$isoDayOfWeek",
}  # fmt: skip
NAMES = sorted(name for name in OPERATORS if name != "$rand")


def value(draw: random.Random, depth: int = 0):
    kind = draw.random()
    if depth > 2 or kind < 0.7:
        return draw.choice(SCALARS)
    if kind < 0.85:
        return [value(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {draw.choice(FIELDS): value(draw, depth + 1) for _ in range(draw.randrange(4))}


def document(draw: random.Random):
    return {name: value(draw) for name in FIELDS if draw.random() < 0.8}


def expression(draw: random.Random, depth: int = 0):
    kind = draw.random()
    if depth > 3 or kind < 0.3:
        return f"${draw.choice(PATHS)}"
    if kind < 0.45:
        return {"$literal": value(draw)}
    if kind < 0.5:
        return draw.choice(["$$ROOT", "$$NOW", "$$REMOVE", "$$this", "$$this.a", "$$this.b.c", "$$nowhere"])
    if kind < 0.55:
        return {draw.choice(FIELDS): expression(draw, depth + 1)}
    if kind < 0.6:
        return [expression(draw, depth + 1) for _ in range(draw.randrange(3))]
    name = draw.choice(NAMES)
    operator = OPERATORS[name]
    if isinstance(operator, Operator) and not operator.named:
        count = operator.minimum if operator.maximum is None else draw.randint(operator.minimum, operator.maximum)
        return {name: [expression(draw, depth + 1) for _ in range(count + (operator.maximum is None) * draw.randrange(3))]}
    if isinstance(operator, Operator):
        given = [*operator.arguments, *(name for name in operator.optional if draw.random() < 0.4)]
        return {name: {argument: expression(draw, depth + 1) for argument in given}}
    return {name: form(draw, name, depth)}


def form(draw: random.Random, name: str, depth: int):
    def inner():
        return expression(draw, depth + 1)

    shapes = {
        "$cond": lambda: [inner(), inner(), inner()],
        "$switch": lambda: {"branches": [{"case": inner(), "then": inner()}], "default": inner()},
        "$map": lambda: {"input": inner(), "in": inner()},
        "$filter": lambda: {"input": inner(), "cond": inner()},
        "$reduce": lambda: {
            "input": inner(),
            "initialValue": inner(),
            "in": draw.choice([inner(), {"$add": ["$$value", "$$this"]}]),
        },
        "$let": lambda: {"vars": {"this": inner()}, "in": inner()},
        "$convert": lambda: {"input": inner(), "to": draw.choice(["int", "string", "date", inner()]), "onError": inner()},
        "$sortArray": lambda: {"input": inner(), "sortBy": draw.choice([1, -1, {"a": 1}])},
        "$bottomN": lambda: {"input": inner(), "sortBy": draw.choice([1, -1, {"a": 1}]), "n": inner()},
        "$zip": lambda: {"inputs": [inner(), inner()]},
        "$getField": lambda: {"field": draw.choice(FIELDS), "input": inner()},
        "$setField": lambda: {"field": draw.choice(FIELDS), "input": inner(), "value": inner()},
        "$unsetField": lambda: {"field": draw.choice(FIELDS), "input": inner()},
        "$dateToString": lambda: {"date": inner(), "format": draw.choice(["%Y", "%j %q", inner()])},
        "$dateFromString": lambda: {"dateString": inner()},
        "$dateFromParts": lambda: {"year": inner(), "month": inner()},
        "$percentile": lambda: {"input": inner(), "p": [0.5], "method": "approximate"},
        "$median": lambda: {"input": inner(), "method": "approximate"},
        "$literal": lambda: value(draw),
        "$const": lambda: value(draw),
        "$serializeEJSON": lambda: {"input": inner(), "onError": inner()},
        "$deserializeEJSON": lambda: {"input": inner(), "onError": inner()},
        "$similarityCosine": lambda: {"vectors": [inner(), inner()], "score": draw.choice([True, False, inner()])},
        "$similarityDotProduct": lambda: [inner(), inner()],
        "$similarityEuclidean": lambda: {"vectors": [inner(), inner()]},
        "$function": lambda: {"name": draw.choice(["wrong", inner()]), "args": [inner()]},
    }
    if name in DATE_PARTS:
        return draw.choice(
            [inner, lambda: [inner()], lambda: {"date": inner(), "timezone": draw.choice(["+02", "Europe/Oslo", inner()])}]
        )()
    made = shapes.get(name)
    return made() if made is not None else [inner(), inner()]


def condition(draw: random.Random, depth: int = 0):
    kind = draw.random()
    if depth < 2 and kind < 0.2:
        return {draw.choice(["$and", "$or", "$nor"]): [condition(draw, depth + 1) for _ in range(draw.randint(1, 2))]}
    if depth == 0 and kind < 0.33:
        return {"$expr": expression(draw, 2)}
    if depth == 0 and kind < 0.38:
        return draw.choice([{"$jsonSchema": schema(draw)}, {"$comment": value(draw)}])
    path = draw.choice(PATHS)
    if kind < 0.6:
        return {path: value(draw)}
    operator = draw.choice(
        [
            "$gt",
            "$gte",
            "$lt",
            "$lte",
            "$ne",
            "$in",
            "$nin",
            "$exists",
            "$type",
            "$size",
            "$all",
            "$elemMatch",
            "$not",
            "$mod",
            "$regex",
            "$eq",
            "$bitsAllSet",
            "$bitsAnySet",
            "$bitsAllClear",
            "$bitsAnyClear",
        ]
    )
    argument = {
        "$bitsAllSet": lambda: draw.choice([1, [0, 3], b"\x05", value(draw)]),
        "$bitsAnySet": lambda: draw.choice([6, [1, 70], value(draw)]),
        "$bitsAllClear": lambda: draw.choice([1, [0, 3], b"\x05", value(draw)]),
        "$bitsAnyClear": lambda: draw.choice([6, [1, 70], value(draw)]),
        "$in": lambda: [value(draw), value(draw)],
        "$nin": lambda: [value(draw)],
        "$exists": lambda: draw.choice([True, False, 1]),
        "$type": lambda: draw.choice(["int", "string", "array", 16, ["null", "object"], "wrong"]),
        "$size": lambda: draw.choice([0, 1, 2, -1]),
        "$all": lambda: [value(draw)],
        "$elemMatch": lambda: draw.choice([{"$gt": 0}, {"a": 1}, {"b": {"$exists": True}}]),
        "$not": lambda: {"$gt": value(draw)},
        "$mod": lambda: draw.choice([[2, 0], [0, 1], [3]]),
        "$regex": lambda: draw.choice(["a", "^a.*", "(", "b+"]),
    }.get(operator, lambda: value(draw))()
    return {path: {operator: argument}}


def schema(draw: random.Random, depth: int = 0):
    """A schema, often one that holds schemas."""
    words = {
        "bsonType": lambda: draw.choice(["int", "object", ["array", "string"], "wrong"]),
        "required": lambda: [draw.choice(FIELDS)],
        "minimum": lambda: value(draw, 3),
        "maximum": lambda: draw.choice([0, 1.5, Decimal(2)]),
        "multipleOf": lambda: draw.choice([2, 0.5, Decimal("0.1"), 0]),
        "minLength": lambda: draw.choice([0, 2, -1]),
        "pattern": lambda: draw.choice(["^a", "(", "b+"]),
        "enum": lambda: [value(draw), value(draw)],
        "maxItems": lambda: 1,
        "uniqueItems": lambda: True,
        "minProperties": lambda: 1,
        "additionalProperties": lambda: draw.choice([False, {}]),
    }
    if depth < 2:
        words |= {
            "properties": lambda: {draw.choice(FIELDS): schema(draw, depth + 1)},
            "items": lambda: draw.choice([schema(draw, depth + 1), [schema(draw, depth + 1)]]),
            "anyOf": lambda: [schema(draw, depth + 1)],
            "oneOf": lambda: [schema(draw, depth + 1), schema(draw, depth + 1)],
            "not": lambda: schema(draw, depth + 1),
            "dependencies": lambda: {draw.choice(FIELDS): [draw.choice(FIELDS)]},
        }
    return {word: words[word]() for word in draw.sample(sorted(words), draw.randint(0, 2))}


GATHERED = [
    "$sum",
    "$avg",
    "$min",
    "$max",
    "$push",
    "$addToSet",
    "$first",
    "$last",
    "$mergeObjects",
    "$stdDevPop",
    "$stdDevSamp",
    "$concatArrays",
    "$setUnion",
]
COUNTED = ["$firstN", "$lastN", "$minN", "$maxN"]


def order(draw: random.Random):
    return {draw.choice(PATHS): draw.choice([1, -1]) for _ in range(draw.randint(1, 2))}


def accumulation(draw: random.Random):
    kind = draw.random()
    if kind < 0.1:
        return {"$count": {}}
    if kind < 0.2:
        return {draw.choice(["$top", "$bottom"]): {"sortBy": order(draw), "output": expression(draw, 2)}}
    if kind < 0.3:
        name = draw.choice(["$topN", "$bottomN"])
        return {name: {"n": draw.choice([1, 2]), "sortBy": order(draw), "output": expression(draw, 2)}}
    if kind < 0.35:
        return {"$median": {"input": expression(draw, 2), "method": "approximate"}}
    if kind < 0.4:
        return {"$percentile": {"input": expression(draw, 2), "p": [0.1, 0.5], "method": "approximate"}}
    if kind < 0.6:
        return {draw.choice(COUNTED): {"n": draw.choice([1, 2, 0]), "input": expression(draw, 2)}}
    return {draw.choice(GATHERED): expression(draw, 2)}


def window(draw: random.Random):
    kind = draw.random()
    if kind < 0.15:
        return {draw.choice(["$rank", "$denseRank", "$documentNumber"]): {}}
    if kind < 0.3:
        return draw.choice(
            [
                {"$shift": {"output": expression(draw, 2), "by": draw.choice([1, -1])}},
                {"$expMovingAvg": {"input": expression(draw, 2), **draw.choice([{"N": 2}, {"alpha": 0.3}])}},
                {"$locf": expression(draw, 2)},
                {"$linearFill": expression(draw, 2)},
            ]
        )
    bounds = draw.choice(
        [{"documents": [-1, "current"]}, {"documents": ["unbounded", 1]}, {"documents": [1, 2]}, {"range": [-1, 1]}, {}]
    )
    functions = [
        accumulation(draw),
        {draw.choice(["$covariancePop", "$covarianceSamp"]): [expression(draw, 2), expression(draw, 2)]},
        {"$derivative": {"input": expression(draw, 2)}},
        {"$integral": {"input": expression(draw, 2)}},
        {"$minMaxScaler": {"input": expression(draw, 2)}},
    ]
    return {**draw.choice(functions), "window": bounds}


COLLECTIONS = {
    "others": [
        {"_id": 1, "a": 1, "b": [1, 2]},
        {"_id": 2, "a": None, "b": {"c": 1}},
        {"_id": 3, "b": "a"},
        {"_id": 4, "a": [1, "abc"]},
    ],
}


def join(draw: random.Random):
    fields = {"localField": draw.choice(PATHS), "foreignField": draw.choice(PATHS)}
    inner = {
        "let": {"y": expression(draw, 2)},
        "pipeline": [{"$match": {"$expr": {"$gte": ["$a", "$$y"]}}}, {"$set": {"x": "$$y"}}],
    }
    return {"from": "others", "as": draw.choice(PATHS), **draw.choice([fields, inner, {**fields, **inner}])}


def search(draw: random.Random):
    return {
        "from": "others",
        "startWith": expression(draw, 2),
        "connectFromField": draw.choice(PATHS),
        "connectToField": draw.choice(PATHS),
        "as": draw.choice(FIELDS),
        **draw.choice([{}, {"maxDepth": 1}, {"depthField": "x"}, {"restrictSearchWithMatch": condition(draw)}]),
    }


def union(draw: random.Random):
    return draw.choice(["others", {"coll": "others", "pipeline": [{"$match": condition(draw)}]}])


def dense(draw: random.Random):
    partition = draw.choice([{}, {"partitionByFields": [draw.choice(PATHS)]}])
    span = draw.choice([{"step": 1, "bounds": [0, 3]}, {"step": 0.5, "bounds": [0.0, 3.0]}])
    return {"field": draw.choice(PATHS), "range": span, **partition}


def filling(draw: random.Random):
    how = draw.choice([{"method": "locf"}, {"method": "linear"}, {"value": expression(draw, 2)}])
    return {
        "sortBy": {draw.choice(PATHS): 1},
        "output": {draw.choice(PATHS): how},
        **draw.choice([{}, {"partitionBy": f"${draw.choice(PATHS)}"}]),
    }


def windows(draw: random.Random):
    return {
        "partitionBy": draw.choice([None, f"${draw.choice(PATHS)}"]),
        "sortBy": order(draw),
        "output": {"x": window(draw), "y": window(draw)},
    }


SUB_PIPELINES = [
    {},
    {"globals": {"x": 1}},
    {"onError": "keep"},
    {"parallel": True, "onError": "discard"},
    {"parallel": True, "merge": "zip"},
]


def stage(draw: random.Random):
    name = draw.choice(
        [
            "$match",
            "$match",
            "$set",
            "$set",
            "$project",
            "$project",
            "$unset",
            "$group",
            "$unwind",
            "$sort",
            "$limit",
            "$skip",
            "$count",
            "$replaceWith",
            "$sortByCount",
            "$facet",
            "$bucketAuto",
            "$redact",
            "$validate",
            "$subPipeline",
            "$subPipeline",
            "$lookup",
            "$graphLookup",
            "$unionWith",
            "$densify",
            "$fill",
            "$setWindowFields",
            "$setWindowFields",
            "$bucket",
            "$addFields",
            "$replaceRoot",
        ]
    )
    made = {
        "$addFields": lambda: {draw.choice(PATHS): expression(draw), "x": draw.choice([{"y": expression(draw)}, value(draw)])},
        "$replaceRoot": lambda: {"newRoot": draw.choice([expression(draw), {"$mergeObjects": ["$$ROOT", expression(draw)]}])},
        "$match": lambda: condition(draw),
        "$set": lambda: {draw.choice([*FIELDS, "x", "a.b"]): expression(draw)},
        "$project": lambda: draw.choice(
            [{draw.choice(PATHS): 1, "x": expression(draw)}, {draw.choice(PATHS): 0}, {"_id": 0, "a": 1, "b.c": 1}]
        ),
        "$unset": lambda: draw.choice(PATHS),
        "$group": lambda: {"_id": expression(draw, 2), "x": accumulation(draw), "y": accumulation(draw)},
        "$unwind": lambda: draw.choice(
            ["$a", {"path": "$b", "preserveNullAndEmptyArrays": True, "includeArrayIndex": "i"}, "$a.b", "c"]
        ),
        "$sort": lambda: {draw.choice(PATHS): draw.choice([1, -1])},
        "$limit": lambda: draw.choice([1, 3, 0]),
        "$skip": lambda: draw.choice([0, 1, 2]),
        "$count": lambda: "n",
        "$replaceWith": lambda: expression(draw),
        "$sortByCount": lambda: f"${draw.choice(PATHS)}",
        "$facet": lambda: {"one": [{"$match": condition(draw)}], "two": [{"$count": "n"}]},
        "$bucketAuto": lambda: {"groupBy": f"${draw.choice(PATHS)}", "buckets": 2},
        "$redact": lambda: {"$cond": [expression(draw, 2), "$$KEEP", draw.choice(["$$PRUNE", "$$DESCEND"])]},
        "$validate": lambda: {"validator": condition(draw), "validationAction": draw.choice(["discard", "dlq"])},
        "$subPipeline": lambda: {
            "pipelines": [pipeline(draw) for _ in range(draw.randint(1, 2))],
            **draw.choice(SUB_PIPELINES),
        },
        "$lookup": lambda: join(draw),
        "$graphLookup": lambda: search(draw),
        "$unionWith": lambda: union(draw),
        "$densify": lambda: dense(draw),
        "$fill": lambda: filling(draw),
        "$setWindowFields": lambda: windows(draw),
        "$bucket": lambda: {
            "groupBy": expression(draw, 2),
            "boundaries": draw.choice([[0, 1, 5], ["2020", "b"]]),
            "default": "x",
            "output": {"x": accumulation(draw)},
        },
    }[name]()
    return {name: made}


def reading(draw: random.Random):
    """An expression that reads no more than fields of fields, and of elements."""
    path = f"${draw.choice(PATHS)}"
    below = [f"$$this.{draw.choice(PATHS)}", f"$$this.{draw.choice(PATHS)}"]
    return draw.choice(
        [
            path,
            {"$cond": [{"$gt": [path, f"${draw.choice(PATHS)}"]}, path, 1]},
            {"$map": {"input": path, "in": {"$ifNull": [below[0], below[1]]}}},
            {"$sum": {"$map": {"input": path, "in": {"$multiply": below}}}},
            {"$reduce": {"input": path, "initialValue": 0, "in": {"$add": ["$$value", below[0]]}}},
            {"$filter": {"input": path, "cond": {"$gt": below}}},
            {"$let": {"vars": {"this": path}, "in": {"$concatArrays": [[below[0]], [below[1]]]}}},
        ]
    )


def reader(draw: random.Random):
    """A pipeline that may be decoded in part, down to fields of fields."""
    unwind = {"path": f"${draw.choice(FIELDS)}", "preserveNullAndEmptyArrays": draw.random() < 0.5}
    stages = [{"$match": condition(draw, 2)}, {"$unwind": unwind}, {"$set": {draw.choice(FIELDS): reading(draw)}}]
    last = [
        {"$project": {"_id": 0, "x": reading(draw), "y": reading(draw)}},
        {"$group": {"_id": reading(draw), "x": {"$sum": reading(draw)}, "y": {"$push": reading(draw)}}},
        {"$match": condition(draw, 2)},
    ]
    return [*(stage for stage in stages if draw.random() < 0.5), draw.choice(last)]


def by_chance(draw: random.Random):
    """A stage that answers differently every time."""
    return draw.choice(
        [
            {"$sample": {"size": draw.choice([1, 3, value(draw)])}},
            {"$sampleRate": draw.choice([0, 1, 0.5, value(draw)])},
            {"$match": {"$sampleRate": draw.choice([0.5, 2])}},
            {"$set": {"x": {"$rand": {}}}},
        ]
    )


def pipeline(draw: random.Random, *, chance: bool = False):
    """A pipeline, with *chance* sometimes one of those that answer differently every time."""
    if chance and draw.random() < 0.05:
        return [*pipeline(draw), by_chance(draw), *pipeline(draw)]
    if draw.random() < 0.3:
        return reader(draw)
    first = [{"$documents": [document(draw)]}] if draw.random() < 0.03 else []
    last = [draw.choice([{"$out": "nowhere"}, {"$merge": {"into": "nowhere", "on": "a"}}])] if draw.random() < 0.03 else []
    return [*first, *(stage(draw) for _ in range(draw.randint(1, 4))), *last]
