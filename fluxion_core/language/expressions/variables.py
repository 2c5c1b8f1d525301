"""Variables and literals: ``$let $literal`` (and ``$const``, which is how the server itself writes the latter), and ``$expr`` as a parenthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.language.compiler.nodes import Constant, Let, Node
from fluxion_core.language.operators import Example, Form

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _let(parser: Parser, spec: Any, where: str) -> Node:
    members = parser.members(spec, where, ("vars", "in"))
    variables = members.get("vars", {})
    if not isinstance(variables, dict):
        return parser.problem(f"{where}.vars", "an object of variables was expected")
    bindings = [
        (name, parser.expression(value, f"{where}.vars.{name}"))
        for name, value in variables.items()
        if parser.check_variable_name(name, f"{where}.vars.{name}")
    ]
    with parser.scope(*(name for name, _ in bindings)):
        body = parser.expression(members.get("in"), f"{where}.in")
    return Let(where, tuple(bindings), body)


def _literal(parser: Parser, spec: Any, where: str) -> Node:
    del parser
    return Constant(where, spec)


def _parenthesis(parser: Parser, spec: Any, where: str) -> Node:
    return parser.expression(spec, where)


OPERATORS = (
    Form(
        name="$let",
        parse=_let,
        family="variable",
        examples=[Example({"$let": {"vars": {"x": 2, "y": "$a"}, "in": {"$multiply": ["$$x", "$$y"]}}}, 6, {"a": 3})],
    ),
    Form(name="$expr", parse=_parenthesis, family="variable", examples=[Example({"$expr": {"$add": ["$a", 1]}}, 4, {"a": 3})]),
    Form(name="$const", parse=_literal, family="literal", examples=[Example({"$const": "$a"}, "$a", {"a": 3})]),
    Form(name="$literal", parse=_literal, family="literal", examples=[Example({"$literal": "$a"}, "$a", {"a": 3})]),
)
