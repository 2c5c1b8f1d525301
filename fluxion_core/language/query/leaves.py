"""Where a query's path leads, and what it means that one of the values there passes a test.

A path goes through arrays: ``a.b`` reaches the ``b`` of every document in the array ``a``, and ``a.0.b`` that of its first element.
At its end an array stands for itself and for each of its elements, unless the path names it as an element: ``a.0`` is one value.
Source: MongoDB manual, "Query an Array", "Query an Array of Embedded Documents", "Query for Null or Missing Fields".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from fluxion_core.language.paths import index_of
from fluxion_core.language.values import MISSING, is_string

__all__ = ["Leaf", "Test", "endpoints", "is_operators"]

Test: TypeAlias = Callable[[Any], bool]


class Leaf(msgspec.Struct, frozen=True):
    """One condition on the value of a field.

    *expands*: at an array, its elements are tried too. *fast*: an operator with a constant that generated code can compare inline.
    """

    test: Test
    expands: bool = True
    negated: bool = False
    fast: tuple[str, Any] | None = None
    parts: tuple[Leaf, ...] = ()
    """Conditions at the end of the same path: all must hold (``$all``), or, *negated*, not all (``$not``)."""

    def at(self, names: Sequence[str]) -> Test:
        """Return the test of the value in which the path *names* begins."""
        if self.parts:
            tests = [leaf.at(names) for leaf in self.parts]
            return lambda value: all(test(value) for test in tests) != self.negated
        reached = self._reached(tuple(names))
        if self.negated:
            return lambda value: not reached(value)
        return reached

    def _reached(self, names: tuple[str, ...]) -> Test:
        test = self.test
        if not names:
            return _of_elements(test) if self.expands else test
        expands = self.expands

        def some(value: Any) -> bool:
            return any(map(test, endpoints(value, names, expands=expands)))

        return some


def _of_elements(test: Test) -> Test:
    def of_elements(value: Any) -> bool:
        if value.__class__ is list:
            return any(map(test, value)) or test(value)
        return test(value)

    return of_elements


def endpoints(value: Any, names: Sequence[str], *, expands: bool = True) -> Iterator[Any]:
    """Yield every value at the end of the path *names* below *value*; ``MISSING`` for a document that lacks it.

    *expands*: of an array there its elements come first. A path that ends with a dot ends at an array before it.
    """
    if not names or (names[0] == "" and len(names) == 1 and value.__class__ is list):
        if expands and value.__class__ is list:
            yield from value
        yield value
        return
    name, rest = names[0], names[1:]
    if isinstance(value, dict):
        if name in value:
            yield from endpoints(value[name], rest, expands=expands)
        else:
            yield MISSING
    elif value.__class__ is list:
        index = index_of(name)
        if index is not None and index < len(value):
            element = value[index]
            if not rest:
                yield element
            elif isinstance(element, dict | list):
                yield from endpoints(element, rest, expands=expands)
        for item in value:
            if isinstance(item, dict):
                yield from endpoints(item, names, expands=expands)
    else:
        yield MISSING


def is_operators(spec: Any) -> bool:
    """Whether *spec* is an object of operators (``{$gt: 1}``) and not a value to be equal to; a DBRef is such a value."""
    first = next(iter(spec), "") if isinstance(spec, dict) else ""
    return is_string(first) and first.startswith("$") and not ("$ref" in spec and "$id" in spec)
