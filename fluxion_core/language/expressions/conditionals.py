"""Conditional expressions: ``$cond $ifNull $switch``; only the branch that applies is evaluated."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from fluxion_core.language.compiler.nodes import Condition, Constant, FirstPresent, Node, Switch
from fluxion_core.language.operators import Example, Form
from fluxion_core.language.values import truthy, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _cond(parser: Parser, spec: Any, where: str) -> Node:
    if isinstance(spec, dict):
        given = parser.arguments(spec, where, ("if", "then", "else"))
        if len(given) < 3:  # the problem is kept
            return parser.expression(None, where)
        return Condition(where, given["if"], given["then"], given["else"])
    test, then, otherwise = parser.positional(spec, where, 3, 3)
    return Condition(where, test, then, otherwise)


def _if_null(parser: Parser, spec: Any, where: str) -> Node:
    return FirstPresent(where, tuple(parser.positional(spec, where, 2, None)))


def _always(test: Node) -> bool:
    return isinstance(test, Constant) and truthy(test.value)


def _branch(parser: Parser, spec: Any, where: str) -> tuple[Node, Node] | None:
    """Return case and then; what a case that is never true would lead to is not computed, as in the server's ``ExpressionSwitch``."""
    members = parser.members(spec, where, ("case", "then"))
    if len(members) < 2:  # the problem is kept
        return None
    case = parser.expression(members["case"], f"{where}.case")
    with parser.unreached() if isinstance(case, Constant) and not _always(case) else nullcontext():
        return case, parser.expression(members["then"], f"{where}.then")


def _switch(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("branches",), ("default",))
    given = members.get("branches", ())
    if not isinstance(given, list | tuple) or not given:
        if "branches" in members:
            parser.problem(f"{where}.branches", f"an array of at least one branch was expected, not {type_name(given)}")
        return parser.expression(None, where)
    branches: list[tuple[Node, Node]] = []
    for index, branch in enumerate(given):
        last = bool(branches) and _always(branches[-1][0])
        with parser.unreached() if last else nullcontext():
            parsed = _branch(parser, branch, f"{where}.branches[{index}]")
        if parsed is not None and not last:
            branches.append(parsed)
    default = parser.expression(members["default"], f"{where}.default") if "default" in members else None
    return Switch(where, tuple(branches), default)


OPERATORS = (
    Form(
        name="$cond",
        parse=_cond,
        family="conditional",
        examples=[
            Example({"$cond": [{"$gt": ["$a", 1]}, "big", "small"]}, "big", {"a": 2}),
            Example({"$cond": {"if": "$a", "then": 1, "else": 2}}, 2),
        ],
    ),
    Form(name="$ifNull", parse=_if_null, family="conditional", examples=[Example({"$ifNull": ["$a", None, 3]}, 3)]),
    Form(
        name="$switch",
        parse=_switch,
        family="conditional",
        examples=[
            Example({"$switch": {"branches": [{"case": {"$eq": ["$a", 1]}, "then": "one"}], "default": "?"}}, "one", {"a": 1})
        ],
    ),
)
