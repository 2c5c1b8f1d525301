"""``$setWindowFields``: fields from a window of documents around each one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language import windows
from fluxion_core.language.allowance import ENTRY_BYTES, PLACE_BYTES
from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.nested import Evaluator
from fluxion_core.language.compiler.nodes import Constant, Node
from fluxion_core.language.compiler.parts import StageForm, Step, StepPart
from fluxion_core.language.expressions.arithmetic import DECIMAL, to_decimal
from fluxion_core.language.extents import Extent
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.ordering import compare, identity, sort_key
from fluxion_core.language.paths import get, put
from fluxion_core.language.sliding import REMOVABLE, SORTED, Covariance, Window, integrals, removable, slid
from fluxion_core.language.stages.group import parse_arguments
from fluxion_core.language.stages.held import Held
from fluxion_core.language.stages.project import check_overlaps
from fluxion_core.language.stages.sort import BEFORE_NULL, Order, ordered, parse_order
from fluxion_core.language.stages.window_bounds import check_unsorted, parse_bounds
from fluxion_core.language.values import INT32_MAX, INT32_MIN, MISSING, is_nan, is_number, is_string, is_whole, shown
from fluxion_core.language.windows import Bounds

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES", "parse_window_fields", "partitions", "sort_values"]

Rows = Sequence[dict[str, Any]]
LIMIT_GATHERED: Final = 8_000_000
EACH_GATHERED: Final = 100
"""How many items the arrays of all windows may hold: 64 MiB, and what is in proportion to the input."""


class Output(msgspec.Struct, frozen=True):
    """One field: *values* are evaluated on every document, *compute* makes the column from the sort values and theirs."""

    into: tuple[str, ...]
    where: str
    values: tuple[Node, ...]
    compute: Callable[[Sequence[Any], Sequence[tuple[Any, ...]]], Iterable[Any]]


def partitions(documents: Rows, keys: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Return *documents* by their key, in the order of the keys."""
    groups: dict[Any, tuple[Any, list[dict[str, Any]]]] = {}
    for document, key in zip(documents, keys, strict=True):
        value = None if key is MISSING else key
        if value.__class__ is list:
            raise EvaluationError("a partition must not be an array")
        groups.setdefault(identity(value), (value, []))[1].append(document)
    return [group for _, group in sorted(groups.values(), key=lambda pair: sort_key(pair[0]))]


def sort_values(documents: Rows, order: Order) -> list[Any]:
    """Return what the documents are sorted by: the value of the one field, or those of several as an array."""
    if len(order) == 1:
        found = [get(document, order[0][0]) for document in documents]
        return [None if value is MISSING else value for value in found]
    return [[None if (value := get(document, names)) is MISSING else value for names, _ in order] for document in documents]


class _Gathered:
    """Counts what the windows of a stage over so many *documents* hold: an array of each is a copy, and they overlap."""

    def __init__(self, documents: int) -> None:
        self._left = LIMIT_GATHERED + EACH_GATHERED * documents

    def checked(self, column: Iterable[Any], where: str) -> Iterable[Any]:
        """Yield the values of *column*.

        Raises:
            EvaluationError: they hold too much.
        """
        for value in column:
            if value.__class__ is list or value.__class__ is dict:
                self._left -= len(value) * (1 if value.__class__ is list else ENTRY_BYTES // PLACE_BYTES)
                if self._left < 0:
                    most = f"{LIMIT_GATHERED} items, and {EACH_GATHERED} for each document"
                    raise EvaluationError(f"the arrays of all windows would hold more than {most}; narrow the window", where)
            yield value


class SetWindowFields(StepPart, kw_only=True, eq=False):
    """Holds everything, partitions and sorts it, and computes every field over its window."""

    partition: Node
    order: Order
    outputs: tuple[Output, ...]

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        by = self.evaluator(self.partition)
        columns = [self.evaluator(*output.values) if output.values else None for output in self.outputs]

        def arrange(documents: Rows) -> list[dict[str, Any]]:
            keys = [key for (key,) in by.rows(environment, documents)]
            result: list[dict[str, Any]] = []
            gathered = _Gathered(len(documents))
            for group in partitions(documents, keys):
                rows = ordered(group, self.order) if self.order else group
                result += self._computed(rows, columns, gathered, environment)
            return result

        return Held(arrange)

    def _computed(
        self, rows: list[dict[str, Any]], columns: Sequence[Evaluator | None], gathered: _Gathered, environment: Any
    ) -> list[dict[str, Any]]:
        keys = sort_values(rows, self.order) if self.order else [None] * len(rows)
        made = rows
        for output, evaluate in zip(self.outputs, columns, strict=True):
            values = evaluate.rows(environment, rows) if evaluate is not None else [()] * len(rows)
            column = gathered.checked(output.compute(keys, values), output.where)
            made = [put(row, output.into, value) for row, value in zip(made, column, strict=True)]
        return made


# --------------------------------------------------------------------------------------------------- parsing


def parse_window_fields(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    """Return the part of ``$setWindowFields`` with the specification *spec*; problems go to *parser*."""
    members = parser.members(spec, where, ("output",), ("partitionBy", "sortBy"), nullable=("sortBy",))
    given = members.get("output")
    if "output" not in members:
        return []
    if not isinstance(given, dict):
        parser.problem(f"{where}.output", f"an object of fields was expected, not {shown(given)}")
        return []
    by = members.get("sortBy")
    order = None if "sortBy" not in members else () if by == {} else parse_order(parser, by, f"{where}.sortBy")
    partition = parser.expression(members.get("partitionBy"), f"{where}.partitionBy")
    if isinstance(partition, Constant) and partition.value.__class__ is list:
        parser.problem(f"{where}.partitionBy", "a partition must not be an array")
    outputs = []
    for name, value in given.items():
        path = f"{where}.output.{name}"
        into = parser.field_path(name, path)
        made = _output(parser, value, path, order)
        if order is None:
            check_unsorted(parser, value, path)
        if into is not None and made is not None:
            outputs.append(Output(into, path, *made))
    check_overlaps(parser, [output.into for output in outputs], f"{where}.output")
    return [SetWindowFields(where=where, partition=partition, order=order or (), outputs=tuple(outputs))]


_Made = tuple[tuple[Node, ...], Callable[[Sequence[Any], Sequence[tuple[Any, ...]]], Iterable[Any]]]


def _output(parser: Parser, spec: Any, where: str, order: Order | None) -> _Made | None:
    if not isinstance(spec, dict):
        parser.problem(where, f"an object with a window function was expected, not {shown(spec)}")
        return None
    names = [name for name in spec if name != "window"]
    if len(names) != 1:
        parser.problem(where, f"exactly one window function was expected, not {', '.join(map(str, names)) or 'none'}")
        return None
    (name,) = names
    path = f"{where}.{name}"
    form = FUNCTIONS.get(name)
    if form is not None:
        return form(parser, spec[name], path, order, spec.get("window", MISSING))
    accumulator = parser.accumulators.get(name)
    if accumulator is None or not accumulator.window:
        parser.unknown(where, "window function", str(name), [*FUNCTIONS, *parser.accumulators], known.ACCUMULATORS)
        return None
    bounds = parse_bounds(parser, spec.get("window", MISSING), f"{where}.window", order)
    return _accumulated(parser, accumulator, spec[name], path, bounds)


def _accumulated(parser: Parser, accumulator: Accumulator, spec: Any, where: str, bounds: Bounds) -> _Made:
    parameters, values = parse_arguments(parser, accumulator, spec, where)
    shape = [parameter.value for parameter in parameters if isinstance(parameter, Constant)]
    if len(shape) != len(parameters):
        parser.problem(where, f"what shapes the whole of {accumulator.name} must be constant in a window")
    elif shape:
        try:
            accumulator.initial(*shape)
        except EvaluationError as error:
            parser.problem(where, error.message)
    if (name := accumulator.name) in (REMOVABLE if bounds.low is not None else SORTED):
        alone = len(values) == 1
        return tuple(values), lambda keys, rows: removable(
            name, shape, [row[0] for row in rows] if alone else rows, bounds.places(keys)
        )
    count = len(parameters)

    def compute(keys: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        state: Any = None
        done = (0, 0)
        for place, (low, high) in enumerate(bounds.places(keys)):
            if state is None or low != done[0] or high < done[1] or low >= high:
                state = accumulator.initial(*rows[place][:count])
                done = (low, low)
            for row in rows[done[1] : high]:
                state = accumulator.step(state, *row[count:])
            done = (low, max(high, low))
            value = accumulator.result(state)
            yield None if value is MISSING else value

    return (*parameters, *values), compute


def _sliding(window: Callable[[], Window], bounds: Bounds) -> Callable[[Sequence[Any], Sequence[tuple[Any, ...]]], list[Any]]:
    return lambda keys, rows: list(slid(window(), [value for (value,) in rows], bounds.places(keys)))


# --------------------------------------------------------------------------------------------------- window functions


def _needs_order(parser: Parser, name: str, where: str, order: Order | None, *, one: bool = False) -> None:
    if order is None or (one and len(order) != 1):
        parser.problem(where, f"{name} needs a sortBy{' of one field' if one else ''}")


def _no_window(parser: Parser, name: str, where: str, window: Any) -> None:
    if window is not MISSING:
        parser.problem(where, f"{name} takes no window")


def _ranking(name: str, function: Callable[[Sequence[Any], Sequence[Any]], list[Any]]) -> Any:
    def parse(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
        _needs_order(parser, name, where, order, one=True)
        _no_window(parser, name, where, window)
        if spec != {}:
            parser.problem(where, f"{name} takes an empty object")
        descending = order is not None and len(order) == 1 and order[0][1]
        return (), lambda keys, rows: function([_key_of_rank(key, descending=descending) for key in keys], rows)

    return parse


def _key_of_rank(value: Any, *, descending: bool) -> Any:
    """Return the sort key of *value*: of an array that of its least element, or its greatest, and an empty one is less than null."""
    if value.__class__ is not list:
        return sort_key(value)
    return (max if descending else min)(map(sort_key, value), default=BEFORE_NULL)


def _filling(name: str, function: Callable[[Sequence[Any], Sequence[Any]], list[Any]], *, one: bool) -> Any:
    def parse(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
        if one:
            _needs_order(parser, name, where, order, one=True)
        _no_window(parser, name, where, window)
        node = parser.expression(spec, where)
        return (node,), lambda keys, rows: function(keys, [value for (value,) in rows])

    return parse


def _parse_shift(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
    _needs_order(parser, "$shift", where, order)
    _no_window(parser, "$shift", where, window)
    members = parser.members(spec, where, ("output", "by"), ("default",))
    by = members.get("by", 0)
    if not is_whole(by) or not INT32_MIN <= by <= INT32_MAX:
        parser.problem(f"{where}.by", f"a whole number of 32 bits was expected, not {shown(by)}")
        by = 0
    default = parser.expression(members.get("default"), f"{where}.default")
    if not isinstance(default, Constant):
        parser.problem(f"{where}.default", "the default must be a constant")
    fallback = default.value if isinstance(default, Constant) else None
    node = parser.expression(members.get("output"), f"{where}.output")
    return (node,), lambda _keys, rows: windows.shift([value for (value,) in rows], int(by), fallback)


def _parse_moving_average(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
    _needs_order(parser, "$expMovingAvg", where, order)
    _no_window(parser, "$expMovingAvg", where, window)
    members = parser.members(spec, where, ("input",), ("N", "alpha"))
    alpha: Any = Decimal("0.5")
    if ("N" in members) == ("alpha" in members):
        parser.problem(where, "exactly one of N and alpha was expected")
    elif "N" in members:
        count = windows.documents_of_average(members["N"])
        if count is None:
            parser.problem(f"{where}.N", f"a whole number of at least 1 was expected, not {shown(members['N'])}")
        alpha = DECIMAL.divide(Decimal(2), Decimal((count or 1) + 1))
    else:
        alpha = members["alpha"]
        if not is_number(alpha) or is_nan(alpha) or not 0 < alpha < 1:
            parser.problem(f"{where}.alpha", f"a number between 0 and 1 was expected, not {shown(alpha)}")
            alpha = 0.5
        alpha = to_decimal(alpha)
    node = parser.expression(members.get("input"), f"{where}.input")
    return (node,), lambda _keys, rows: windows.exp_moving_average([value for (value,) in rows], alpha)


def _sloping(name: str, column: windows.Column) -> Any:
    def parse(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
        _needs_order(parser, name, where, order, one=True)
        members = parser.members(spec, where, ("input",), ("unit",))
        unit = members.get("unit")
        if "unit" in members and not (is_string(unit) and unit in windows.UNIT_MILLISECONDS):
            parser.problem(f"{where}.unit", f"a unit of week or less was expected, not {shown(unit)}")
            unit = None
        if window is MISSING and name == "$derivative":
            parser.problem(where, f"{name} needs a window")
        bounds = parse_bounds(parser, window, f"{where}.window", order)
        milliseconds = windows.UNIT_MILLISECONDS[unit] if unit is not None else None

        def compute(keys: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
            values = [value for (value,) in rows]
            return column(keys, values, bounds.places(keys), milliseconds)

        return (parser.expression(members.get("input"), f"{where}.input"),), compute

    return parse


def _covarying(less: int) -> Any:
    def parse(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
        bounds = parse_bounds(parser, window, f"{where}.window", order)
        return (parser.expression(spec, where),), _sliding(lambda: Covariance(less), bounds)

    return parse


def _parse_scaler(parser: Parser, spec: Any, where: str, order: Order | None, window: Any) -> _Made:
    members = parser.members(spec, where, ("input",), ("min", "max"))
    if ("min" in members) != ("max" in members):
        parser.problem(where, "min and max belong together")
    nodes = [parser.expression(members.get(name, value), f"{where}.{name}") for name, value in (("min", 0), ("max", 1))]
    ends: list[Any] = [node.value if isinstance(node, Constant) else None for node in nodes]
    low, high = ends
    if not all(map(is_number, ends)) or compare(low, high) >= 0:
        parser.problem(where, "min must be a number below max")
    given = MISSING if window is None else window  # an IDL type, as of no other function
    bounds = parse_bounds(parser, given, f"{where}.window", order)
    if (is_number(bounds.low) and bounds.low > 0) or (is_number(bounds.high) and bounds.high < 0):
        parser.problem(f"{where}.window", "the window must hold the document itself")

    def compute(keys: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        values = [value for (value,) in rows]
        extents = slid(Extent(), values, bounds.places(keys))
        return [windows.scaled(value, least, most, low, high) for value, (least, most) in zip(values, extents, strict=True)]

    return (parser.expression(members.get("input"), f"{where}.input"),), compute


FUNCTIONS: Final[dict[str, Callable[[Any, Any, str, Order | None, Any], _Made]]] = {
    "$rank": _ranking("$rank", windows.rank),
    "$denseRank": _ranking("$denseRank", windows.dense_rank),
    "$documentNumber": _ranking("$documentNumber", windows.document_number),
    "$shift": _parse_shift,
    "$locf": _filling("$locf", windows.locf, one=False),
    "$linearFill": _filling("$linearFill", windows.linear_fill, one=True),
    "$expMovingAvg": _parse_moving_average,
    "$derivative": _sloping("$derivative", windows.derivatives),
    "$integral": _sloping("$integral", integrals),
    "$covariancePop": _covarying(0),
    "$covarianceSamp": _covarying(1),
    "$minMaxScaler": _parse_scaler,
}
"""Window functions that are no accumulators."""

_SALES = ({"d": 1, "v": 10}, {"d": 2, "v": 20})
STAGES = (
    StageForm(
        name="$setWindowFields",
        parse=parse_window_fields,
        kind="blocking",
        examples=[
            Example(
                [
                    {
                        "$setWindowFields": {
                            "sortBy": {"d": 1},
                            "output": {"total": {"$sum": "$v", "window": {"documents": ["unbounded", "current"]}}},
                        }
                    }
                ],
                [{"d": 1, "v": 10, "total": 10}, {"d": 2, "v": 20, "total": 30}],
                documents=_SALES,
            )
        ],
    ),
)
