"""Comparison: ``$eq $ne $gt $gte $lt $lte $in $nin``, within one type of value, with null standing for missing fields too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language.ordering import compare, identity, sort_key
from fluxion_core.language.query.leaves import Leaf, Test, is_operators
from fluxion_core.language.values import MISSING, is_nan, is_number, is_string, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["QUERIES", "equality", "order_test", "searching"]

_NUMBERS: Final = frozenset({"int", "double", "decimal"})


def equality(parser: Parser, constant: Any, where: str) -> Leaf:
    """Return the condition that a value equals *constant*; a pattern also matches strings (``{field: /x/}``)."""
    if constant is None:
        return Leaf(lambda value: value is None or value is MISSING)
    if kind(constant) == "regex":
        return matching(parser, constant, where)
    return Leaf(_equal_to(constant), fast=("$eq", constant) if _comparable_inline(constant) else None)


def matching(parser: Parser, pattern: Any, where: str) -> Leaf:
    """Return the condition that a string matches *pattern*, or that the value is the same pattern."""
    return searching(_searcher(parser, pattern, where), _equal_to(pattern))


def searching(search: Callable[[str], bool], same: Test) -> Leaf:
    """Return the condition that *search* finds something in a string, or that another value is the *same* pattern."""
    return Leaf(lambda value: search(value) if is_string(value) else same(value))


def _searcher(parser: Parser, pattern: Any, where: str) -> Callable[[str], bool]:
    """Return a function that tells whether a string matches *pattern*, a ``re.Pattern`` or bson's ``Regex``."""
    from fluxion_core.language import regex  # late: it brings much that few need

    try:
        compiled = regex.compile_value(pattern)
    except EvaluationError as error:
        parser.problem(where, error.message)
        return lambda _text: False
    return regex.searching(compiled, where)


def _equal_to(constant: Any) -> Test:
    cls = constant.__class__
    if cls is str:
        return lambda value: (value.__class__ is str or is_string(value)) and value == constant
    wanted = sort_key(constant)
    family = _family(constant)
    return lambda value: _family(value) == family and sort_key(value) == wanted


def _family(value: Any) -> str:
    name = kind(value)
    return "number" if name in _NUMBERS else name


def _comparable_inline(constant: Any) -> bool:
    cls = constant.__class__
    return cls is str or cls is int or (cls is float and constant == constant)  # noqa: PLR0124  # NaN equals nothing inline


def _eq(parser: Parser, spec: Any, where: str) -> Leaf:
    if kind(spec) == "regex":
        return Leaf(_equal_to(spec))
    return equality(parser, spec, where)


def _ne(parser: Parser, spec: Any, where: str) -> Leaf:
    if kind(spec) == "regex":
        parser.problem(where, "cannot compare with a regular expression", "write {$not: /.../}")
    return msgspec.structs.replace(_eq(parser, spec, where), negated=True, fast=None)


def _ordered(name: str, wanted: frozenset[int]) -> Callable[[Parser, Any, str], Leaf]:
    def parse(parser: Parser, spec: Any, where: str) -> Leaf:
        if kind(spec) == "regex":
            parser.problem(where, "cannot compare with a regular expression")
        return Leaf(order_test(spec, wanted), fast=(name, spec) if _comparable_inline(spec) else None)

    return parse


def order_test(constant: Any, wanted: frozenset[int]) -> Test:
    """Return the test that a value compares to *constant* as one of *wanted*; NaN is equal to itself and compares to nothing else."""
    if constant is None:
        reflexive = 0 in wanted
        return lambda value: reflexive and (value is None or value is MISSING)
    if is_number(constant) and is_nan(constant):
        reflexive = 0 in wanted
        return lambda value: reflexive and is_number(value) and is_nan(value)
    family = _family(constant)
    if family in {"minKey", "maxKey"}:
        return lambda value: compare(value, constant) in wanted
    return lambda value: (
        _family(value) == family and not (family == "number" and is_nan(value)) and compare(value, constant) in wanted
    )


def _holds_values(parser: Parser, spec: Any, where: str, name: str) -> bool:
    if not isinstance(spec, list | tuple):
        parser.problem(where, f"{name} needs an array, not {type_name(spec)}")
        return False
    for index, item in enumerate(spec):
        if is_operators(item):
            parser.problem(f"{where}[{index}]", f"{name} holds values, not operators: '{next(iter(item))}'")
            return False
    return True


def _in(parser: Parser, spec: Any, where: str) -> Leaf:
    if not _holds_values(parser, spec, where, "$in"):
        return Leaf(lambda _value: False)
    if all(item.__class__ is str for item in spec):
        strings = frozenset(spec)
        return Leaf(
            lambda value: (value.__class__ is str or is_string(value)) and value in strings,
            fast=("$in", strings) if strings else None,
        )
    plain = {identity(item) for item in spec if item is not None and kind(item) != "regex"}
    nullish = any(item is None for item in spec)
    searches = [_searcher(parser, item, f"{where}[{index}]") for index, item in enumerate(spec) if kind(item) == "regex"]
    patterns = {identity(item) for item in spec if kind(item) == "regex"}

    def test(value: Any) -> bool:
        if value is None or value is MISSING:
            return nullish
        if searches and is_string(value) and any(search(value) for search in searches):
            return True
        key = identity(value)
        return key in plain or key in patterns

    return Leaf(test)


def _nin(parser: Parser, spec: Any, where: str) -> Leaf:
    return msgspec.structs.replace(_in(parser, spec, where), negated=True, fast=None)


QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {
    "$eq": _eq,
    "$ne": _ne,
    "$gt": _ordered("$gt", frozenset({1})),
    "$gte": _ordered("$gte", frozenset({0, 1})),
    "$lt": _ordered("$lt", frozenset({-1})),
    "$lte": _ordered("$lte", frozenset({-1, 0})),
    "$in": _in,
    "$nin": _nin,
}
