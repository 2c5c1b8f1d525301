"""Operators whose common case is written into the generated code: a guard on the classes, else the operator's function.

A template returns the value, or ``None`` where it knows nothing better than the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fluxion_core.language.compiler.library import sum_of_floats
from fluxion_core.language.compiler.nodes import Call, Constant
from fluxion_core.language.compiler.writer import NUMBERS, Value, Writer
from fluxion_core.language.values import INT64_MAX, INT64_MIN

__all__ = ["BOOLEANS", "TEMPLATES", "Template", "equals_text", "query_test"]

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


def _fits(kind: str, scalar: str) -> bool:
    """Whether a value of *kind* is known to be a *scalar*: ``str``, or ``number``."""
    return kind == scalar or (scalar == "number" and kind in NUMBERS)


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
    scalar, value, forms = _scalar(node.arguments[1]), left, _RIGHT
    if not scalar:
        scalar, value, forms = _scalar(node.arguments[0]), right, _LEFT
    if not scalar:
        return None
    text = f"({forms[name].format(left.text, right.text)})"
    if not _fits(value.kind, scalar):
        text += f" if {_guard(value.text, scalar)} else {_call_text(writer, node, values)}"
    return Value(writer.assign(text), may_miss=False, kind="bool")


_INT64 = "-9223372036854775808 <= ({0} := {1}) <= 9223372036854775807"
_SIGNS: Final = {"$multiply": "*", "$add": "+", "$subtract": "-"}


def _arithmetic(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Compute with two numbers: floats as Python does, whole numbers while the result fits 64 bits."""
    if len(values) != 2:  # two operands
        return None
    left, right = values
    made = f"{left.text} {_SIGNS[node.operator.name]} {right.text}"
    kinds = {left.kind, right.kind}
    beyond = node.where if writer.guesses.unbounded else ""  # of whole numbers that no float can hold
    if kinds <= NUMBERS and "float" in kinds:
        return Value(writer.assign(made, beyond), may_miss=False, kind="float")
    if kinds == {"int"} and writer.guesses.open:
        result = writer.assign(made)
        writer.turn_away(f"not {INT64_MIN} <= {result} <= {INT64_MAX}", node)
        return Value(result, may_miss=False, kind="int")
    target = writer.fresh()
    if kinds <= NUMBERS:  # nothing that can fail
        floats = " or ".join(f"{value.text}.__class__ is float" for value in (left, right) if value.kind == "number")
        if floats:
            writer.line(f"if {floats}: {target} = {made}", beyond)
        writer.line(f"{'elif' if floats else 'if'} {_INT64.format(target, made)}: pass")
        writer.line(f"else: {target} = {_call_text(writer, node, values)}", beyond)
        return Value(target, may_miss=False, kind="number")
    floats, ints = _number_tests(left, right)
    writer.line(f"if {floats}: {target} = {made}", node.where)
    if ints:
        writer.line(f"elif {ints} and {_INT64.format(target, made)}: pass", node.where)
    writer.line(f"else: {target} = {_call_text(writer, node, values)}", node.where)
    return Value(target, may_miss=False)


def _number_tests(left: Value, right: Value) -> tuple[str, str]:
    """Return the tests that the result of two values is a float, and that both are whole numbers; no text: they cannot be."""
    known = [value for value in (left, right) if value.kind in {"int", "float"}]
    open_ = [value.text for value in (left, right) if value.kind not in {"int", "float"}]
    if len(known) == 1:
        (text,) = open_
        if known[0].kind == "float":
            return f"{text}.__class__ is float or {text}.__class__ is int", ""
        return f"{text}.__class__ is float", f"{text}.__class__ is int"
    if len(known) == 2:  # both are whole numbers
        return "False", "True"
    both = f"({right.text}.__class__ is float or {right.text}.__class__ is int)"
    floats = f"{both} if {left.text}.__class__ is float else {right.text}.__class__ is float and {left.text}.__class__ is int"
    return floats, f"{left.text}.__class__ is int and {right.text}.__class__ is int"


def _remainder(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Divide whole numbers that are not negative: there Python's remainder is MongoDB's."""
    left, right = values
    by = node.arguments[1]
    tests = [] if left.kind == "int" else [f"{left.text}.__class__ is int"]
    tests.append(f"{left.text} >= 0")
    positive = isinstance(by, Constant) and by.value.__class__ is int and by.value > 0
    if not positive:
        tests.append(f"{right.text}.__class__ is int and {right.text} > 0")
    text = f"{left.text} % {right.text} if {' and '.join(tests)} else {_call_text(writer, node, values)}"
    sure = positive and left.kind == "int"
    return Value(writer.assign(text, "" if sure else node.where), may_miss=False, kind="int" if sure else "")


def _rounded(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Round a float to a constant number of places: Python rounds half to even too."""
    places = node.arguments[1] if len(node.arguments) > 1 else None
    if not isinstance(places, Constant) or places.value.__class__ is not int or not 0 <= places.value <= 100:  # MongoDB's bound
        return None
    value = values[0].text
    rounded = f"round({value}, {values[1].text})"
    if values[0].kind == "float":
        return Value(writer.assign(rounded), may_miss=False, kind="float")
    text = f"{rounded} if {value}.__class__ is float else {_call_text(writer, node, values)}"
    return Value(writer.assign(text, node.where), may_miss=False)


def _total(writer: Writer, node: Call, values: Sequence[Value]) -> Value | None:
    """Add up an array that holds nothing but floats."""
    del node
    if len(values) != 1 or values[0].kind != "floats":
        return None
    return Value(writer.assign(f"{writer.constant(sum_of_floats)}({values[0].text})"), may_miss=False)


TEMPLATES: Final[dict[str, Template]] = {
    **dict.fromkeys(_RIGHT, _compare),
    "$multiply": _arithmetic,
    "$add": _arithmetic,
    "$subtract": _arithmetic,
    "$mod": _remainder,
    "$round": _rounded,
    "$sum": _total,
}
"""Operator name -> what writes its common case."""


def equals_text(operator: str, constant: Any) -> bool:
    """Whether the test is of equality to a text: nothing but text is, so the class need not be asked first."""
    return operator == "$eq" and constant.__class__ is str


def query_test(writer: Writer, value: Value, reach: str, operator: str, constant: Any, general: str) -> str:
    """Return the test of a query operator on *value*, which *reach* (if any) loads; what it does not know asks *general*."""
    text = value.local
    if operator == "$in":
        scalar, test = "str", f"{text} in {writer.constant(constant)}"
    else:
        scalar = "str" if constant.__class__ is str else "number"
        sign = {"$eq": "==", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[operator]
        test = f"{text} {sign} {writer.constant(constant)}"
    if _fits(value.kind, scalar):
        return f"({test})"
    if equals_text(operator, constant) and not reach:
        return f"({test} or {text}.__class__ is not str and {general})"
    if scalar == "str":
        guard = f"{reach or text}.__class__ is str"
    elif reach:
        guard = f"{reach}.__class__ in {writer.constant(_NUMBERS)}"
    else:
        guard = f"{text}.__class__ is float or {text}.__class__ is int"
    return f"({test} if {guard} else {general})"


_NUMBERS: Final = frozenset({int, float})
