"""``$unwind``: one document per element of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.compiler.writer import Value
from fluxion_core.language.operators import Example
from fluxion_core.language.paths import at, nest
from fluxion_core.language.values import MISSING, is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Unwind"]


def _replaced(value: Any, names: Sequence[str], element: Any) -> Any:
    """Return *value* with *element* at *names* below it; a missing one takes the field away, and nothing where there is none."""
    return nest(value, names, element) if element is not MISSING or at(value, names) is not MISSING else value


class Unwind(PerDocument, kw_only=True, eq=False):
    """Writes a loop in which the rest of the segment runs."""

    fans_out: ClassVar[bool] = True
    path: tuple[str, ...]
    index: tuple[str, ...] | None
    preserves: bool

    def write(self, segment: SegmentWriter) -> None:
        """Loop over the elements; what is no array is its own only element, null and missing are none unless preserved."""
        writer, shape = segment.writer, segment.shape
        top = shape.read(self.path[0])
        value = top.local
        alone = len(self.path) == 1
        demand = top.demand.elements() if top.demand is not None and alone else None
        if top.demand is not None and self.preserves:
            top.demand.preserved = True
        element = (*top.path, None) if top.path is not None and alone else None
        if not alone:
            value = writer.assign(f"{writer.constant(at)}({top.text}, {writer.constant(self.path[1:])})")
        array = alone and segment.takes_array(top)
        items = self._items(segment, value, array=array)
        if alone:
            segment.look_ahead(items, top)
        segment.count_rows(items, top, self.where)
        segment.count_more("added", f"len({items}) - 1")
        item = writer.fresh("e")
        if self.index is None:
            segment.open(items, f"for {item} in {items}:")
        else:
            position = writer.fresh("x")
            segment.open(items, f"for {position}, {item} in enumerate({items}):")
            listed = writer.assign(f"{position} if {'' if array else f'{value}.__class__ is list and '}{value} else None")
        self._set(segment, self.path, Value(item, demand=demand, path=element))
        if self.index is not None:
            self._set(segment, self.index, Value(listed, may_miss=False))

    def _items(self, segment: SegmentWriter, value: str, *, array: bool) -> str:
        """Write what is looped over for local *value*; return its name. *array*: it is one."""
        if array and not self.preserves:
            return value
        writer = segment.writer
        items = writer.fresh("u")
        nothing = "(M,)" if self.preserves else "()"
        kept = f"({value},)" if self.preserves else "()"
        if array:
            writer.line(f"{items} = {value} or {nothing}")
            return items
        writer.line(f"if {value}.__class__ is list: {items} = {value} or {nothing}")
        writer.line(f"elif {value} is None or {value} is M: {items} = {kept}")
        writer.line(f"else: {items} = ({value},)")
        return items

    @staticmethod
    def _set(segment: SegmentWriter, path: tuple[str, ...], value: Value) -> None:
        writer, shape = segment.writer, segment.shape
        if len(path) > 1:
            old = shape.read(path[0])
            value = Value(writer.assign(f"{writer.constant(_replaced)}({old.text}, {writer.constant(path[1:])}, {value.text})"))
        shape.set(path[0], value)


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Unwind]:
    members = {"path": spec} if is_string(spec) else spec
    members = parser.members(members, where, ("path",), ("includeArrayIndex", "preserveNullAndEmptyArrays"))
    path = members.get("path")
    if path is None and "path" not in members:
        return []
    if not is_string(path) or not path.startswith("$"):
        parser.problem(
            f"{where}.path" if isinstance(spec, dict) else where, f"a field path with '$' was expected, not {shown(path)}"
        )
        return []
    names = parser.field_path(path[1:], where)
    preserves = members.get("preserveNullAndEmptyArrays", False)
    if not isinstance(preserves, bool):
        parser.problem(f"{where}.preserveNullAndEmptyArrays", f"true or false was expected, not {shown(preserves)}")
    index = None
    if "includeArrayIndex" in members:
        given = members["includeArrayIndex"]
        if not is_string(given) or not given or given.startswith("$"):
            parser.problem(f"{where}.includeArrayIndex", f"the name of a field, without '$', was expected, not {shown(given)}")
        else:
            index = parser.field_path(given, f"{where}.includeArrayIndex")
    return [] if names is None else [Unwind(where=where, path=names, index=index, preserves=bool(preserves))]


STAGES = (
    StageForm(
        name="$unwind",
        parse=_parse,
        kind="stateless",
        examples=[Example([{"$unwind": "$a"}], [{"a": 1}, {"a": 2}], documents=[{"a": [1, 2]}, {"a": []}, {}])],
    ),
)
