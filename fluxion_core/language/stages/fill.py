"""``$fill $densify``: what is missing in a sequence of documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language import windows
from fluxion_core.language.compiler.nodes import Node, ObjectOf
from fluxion_core.language.compiler.parts import Part, StageForm, Step, StepPart
from fluxion_core.language.expressions.arithmetic import add, subtract
from fluxion_core.language.expressions.dates import add_months
from fluxion_core.language.operators import Example
from fluxion_core.language.ordering import compare, sort_key
from fluxion_core.language.paths import at, get, nest, put
from fluxion_core.language.stages.held import Held
from fluxion_core.language.stages.project import parse_set
from fluxion_core.language.stages.set_window_fields import parse_window_fields, partitions
from fluxion_core.language.stages.sort import parse_order
from fluxion_core.language.values import MISSING, is_nan, is_number, is_string, is_whole, shown, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES"]

Rows = Sequence[dict[str, Any]]
_LONGEST_MONTH: Final = 31 * 86_400_000
LIMIT_DOCUMENTS: Final = 500_000
"""The most documents that ``$densify`` makes, MongoDB's limit too."""


def _parse_fill(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    """Return the stages that ``$fill`` stands for: ``$setWindowFields`` for the methods and, behind it, ``$addFields`` for the values."""
    nullable = ("partitionByFields", "sortBy")
    members = parser.members(spec, where, ("output",), ("partitionBy", *nullable), nullable=nullable)
    given = members.get("output")
    if not isinstance(given, dict) or not given:
        parser.problem(f"{where}.output", f"an object of fields was expected, not {shown(given)}")
        return []
    methods: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name, way in given.items():
        path = f"{where}.output.{name}"
        if parser.field_path(name, path) is None:
            continue
        how = _without_null_method(way)
        if isinstance(how, dict) and set(how) == {"value"}:
            values[name] = {"$ifNull": [f"${name}", how["value"]]}
        elif isinstance(how, dict) and set(how) == {"method"} and how["method"] in ("linear", "locf"):
            methods[name] = {"$linearFill" if how["method"] == "linear" else "$locf": f"${name}"}
        elif how != {}:  # which fills nothing
            parser.problem(path, f"{{value: ...}}, {{method: linear}} or {{method: locf}} was expected, not {shown(how)}")
    window: dict[str, Any] = {"output": methods, "partitionBy": _partition(parser, members, where)}
    if not methods and "partitionBy" in members:
        _check_unused(parser, members["partitionBy"], f"{where}.partitionBy")
    if "sortBy" in members:
        window["sortBy"] = members["sortBy"]
        if not methods and members["sortBy"] != {}:  # nothing is sorted, but what it says is checked
            parse_order(parser, members["sortBy"], f"{where}.sortBy")
    return [
        *(parse_window_fields(parser, window, where) if methods else ()),
        *(parse_set(parser, values, f"{where}.output") if values else ()),
    ]


def _without_null_method(how: Any) -> Any:
    """Return *how* a field is filled, a ``method`` that is null left out, as MongoDB does."""
    if not isinstance(how, dict) or how.get("method") is not None:
        return how
    return {name: value for name, value in how.items() if name != "method"}


def _partition(parser: Parser, members: dict[str, Any], where: str) -> Any:
    """Return the expression to partition by."""
    if "partitionBy" not in members:
        fields: dict[str, Any] = {}
        for names in _partition_fields(parser, members, where):
            fields = nest(fields, names, f"${'.'.join(names)}")
        return fields
    if "partitionByFields" in members:
        parser.problem(where, "partitionBy and partitionByFields cannot stand together")
    given = members["partitionBy"]
    if not isinstance(given, dict) and not is_string(given):
        parser.problem(f"{where}.partitionBy", f"a string or an object was expected, not {shown(given)}", "write '$field'")
    return given


def _check_unused(parser: Parser, partition: Any, where: str) -> None:
    """Keep the problems of a *partition* that no method uses: MongoDB refuses them too, and then a string that is no field."""
    if is_string(partition) and not partition.startswith("$"):
        parser.problem(where, f"a field was expected, not {shown(partition)}", "write '$field'")
    parser.expression(partition, where)


def _partition_fields(parser: Parser, members: dict[str, Any], where: str) -> Sequence[tuple[str, ...]]:
    fields: Any = members.get("partitionByFields", [])
    path = f"{where}.partitionByFields"
    if not isinstance(fields, list | tuple):
        parser.problem(path, f"an array of fields was expected, not {shown(fields)}")
        return []
    paths = [parser.field_path(field, path) for field in fields]
    return [names for names in paths if names is not None]


# --------------------------------------------------------------------------------------------------- $densify


class Densify(StepPart, kw_only=True, eq=False):
    """Adds documents where a step of a field's values is missing."""

    field: tuple[str, ...]
    fields: tuple[tuple[str, ...], ...]
    partition: Node
    step: Any
    unit: str | None
    bounds: Any

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        by = self.evaluator(self.partition)

        def arrange(documents: Rows) -> list[dict[str, Any]]:
            plain = [document for document in documents if at(document, self.field) in (None, MISSING)]
            rows = [document for document in documents if at(document, self.field) not in (None, MISSING)]
            for row in rows:
                self._check(at(row, self.field))
            keys = [key for (key,) in by.rows(environment, rows)]
            groups = partitions(rows, keys)
            ends = self._ends(rows)
            self._check_count(groups, ends)
            made = [*plain, *(row for group in groups for row in self._dense(group, ends))]
            if not groups and ends is not None and not self.fields and not isinstance(self.bounds, str):
                made += self._between({}, ends[0], ends[1], [])
            return made

        return Held(arrange)

    def _check(self, value: Any) -> None:
        if self.unit is None and not is_number(value):
            raise EvaluationError(f"$densify without a unit needs numbers, not {type_name(value)}")
        if value.__class__ is Decimal and value.is_snan():
            raise EvaluationError("$densify has no step from a signaling NaN")
        if self.unit is not None and value.__class__ is not datetime:
            raise EvaluationError(f"$densify with a unit needs dates, not {type_name(value)}")

    def _ends(self, rows: Rows) -> tuple[Any, Any] | None:
        if self.bounds == "partition":
            return None
        if self.bounds == "full":
            values = sorted((at(row, self.field) for row in rows), key=sort_key)
            return (values[0], values[-1]) if values else None
        return self.bounds[0], self.bounds[1]

    def _check_count(self, groups: Sequence[list[dict[str, Any]]], ends: tuple[Any, Any] | None) -> None:
        """Raise if too many documents would be made: told from the ends and the step before any is."""
        made = 0.0
        for group in groups or ([],):
            if not group and (ends is None or self.fields):
                continue
            low, high = ends or _extremes([at(row, self.field) for row in group])
            made += max(0.0, self._steps(low, high) - len(group))
        if made > LIMIT_DOCUMENTS:
            raise EvaluationError(f"$densify would make more than {LIMIT_DOCUMENTS} documents")

    def _steps(self, low: Any, high: Any) -> float:
        """Return about how many steps there are from *low* to *high*, never more than there are."""
        if self.unit is None:
            try:
                steps = float(high) / float(self.step) - float(low) / float(self.step)
            except (OverflowError, ZeroDivisionError):
                return math.inf
            return steps * (1 - 1e-9) if steps == steps else 0.0  # noqa: PLR0124  # NaN: infinite ends
        milliseconds = (
            windows.MONTHS[self.unit] * _LONGEST_MONTH if self.unit in windows.MONTHS else windows.UNIT_MILLISECONDS[self.unit]
        )
        return (_aware(high) - _aware(low)) / timedelta(milliseconds=1) / milliseconds / int(self.step)

    def _dense(self, group: list[dict[str, Any]], ends: tuple[Any, Any] | None) -> list[dict[str, Any]]:
        rows = sorted(group, key=lambda row: sort_key(at(row, self.field)))
        low, high = ends or (at(rows[0], self.field), at(rows[-1], self.field))
        low = self._first(low, at(rows[0], self.field), at(rows[-1], self.field))
        pattern = {names: get(rows[0], names) for names in self.fields}
        base: dict[str, Any] = {}
        for names, value in pattern.items():
            if value is not MISSING:
                base = put(base, names, value)
        return self._between(base, low, high, rows)

    def _between(self, base: dict[str, Any], low: Any, high: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return *rows*, sorted, with the steps from *low* to *high* that they lack; given bounds leave the upper one out."""
        inclusive = isinstance(self.bounds, str)
        made: list[dict[str, Any]] = []
        place = 0
        value = low
        while True:
            while place < len(rows) and compare(at(rows[place], self.field), value) < 0:
                made.append(rows[place])
                place += 1
            relation = compare(value, high)
            if relation > 0 or (relation == 0 and not inclusive):
                break
            if place < len(rows) and compare(at(rows[place], self.field), value) == 0:
                value = at(rows[place], self.field)  # the next step is of the type of this one
                while place < len(rows) and compare(at(rows[place], self.field), value) == 0:
                    made.append(rows[place])
                    place += 1
            else:
                made.append(put(base, self.field, value))
            before, value = value, self._after(value)
            if compare(value, before) == 0:  # NaN, or a float so large that the step does not change it
                break
        return [*made, *rows[place:]]

    def _first(self, low: Any, least: Any, greatest: Any) -> Any:
        """Return where the steps of a group with values from *least* to *greatest* begin.

        MongoDB goes there from one step below, unless it is the group's first value, which need not lead to it: a step of 1.4 comes to
        -4.799999999999999 instead of -4.8, and one of a month to the 28th of March instead of the 31st, if no bounds are given.
        """
        given = not isinstance(self.bounds, str)
        if compare(greatest, low) <= 0 or (compare(least, low) == 0 and (self.fields or not given)):
            return low
        if not given and compare(least, self._after(low)) <= 0:
            return low
        first = self._after(self._after(low, -1))
        return low if given and compare(first, low) < 0 else first

    def _after(self, value: Any, sign: int = 1) -> Any:
        """Return the next step, which is taken from the one before: after 31 January come 29 February and 29 March.

        With *sign* -1, it is the step before.
        """
        if self.unit is None:
            return add(value, self.step) if sign > 0 else subtract(value, self.step)
        start = value if value.tzinfo else value.replace(tzinfo=UTC)
        steps = sign * int(self.step)
        try:
            if self.unit in windows.MONTHS:
                return add_months(start, steps * windows.MONTHS[self.unit])
            return start + timedelta(milliseconds=steps * windows.UNIT_MILLISECONDS[self.unit])
        except (OverflowError, ValueError):
            raise EvaluationError("$densify: a date is out of range") from None


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _extremes(values: Sequence[Any]) -> tuple[Any, Any]:
    return min(values, key=sort_key), max(values, key=sort_key)


def _parse_densify(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    members = parser.members(spec, where, ("field", "range"), ("partitionByFields",), nullable=("partitionByFields",))
    field = parser.field_path(members.get("field"), f"{where}.field") if "field" in members else None
    given = parser.members(members.get("range", {}), f"{where}.range", ("step", "bounds"), ("unit",), nullable=("unit",))
    paths = _partition_fields(parser, members, where)
    if field is None or "step" not in given or "bounds" not in given:
        return []
    filled = ".".join(field)
    for name in map(".".join, paths):
        if name.startswith(filled) or filled.startswith(name):  # letters, not names: so the server compares (8993000, 9554500)
            parser.problem(f"{where}.partitionByFields", f"'{name}' and the field '{filled}' cannot begin one with the other")
    unit = given.get("unit")
    if "unit" in given and (not is_string(unit) or (unit not in windows.UNIT_MILLISECONDS and unit not in windows.MONTHS)):
        parser.problem(f"{where}.range.unit", f"unknown unit {shown(unit)}")
        unit = None
    step = _step(parser, given["step"], unit, f"{where}.range.step")
    bounds = _densify_bounds(parser, given["bounds"], unit, given["step"], f"{where}.range.bounds")
    if bounds == "partition" and not paths:
        parser.problem(f"{where}.range.bounds", "'partition' needs partitionByFields")
    by = f"{where}.partitionByFields"
    partition = ObjectOf(by, tuple((name, parser.expression(f"${name}", by)) for name in map(".".join, paths)))
    return [Densify(where=where, field=field, fields=tuple(paths), partition=partition, step=step, unit=unit, bounds=bounds)]


def _step(parser: Parser, step: Any, unit: Any, where: str) -> Any:
    if not is_number(step) or is_nan(step) or not step > 0:
        parser.problem(where, f"a number above 0 was expected, not {shown(step)}")
        return 1
    if unit is None:
        return step
    if not is_whole(step):
        parser.problem(where, f"with a unit, a whole number was expected, not {shown(step)}")
        return 1
    return int(step)


def _densify_bounds(parser: Parser, bounds: Any, unit: Any, step: Any, where: str) -> Any:
    if bounds in ("full", "partition"):
        return bounds
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:  # low and high
        parser.problem(where, f"'full', 'partition' or [low, high] was expected, not {shown(bounds)}")
        return "full"
    right = (
        all(bound.__class__ is datetime for bound in bounds) if unit is not None else all(is_number(bound) for bound in bounds)
    )
    if not right:
        parser.problem(where, "with a unit the bounds are dates, without one they are numbers")
        return "full"
    if compare(bounds[0], bounds[1]) > 0:
        parser.problem(where, "the lower bound must not be above the upper one")
    kinds = dict.fromkeys(map(type_name, [*bounds, *([step] if unit is None else [])]))
    if len(kinds) > 1:
        parser.problem(where, f"bounds and step must be numbers of one type, not {', '.join(kinds)}")
    return list(bounds)


STAGES = (
    StageForm(
        name="$fill",
        parse=_parse_fill,
        kind="blocking",
        examples=[
            Example(
                [{"$fill": {"sortBy": {"d": 1}, "output": {"v": {"method": "locf"}}}}],
                [{"d": 1, "v": 5}, {"d": 2, "v": 5}],
                documents=[{"d": 1, "v": 5}, {"d": 2}],
            )
        ],
    ),
    StageForm(
        name="$densify",
        parse=_parse_densify,
        kind="blocking",
        examples=[
            Example(
                [{"$densify": {"field": "d", "range": {"step": 1, "bounds": "full"}}}],
                [{"d": 1}, {"d": 2}, {"d": 3}],
                documents=[{"d": 1}, {"d": 3}],
            )
        ],
    ),
)
