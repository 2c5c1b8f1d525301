"""One example for every query operator: shown in the reference, executed by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fluxion_core.language.operators import Example

__all__ = ["EXAMPLES"]


def _example(query: Any, kept: Sequence[Mapping[str, Any]], *dropped: Mapping[str, Any]) -> Example:
    return Example([{"$match": query}], list(kept), documents=[*kept, *dropped])


_A: Final = {"a": 1}
_B: Final = {"a": 2}
_LIST: Final = {"a": [1, 2]}

EXAMPLES: Final[Mapping[str, Example]] = {
    "$eq": _example({"a": {"$eq": 1}}, [_A], _B),
    "$ne": _example({"a": {"$ne": 1}}, [_B, {}], _A),
    "$gt": _example({"a": {"$gt": 1}}, [_B], _A),
    "$gte": _example({"a": {"$gte": 2}}, [_B], _A),
    "$lt": _example({"a": {"$lt": 2}}, [_A], _B),
    "$lte": _example({"a": {"$lte": 1}}, [_A], _B),
    "$in": _example({"a": {"$in": [1, 3]}}, [_A], _B),
    "$nin": _example({"a": {"$nin": [1, 3]}}, [_B, {}], _A),
    "$and": _example({"$and": [{"a": {"$gt": 0}}, {"a": {"$lt": 2}}]}, [_A], _B),
    "$or": _example({"$or": [{"a": 1}, {"b": 1}]}, [_A, {"b": 1}], _B),
    "$nor": _example({"$nor": [{"a": 1}, {"b": 1}]}, [_B], _A),
    "$not": _example({"a": {"$not": {"$gt": 1}}}, [_A, {}], _B),
    "$exists": _example({"a": {"$exists": True}}, [{"a": None}], {}),
    "$type": _example({"a": {"$type": "string"}}, [{"a": "x"}], _A),
    "$expr": _example({"$expr": {"$gt": ["$a", "$b"]}}, [{"a": 2, "b": 1}], {"a": 1, "b": 2}),
    "$jsonSchema": _example({"$jsonSchema": {"required": ["a"]}}, [_A], {}),
    "$mod": _example({"a": {"$mod": [2, 0]}}, [_B], _A),
    "$regex": _example({"a": {"$regex": "^h"}}, [{"a": "hi"}], {"a": "oh"}),
    "$options": _example({"a": {"$regex": "^h", "$options": "i"}}, [{"a": "Hi"}], {"a": "oh"}),
    "$all": _example({"a": {"$all": [1, 2]}}, [_LIST], _A),
    "$elemMatch": _example({"a": {"$elemMatch": {"$gt": 1}}}, [_LIST], {"a": [1]}),
    "$size": _example({"a": {"$size": 2}}, [_LIST], _A),
    "$bitsAllClear": _example({"a": {"$bitsAllClear": [0]}}, [_B], _A),
    "$bitsAllSet": _example({"a": {"$bitsAllSet": [0]}}, [_A], _B),
    "$bitsAnyClear": _example({"a": {"$bitsAnyClear": [0, 1]}}, [_A, _B], {"a": 3}),
    "$bitsAnySet": _example({"a": {"$bitsAnySet": [0]}}, [_A, {"a": 3}], _B),
    "$comment": _example({"a": 1, "$comment": "why"}, [_A], _B),
    "$sampleRate": _example({"$sampleRate": 1}, [_A, _B]),
    "$alwaysTrue": _example({"$alwaysTrue": 1}, [_A]),
    "$alwaysFalse": _example({"$alwaysFalse": 1}, [], _A),
}
