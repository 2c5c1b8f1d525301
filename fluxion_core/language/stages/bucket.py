"""``$bucket $bucketAuto``: groups by ranges of a value, given or found."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nested import Nested, nested_group
from fluxion_core.language.compiler.nodes import Call, Constant, Node
from fluxion_core.language.compiler.parts import Folding, Part, StageForm, Step, StepPart
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.ordering import compare, sort_key
from fluxion_core.language.stages.granularity import GRANULARITIES, above, below
from fluxion_core.language.stages.group import parse_accumulation
from fluxion_core.language.stages.held import Held
from fluxion_core.language.stages.sort import Sort
from fluxion_core.language.values import INT32_MAX, MISSING, is_finite, is_number, is_string, is_whole, shown, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES"]


def _output(parser: Parser, members: dict[str, Any], where: str) -> tuple[Any, ...]:
    given = members.get("output", {"count": {"$sum": 1}})
    if not isinstance(given, dict):
        parser.problem(f"{where}.output", f"an object of fields was expected, not {shown(given)}")
        return ()
    if "_id" in given:
        parser.problem(f"{where}.output._id", "_id is the bucket itself")
    fields = [parse_accumulation(parser, name, value, f"{where}.output.{name}") for name, value in given.items()]
    return tuple(field for field in fields if field is not None)


def _is_expression(spec: Any) -> bool:
    return (is_string(spec) and spec.startswith("$")) or (isinstance(spec, dict) and str(next(iter(spec), "")).startswith("$"))


# --------------------------------------------------------------------------------------------------- $bucket


def _bucket_of(boundaries: Sequence[Any], default: Any) -> Callable[[Any], Any]:
    keys = [sort_key(boundary) for boundary in boundaries]

    def function(value: Any) -> Any:
        key = sort_key(value)
        if keys[0] <= key < keys[-1]:
            return boundaries[bisect_right(keys, key) - 1]
        if default is MISSING:
            raise EvaluationError("a value lies outside the boundaries of $bucket, and there is no default")
        return default

    return function


def _parse_bucket(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    members = parser.members(spec, where, ("groupBy", "boundaries"), ("default", "output"))
    by = _grouped_by(parser, members, where)
    boundaries = _boundaries(parser, members["boundaries"], f"{where}.boundaries") if "boundaries" in members else []
    default = _default(parser, members, boundaries, where)
    fields = _output(parser, members, where)
    if len(boundaries) < 2:  # the problem is kept
        return []
    operator = Operator(name="$bucketOf", function=_bucket_of(boundaries, default), total=default is not MISSING)
    key = Call(where, operator, (by,))
    return [Folding(where=where, key=key, fields=fields), Sort(where=where, fields=((("_id",), False),))]


def _grouped_by(parser: Parser, members: dict[str, Any], where: str) -> Node:
    """Return the expression of *groupBy*; where it is missing, which is told already, a constant with which parsing goes on."""
    if "groupBy" in members and not _is_expression(members["groupBy"]):
        parser.problem(f"{where}.groupBy", f"a field path or an expression was expected, not {shown(members['groupBy'])}")
    return parser.expression(members.get("groupBy"), f"{where}.groupBy")


def _boundaries(parser: Parser, given: Any, where: str) -> list[Any]:
    if not isinstance(given, list | tuple):
        parser.problem(where, f"an array was expected, not {shown(given)}")
        return []
    nodes = [parser.expression(item, f"{where}[{index}]") for index, item in enumerate(given)]
    if not all(isinstance(node, Constant) for node in nodes):
        parser.problem(where, "the boundaries must be constants")
        return []
    values = [node.value for node in nodes if isinstance(node, Constant)]
    if len(values) < 2:  # one bucket
        parser.problem(where, f"at least 2 boundaries were expected, not {len(values)}")
    for left, right in pairwise(values):
        if not (type_name(left) == type_name(right) or (is_number(left) and is_number(right))):
            parser.problem(where, "the boundaries must be of one type")
            return []
        if compare(left, right) >= 0:
            parser.problem(where, "the boundaries must rise")
            return []
    return values


def _default(parser: Parser, members: dict[str, Any], boundaries: Sequence[Any], where: str) -> Any:
    if "default" not in members:
        return MISSING
    node = parser.expression(members["default"], f"{where}.default")
    if not isinstance(node, Constant):
        parser.problem(f"{where}.default", "the default must be a constant")
        return None
    if boundaries and compare(node.value, boundaries[0]) >= 0 and compare(node.value, boundaries[-1]) < 0:
        parser.problem(f"{where}.default", "the default must lie outside the boundaries")
    return node.value


# --------------------------------------------------------------------------------------------------- $bucketAuto


class BucketAuto(StepPart, kw_only=True, eq=False):
    """Sorts everything by a value and cuts it into buckets of about the same size."""

    by: Node
    buckets: int
    granularity: str | None
    group: Nested

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        evaluate = self.evaluator(self.by)

        def arrange(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            values: list[Any] = [None if value is MISSING else value for (value,) in evaluate.rows(environment, documents)]
            if self.granularity is not None and any(
                not is_number(value) or not is_finite(value) or value < 0 for value in values
            ):
                raise EvaluationError("$bucketAuto with a granularity needs finite numbers of at least 0")
            pairs = sorted(zip(values, range(len(values)), strict=True), key=lambda pair: sort_key(pair[0]))
            return [
                self._row([documents[place] for place in places], low, high, environment)
                for places, low, high in self._cut(pairs)
            ]

        return Held(arrange)

    def _row(self, bucket: Sequence[dict[str, Any]], low: Any, high: Any, environment: Any) -> dict[str, Any]:
        (row,) = self.group.run(bucket, parent=environment)
        return {**row, "_id": {"min": low, "max": high}}

    def _cut(self, pairs: Sequence[tuple[Any, int]]) -> list[tuple[list[int], Any, Any]]:
        """Return the buckets of sorted values: the places of their documents in the order of the input, and their bounds."""
        size = max(1, math.floor(len(pairs) / self.buckets + 0.5))
        made: list[tuple[list[int], Any, Any]] = []
        start = 0
        low = None
        if pairs:
            low = pairs[0][0] if self.granularity is None else below(pairs[0][0], self.granularity)
        while start < len(pairs):
            last = len(made) == self.buckets - 1
            end = len(pairs) if last else min(start + size, len(pairs))
            greatest = pairs[end - 1][0]
            high = greatest if self.granularity is None else above(greatest, self.granularity)
            while end < len(pairs) and (compare(pairs[end][0], high) < 0 or compare(pairs[end][0], greatest) == 0):
                end += 1
            if self.granularity is None:
                high = pairs[min(end, len(pairs) - 1)][0]
            elif not float(high) and end < len(pairs):  # nothing but zeros, which no series rounds up
                high = below(pairs[end][0], self.granularity)
            made.append((sorted(place for _, place in pairs[start:end]), low, high))
            start, low = end, high
        return made


def _parse_auto(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    members = parser.members(spec, where, ("groupBy", "buckets"), ("output", "granularity"))
    by = _grouped_by(parser, members, where)
    count: Any = members.get("buckets", 1)
    if not is_whole(count) or not 0 < count <= INT32_MAX:
        parser.problem(f"{where}.buckets", f"a whole number of at least 1 was expected, not {shown(count)}")
        count = 1
    granularity = members.get("granularity")
    if "granularity" in members and not (is_string(granularity) and granularity in GRANULARITIES):
        parser.problem(f"{where}.granularity", f"unknown series {shown(granularity)}", f"one of {', '.join(GRANULARITIES)}")
        granularity = None
    if members.get("output") == {}:  # as if it were not there, which it is not to $bucket
        del members["output"]
    fields = _output(parser, members, where)
    for name, accumulator, parameters, _ in fields:
        if not all(isinstance(parameter, Constant) for parameter in parameters):
            parser.problem(f"{where}.output.{name}", f"what shapes the whole of {accumulator.name} must be constant here")
    folding = Folding(where=where, key=Constant(where, None), fields=fields)
    return [BucketAuto(where=where, by=by, buckets=int(count), granularity=granularity, group=nested_group(parser, folding))]


_NUMBERS = ({"v": 1}, {"v": 5}, {"v": 9})
STAGES = (
    StageForm(
        name="$bucket",
        parse=_parse_bucket,
        kind="blocking",
        examples=[
            Example(
                [{"$bucket": {"groupBy": "$v", "boundaries": [0, 5, 10]}}],
                [{"_id": 0, "count": 1}, {"_id": 5, "count": 2}],
                documents=_NUMBERS,
            )
        ],
    ),
    StageForm(
        name="$bucketAuto",
        parse=_parse_auto,
        kind="blocking",
        examples=[
            Example(
                [{"$bucketAuto": {"groupBy": "$v", "buckets": 1}}],
                [{"_id": {"min": 1, "max": 9}, "count": 3}],
                documents=_NUMBERS,
            )
        ],
    ),
)
