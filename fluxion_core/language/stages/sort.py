"""``$sort``: the whole input in the order of all values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from fluxion_core.language.compiler.parse import shown
from fluxion_core.language.compiler.parts import StageForm, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.ordering import sort_key
from fluxion_core.language.stages.held import Held
from fluxion_core.language.values import MISSING, is_finite, is_number

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES", "Sort", "ordered", "parse_order"]

Order = tuple[tuple[tuple[str, ...], bool], ...]
"""(path, descending) per field."""


def ordered(documents: Iterable[dict[str, Any]], fields: Order) -> list[dict[str, Any]]:
    """Return *documents* sorted; those that are equal keep their order."""
    result = list(documents)
    for names, descending in reversed(fields):
        result.sort(key=path_key(names, descending=descending), reverse=descending)
    return result


def path_key(names: Sequence[str], *, descending: bool) -> Callable[[dict[str, Any]], Any]:
    """Return the key of a document: of an array the least element, or the greatest when descending; missing counts as null."""
    choose = max if descending else min
    null = sort_key(None)
    empty = (1, 0)  # an empty array comes before null

    if len(names) == 1:
        (name,) = names

        def simple(document: dict[str, Any]) -> Any:
            value = document.get(name, MISSING)
            if value.__class__ is list:
                return choose(map(sort_key, value)) if value else empty
            return null if value is MISSING else sort_key(value)

        return simple

    def key(document: dict[str, Any]) -> Any:
        found = [
            null if value is MISSING else empty if value is _EMPTY else sort_key(value) for value in _reached(document, names)
        ]
        return choose(found) if found else null

    return key


_EMPTY: Any = object()


def _reached(value: Any, names: Sequence[str]) -> Iterable[Any]:
    if not names:
        if value.__class__ is list:
            yield from value or (_EMPTY,)
        else:
            yield value
    elif isinstance(value, dict):
        yield from _reached(value.get(names[0], MISSING), names[1:])
    elif value.__class__ is list:
        if names[0].isdecimal():
            index = int(names[0])
            if index < len(value):
                yield from _reached(value[index], names[1:])
        for item in value:
            if isinstance(item, dict):
                yield from _reached(item, names)
    else:
        yield MISSING


@attrs.define(kw_only=True)
class Sort(StepPart):
    """Holds every document until the end of input and gives them out in order."""

    fields: Order

    def start(self, environment: Any) -> Held:
        """Return the step for one run."""
        del environment
        return Held(lambda documents: ordered(documents, self.fields))


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
    """Return a direction; a decimal is rounded to a whole number, as MongoDB does."""
    return round(direction) if direction.__class__ is Decimal and is_finite(direction) else direction


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Sort]:
    fields = parse_order(parser, spec, where)
    return [Sort(where=where, fields=fields)] if fields else []


STAGES = (
    StageForm(
        name="$sort",
        parse=_parse,
        kind="blocking",
        note="needs the whole input",
        examples=[Example([{"$sort": {"v": -1}}], [{"v": 2}, {"v": 1}], documents=[{"v": 1}, {"v": 2}])],
    ),
)
