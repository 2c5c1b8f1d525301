"""The expression tree: what an expression means once it is parsed, before any Python is written for it.

Every node knows *where* the user wrote it (``stages[1].$set.total.$divide``), so that a problem at run time can be told in the
user's own words. A node is frozen; the planner makes new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from fluxion_core.language.operators import Operator
from fluxion_core.language.values import MISSING, is_nullish

__all__ = [
    "ArrayOf",
    "Call",
    "Condition",
    "Constant",
    "Environment",
    "Field",
    "Filter",
    "FirstPresent",
    "Let",
    "Logic",
    "Map",
    "Negation",
    "Node",
    "ObjectOf",
    "OrElse",
    "Outer",
    "Predicate",
    "Reduce",
    "Switch",
    "Variable",
    "can_fail",
    "checked",
    "fold",
    "is_pure",
    "nullish",
    "walk",
]


class Node(msgspec.Struct, frozen=True, eq=False):
    """One expression; *where* is its path in the pipeline. A struct, for twenty classes of attrs take a tenth of the start-up."""

    where: str

    def children(self) -> Sequence[Node]:
        """Return the expressions that this one is made of."""
        return ()


class Constant(Node, frozen=True):
    """A value that is known when the pipeline is compiled; ``MISSING`` is one (``$$REMOVE``)."""

    value: Any


class Field(Node, frozen=True):
    """``$a.b``: a path into the current document; no names at all is the document itself (``$$CURRENT``)."""

    names: tuple[str, ...]


class Variable(Node, frozen=True):
    """``$$name.a.b``: a variable of ``$let``, ``$map``, ``$filter`` or ``$reduce``, and a path into it."""

    name: str
    names: tuple[str, ...] = ()


class Outer(Node, frozen=True):
    """``$$name.a.b`` in a pipeline within a stage: a variable whose value comes from the document outside (``let`` of $lookup)."""

    name: str
    names: tuple[str, ...] = ()


class Environment(Node, frozen=True):
    """What comes from the run, not from the document: ``now`` ($$NOW) or ``random`` ($rand)."""

    name: str


class Call(Node, frozen=True):
    """An operator's function applied to evaluated arguments."""

    operator: Operator
    arguments: tuple[Node, ...]

    def children(self) -> Sequence[Node]:
        """Return the arguments."""
        return self.arguments


class Logic(Node, frozen=True):
    """``$and`` (*every* is true) or ``$or``: evaluated from the left until the answer is known."""

    every: bool
    arguments: tuple[Node, ...]

    def children(self) -> Sequence[Node]:
        """Return the arguments."""
        return self.arguments


class Condition(Node, frozen=True):
    """``$cond``."""

    test: Node
    then: Node
    otherwise: Node

    def children(self) -> Sequence[Node]:
        """Return test and branches."""
        return (self.test, self.then, self.otherwise)


class Switch(Node, frozen=True):
    """``$switch``; without a default the lack of a match is an error."""

    branches: tuple[tuple[Node, Node], ...]
    default: Node | None

    def children(self) -> Sequence[Node]:
        """Return every case, every branch and the default."""
        flat = [node for branch in self.branches for node in branch]
        return flat if self.default is None else [*flat, self.default]


class FirstPresent(Node, frozen=True):
    """``$ifNull``: the first argument that is neither null nor missing, else the last one as it is."""

    arguments: tuple[Node, ...]

    def children(self) -> Sequence[Node]:
        """Return the arguments."""
        return self.arguments


class OrElse(Node, frozen=True):
    """*value*, or *otherwise* when computing *value* raises an ``EvaluationError`` (``onError`` of ``$convert``)."""

    value: Node
    otherwise: Node

    def children(self) -> Sequence[Node]:
        """Return both."""
        return (self.value, self.otherwise)


class Let(Node, frozen=True):
    """``$let``: the bindings do not see each other."""

    bindings: tuple[tuple[str, Node], ...]
    body: Node

    def children(self) -> Sequence[Node]:
        """Return bindings and body."""
        return [*(node for _, node in self.bindings), self.body]


class Map(Node, frozen=True):
    """``$map``: *body* for every element of *source*, bound to *name*; a missing result becomes null.

    *index*, here and in the two below: the variable that holds the element's place, ``""`` where the body does not read it.
    """

    source: Node
    name: str
    body: Node
    index: str = ""

    def children(self) -> Sequence[Node]:
        """Return source and body."""
        return (self.source, self.body)


class Filter(Node, frozen=True):
    """``$filter``: the elements of *source* for which *test* is true, at most *limit* of them."""

    source: Node
    name: str
    test: Node
    limit: Node | None
    index: str = ""

    def children(self) -> Sequence[Node]:
        """Return source, test and limit."""
        return (self.source, self.test) if self.limit is None else (self.source, self.test, self.limit)


class Reduce(Node, frozen=True):
    """``$reduce``: *body* sees the element as *name* and what has come of those before it as *result*."""

    source: Node
    start: Node
    body: Node
    name: str = "this"
    result: str = "value"
    index: str = ""

    def children(self) -> Sequence[Node]:
        """Return source, start and body."""
        return (self.source, self.start, self.body)


class ObjectOf(Node, frozen=True):
    """``{name: expression, ...}``; a missing value leaves its field out."""

    fields: tuple[tuple[str, Node], ...]

    def children(self) -> Sequence[Node]:
        """Return the values."""
        return [node for _, node in self.fields]


class ArrayOf(Node, frozen=True):
    """``[expression, ...]``; a missing item becomes null."""

    items: tuple[Node, ...]

    def children(self) -> Sequence[Node]:
        """Return the items."""
        return self.items


class Predicate(Node, frozen=True):
    """A query condition: *test* of the value of *source*.

    *fast* is what generated code may try first: an operator and its constant, to be compared with the value at *names* below
    the source, if all on the way are documents. *failure* says of a value that does not pass what is wrong with it.
    """

    source: Node
    test: Callable[[Any], bool]
    fast: tuple[str, Any] | None = None
    names: tuple[str, ...] = ()
    failure: Callable[[Any], str] | None = None

    def children(self) -> Sequence[Node]:
        """Return the source."""
        return (self.source,)


class Negation(Node, frozen=True):
    """True where *argument* does not count as true (``$nor``, ``$not``)."""

    argument: Node

    def children(self) -> Sequence[Node]:
        """Return the argument."""
        return (self.argument,)


BUILDING: Final = frozenset(
    ["array", "date", "miscellaneous", "object", "regular expression", "set", "string", "type", "vector"]
)
"""Families of operators that take from the allowance of the document what they make, and the work of it."""


def builds(node: Node) -> bool:
    """Whether the value of *node* may take much more memory than what it is made of."""
    return any(
        isinstance(part, Map | Filter | Reduce) or (isinstance(part, Call) and part.operator.family in BUILDING)
        for part in walk(node)
    )


def repeats_others(node: Node, name: str) -> bool:
    """Whether the value of *node* may hold a value as it is that does not come from variable *name*."""
    if isinstance(node, Call | Constant | Logic | Negation | Predicate):
        return False
    if isinstance(node, Variable):
        return node.name != name
    return isinstance(node, Field | Outer) or any(repeats_others(child, name) for child in node.children())


def checked(node: Node, name: str, check: Callable[[Any], Any], where: str) -> Node:
    """Return what *check* makes of the value of *node*, or raises because of it, as operator *name* at *where*."""
    return Call(where, Operator(name=name, function=check), (node,))


def nullish(where: str, node: Node) -> Node:
    """Return whether the value of *node* is null or missing."""
    return Call(where, _IS_NULLISH, (node,))


_IS_NULLISH: Final = Operator(name="$nullish", function=is_nullish, total=True)


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and everything below it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(current.children())


def fold(node: Node) -> Node:
    """Return *node*, or the constant that it always comes to.

    Raises:
        EvaluationError: it always fails, whatever the documents hold.
    """
    if isinstance(node, Call) and node.operator.foldable and node.operator.pure:
        if all(isinstance(argument, Constant) for argument in node.arguments) and node.operator.function is not None:
            try:
                return Constant(node.where, node.operator.function(*(argument.value for argument in node.arguments)))  # type: ignore[attr-defined]  # constants, see above
            except (RecursionError, ArithmeticError, MemoryError):  # left for the run
                return node
    elif isinstance(node, ArrayOf):
        if all(isinstance(item, Constant) for item in node.items):
            return Constant(node.where, [None if item.value is MISSING else item.value for item in node.items])  # type: ignore[attr-defined]  # as above
    elif isinstance(node, ObjectOf) and all(isinstance(value, Constant) for _, value in node.fields):
        return Constant(node.where, {name: value.value for name, value in node.fields if value.value is not MISSING})  # type: ignore[attr-defined]  # as above
    return node


def is_pure(node: Node) -> bool:
    """Whether *node* is a function of the document alone: no effect, no clock, no randomness."""
    return not any(isinstance(part, Environment) or (isinstance(part, Call) and not part.operator.pure) for part in walk(node))


def can_fail(node: Node) -> bool:
    """Whether evaluating *node* can raise."""
    return any(
        not part.operator.total if isinstance(part, Call) else isinstance(part, Filter | Map | Reduce | Switch)
        for part in walk(node)
    )
