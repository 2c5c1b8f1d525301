"""``$sort``: the whole input in the order of all values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.parts import Part, PerDocument, StageForm, Step, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.ordering import sort_key
from fluxion_core.language.paths import index_of
from fluxion_core.language.stages.held import Held, Leading
from fluxion_core.language.values import MISSING, is_finite, is_number, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["BEFORE_NULL", "STAGES", "Sort", "check_order", "order_key", "ordered", "parse_order"]

Order = tuple[tuple[tuple[str, ...], bool], ...]
"""(path, descending) per field."""
_EMPTY: Any = object()
_ARRAY: Any = object()
_NULL: Any = sort_key(None)
BEFORE_NULL: Any = (1, 0)
"""The key of an empty array."""


def ordered(documents: Iterable[dict[str, Any]], fields: Order) -> list[dict[str, Any]]:
    """Return *documents* sorted; those that are equal keep their order.

    Raises:
        EvaluationError: one has arrays on the paths of two fields.
    """
    held = list(documents)
    return [held[place] for place in places(held, fields)]


def places(documents: Sequence[dict[str, Any]], fields: Order) -> list[int]:
    """Return where *documents* stand, in the order that they are sorted in.

    Raises:
        EvaluationError: one has arrays on the paths of two fields.
    """
    found = list(range(len(documents)))
    joint = len(fields) > 1 and any(_crosses_arrays(document, fields) for document in documents)
    rows = [_joint_key(document, fields) for document in documents] if joint else ()
    for index, (names, descending) in reversed(list(enumerate(fields))):
        key = path_key(names, descending=descending)
        keys = [row[index] for row in rows] if joint else list(map(key, documents))
        found.sort(key=keys.__getitem__, reverse=descending)
    return found


class _Descending:
    """A key that orders the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(other.key == self.key)

    __hash__ = None  # type: ignore[assignment]  # a key to compare, not to look up


@lru_cache(maxsize=256)
def order_key(fields: Order) -> Callable[[dict[str, Any]], Any]:
    """Return what makes keys of documents that order as :func:`ordered` does."""
    if len(fields) == 1:
        ((names, descending),) = fields
        key = path_key(names, descending=descending)
        return (lambda document: _Descending(key(document))) if descending else key
    directions = tuple(descending for _, descending in fields)

    def several(document: dict[str, Any]) -> Any:
        keys = _joint_key(document, fields)
        return tuple(_Descending(key) if descending else key for key, descending in zip(keys, directions, strict=True))

    return several


def check_order(document: dict[str, Any], fields: Order) -> None:
    """Raise what :func:`ordered` would raise because of *document*.

    Raises:
        EvaluationError: two fields go through different arrays, or a name is both a place in an array and a field in it.
    """
    through = [names for names, _ in fields if _plain(document, names) is _ARRAY]
    if len(through) > 1 or any(index_of(name) is not None for names in through for name in names[1:]):
        _joint_key(document, fields)


def _crosses_arrays(document: dict[str, Any], fields: Order) -> bool:
    """Whether more than one field goes through an array: then they are not chosen one by one."""
    return sum(_plain(document, names) is _ARRAY for names, _ in fields) > 1


def _joint_key(document: dict[str, Any], fields: Order) -> list[Any]:
    """Return the keys of all fields: where several go through one array, those of one element, the first in the order.

    Raises:
        EvaluationError: two fields go through different arrays.
    """
    values = [_plain(document, names) for names, _ in fields]
    if any(value is _ARRAY for value in values):
        choice = _combinations((document, names, ()) for names, _ in fields)
        for place, (_, descending) in enumerate(fields):
            best = (max if descending else min)(row[place] for row in choice)
            choice = [row for row in choice if row[place] == best]
        return choice[0]
    return [_value_key(value) for value in values]


def _value_key(value: Any) -> Any:
    return _NULL if value is MISSING else BEFORE_NULL if value is _EMPTY else sort_key(value)


def _plain(value: Any, names: Sequence[str]) -> Any:
    """Return the value at the end of a path, or ``_ARRAY`` where an array lies on it or at its end."""
    for name in names:
        if value.__class__ is list:
            return _ARRAY
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    return _ARRAY if value.__class__ is list else value


_End = tuple[Any, Sequence[str] | None, tuple[str | int, ...]]
"""A value on the way of a path, the names that are left of it, ``None`` if the key is found, and where in the document it is."""


def _combinations(ends: Iterable[_End]) -> list[list[Any]]:
    """Return the keys of every element of the array that lies on the paths, with those of the paths beside it."""
    stopped = [_until_array(*end) for end in ends]
    arrays = {gone: value for value, names, gone in stopped if names is not None}
    if not arrays:
        return [[_value_key(value) for value, _, _ in stopped]]
    if len(arrays) > 1:
        raise EvaluationError("$sort cannot go through two arrays of one document at once")
    ((gone, array),) = arrays.items()
    rows: list[list[Any]] = []
    for place, element in enumerate(array or [_EMPTY]):
        rows += _combinations(end if end[1] is None else _within(element, place, end[1], array, gone) for end in stopped)
    return rows


def _until_array(value: Any, names: Sequence[str] | None, gone: tuple[str | int, ...]) -> _End:
    """Return the end at the first array of a path, or at the end of it."""
    if names is None:
        return value, names, gone
    for place, name in enumerate(names):
        if value.__class__ is list:
            return value, names[place:], (*gone, *names[:place])
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    return value, () if value.__class__ is list else None, (*gone, *names)


def _within(element: Any, place: int, names: Sequence[str], array: list[Any], gone: tuple[str | int, ...]) -> _End:
    """Return where the path *names* goes on from *element* of *array*; a place in the array stands for the same in each element.

    Raises:
        EvaluationError: the name that is a place in the array is a field of an element as well.
    """
    if not names:  # an array that is chosen by its place is not looked into
        return array if array and gone[-1:] and gone[-1].__class__ is int else element, None, gone
    index = index_of(names[0])
    if index is not None and index < len(array):
        if isinstance(element, dict) and names[0] in element:
            raise EvaluationError(f"$sort: '{names[0]}' is both a place in an array and a field of a document in it")
        return array[index], names[1:], (*gone, index)
    return (element, names, (*gone, place)) if isinstance(element, dict) else (MISSING, None, gone)


def path_key(names: Sequence[str], *, descending: bool) -> Callable[[dict[str, Any]], Any]:
    """Return the key of a document: of an array the least element, or the greatest when descending; missing counts as null."""
    choose = max if descending else min
    null, empty = _NULL, BEFORE_NULL

    if len(names) == 1:
        (name,) = names

        def simple(document: dict[str, Any]) -> Any:
            value = document.get(name, MISSING)
            if value.__class__ is list:
                return choose(map(sort_key, value)) if value else empty
            return null if value is MISSING else sort_key(value)

        return simple

    def key(document: dict[str, Any]) -> Any:
        value = _plain(document, names)
        if value is _ARRAY:
            return choose(row[0] for row in _combinations([(document, names, ())]))
        return null if value is MISSING else sort_key(value)

    return key


class Sort(StepPart, kw_only=True, eq=False):
    """Holds documents until the end of input and gives them out in order: all, or so many as the stages behind it let through."""

    fields: Order
    most: int | None = None

    def followed_by(self, parts: Sequence[Part]) -> None:
        """Take note of how many a ``$limit`` lets through, and how many a ``$skip`` before it drops."""
        dropped = 0
        for part in parts:
            counted = part.counter() if isinstance(part, PerDocument) else None
            if counted is None:
                return
            count, ends = counted
            if ends:
                self.most = dropped + count
                return
            dropped += count

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        del environment
        if self.most is None:
            return Held(lambda documents: ordered(documents, self.fields))
        return Leading(lambda documents: places(documents, self.fields), self.most)


def parse_order(parser: Parser, spec: Any, where: str) -> Order:
    """Return a sort specification ``{field: 1 or -1, ...}``."""
    if not isinstance(spec, dict) or not spec:
        parser.problem(where, f"an object of fields with 1 or -1 was expected, not {shown(spec)}")
        return ()
    fields = []
    for name, direction in spec.items():
        path = f"{where}.{name}"
        if isinstance(direction, Mapping):
            parser.problem(path, "sorting by $meta needs a text index, which a stream does not have")
            continue
        if not is_number(direction) or _rounded(direction) not in {1, -1}:
            parser.problem(path, f"the direction is 1 or -1, not {shown(direction)}")
            continue
        names = parser.field_path(name, path)
        if names is not None:
            fields.append((names, direction < 0))
    if len(fields) > 32:  # MongoDB's limit
        parser.problem(where, f"at most 32 fields can be sorted by, not {len(fields)}")
    return tuple(fields)


def _rounded(direction: Any) -> Any:
    """Return a direction as a whole number, as MongoDB does: a decimal is rounded, a double cut off."""
    if not is_finite(direction):
        return 0
    return round(direction) if direction.__class__ is Decimal else int(direction)


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Sort]:
    fields = parse_order(parser, spec, where)
    return [Sort(where=where, fields=fields)] if fields else []


STAGES = (
    StageForm(
        name="$sort",
        parse=_parse,
        kind="blocking",
        note="needs the whole input; with a $limit behind it holds no more than that lets through",
        examples=[Example([{"$sort": {"v": -1}}], [{"v": 2}, {"v": 1}], documents=[{"v": 1}, {"v": 2}])],
    ),
)
