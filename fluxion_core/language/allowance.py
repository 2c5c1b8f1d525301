"""What one document may make and how much work it may cause: one allowance, shared by everything that is evaluated on it.

An operator that makes something large, or reads something large, takes what that comes to from the allowance of the document at
hand; what is small (:data:`FREE_BYTES`) is free, so that common documents pay nothing. Generated code begins anew with each
document, and gives back what a loop made for one turn only. What was taken tells whether the result has to be measured.
Source of the sizes: MongoDB's limits, 16 MiB for a document and 100 MiB for an operator that holds values in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import local
from typing import Any, Final

from fluxion_core.errors import EvaluationError

__all__ = [
    "COMPARE_NANOSECONDS",
    "CONTAINER_BYTES",
    "ENTRY_BYTES",
    "FEW",
    "FEW_COMPARED",
    "FREE_BYTES",
    "ITEM_BYTES",
    "LIMIT_BYTES",
    "LIMIT_DEPTH",
    "LIMIT_DOCUMENT_BYTES",
    "LIMIT_NANOSECONDS",
    "LOOK_NANOSECONDS",
    "PLACE_BYTES",
    "SMALL_BYTES",
    "SORT_NANOSECONDS",
    "Allowance",
    "begin",
    "checked_size",
    "current",
    "measured",
    "metered",
    "one_document",
    "places",
    "sort_work",
    "take",
    "take_work",
    "values_in",
    "walk_work",
    "weight",
]

LIMIT_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""The size of a document, or of a single text, at most: MongoDB's limit too."""
LIMIT_BYTES: Final = 84 * 1024 * 1024
"""How much memory the values that are made for one document may take."""
LIMIT_NANOSECONDS: Final = 1_000_000_000
"""How much work one document may cause, counted as if on a machine of common speed; no clock is read."""
LIMIT_DEPTH: Final = 200
"""How deep a value that is made may nest, BSON's limit too."""

SMALL_BYTES: Final = 8 * 1024
"""What is smaller is not counted."""
FREE_BYTES: Final = 64 * 1024
"""A document is not measured where less was made for it."""
ITEM_BYTES: Final = 40
"""What a new element of an array takes: its place, and a number."""
CONTAINER_BYTES: Final = 80
"""What an array takes beside its elements; an object takes twice as much."""
PLACE_BYTES: Final = 8
"""What an element takes that is there already."""
ENTRY_BYTES: Final = 120
"""What a field of an object takes, at most."""
FEW: Final = SMALL_BYTES // PLACE_BYTES
"""So many elements that are there already are free."""
FEW_COMPARED: Final = 256
"""So many values are compared for nothing."""
SORT_NANOSECONDS: Final = 400
"""What it takes to put a value in order among others, or into a set; those within it count too."""
COMPARE_NANOSECONDS: Final = 300
"""What it takes to go through a value, for each of those within it."""
LOOK_NANOSECONDS: Final = 20
"""What it takes to compare a value with another one, and to find that it differs."""
_NESTED: Final[frozenset[type]] = frozenset([dict, list, tuple])


class Allowance:
    """What was *made* for the document at hand, in bytes, and *done*, in nanoseconds."""

    __slots__ = ("done", "made", "within")

    def __init__(self) -> None:
        self.made = 0
        self.done = 0
        self.within = False
        """Whether a stage is at one document, with pipelines of its own for it: they have no allowance of their own."""


class _OfThread(local):
    def __init__(self) -> None:
        self.allowance = Allowance()


_of_thread = _OfThread()


def current() -> Allowance:
    """Return the allowance that generated code begins anew with each document: inside a stage that is at one, a blank one."""
    allowance = _of_thread.allowance
    return Allowance() if allowance.within else allowance


def begin() -> None:
    """Begin anew, unless within a document."""
    allowance = _of_thread.allowance
    if not allowance.within:
        allowance.made = allowance.done = 0


@contextmanager
def one_document() -> Iterator[None]:
    """Have all that is evaluated in the block share one allowance."""
    allowance = _of_thread.allowance
    outermost = not allowance.within
    if outermost:
        allowance.made = allowance.done = 0
        allowance.within = True
    try:
        yield
    finally:
        if outermost:
            allowance.within = False


def take(size_bytes: int, nanoseconds: int | None = None) -> None:
    """Take *size_bytes* that are about to be made; the work is that of copying them, if it is not given.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    allowance = _of_thread.allowance
    allowance.made += size_bytes
    if allowance.made > LIMIT_BYTES:
        msg = f"the values made for one document would take more than {LIMIT_BYTES >> 20} MiB"
        raise EvaluationError(msg)
    take_work(size_bytes >> 1 if nanoseconds is None else nanoseconds)


def take_work(nanoseconds: int) -> None:
    """Take work that is about to be done.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    allowance = _of_thread.allowance
    allowance.done += nanoseconds
    if allowance.done > LIMIT_NANOSECONDS:
        raise EvaluationError(
            "one document would cause more work than is allowed: loops within loops, or over and over large values"
        )


def places(count: int) -> None:
    """Take what an array of *count* values that are there already takes; few are free.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    if count > FEW:
        take(count * PLACE_BYTES)


def sort_work(items: Collection[Any]) -> None:
    """Take what sorting *items* costs, or finding those that are equal; few are free.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    if len(items) > FEW_COMPARED or not _NESTED.isdisjoint(map(type, items)):
        walk_work(items, SORT_NANOSECONDS)


def walk_work(values: Collection[Any], nanoseconds: int = COMPARE_NANOSECONDS) -> None:
    """Take what going through *values* and all that is within them costs, *nanoseconds* each; few are free.

    Raises:
        EvaluationError: there is not so much left for the document.
    """
    count = values_in(values)
    if count > FEW_COMPARED:
        take_work(count * nanoseconds)


def values_in(items: Collection[Any]) -> int:
    """Return how many values stand in *items*, with those within objects and arrays, which count once more themselves."""
    total = len(items)
    for item in items:
        cls = item.__class__
        if cls is dict:
            total += 1 + values_in(item.values())
        elif cls is list or cls is tuple:
            total += 1 + values_in(item)
    return total


@lru_cache(maxsize=256)
def metered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return *function*, which goes through the containers that it is given, as it stands in a loop: it takes its work beforehand."""

    def taking(*arguments: Any) -> Any:
        walk_work(arguments)
        return function(*arguments)

    return taking


# --------------------------------------------------------------------------------------------------- sizes


def checked_size(document: Any) -> Any:
    """Return *document*, unless it is larger than one may be when everything that it shares is written out.

    Raises:
        EvaluationError: it is, or it nests too deep.
    """
    if measured(document, {})[0] > LIMIT_DOCUMENT_BYTES:
        raise EvaluationError(f"a document grew beyond {LIMIT_DOCUMENT_BYTES >> 20} MiB")
    return document


def measured(value: Any, known: dict[int, tuple[Any, int, int]]) -> tuple[int, int]:
    """Return about how many bytes container *value* has when written out, never more than as JSON or BSON, and how deep it nests.

    What is shared counts as often as it stands in it; each container is visited once, for *known* ones are remembered.

    Raises:
        EvaluationError: it nests too deep.
    """
    found = known.get(id(value))
    if found is not None:
        return found[1], found[2]
    total, depth = 1, 0
    items = value
    if value.__class__ is dict:
        items = value.values()
        total += sum(map(len, value))
    for item in items:
        cls = item.__class__
        if cls is str or cls is bytes:
            total += len(item) + 1
        elif cls is list or cls is dict or cls is tuple:
            size, below = measured(item, known)
            total += size
            depth = max(depth, below)
        else:
            total += 1
    depth += 1
    if depth > LIMIT_DEPTH:
        raise EvaluationError(f"a value is nested too deeply: more than {LIMIT_DEPTH} levels")
    known[id(value)] = (value, total, depth)  # the value is kept too, so that its id stays its own
    return total, depth


def weight(value: Any, known: dict[int, Any]) -> int:
    """Return about how many bytes of memory container *value* takes, what it shares with itself counted once."""
    if id(value) in known:
        return 0
    known[id(value)] = value
    items = value.values() if value.__class__ is dict else value
    total = CONTAINER_BYTES * (1 + (value.__class__ is dict)) + ITEM_BYTES * len(value)
    for item in items:
        cls = item.__class__
        if cls is str or cls is bytes:
            total += len(item)
        elif cls is list or cls is dict or cls is tuple:
            total += weight(item, known)
    return total
