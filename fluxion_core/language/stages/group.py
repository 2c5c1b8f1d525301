"""``$group`` and what is made of it: ``$count $sortByCount``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.nodes import Constant, FirstPresent, Node, ObjectOf, checked
from fluxion_core.language.compiler.parts import Folding, Part, StageForm
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.registered import registered
from fluxion_core.language.stages.project import Exclude
from fluxion_core.language.stages.sort import Sort
from fluxion_core.language.values import MISSING, is_number, is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES", "parse_accumulation"]

_Field = tuple[str, Accumulator, tuple[Node, ...], tuple[Node, ...]]


def _parse_group(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    if not isinstance(spec, dict):
        parser.problem(where, f"an object with _id and fields was expected, not {shown(spec)}")
        return []
    if "_id" not in spec:
        parser.problem(where, "'_id' is missing: what to group by", "write _id: null for one group of everything")
    key = parser.expression(spec.get("_id"), f"{where}._id")
    _check_key(parser, spec.get("_id"), f"{where}._id")
    if isinstance(key, ObjectOf) and len(key.fields) == 1:  # only beside other fields a missing one stays away, as in MongoDB
        ((name, node),) = key.fields
        key = ObjectOf(key.where, ((name, FirstPresent(node.where, (node, Constant(node.where, None)))),))
    fields = [
        field
        for name, value in spec.items()
        if name != "_id" and (field := parse_accumulation(parser, name, value, f"{where}.{name}")) is not None
    ]
    return [Folding(where=where, key=key, fields=tuple(fields))]


def _check_key(parser: Parser, key: Any, where: str) -> None:
    """Refuse fields of a *key* that include, as those of a projection do: MongoDB takes no number or boolean for its value there."""
    if not isinstance(key, dict) or str(next(iter(key), "")).startswith("$"):
        return
    for name, value in key.items():
        if isinstance(value, bool) or is_number(value):
            parser.problem(f"{where}.{name}", f"{shown(value)} says nothing in a key", "write {$literal: ...} for the value")


def parse_accumulation(parser: Parser, name: Any, spec: Any, where: str) -> _Field | None:
    """Return ``name: {$accumulator: ...}`` parsed; ``None`` after a problem was kept."""
    if not is_string(name) or "." in name or name.startswith("$") or not name:
        parser.problem(where, f"{shown(name)} is no name for a field here", "no dots, and no '$' at the beginning")
        return None
    if not isinstance(spec, dict) or len(spec) != 1:
        found = shown(spec) if not isinstance(spec, dict) else f"{len(spec)} names"
        parser.problem(where, f"an object with one accumulator was expected, not {found}", "write {$sum: ...}")
        return None
    operator, argument = next(iter(spec.items()))
    path = f"{where}.{operator}"
    if operator == "$accumulator":
        call = registered(parser, [known for known in parser.accumulators if known in parser.registered], argument, path)
        if call is None:
            return None
        operator, argument = call
        path += ".args"
    accumulator = parser.accumulators.get(operator)
    if accumulator is None or not accumulator.group:
        parser.unknown(where, "accumulator", str(operator), parser.accumulators, known.ACCUMULATORS)
        return None
    if isinstance(argument, list | tuple) and accumulator.parse is None and not accumulator.arguments:
        parser.problem(path, f"{operator} takes one expression here, not an array")
        return None
    parameters, values = parse_arguments(parser, accumulator, argument, path)
    return name, accumulator, tuple(parameters), tuple(values)


def parse_arguments(parser: Parser, accumulator: Accumulator, spec: Any, where: str) -> tuple[Sequence[Node], Sequence[Node]]:
    """Return the parameters (once per group) and the values (per document) of an accumulator."""
    if accumulator.parse is not None:
        return accumulator.parse(parser, spec, where)
    names = (*accumulator.parameters, *accumulator.arguments)
    if not names:
        value = parser.expression(spec, where)
        return (), (value if accumulator.check is None else checked(value, accumulator.name, accumulator.check, where),)
    required = [name for name in names if name not in accumulator.optional]
    given = parser.arguments(spec, where, required, accumulator.optional)
    absent = Constant(where, MISSING)
    return (
        [given.get(name, absent) for name in accumulator.parameters],
        [given.get(name, absent) for name in accumulator.arguments],
    )


def _summed(parser: Parser, where: str, key: Node, name: str) -> Folding:
    return Folding(where=where, key=key, fields=((name, parser.accumulators["$sum"], (), (Constant(where, 1),)),))


def _parse_count(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    if not is_string(spec) or not spec or spec.startswith("$") or "." in spec or "\0" in spec or spec == "_id":
        parser.problem(
            where,
            f"the name of a field was expected, not {shown(spec)}",
            "not empty, no dots, no '$' at the beginning, not '_id'",
        )
        return []
    return [_summed(parser, where, Constant(where, None), spec), Exclude(where=where, tree={"_id": True})]


def _parse_sort_by_count(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    valid = (is_string(spec) and spec.startswith("$")) or (isinstance(spec, dict) and str(next(iter(spec), "")).startswith("$"))
    if not valid:
        parser.problem(where, f"a field path or an expression was expected, not {shown(spec)}", "write '$field'")
        return []
    key = parser.expression(spec, where)
    return [_summed(parser, where, key, "count"), Sort(where=where, fields=((("count",), True),))]


_ORDERS = ({"c": "A", "v": 1}, {"c": "B", "v": 2}, {"c": "A", "v": 3})
STAGES = (
    StageForm(
        name="$group",
        parse=_parse_group,
        kind="keyed",
        note="on a source that does not end, each seal gives out the groups that changed",
        examples=[
            Example(
                [{"$group": {"_id": "$c", "total": {"$sum": "$v"}}}],
                [{"_id": "A", "total": 4}, {"_id": "B", "total": 2}],
                documents=_ORDERS,
            )
        ],
    ),
    StageForm(
        name="$count",
        parse=_parse_count,
        kind="keyed",
        note="as $group",
        examples=[Example([{"$count": "n"}], [{"n": 3}], documents=_ORDERS)],
    ),
    StageForm(
        name="$sortByCount",
        parse=_parse_sort_by_count,
        kind="blocking",
        examples=[Example([{"$sortByCount": "$c"}], [{"_id": "A", "count": 2}, {"_id": "B", "count": 1}], documents=_ORDERS)],
    ),
)
