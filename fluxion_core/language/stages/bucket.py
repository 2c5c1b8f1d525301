"""``$bucket $bucketAuto``: groups by ranges of a value, given or found."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import attrs

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nested import Nested, nested_group
from fluxion_core.language.compiler.nodes import Call, Constant, Node
from fluxion_core.language.compiler.parse import shown
from fluxion_core.language.compiler.parts import Folding, Part, StageForm, Step, StepPart
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.ordering import compare, sort_key
from fluxion_core.language.stages.group import parse_accumulation
from fluxion_core.language.stages.held import Held
from fluxion_core.language.stages.sort import Sort
from fluxion_core.language.values import INT32_MAX, MISSING, is_finite, is_number, is_string, type_name

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
    if "groupBy" not in members or "boundaries" not in members:
        return []
    if not _is_expression(members["groupBy"]):
        parser.problem(f"{where}.groupBy", f"a field path or an expression was expected, not {shown(members['groupBy'])}")
    boundaries = _boundaries(parser, members["boundaries"], f"{where}.boundaries")
    default = _default(parser, members, boundaries, where)
    fields = _output(parser, members, where)
    if len(boundaries) < 2:  # the problem is kept
        return []
    operator = Operator(name="$bucketOf", function=_bucket_of(boundaries, default), total=default is not MISSING)
    key = Call(where, operator, (parser.expression(members["groupBy"], f"{where}.groupBy"),))
    return [Folding(where=where, key=key, fields=fields), Sort(where=where, fields=((("_id",), False),))]


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

_SERIES: Final = {
    "R5": (1.0, 1.6, 2.5, 4.0, 6.3),
    "R10": (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0),
    "R20": (1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.24, 2.5, 2.8, 3.15, 3.55, 4.0, 4.5, 5.0, 5.6, 6.3, 7.1, 8.0, 9.0),
    "R40": (
        1.0, 1.06, 1.12, 1.18, 1.25, 1.32, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.12, 2.24, 2.36, 2.5, 2.65, 2.8, 3.0,
        3.15, 3.35, 3.55, 3.75, 4.0, 4.25, 4.5, 4.75, 5.0, 5.3, 5.6, 6.0, 6.3, 6.7, 7.1, 7.5, 8.0, 8.5, 9.0, 9.5,
    ),
    "R80": (
        1.03, 1.06, 1.09, 1.12, 1.15, 1.18, 1.22, 1.25, 1.28, 1.32, 1.36, 1.4, 1.45, 1.5, 1.55, 1.6, 1.65, 1.7, 1.75, 1.8,
        1.85, 1.9, 1.95, 2.0, 2.06, 2.12, 2.18, 2.24, 2.3, 2.36, 2.43, 2.5, 2.58, 2.65, 2.72, 2.8, 2.9, 3.0, 3.07, 3.15,
        3.25, 3.35, 3.45, 3.55, 3.65, 3.75, 3.87, 4.0, 4.12, 4.25, 4.37, 4.5, 4.62, 4.75, 4.87, 5.0, 5.15, 5.3, 5.45, 5.6,
        5.8, 6.0, 6.15, 6.3, 6.5, 6.7, 6.9, 7.1, 7.3, 7.5, 7.75, 8.0, 8.25, 8.5, 8.75, 9.0, 9.25, 9.5, 9.75,
    ),
    "1-2-5": (1.0, 2.0, 5.0),
    "E6": (1.0, 1.5, 2.2, 3.3, 4.7, 6.8),
    "E12": (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2),
    "E24": (
        1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1,
    ),
    **{f"E{size}": tuple(9.2 if size == 192 and place == 185 else round(10 ** (place / size), 2) for place in range(size)) for size in (48, 96, 192)},
}  # fmt: skip
"""Preferred numbers; 9.20 is the one that IEC 60063 does not take from the formula. Source: ISO 3, IEC 60063, as named in MongoDB's manual ("$bucketAuto", granularity)."""


def _above(value: float, granularity: str) -> float:
    """Return the least preferred number above *value*."""
    if value <= 0:
        return 0.0 if value == 0 else value
    if granularity == "POWERSOF2":
        return float(2.0 ** (math.floor(math.log2(value)) + 1))
    series = _SERIES[granularity]
    scale = 10.0 ** math.floor(math.log10(value))
    for factor in (scale / 10, scale, scale * 10):
        for number in series:
            if number * factor > value:
                return number * factor
    return value


def _below(value: float, granularity: str) -> float:
    """Return the greatest preferred number below *value*."""
    if value <= 0:
        return 0.0
    if granularity == "POWERSOF2":
        return float(2.0 ** (math.ceil(math.log2(value)) - 1))
    series = _SERIES[granularity]
    scale = 10.0 ** math.floor(math.log10(value))
    for factor in (scale * 10, scale, scale / 10):
        for number in reversed(series):
            if number * factor < value:
                return number * factor
    return value


@attrs.define(kw_only=True)
class BucketAuto(StepPart):
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
            if self.granularity is not None and any(not is_number(value) or not value >= 0 for value in values):
                raise EvaluationError("$bucketAuto with a granularity needs numbers of at least 0")
            pairs = sorted(zip(values, documents, strict=True), key=lambda pair: sort_key(pair[0]))
            return [self._row(bucket, low, high, environment) for bucket, low, high in self._cut(pairs)]

        return Held(arrange)

    def _row(self, bucket: Sequence[dict[str, Any]], low: Any, high: Any, environment: Any) -> dict[str, Any]:
        (row,) = self.group.run(bucket, parent=environment)
        return {**row, "_id": {"min": low, "max": high}}

    def _cut(self, pairs: Sequence[tuple[Any, dict[str, Any]]]) -> list[tuple[list[dict[str, Any]], Any, Any]]:
        size = max(1, math.floor(len(pairs) / self.buckets + 0.5))
        made: list[tuple[list[dict[str, Any]], Any, Any]] = []
        start = 0
        low = None
        if pairs:
            low = pairs[0][0] if self.granularity is None else _below(pairs[0][0], self.granularity)
        while start < len(pairs):
            last = len(made) == self.buckets - 1
            end = len(pairs) if last else min(start + size, len(pairs))
            greatest = pairs[end - 1][0]
            high = greatest if self.granularity is None else _above(greatest, self.granularity)
            while end < len(pairs) and (compare(pairs[end][0], high) < 0 or compare(pairs[end][0], greatest) == 0):
                end += 1
            if self.granularity is None:
                high = pairs[min(end, len(pairs) - 1)][0]
            elif high == 0 and end < len(pairs):  # nothing but zeros, which no series rounds up
                high = _below(pairs[end][0], self.granularity)
            made.append(([document for _, document in pairs[start:end]], low, high))
            start, low = end, high
        return made


def _parse_auto(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    members = parser.members(spec, where, ("groupBy", "buckets"), ("output", "granularity"))
    if "groupBy" not in members or "buckets" not in members:
        return []
    if not _is_expression(members["groupBy"]):
        parser.problem(f"{where}.groupBy", f"a field path or an expression was expected, not {shown(members['groupBy'])}")
    count: Any = members["buckets"]
    if not is_number(count) or not is_finite(count) or count != int(count) or not 0 < count <= INT32_MAX:
        parser.problem(f"{where}.buckets", f"a whole number of at least 1 was expected, not {shown(count)}")
        count = 1
    granularity = members.get("granularity")
    if "granularity" in members and not (is_string(granularity) and granularity in (*_SERIES, "POWERSOF2")):
        parser.problem(
            f"{where}.granularity", f"unknown series {shown(granularity)}", f"one of {', '.join([*_SERIES, 'POWERSOF2'])}"
        )
        granularity = None
    by = parser.expression(members["groupBy"], f"{where}.groupBy")
    folding = Folding(where=where, key=Constant(where, None), fields=_output(parser, members, where))
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
