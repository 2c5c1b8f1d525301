"""Type expressions: ``$convert $isNumber $subtype $toBool $toDate $toDecimal $toDouble $toInt $toLong $toObjectId $toString $toUUID $type``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fluxion_core.errors import EvaluationError
from fluxion_core.language.bson_types import subtype
from fluxion_core.language.compiler.nodes import Call, Condition, Constant, Let, Node, OrElse, Variable, fold, nullish
from fluxion_core.language.expressions.conversions import CONVERSIONS, convert, parse_manner, parse_target, to_text, to_uuid
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import MISSING, is_nullish, is_number, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


_TARGET = Operator(name="$convertTarget", function=parse_target)
_MANNER = Operator(name="$convertManner", function=parse_manner, minimum=5, maximum=5)
_CONVERT = Operator(name="$convert", function=convert, minimum=3, maximum=3, family="type")


def _bound(where: str, name: str, source: Node, build: Callable[[Node], Node]) -> Node:
    """Return *build* of the value of *source*, which is computed once."""
    if isinstance(source, Constant):
        return build(source)
    variable = Variable(where, f"{name} of $convert")  # no user can write a name with spaces
    return Let(where, ((variable.name, source),), build(variable))


def _unless_null(where: str, value: Node, on_null: Node, otherwise: Node) -> Node:
    if isinstance(value, Constant):
        return on_null if is_nullish(value.value) else otherwise
    return Condition(where, nullish(where, value), on_null, otherwise)


def _folded(node: Node) -> Node:
    """Return *node*, or the constant that it comes to; a null input makes an error of no account, so it is left for the run."""
    try:
        return fold(node)
    except EvaluationError:
        return node


def _parse_convert(parser: Parser, spec: Any, where: str) -> Node:
    given = parser.arguments(spec, where, ("input", "to"), ("base", "byteOrder", "format", "onError", "onNull"))
    if "input" not in given or "to" not in given:
        return Constant(where, None)
    absent = Constant(where, MISSING)
    nothing = Constant(where, None)
    settings = [given.get(name, absent) for name in ("base", "format", "byteOrder")]

    def converted(value: Node, target: Node, manner: Node) -> Node:
        call: Node = Call(where, _CONVERT, (value, target, manner))
        return OrElse(where, call, given["onError"]) if "onError" in given else call

    def build(target: Node, value: Node) -> Node:
        if isinstance(target, Constant) and is_nullish(target.value):
            return _unless_null(where, value, given.get("onNull", nothing), nothing)
        manner = _folded(Call(where, _MANNER, (value, target, *settings)))
        made = _bound(where, "manner", manner, lambda bound: converted(value, target, bound))
        return _unless_null(where, value, given.get("onNull", nothing), _unless_null(where, target, nothing, made))

    target = _folded(Call(where, _TARGET, (given["to"],)))
    return _bound(where, "target", target, lambda to: _bound(where, "value", given["input"], lambda value: build(to, value)))


def _shortcut(name: str, function: Callable[[Any], Any]) -> Operator:
    def convert_one(value: Any) -> Any:
        return None if value is None or value is MISSING else function(value)

    examples = {
        "$toBool": Example({"$toBool": "false"}, True),
        "$toDate": Example({"$toDate": 0}, datetime(1970, 1, 1, tzinfo=UTC)),
        "$toDecimal": Example({"$toDecimal": "1.5"}, Decimal("1.5")),
        "$toDouble": Example({"$toDouble": "1.5"}, 1.5),
        "$toInt": Example({"$toInt": "5"}, 5),
        "$toLong": Example({"$toLong": 5.9}, 5),
        "$toObjectId": Example({"$toObjectId": None}, None),
        "$toString": Example({"$toString": 2.0}, "2"),
        "$toUUID": Example({"$toUUID": "0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60"}, UUID("0e3b9063-8abd-4eb3-9f9f-f4c59fd30a60")),
    }
    return Operator(name=name, function=convert_one, family="type", examples=[examples[name]])


def _subtype(value: Any) -> Any:
    if value is None or value is MISSING:
        return None
    if kind(value) != "binData":
        raise EvaluationError(f"$subtype needs binary data, not {type_name(value)}")
    return subtype(value)


OPERATORS = (
    Form(
        name="$convert",
        parse=_parse_convert,
        family="type",
        examples=[
            Example({"$convert": {"input": "x", "to": "int", "onError": -1}}, -1),
            Example({"$convert": {"input": "7", "to": "int"}}, 7),
        ],
    ),
    Operator(name="$isNumber", function=is_number, total=True, family="type", examples=[Example({"$isNumber": 1}, True)]),
    Operator(
        name="$type",
        function=type_name,
        total=True,
        family="type",
        examples=[Example({"$type": "$a"}, "missing"), Example({"$type": 1.5}, "double")],
    ),
    Operator(name="$subtype", function=_subtype, family="type", examples=[Example({"$subtype": b"abc"}, 0)]),
    _shortcut("$toBool", CONVERSIONS["bool"]),
    _shortcut("$toDate", CONVERSIONS["date"]),
    _shortcut("$toDecimal", CONVERSIONS["decimal"]),
    _shortcut("$toDouble", CONVERSIONS["double"]),
    _shortcut("$toInt", CONVERSIONS["int"]),
    _shortcut("$toLong", CONVERSIONS["long"]),
    _shortcut("$toObjectId", CONVERSIONS["objectId"]),
    _shortcut("$toString", to_text),
    _shortcut("$toUUID", to_uuid),
)
