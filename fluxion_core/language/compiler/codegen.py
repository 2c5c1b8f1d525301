"""Writes expressions: every node becomes statements and ends in a value that is cheap to name.

One function per kind of node, found in a table. Laziness is kept (``$cond``, ``$and``, ``$switch``), what was loaded or computed
inside a branch is not known outside it, and a part that nests too deep moves into a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from fluxion_core.language.allowance import metered
from fluxion_core.language.compiler import inline, library, loops
from fluxion_core.language.compiler.demand import along, plain
from fluxion_core.language.compiler.fields import FieldReader
from fluxion_core.language.compiler.nodes import (
    BUILDING,
    ArrayOf,
    Call,
    Condition,
    Constant,
    Environment,
    Field,
    Filter,
    FirstPresent,
    Let,
    Logic,
    Map,
    Negation,
    Node,
    ObjectOf,
    OrElse,
    Outer,
    Predicate,
    Reduce,
    Switch,
    Variable,
    can_fail,
)
from fluxion_core.language.compiler.shape import Shape
from fluxion_core.language.compiler.writer import Value, Writer
from fluxion_core.language.values import MISSING

__all__ = ["Emitter"]

_GOING_THROUGH: Final = frozenset(["accumulator", "comparison", "data size", "vector"])
"""Families of operators that go through arrays, and make nothing."""
_FEW_DOUBLINGS: Final = 4
"""A value that holds another up to eight times is harmless."""


class Emitter(FieldReader):
    """Writes expressions about one current document."""

    def __init__(self, writer: Writer, shape: Shape) -> None:
        super().__init__(writer, shape)
        self.variables: dict[str, Value] = {}
        self.answers: dict[int, Value] = {}
        """Answers of effectful calls, by the identity of their node."""
        self.loops = 0
        """How many loops of expressions are open."""

    # ------------------------------------------------------------------------------------------------- entry

    def value(self, node: Node) -> Value:
        """Write *node*; return its value."""
        if self.writer.crowded and node.children():
            return self._outlined(node)
        return _EMIT[node.__class__](self, node)

    def _outlined(self, node: Node) -> Value:
        with self.writer.outline() as (function, _):
            with self.branch():
                value = _EMIT[node.__class__](self, node)
            self.writer.line(f"return {value.text}")
        made = self.writer.assign(self.writer.call_of(function), node.where)
        return Value(made, value.may_miss, value.kind, doublings=value.doublings)

    def truth(self, node: Node) -> str:
        """Write *node*; return the text of whether it counts as true."""
        return self.truth_of(self.value(node))

    def truth_of(self, value: Value) -> str:
        """Return the text of whether *value* counts as true."""
        if value.kind == "bool":
            return value.text
        if value.text in {"True", "False"}:
            return value.text
        name = self.writer.constant(library.truthy)
        return f"({value.text} is True or ({value.text} is not False and {name}({value.text})))"

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What is written in the block may not be run."""
        self.shape.enter()
        try:
            yield
        finally:
            self.shape.leave()

    @contextmanager
    def bound(self, bindings: Mapping[str, Value]) -> Iterator[None]:
        """Bind variables for the block."""
        before = self.variables
        self.variables = {**before, **bindings}
        try:
            yield
        finally:
            self.variables = before

    @contextmanager
    def looping(self) -> Iterator[None]:
        """What is written in the block is run for every element of an array."""
        self.loops += 1
        try:
            yield
        finally:
            self.loops -= 1

    def into(self, target: str, node: Node) -> Value:
        """Write *node* into local *target*."""
        value = self.value(node)
        self.writer.line(f"{target} = {value.text}")
        return value


def _constant(emitter: Emitter, node: Constant) -> Value:
    value = node.value
    kind = value.__class__.__name__ if value.__class__ in {bool, int, float, str, list} else ""
    return Value(emitter.writer.constant(value), value is MISSING, kind)


def _field(emitter: Emitter, node: Field) -> Value:
    if not node.names:
        return Value(emitter.shape.document(), may_miss=False, doublings=emitter.shape.doublings)
    key = ("path", node.names)
    if len(node.names) == 1:
        return emitter.shape.read(node.names[0])
    return emitter.shape.derived(key, node.names[0], lambda value: emitter.below(value, node.names[1:]))


def _variable(emitter: Emitter, node: Variable) -> Value:
    return emitter.below(emitter.variables[node.name], node.names)


def _outer(emitter: Emitter, node: Outer) -> Value:
    value = Value(emitter.writer.assign(f"env.outer.get({emitter.writer.constant(node.name)}, M)"))
    return emitter.below(value, node.names)


def _environment(emitter: Emitter, node: Environment) -> Value:
    text = "env.now" if node.name == "now" else "env.random()"
    return Value(emitter.writer.assign(text), may_miss=False)


def _call(emitter: Emitter, node: Call) -> Value:
    answer = emitter.answers.get(id(node))
    if answer is not None:
        return answer
    if emitter.loops and node.operator.family in _GOING_THROUGH:
        emitter.writer.allowance()
        node = _metered(node)
    template = inline.TEMPLATES.get(node.operator.name) if node.operator.family != "plugin" else None
    values = _arguments(emitter, node, sharp=template is not None)
    if template is not None:
        made = template(emitter.writer, node, values)
        if made is not None:
            return made
    if node.operator.family in BUILDING:
        emitter.writer.allowance()
    function = emitter.writer.constant(node.operator.function)
    text = f"{function}({', '.join(value.text for value in values)})"
    kind = "bool" if node.operator.name in inline.BOOLEANS else ""
    return Value(emitter.writer.assign(text, "" if node.operator.total else node.where), not kind, kind)


def _arguments(emitter: Emitter, node: Call, *, sharp: bool) -> list[Value]:
    """Write the arguments one after the other; of those that a null before them spares, a failure counts where there is none."""
    values: list[Value] = []
    spared = node.operator.spared_from
    for place, argument in enumerate(node.arguments):
        nulls: list[str] = []
        if spared and place >= spared and can_fail(argument):
            values = [emitter.sharp(value) for value in values] if sharp else values
            written = zip(values, node.arguments, strict=False)
            nulls = [value.text for value, before in written if _may_be_null(value, before, node)]
        values.append(_spared(emitter, argument, nulls) if nulls else emitter.value(argument))
    return [emitter.sharp(value) for value in values] if sharp else values


def _may_be_null(value: Value, node: Node, call: Call) -> bool:
    if isinstance(node, Constant):  # what is missing was left out, but where there may be any number
        return node.value is None or (node.value is MISSING and call.operator.maximum is None)
    return value.may_miss or value.kind in {"", "floats"}


def _spared(emitter: Emitter, node: Node, nulls: Sequence[str]) -> Value:
    writer = emitter.writer
    target = writer.fresh()
    with writer.block("try:"), emitter.branch():
        value = emitter.into(target, node)
    with writer.block("except EvaluationError:"):
        writer.line(f"if not ({' or '.join(f'{text} is None or {text} is M' for text in nulls)}): raise")
        writer.line(f"{target} = None")
    return Value(target, value.may_miss)


def _metered(node: Call) -> Call:
    operator = msgspec.structs.replace(node.operator, function=metered(node.operator.function), total=False)
    return Call(node.where, operator, node.arguments)


def _logic(emitter: Emitter, node: Logic) -> Value:
    writer = emitter.writer
    if not node.arguments:
        return Value(str(node.every), may_miss=False, kind="bool")
    target = writer.fresh()
    joint = " and " if node.every else " or "
    parts: list[str] = []
    for index, argument in enumerate(node.arguments):
        if index == 0 or _atomic(argument):
            parts.append(emitter.truth(argument))
            continue
        writer.line(f"{target} = {joint.join(parts)}")
        with writer.block(f"if {target}:" if node.every else f"if not {target}:"), emitter.branch():
            writer.line(f"{target} = {emitter.truth(argument)}")
        parts = [target]
    if parts != [target]:
        writer.line(f"{target} = {joint.join(parts)}")
    return Value(target, may_miss=False, kind="bool")


def _atomic(node: Node) -> bool:
    """Whether *node* needs no statement that would have to be put off: evaluating it early costs little and cannot fail."""
    if isinstance(node, Predicate):
        return _atomic(node.source)
    if isinstance(node, Negation):
        return _atomic(node.argument)
    return isinstance(node, Constant) or (isinstance(node, Field | Variable) and len(node.names) == 1)


def _condition(emitter: Emitter, node: Condition) -> Value:
    writer = emitter.writer
    test = emitter.truth(node.test)
    target = writer.fresh()
    with writer.block(f"if {test}:"), emitter.branch():
        then = emitter.into(target, node.then)
    with writer.block("else:"), emitter.branch():
        otherwise = emitter.into(target, node.otherwise)
    return _either(target, [then, otherwise])


def _either(target: str, values: Sequence[Value]) -> Value:
    kinds = {value.kind for value in values}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return Value(target, any(value.may_miss for value in values), kind, doublings=max(value.doublings for value in values))


def _switch(emitter: Emitter, node: Switch) -> Value:
    writer = emitter.writer
    target = writer.fresh()
    values = []
    with writer.block("while True:"), emitter.branch():
        for case, then in node.branches:
            test = emitter.truth(case)
            with writer.block(f"if {test}:"), emitter.branch():
                values.append(emitter.into(target, then))
                writer.line("break")
        if node.default is None:
            name = writer.constant(library.no_branch)
            writer.line(f"{target} = {name}()", node.where)
        else:
            values.append(emitter.into(target, node.default))
        writer.line("break")
    return _either(target, values)


def _first_present(emitter: Emitter, node: FirstPresent) -> Value:
    writer = emitter.writer
    target = writer.fresh()
    value = emitter.into(target, node.arguments[0])
    for argument in node.arguments[1:]:
        with writer.block(f"if {target} is None or {target} is M:"), emitter.branch():
            value = emitter.into(target, argument)
    return Value(target, value.may_miss)


def _or_else(emitter: Emitter, node: OrElse) -> Value:
    writer = emitter.writer
    target = writer.fresh()
    with writer.block("try:"), emitter.branch():
        value = emitter.into(target, node.value)
    with writer.block("except EvaluationError:"), emitter.branch():
        otherwise = emitter.into(target, node.otherwise)
    return _either(target, [value, otherwise])


def _let(emitter: Emitter, node: Let) -> Value:
    bindings = {name: emitter.value(value) for name, value in node.bindings}
    with emitter.bound(bindings):
        return emitter.value(node.body)


def _object_of(emitter: Emitter, node: ObjectOf) -> Value:
    fields = {name: emitter.value(value) for name, value in node.fields}
    built = Shape(emitter.writer, None, fields).build_fields()
    return Value(built, may_miss=False, doublings=_doubled(emitter, built, fields.values(), node.where))


def _array_of(emitter: Emitter, node: ArrayOf) -> Value:
    items = [emitter.value(item) for item in node.items]
    texts = [f"None if {item.text} is M else {item.text}" if item.may_miss else item.text for item in items]
    built = emitter.writer.assign(f"[{', '.join(texts)}]")
    return Value(built, may_miss=False, kind="list", doublings=_doubled(emitter, built, items, node.where))


def _doubled(emitter: Emitter, built: str, parts: Collection[Value], where: str) -> int:
    """Return how often *built* was made of one value twice over; write the check of its size, if that was often."""
    texts = {part.local for part in parts}
    doublings = max((part.doublings for part in parts), default=0) + (len(texts) < len(parts))
    if doublings >= _FEW_DOUBLINGS:
        emitter.writer.line(f"{emitter.writer.constant(library.checked_size)}({built})", where)
    return doublings


def _predicate(emitter: Emitter, node: Predicate) -> Value:
    """Return the test as one expression, not yet evaluated: conditions are short-circuited by their place in the text."""
    writer = emitter.writer
    if node.fast is not None and isinstance(node.source, Field):
        writer.guesses.class_at(
            emitter.shape.path_of((*node.source.names, *node.names))
        )  # for what is there is read in half the time
    found = emitter.value(node.source)
    test = writer.constant(node.test)
    if node.fast is None:
        return Value(f"{test}({found.text})", may_miss=False, kind="bool")
    demands = along(found.demand, node.names)
    path = (*found.path, *node.names) if found.path is not None else None
    if demands and len(demands) == len(node.names):
        demands[-1].use()
    elif not demands and node.names and not writer.guesses.class_at(path):
        local, reach = _reach(writer, found.local, node.names)
        general = f"{test}({found.text})"
        return Value(inline.query_test(writer, Value(local), reach, *node.fast, general), may_miss=False, kind="bool")
    general = f"{test}({writer.constant(plain)}({found.local}))" if demands else f"{test}({found.text})"
    value = emitter.below(found, node.names)
    if not inline.equals_text(*node.fast) or writer.guesses.known(path, "str"):
        value = emitter.sharp(value)
    return Value(inline.query_test(writer, value, "", *node.fast, general), may_miss=False, kind="bool")


def _reach(writer: Writer, local: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the local that holds what is at *names* below *local*, and the text that loads it if documents lead there."""
    guards, text = "", local
    for name in names:
        below = writer.fresh("w")
        guards += f"{text}.__class__ is dict and "
        local, text = below, f"({below} := {local}.get({writer.constant(name)}, M))"
    return local, guards + text


def _negation(emitter: Emitter, node: Negation) -> Value:
    return Value(f"(not {emitter.truth(node.argument)})", may_miss=False, kind="bool")


_EMIT: Final[dict[type, Callable[[Emitter, Any], Value]]] = {
    ArrayOf: _array_of,
    Call: _call,
    Condition: _condition,
    Constant: _constant,
    Environment: _environment,
    Field: _field,
    Filter: loops.filter_loop,
    FirstPresent: _first_present,
    Let: _let,
    Logic: _logic,
    Map: loops.map_loop,
    Negation: _negation,
    ObjectOf: _object_of,
    OrElse: _or_else,
    Outer: _outer,
    Predicate: _predicate,
    Reduce: loops.reduce_loop,
    Switch: _switch,
    Variable: _variable,
}
