"""The one order of all values, and equality that follows from it.

``sort_key`` turns a value into something that Python orders as MongoDB orders the value; ``identity`` into something that
Python's dict treats as equal exactly when MongoDB does (1, 1.0 and Decimal 1 are one group; true is another).
Source: MongoDB manual, "Comparison/Sort Order".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Final

from fluxion_core.language.bson_types import octets, subtype
from fluxion_core.language.values import MISSING, kind

__all__ = ["RANK", "compare", "equal", "greatest", "group_identity", "identity", "sort_key"]

# Canonical type order. Missing comes before null; a $sort treats it as null by asking for the key of None.
RANK: Final = {
    "minKey": -1,
    "missing": 0,
    "null": 5,
    "int": 10,
    "double": 10,
    "decimal": 10,
    "string": 15,
    "object": 20,
    "array": 25,
    "binData": 30,
    "objectId": 35,
    "bool": 40,
    "date": 45,
    "timestamp": 47,
    "regex": 50,
    "dbPointer": 55,
    "javascript": 60,
    "maxKey": 127,
    "unknown": 200,
}


_OPTIONS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"), (re.VERBOSE, "x"))
"""The options of a regular expression as BSON writes them: letters in the order of the alphabet."""


def _same(_value: Any) -> Any:
    return 0


def _number(value: Any) -> Any:
    try:
        return (0, 0) if value != value else (1, value)  # noqa: PLR0124  # NaN is what differs from itself; it sorts lowest
    except InvalidOperation:  # a signaling NaN
        return (0, 0)


def _object(value: dict[str, Any]) -> Any:
    keys = [(name, sort_key(item)) for name, item in value.items()]
    return tuple([(rank, name, content) for name, (rank, content) in keys])


def _array(value: Iterable[Any]) -> Any:
    return tuple(map(sort_key, value))


def _binary(value: Any) -> Any:
    data = octets(value)
    return (len(data), subtype(value), data)


def _date(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _regex(value: Any) -> Any:
    return (str(value.pattern), "".join(letter for flag, letter in _OPTIONS if value.flags & flag))


def _javascript(value: Any) -> Any:
    return (False, str(value), ()) if value.scope is None else (True, str(value), sort_key(value.scope))


def _timestamp(value: Any) -> Any:
    return (value.time, value.inc)


_CONTENT: Final[dict[str, Callable[[Any], Any]]] = {
    "minKey": _same,
    "missing": _same,
    "null": _same,
    "int": _number,
    "double": _number,
    "decimal": _number,
    "string": lambda value: value,
    "object": _object,
    "array": _array,
    "binData": _binary,
    "objectId": lambda value: value.binary,
    "bool": lambda value: value,
    "date": _date,
    "timestamp": _timestamp,
    "regex": _regex,
    "dbPointer": repr,
    "javascript": _javascript,
    "maxKey": _same,
    "unknown": repr,
}


_OF_CLASS: Final[dict[type, tuple[int, Callable[[Any], Any]]]] = {
    cls: (RANK[name], _CONTENT[name])
    for cls, name in (
        (float, "double"),
        (dict, "object"),
        (list, "array"),
        (bool, "bool"),
        (type(None), "null"),
        (datetime, "date"),
    )
}
"""What :func:`kind` and the two tables come to, for the common classes."""


def sort_key(value: Any) -> tuple[int, Any]:
    """Return a key that orders as *value* does: (rank of the type, content)."""
    cls = value.__class__
    if cls is str:
        return (15, value)
    if cls is int:
        return (10, (1, value))
    common = _OF_CLASS.get(cls)
    if common is not None:
        return (common[0], common[1](value))
    name = kind(value)
    return (RANK[name], _CONTENT[name](value))


_CONTAINERS: Final = frozenset([dict, list])
"""They are not gone through to tell them from what is of another type."""


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1, as ``$cmp`` does."""
    cls = left.__class__
    if cls is right.__class__:
        if cls is str or cls is int:
            return int(left > right) - int(left < right)
        if cls is list:
            return next(filter(None, map(compare, left, right)), 0) or _compare_plain(len(left), len(right))
        if cls is dict:
            return next(filter(None, map(_compare_fields, left.items(), right.items())), 0) or _compare_plain(
                len(left), len(right)
            )
    elif cls in _CONTAINERS or right.__class__ in _CONTAINERS:
        by_type = _compare_plain(RANK[kind(left)], RANK[kind(right)])
        if by_type:
            return by_type
    return _compare_plain(sort_key(left), sort_key(right))


def _compare_plain(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _compare_fields(left: tuple[str, Any], right: tuple[str, Any]) -> int:
    """Compare two fields: by the types of their values, then by their names, and by the values last."""
    (name, value), (other_name, other) = left, right
    by_type = 0 if value.__class__ is other.__class__ else _compare_plain(RANK[kind(value)], RANK[kind(other)])
    return by_type or _compare_plain(name, other_name) or compare(value, other)


def greatest(values: Iterable[Any], n: int, key_of: Callable[[Any], Any] = sort_key) -> list[Any]:
    """Return at most *n* of *values*, the greatest last, as MongoDB finds them where some are level.

    It takes in one after the other: when it has *n*, only what is past the first of them comes in, and that one goes.
    """
    given = list(values)
    keys = [key_of(value) for value in given]
    places = sorted(range(len(keys)), key=keys.__getitem__)
    if len(places) > n:
        level = keys[places[-n]]
        above = [place for place in places[-n:] if level < keys[place]]
        came_in = islice((place for place, key in enumerate(keys) if not key < level), n)
        places = [place for place in came_in if not level < keys[place]][len(above) - n :] + above
    return [given[place] for place in places]


def equal(left: Any, right: Any) -> bool:
    """Whether the two are equal in the order of all values; a missing field is not null here."""
    cls = left.__class__
    if cls is right.__class__:
        if cls is str or cls is int:
            return bool(left == right)
        if cls is list:
            return len(left) == len(right) and all(map(equal, left, right))
        if cls is dict:  # the names first: they tell most objects apart, and take no call of ours
            return list(left) == list(right) and all(map(equal, left.values(), right.values()))
    elif (cls in _CONTAINERS or right.__class__ in _CONTAINERS) and RANK[kind(left)] != RANK[kind(right)]:
        return False
    return sort_key(left) == sort_key(right)


def identity(value: Any) -> Hashable:
    """Return a hashable stand-in: two values have equal identities exactly when :func:`equal` says so.

    A string stands for itself, and so does an int: they are the common keys, and generated code leaves out this call for them.
    """
    cls = value.__class__
    if cls is str or cls is int:
        return value  # type: ignore[no-any-return]  # narrowed by class above
    if value is None:
        return None
    if value is MISSING:
        return (0,)
    name = kind(value)
    if name == "string":
        return str.__str__(value)  # of a class of its own, which may look like something else
    if name in {"int", "double", "decimal"}:
        return _number_identity(value)
    if name == "object":
        return (20, tuple([(key, identity(item)) for key, item in value.items()]))
    if name == "array":
        return (25, tuple(map(identity, value)))
    return (RANK[name], _CONTENT[name](value))


def group_identity(value: Any) -> Hashable:
    """Return the identity of a group's whole key, for which missing is null; of a part of one :func:`identity` is what counts."""
    return None if value is MISSING else identity(value)


def _number_identity(value: float | Decimal) -> Hashable:
    try:
        return (10, "NaN") if value != value else value  # noqa: PLR0124  # NaN is what differs from itself
    except InvalidOperation:  # a signaling NaN
        return (10, "NaN")
