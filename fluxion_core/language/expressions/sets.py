"""Set expressions: arrays without regard to order and repetition, by the equality of all values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import FEW_COMPARED, places, sort_work, take_work
from fluxion_core.language.compiler.nodes import Call, Constant, Node
from fluxion_core.language.operators import Example, Form, Operator
from fluxion_core.language.ordering import identity, sort_key
from fluxion_core.language.values import is_nullish, truthy, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]

_TRUTH_NANOSECONDS: Final = 100
"""What it takes to see whether a value counts as true."""


def _array(value: Any, operator: str) -> list[Any]:
    if value.__class__ is list:
        return value
    raise EvaluationError(f"{operator} needs arrays, not {type_name(value)}")


def _looked_at(value: Any, operator: str) -> list[Any]:
    items = _array(value, operator)
    if len(items) > FEW_COMPARED:
        take_work(len(items) * _TRUTH_NANOSECONDS)
    return items


def _members(items: list[Any]) -> dict[Any, Any]:
    sort_work(items)
    members: dict[Any, Any] = {}
    for item in items:
        members.setdefault(identity(item), item)
    return members


def all_elements_true(items: Any) -> bool:
    """``$allElementsTrue``."""
    return all(map(truthy, _looked_at(items, "$allElementsTrue")))


def any_element_true(items: Any) -> bool:
    """``$anyElementTrue``."""
    return any(map(truthy, _looked_at(items, "$anyElementTrue")))


def set_difference(left: Any, right: Any) -> Any:
    """``$setDifference``: what is in the first and not in the second."""
    if is_nullish(left) or is_nullish(right):
        return None
    others = _members(_array(right, "$setDifference"))
    return [item for key, item in _members(_array(left, "$setDifference")).items() if key not in others]


def set_equals(*values: Any) -> bool:
    """``$setEquals``; the first that differs from the first ends it, what stands behind is not looked at."""
    sets = (set(_members(_array(value, "$setEquals"))) for value in values)
    first = next(sets)
    return all(other == first for other in sets)


def set_intersection(*values: Any) -> Any:
    """``$setIntersection``, in the order of all values."""
    common: dict[Any, Any] | None = None
    for value in values:
        if is_nullish(value):
            return None
        members = _members(_array(value, "$setIntersection"))
        if common is None:
            common = members
        else:  # of equal values the one in the smaller set stays, as 1 or 1.0
            kept, other = (members, common) if len(common) > len(members) else (common, members)
            common = {key: item for key, item in kept.items() if key in other}
    return sorted((common or {}).values(), key=sort_key)


def set_is_subset(left: Any, right: Any) -> bool:
    """``$setIsSubset``."""
    whole = _members(_array(right, "$setIsSubset"))
    return all(key in whole for key in _members(_array(left, "$setIsSubset")))


def set_union(*values: Any) -> Any:
    """``$setUnion``, in the order of all values."""
    items: list[Any] = []
    for value in values:
        if is_nullish(value):
            return None
        places(len(_array(value, "$setUnion")))
        items += value
    return sorted(_members(items).values(), key=sort_key)


def _operator(
    name: str, function: Callable[..., Any], minimum: int, maximum: int | None, argument: Any, answer: Any, **more: Any
) -> Operator:
    return Operator(
        name=name,
        function=function,
        minimum=minimum,
        maximum=maximum,
        family="set",
        **more,
        examples=[Example({name: argument}, answer)],
    )


_SET_EQUALS = Operator(name="$setEquals", function=set_equals, minimum=2, maximum=None, family="set")


def _parse_set_equals(parser: Parser, spec: Any, where: str) -> Node:
    """Put the first constant at the head: the server compares the others with it, one after the other."""
    nodes = parser.positional(spec, where, 2, None)
    for node in nodes:
        if isinstance(node, Constant) and not isinstance(node.value, list):
            return parser.problem(where, f"$setEquals needs arrays, not {type_name(node.value)}")
    first = next((node for node in nodes if isinstance(node, Constant)), nodes[0])
    return Call(where, _SET_EQUALS, (first, *(node for node in nodes if node is not first)))


OPERATORS = (
    _operator("$allElementsTrue", all_elements_true, 1, 1, [[True, 1]], answer=True),
    _operator("$anyElementTrue", any_element_true, 1, 1, [[False, 0]], answer=False),
    _operator("$setDifference", set_difference, 2, 2, [[1, 2], [2]], [1]),
    Form(
        name="$setEquals", parse=_parse_set_equals, family="set", examples=[Example({"$setEquals": [[1, 2], [2, 1, 1]]}, True)]
    ),
    _operator(
        "$setIntersection",
        set_intersection,
        0,
        None,
        [[1, 2], [2, 3]],
        [2],
        commutative=True,
        associative="fully",
        spared_from=1,
    ),
    _operator("$setIsSubset", set_is_subset, 2, 2, [[1], [1, 2]], answer=True),
    _operator("$setUnion", set_union, 0, None, [[2, 1], [3]], [1, 2, 3], commutative=True, associative="fully", spared_from=1),
)
