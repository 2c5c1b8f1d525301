"""Boolean expressions: ``$and $or $not``; null, missing, false and zero are false, everything else is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluxion_core.language.compiler.nodes import Constant, Logic, Node
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.values import truthy

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]


def _logic(*, every: bool) -> Callable[[Parser, Any, str], Node]:
    def parse(parser: Parser, spec: Any, where: str) -> Node:
        arguments = parser.positional(spec, where, 0, None)
        unknown = tuple(argument for argument in arguments if not isinstance(argument, Constant))
        decided = any(truthy(argument.value) is not every for argument in arguments if isinstance(argument, Constant))
        return Logic(where, every, unknown) if unknown and not decided else Constant(where, every is not decided)

    return parse


def _not(value: Any) -> bool:
    return not truthy(value)


OPERATORS = (
    Form(
        name="$and",
        parse=_logic(every=True),
        family="boolean",
        examples=[Example({"$and": [1, "a"]}, True), Example({"$and": [1, None]}, False)],
    ),
    Form(
        name="$or",
        parse=_logic(every=False),
        family="boolean",
        examples=[Example({"$or": [0, "a"]}, True), Example({"$or": []}, False)],
    ),
    Operator(name="$not", function=_not, total=True, family="boolean", examples=[Example({"$not": [0]}, True)]),
)
