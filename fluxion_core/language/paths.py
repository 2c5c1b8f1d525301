"""Dotted paths: reading, setting, removing and projecting, with arrays on the way.

An expression's path maps over arrays of documents; a projection keeps the form of the document. Nothing here changes what it gets.
Source: MongoDB manual, "Field Paths", "$project", "$addFields", "$unset".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from fluxion_core.language.values import MISSING

__all__ = ["DOLLAR_NAMES", "Tree", "at", "exclude", "get", "index_of", "nest", "project", "put"]

Tree: TypeAlias = "Mapping[str, Any]"
"""name -> ``True`` (as it is), an index into computed values, or the tree below."""

DOLLAR_NAMES: Final = frozenset({"$id", "$ref", "$db", "$sortKey", "$recordId", "$searchSortValues", "$searchScore"})
"""The names with a '$' at the beginning that a field path may hold: those of a DBRef, and of what MongoDB keeps beside a document."""


def index_of(name: str) -> int | None:
    """Return the place in an array that *name* stands for in a query's or a sort's path; ``01`` is the name of a field only."""
    return int(name) if name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0") else None


def get(value: Any, names: Sequence[str]) -> Any:
    """Return what ``$a.b.c`` reads: *names* below *value*; an array of documents gives the array of what is found in each."""
    for index, name in enumerate(names):
        cls = value.__class__
        if cls is dict:
            value = value.get(name, MISSING)
        elif cls is list or cls is tuple:
            rest = names[index:]
            found = (get(item, rest) for item in value if item.__class__ is dict)
            return [item for item in found if item is not MISSING]
        elif isinstance(value, dict):
            value = value.get(name, MISSING)
        else:
            return MISSING
    return value


def at(value: Any, names: Sequence[str]) -> Any:
    """Return the value at *names* below *value*, through documents only."""
    for name in names:
        if not isinstance(value, dict):
            return MISSING
        value = value.get(name, MISSING)
    return value


def put(value: Any, names: Sequence[str], new: Any) -> Any:
    """Return *value* with *new* at *names* below it; documents are made on the way, arrays are mapped over.

    ``MISSING`` removes the last name.
    """
    if names and value.__class__ is list:
        return [put(item, names, new) for item in value]
    return _put_below(value, names, new, put)


def nest(value: Any, names: Sequence[str], new: Any) -> Any:
    """Return *value* with *new* at *names* below it, as ``$lookup`` and ``$unwind`` write: what is no document on the way becomes one.

    ``MISSING`` removes the last name.
    """
    return _put_below(value, names, new, nest)


def _put_below(value: Any, names: Sequence[str], new: Any, further: Callable[[Any, Sequence[str], Any], Any]) -> Any:
    if not names:
        return new
    name, rest = names[0], names[1:]
    changed = dict(value) if value.__class__ is dict else {}
    inner = further(changed.get(name, MISSING), rest, new)
    if inner is MISSING:
        changed.pop(name, None)
    else:
        changed[name] = inner
    return changed


def exclude(value: Any, tree: Tree) -> Any:
    """Return *value* without what *tree* names."""
    cls = value.__class__
    if cls is list:
        return [exclude(item, tree) for item in value]
    if cls is not dict:
        return value
    kept = {}
    for name, item in value.items():
        below = tree.get(name)
        if below is None:
            kept[name] = item
        elif below is not True:
            kept[name] = exclude(item, below)
    return kept


def project(value: Any, tree: Tree, computed: Sequence[Any]) -> Any:
    """Return of *value* only what *tree* includes, with the *computed* values where the tree says so.

    An inclusion keeps documents and arrays of documents and drops scalars on the way; a computed value makes the documents
    that it needs.
    """
    cls = value.__class__
    if cls is list:
        items = (project(item, tree, computed) for item in value)
        return [item for item in items if item is not MISSING]
    if cls is not dict:
        if not _computes(tree):
            return MISSING
        value = {}
    kept: dict[str, Any] = {}
    for name, item in value.items():
        below = tree.get(name)
        inner = item if below is True else project(item, below, computed) if below.__class__ is dict else MISSING
        if inner is not MISSING:
            kept[name] = inner
    for name, below in tree.items():
        if below.__class__ is int:
            inner = computed[below]
        elif below.__class__ is dict and name not in value:
            inner = project(MISSING, below, computed)
        else:
            continue
        if inner is not MISSING:
            kept[name] = inner
    return kept


def _computes(tree: Tree) -> bool:
    return any(below.__class__ is int or (below.__class__ is dict and _computes(below)) for below in tree.values())
