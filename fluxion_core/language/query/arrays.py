"""Arrays: ``$all $elemMatch $size``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.language.query.comparison import equality
from fluxion_core.language.query.leaves import Leaf, Test, is_operators
from fluxion_core.language.values import INT32_MAX, is_whole, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["QUERIES"]


def _size(parser: Parser, spec: Any, where: str) -> Leaf:
    if not is_whole(spec) or not 0 <= spec <= INT32_MAX:
        parser.problem(where, f"$size needs a whole number of at least 0 and of 32 bits, not {spec!r}")
        return Leaf(lambda _value: False)
    return Leaf(lambda value: value.__class__ is list and len(value) == spec, expands=False)


def _elem_match(parser: Parser, spec: Any, where: str) -> Leaf:
    if not isinstance(spec, dict):
        parser.problem(where, f"$elemMatch needs an object, not {type_name(spec)}")
        return Leaf(lambda _value: False)
    test = _element_test(parser, spec, where)
    return Leaf(lambda value: value.__class__ is list and any(map(test, value)), expands=False)


def _element_test(parser: Parser, spec: dict[str, Any], where: str) -> Test:
    from fluxion_core.language.query import REFERENCE, TOP, document_test, field_leaves

    if is_operators(spec) and next(iter(spec)) not in TOP and not any(name in spec for name in REFERENCE):
        tests = field_leaves(parser, spec, where)
        return lambda item: all(_single(leaf, item) for leaf in tests)
    test = document_test(parser, spec, where)

    def of_document(item: Any) -> bool:
        if isinstance(item, dict):
            return test(item)
        if item.__class__ is list:
            return test({str(index): inner for index, inner in enumerate(item)})
        return False

    return of_document


def _single(leaf: Leaf, item: Any) -> bool:
    """Whether *item* passes as one value, although it may be an array."""
    if leaf.parts:
        return all(_single(part, item) for part in leaf.parts) != leaf.negated
    return leaf.test(item) != leaf.negated


def _all(parser: Parser, spec: Any, where: str) -> Leaf:
    if not isinstance(spec, list | tuple):
        parser.problem(where, f"$all needs an array, not {type_name(spec)}")
        return Leaf(lambda _value: False)
    if not spec:
        return Leaf(lambda _value: False)
    from fluxion_core.language.query import KEYWORDS

    firsts = [next(iter(item), "") if isinstance(item, dict) else "" for item in spec]
    elements = firsts[0] == "$elemMatch"
    parts: list[Leaf] = []
    for index, (first, item) in enumerate(zip(firsts, spec, strict=True)):
        path = f"{where}[{index}]"
        if elements and first != "$elemMatch":
            parser.problem(path, "$all holds either values or $elemMatch conditions, not both")
        elif elements:
            parts.append(_elem_match(parser, item["$elemMatch"], f"{path}.$elemMatch"))
        elif first in KEYWORDS:  # any other name with a '$' is that of a field, as in the server's parser
            parser.problem(path, f"$all holds values, not operators: '{first}'")
        else:
            parts.append(equality(parser, item, path))
    tests = [part.at(()) for part in parts]
    return Leaf(lambda value: all(test(value) for test in tests), expands=False, parts=tuple(parts))


QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {"$all": _all, "$elemMatch": _elem_match, "$size": _size}
