"""``$project $addFields $set $unset``: the fields of a document.

An inclusion gives ``_id`` first and then the fields in the order of the specification (MongoDB keeps the document's order).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fluxion_core.language.compiler.nodes import Field, Node, walk
from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.compiler.writer import Value
from fluxion_core.language.operators import Example
from fluxion_core.language.paths import DOLLAR_NAMES, exclude, project, put
from fluxion_core.language.values import is_number, is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Exclude", "Include", "SetFields", "check_overlaps", "parse_projection", "parse_set"]


# --------------------------------------------------------------------------------------------------- $addFields, $set


class SetFields(PerDocument, kw_only=True, eq=False):
    """Sets fields; no expression sees what another one sets."""

    fields: tuple[tuple[tuple[str, ...], Node], ...]

    def nodes(self) -> Iterable[Node]:
        """Return the expressions."""
        return [node for _, node in self.fields]

    def doubles(self) -> bool:
        """Where several values get into one field, or the document into a field of itself."""
        return sum(len(names) > 1 for names, _ in self.fields) > 1 or _takes_document(self.nodes())

    def write(self, segment: SegmentWriter) -> None:
        """Evaluate every expression on the old document, then set."""
        writer = segment.writer
        values = [(names, segment.result(node)) for names, node in self.fields]
        for names, value in values:
            if len(names) == 1:
                segment.shape.set(names[0], value)
                continue
            old = segment.shape.read(names[0])
            new = writer.assign(f"{writer.constant(put)}({old.text}, {writer.constant(names[1:])}, {value.text})")
            segment.shape.set(names[0], Value(new, may_miss=False))


def _takes_document(nodes: Iterable[Node]) -> bool:
    return any(isinstance(part, Field) and not part.names for node in nodes for part in walk(node))


def parse_set(parser: Parser, spec: Any, where: str) -> Sequence[SetFields]:
    """Return the part of ``$addFields`` with the specification *spec*; problems go to *parser*."""
    if not isinstance(spec, dict):
        parser.problem(where, f"an object of fields was expected, not {shown(spec)}")
        return []
    fields: list[tuple[tuple[str, ...], Node]] = []
    _collect(parser, spec, where, (), fields)
    check_overlaps(parser, [names for names, _ in fields], where)
    return [SetFields(where=where, fields=tuple(fields))] if spec else []


def _collect(
    parser: Parser, spec: Mapping[Any, Any], where: str, above: tuple[str, ...], fields: list[tuple[tuple[str, ...], Node]]
) -> None:
    """Add ``{a: {b: expression}}`` as ``a.b``; an object with an operator is an expression."""
    for name, value in spec.items():
        path = f"{where}.{name}"
        names = parser.field_path(name, path)
        if names is None:
            continue
        if above and len(names) > 1:
            parser.problem(path, f"within an object '{name}' cannot be a path", "nest objects")
        if isinstance(value, dict) and value and not next(iter(value), "").startswith("$"):
            with parser.deeper(path) as fits:
                if fits:
                    _collect(parser, value, path, (*above, *names), fields)
        else:
            fields.append(((*above, *names), parser.expression(value, path)))


def check_overlaps(parser: Parser, paths: Sequence[tuple[str, ...]], where: str) -> None:
    """Keep a problem for every path that stands twice, or above another."""
    seen: set[tuple[str, ...]] = set()
    above = {names[:length] for names in paths for length in range(1, len(names))}
    for names in paths:
        if names in seen or names in above:
            parser.problem(f"{where}.{'.'.join(names)}", f"'{'.'.join(names)}' is given twice, or beside a path below it")
        seen.add(names)


# --------------------------------------------------------------------------------------------------- $unset, exclusion


class Exclude(PerDocument, kw_only=True, eq=False):
    """Removes what *tree* names."""

    tree: Mapping[str, Any]

    def write(self, segment: SegmentWriter) -> None:
        """Remove whole fields, and parts of fields through the library."""
        writer = segment.writer
        for name, below in self.tree.items():
            if below is True:
                segment.shape.drop(name)
            else:
                old = segment.shape.read(name)
                if old.local != "M":
                    new = writer.assign(f"{writer.constant(exclude)}({old.text}, {writer.constant(below)})")
                    segment.shape.set(name, Value(new, old.may_miss))


def _parse_unset(parser: Parser, spec: Any, where: str) -> Sequence[Exclude]:
    given = [spec] if is_string(spec) else spec
    if not isinstance(given, list | tuple) or not given or not all(is_string(path) for path in given):
        parser.problem(where, f"a field or a list of fields was expected, not {shown(spec)}")
        return []
    paths = [names for path in given if (names := parser.field_path(path, where)) is not None]
    check_overlaps(parser, paths, where)
    return [Exclude(where=where, tree=_tree(paths))]


def _tree(paths: Iterable[Sequence[str]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for names in paths:
        node = tree
        for name in names[:-1]:
            below = node.setdefault(name, {})
            node = below if isinstance(below, dict) else {}
        node[names[-1]] = True
    return tree


# --------------------------------------------------------------------------------------------------- inclusion


class Include(PerDocument, kw_only=True, eq=False):
    """Keeps what *tree* includes and adds computed values: a leaf is ``True`` or the index of an expression."""

    tree: Mapping[str, Any]
    computed: tuple[Node, ...]
    keeps_id: bool

    def nodes(self) -> Iterable[Node]:
        """Return the expressions."""
        return self.computed

    def doubles(self) -> bool:
        """Where several values are computed."""
        return len(self.computed) > 1

    def write(self, segment: SegmentWriter) -> None:
        """Read every included field, evaluate the computed ones, and go on with these alone."""
        writer, shape = segment.writer, segment.shape
        values = [segment.result(node) for node in self.computed]
        fields: dict[str, Value] = {}
        if self.keeps_id and "_id" not in self.tree:
            fields["_id"] = shape.read("_id")
        for name, below in self.tree.items():
            if below is True:
                fields[name] = shape.read(name)
            elif isinstance(below, int):
                fields[name] = values[below]
            else:
                packed = (
                    writer.constant(()) if not values else writer.assign(f"({''.join(value.text + ', ' for value in values)})")
                )
                text = f"{writer.constant(project)}({shape.read(name).text}, {writer.constant(below)}, {packed})"
                fields[name] = Value(writer.assign(text))
        if "_id" in fields:
            fields = {"_id": fields.pop("_id"), **fields}
        shape.replace({name: value for name, value in fields.items() if value.local != "M"})


class _Projection:
    """Sorts the members of a ``$project`` into inclusions, exclusions and computed values."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.included: list[tuple[str, ...]] = []
        self.excluded: list[tuple[str, ...]] = []
        self.computed: list[tuple[tuple[str, ...], Node]] = []
        self.order: list[tuple[str, ...]] = []

    def collect(self, spec: Mapping[Any, Any], where: str, above: tuple[str, ...]) -> None:
        """Sort in the members of *spec*, which stands under the path *above*."""
        for name, value in spec.items():
            path = f"{where}.{name}"
            names = self.parser.field_path(name, path)
            if names is None:
                continue
            names = (*above, *names)
            if isinstance(value, bool) or is_number(value):
                (self.included if value else self.excluded).append(names)
            elif _is_nested(value):
                with self.parser.deeper(path) as fits:
                    if fits:
                        self.collect(value, path, names)
                continue
            elif isinstance(value, dict) and not value:
                self.parser.problem(path, "an empty object says nothing", "write 1, 0 or an expression")
                continue
            else:
                self.computed.append((names, self.parser.expression(value, path)))
            self.order.append(names)


def _is_nested(value: Any) -> bool:
    """Whether *value* holds fields to project and is no expression: an expression is the one name in its object."""
    first = str(next(iter(value), "$")) if isinstance(value, dict) else "$"
    return not first.startswith("$") or first in DOLLAR_NAMES


def parse_projection(parser: Parser, spec: Any, where: str) -> Sequence[PerDocument]:
    """Return the parts of a ``$project``: an inclusion or an exclusion."""
    if not isinstance(spec, dict) or not spec:
        parser.problem(where, f"an object with at least one field was expected, not {shown(spec)}")
        return []
    projection = _Projection(parser)
    projection.collect(spec, where, ())
    check_overlaps(parser, projection.order, where)
    excluded = [names for names in projection.excluded if names != ("_id",)]
    keeps_id = ("_id",) not in projection.excluded
    including = (
        [names for names in projection.included if names != ("_id",)]
        or projection.computed
        or (("_id",) in projection.included and not excluded)
    )
    if excluded and including:
        parser.problem(
            f"{where}.{'.'.join(excluded[0])}",
            "a projection either includes or excludes fields",
            "only _id may be excluded beside others",
        )
        return []
    if not including:
        return [Exclude(where=where, tree=_tree(projection.excluded))]
    tree: dict[str, Any] = {}
    indexes = {names: index for index, (names, _) in enumerate(projection.computed)}
    for names in projection.order:
        if names in projection.excluded:
            continue
        node = tree
        for name in names[:-1]:
            below = node.setdefault(name, {})
            node = below if isinstance(below, dict) else {}
        node[names[-1]] = indexes.get(names, True)
    return [Include(where=where, tree=tree, computed=tuple(node for _, node in projection.computed), keeps_id=keeps_id)]


_ORDER = {"_id": 1, "item": "pen", "size": {"w": 1, "h": 2}}
STAGES = (
    StageForm(
        name="$project",
        parse=parse_projection,
        kind="stateless",
        examples=[
            Example(
                [{"$project": {"item": 1, "size.w": 1}}], [{"_id": 1, "item": "pen", "size": {"w": 1}}], documents=[_ORDER]
            ),
            Example([{"$project": {"size": 0}}], [{"_id": 1, "item": "pen"}], documents=[_ORDER]),
        ],
    ),
    *(
        StageForm(
            name=name,
            parse=parse_set,
            kind="stateless",
            examples=[Example([{name: {"b": {"$add": ["$a", 1]}}}], [{"a": 1, "b": 2}], documents=[{"a": 1}])],
        )
        for name in ("$addFields", "$set")
    ),
    StageForm(
        name="$unset",
        parse=_parse_unset,
        kind="stateless",
        examples=[Example([{"$unset": ["size.h", "item"]}], [{"_id": 1, "size": {"w": 1}}], documents=[_ORDER])],
    ),
)
