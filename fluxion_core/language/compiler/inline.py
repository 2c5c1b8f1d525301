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


_INT64 = "-9223372036854775808 <= ({0} := {1}) <= 9223372036854775807"


def _arithmetic(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Compute with two numbers: floats as Python does, whole numbers while the result fits 64 bits."""
    if len(values) != 2:  # two operands
        return None
    left, right = (value.text for value in values)
    sign = {"$multiply": "*", "$add": "+", "$subtract": "-"}[node.operator.name]
    general = _call_text(writer, node, values)
    target = writer.fresh()
    known = [_scalar(argument) == "number" for argument in node.arguments]
    unknown = [text for text, is_known in zip((left, right), known, strict=True) if not is_known]
    constants = [argument.value.__class__ for argument in node.arguments if isinstance(argument, Constant)]
    if any(known):
        floats = f"{unknown[0]}.__class__ is float" if unknown else "False"
        ints = f"{unknown[0]}.__class__ is int" if unknown and constants == [int] else ""
        if unknown and constants == [float]:
            floats = f"{unknown[0]}.__class__ is float or {unknown[0]}.__class__ is int"
    else:
        both = f"({right}.__class__ is float or {right}.__class__ is int)"
        floats = f"{both} if {left}.__class__ is float else {right}.__class__ is float and {left}.__class__ is int"
        ints = f"{left}.__class__ is int and {right}.__class__ is int"
    made = f"{left} {sign} {right}"
    writer.line(f"if {floats}: {target} = {made}", node.where)
    if ints:
        writer.line(f"elif {ints} and {_INT64.format(target, made)}: pass", node.where)
    writer.line(f"else: {target} = {general}", node.where)
    return Value(target, may_miss=False)


def _remainder(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Divide whole numbers that are not negative: there Python's remainder is MongoDB's."""
    left, right = (value.text for value in values)
    by = node.arguments[1]
    guard = f"{left}.__class__ is int and {left} >= 0"
    if not (isinstance(by, Constant) and by.value.__class__ is int and by.value > 0):
        guard += f" and {right}.__class__ is int and {right} > 0"
    text = f"{left} % {right} if {guard} else {_call_text(writer, node, values)}"
    return Value(writer.assign(text, node.where), may_miss=False)


def _rounded(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Round a float to a constant number of places: Python rounds half to even too."""
    places = node.arguments[1] if len(node.arguments) > 1 else None
    if not isinstance(places, Constant) or places.value.__class__ is not int or not 0 <= places.value <= 100:  # MongoDB's bound
        return None
    value = values[0].text
    text = f"round({value}, {values[1].text}) if {value}.__class__ is float else {_call_text(writer, node, values)}"
    return Value(writer.assign(text, node.where), may_miss=False)


TEMPLATES: Final[dict[str, Template]] = {
    **dict.fromkeys(_RIGHT, _compare),
    "$multiply": _arithmetic,
    "$add": _arithmetic,
    "$subtract": _arithmetic,
    "$mod": _remainder,
    "$round": _rounded,
}
"""Operator name -> what writes its common case."""


def query_test(writer: Writer, value: str, reach: str, operator: str, constant: Any, general: str) -> str:
    """Return the test of a query operator on local *value*, which *reach* (if any) loads; what it does not know asks *general*."""
    if operator == "$in":
        scalar, test = "str", f"{value} in {writer.constant(constant)}"
    else:
        scalar = "str" if constant.__class__ is str else "number"
        sign = {"$eq": "==", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[operator]
        test = f"{value} {sign} {writer.constant(constant)}"
    if (
        operator == "$eq" and scalar == "str" and not reach
    ):  # nothing but text equals text, so the class is asked only if it does not
        return f"({test} or {value}.__class__ is not str and {general})"
    if scalar == "str":
        guard = f"{reach or value}.__class__ is str"
    elif reach:
        guard = f"{reach}.__class__ in {writer.constant(_NUMBERS)}"
    else:
        guard = f"{value}.__class__ is float or {value}.__class__ is int"
    return f"({test} if {guard} else {general})"


_NUMBERS: Final = frozenset({int, float})
