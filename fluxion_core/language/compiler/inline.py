"""Operators whose common case is written into the generated code: a guard on the classes, else the operator's function.

A template returns the value, or ``None`` where it knows nothing better than the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fluxion_core.language.compiler.nodes import Call, Constant
from fluxion_core.language.compiler.writer import Value, Writer

__all__ = ["BOOLEANS", "TEMPLATES", "Template", "query_test"]

Template = Callable[[Writer, Call, Sequence[Value]], Value | None]

BOOLEANS: Final = frozenset(
    [
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$not",
        "$in",
        "$isArray",
        "$isNumber",
        "$allElementsTrue",
        "$anyElementTrue",
        "$setEquals",
        "$setIsSubset",
        "$regexMatch",
    ]
)
"""Operators that always answer true or false."""


def _call_text(writer: Writer, node: Call, values: Sequence[Value]) -> str:
    return f"{writer.constant(node.operator.function)}({', '.join(value.text for value in values)})"


def _scalar(node: Any) -> str:
    """Return the class of a constant that the fast path can compare with: ``str``, ``number``, or nothing."""
    if not isinstance(node, Constant):
        return ""
    cls = node.value.__class__
    if cls is str:
        return "str"
    return "number" if cls is int or (cls is float and node.value == node.value) else ""  # NaN compares in its own way


def _guard(text: str, scalar: str) -> str:
    if scalar == "str":
        return f"{text}.__class__ is str"
    return f"{text}.__class__ is float or {text}.__class__ is int"


# NaN is the lowest number: "not below" is right for it where "above or equal" is not.
_RIGHT: Final = {
    "$eq": "{} == {}",
    "$ne": "{} != {}",
    "$gt": "{} > {}",
    "$gte": "{} >= {}",
    "$lt": "not {} >= {}",
    "$lte": "not {} > {}",
}
_LEFT: Final = {
    "$eq": "{} == {}",
    "$ne": "{} != {}",
    "$gt": "not {} <= {}",
    "$gte": "not {} < {}",
    "$lt": "{} < {}",
    "$lte": "{} <= {}",
}


def _compare(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    left, right = values
    name = node.operator.name
    scalar = _scalar(node.arguments[1])
    if scalar:
        test, guard = _RIGHT[name].format(left.text, right.text), _guard(left.text, scalar)
    else:
        scalar = _scalar(node.arguments[0])
        if not scalar:
            return None
        test, guard = _LEFT[name].format(left.text, right.text), _guard(right.text, scalar)
    return Value(writer.assign(f"({test}) if {guard} else {_call_text(writer, node, values)}"), may_miss=False, kind="bool")


def _product(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Multiply or add two: a float among plain numbers cannot overflow an integer, so Python's answer is MongoDB's."""
    if len(values) != 2:  # two operands
        return None
    left, right = (value.text for value in values)
    sign = {"$multiply": "*", "$add": "+", "$subtract": "-"}[node.operator.name]
    if _scalar(node.arguments[1]) == "number" or _scalar(node.arguments[0]) == "number":
        constant, other = (right, left) if _scalar(node.arguments[1]) == "number" else (left, right)
        del constant
        guard = f"{other}.__class__ is float"
    else:
        guard = (
            f"({left}.__class__ is float and ({right}.__class__ is float or {right}.__class__ is int))"
            f" or ({right}.__class__ is float and {left}.__class__ is int)"
        )
    return Value(
        writer.assign(f"{left} {sign} {right} if {guard} else {_call_text(writer, node, values)}", node.where), may_miss=False
    )


TEMPLATES: Final[dict[str, Template]] = {
    **dict.fromkeys(_RIGHT, _compare),
    "$multiply": _product,
    "$add": _product,
    "$subtract": _product,
}
"""Operator name -> what writes its common case."""


def query_test(writer: Writer, value: str, reach: str, operator: str, constant: Any) -> str:
    """Return ``test if guard`` for a query operator on local *value*, which *reach* (if any) loads within the guard."""
    if operator == "$in":
        scalar, test = "str", f"{value} in {writer.constant(constant)}"
    else:
        scalar = "str" if constant.__class__ is str else "number"
        sign = {"$eq": "==", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[operator]
        test = f"{value} {sign} {writer.constant(constant)}"
    if scalar == "str":
        guard = f"{reach or value}.__class__ is str"
    elif reach:
        guard = f"{reach}.__class__ in {writer.constant(_NUMBERS)}"
    else:
        guard = f"{value}.__class__ is float or {value}.__class__ is int"
    return f"{test} if {guard}"


_NUMBERS: Final = frozenset({int, float})
