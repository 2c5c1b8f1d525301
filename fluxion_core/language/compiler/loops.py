"""Writes the loops of expressions: ``$map``, ``$filter`` and ``$reduce``, and what they take from the allowance of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fluxion_core.language.allowance import CONTAINER_BYTES, ITEM_BYTES, PLACE_BYTES, SMALL_BYTES
from fluxion_core.language.compiler import inline, library
from fluxion_core.language.compiler.nodes import Call, Filter, Map, Node, ObjectOf, Reduce, builds, repeats_others, walk
from fluxion_core.language.compiler.writer import Value

if TYPE_CHECKING:
    from fluxion_core.language.compiler.codegen import Emitter

__all__ = ["filter_loop", "map_loop", "reduce_loop"]

_OBJECT_BYTES: Final = 2 * CONTAINER_BYTES + ITEM_BYTES
_CALL_NANOSECONDS: Final = 500
_STEP_NANOSECONDS: Final = 50
"""What evaluating a node takes: a function of ours, and what is written inline."""
_FEW_REPEATED: Final = 100
"""So many places for one value from outside a loop are harmless."""


@contextmanager
def _over(emitter: Emitter, value: str, target: str, operator: str, where: str) -> Iterator[None]:
    """Write that *target* is null where *value* is null or missing, and the check that it is an array otherwise; go on in there."""
    writer = emitter.writer
    with writer.block(f"if {value} is None or {value} is M:"):
        writer.line(f"{target} = None")
    with writer.block("else:"), emitter.branch():
        name = writer.constant(library.not_an_array)
        writer.line(f"if {value}.__class__ is not list: {name}({writer.constant(operator)}, {value})", where)
        yield


def _element(value: Value, item: str) -> Value:
    """Return the element of array *value* that is in local *item*."""
    path = (*value.path, None) if value.path is not None else None
    return Value(item, may_miss=False, demand=value.demand.elements() if value.demand is not None else None, path=path)


@contextmanager
def _loop(
    emitter: Emitter, items: str, node: Map | Filter | Reduce, bindings: Mapping[str, Value], item: str
) -> Iterator[None]:
    """Write the loop over the array *items*; go on in its body, where *bindings* and the place of the element are bound."""
    writer = emitter.writer
    names, head = dict(bindings), f"for {item} in {items}:"
    if node.index:
        place = writer.fresh("i")
        names[node.index] = Value(place, may_miss=False)
        head = f"for {place}, {item} in {writer.constant(enumerate)}({items}):"
    with writer.block(head), emitter.branch(), emitter.looping(), emitter.bound(names):
        yield


def map_loop(emitter: Emitter, node: Map) -> Value:
    """Write ``$map``."""
    writer = emitter.writer
    source = emitter.value(node.source)
    target, item = writer.fresh(), writer.fresh("e")
    with _over(emitter, source.local, target, "$map", node.where):
        writer.line(f"{target} = []")
        _turns(emitter, source, node, node.body)
        room = writer.assign(f"{writer.constant(library.room)}({writer.allowance()})") if builds(node.body) else ""
        with _loop(emitter, source.local, node, {node.name: _element(source, item)}, item):
            body = emitter.value(node.body)
            text = f"None if {body.text} is M else {body.text}" if body.may_miss else body.text
            if room:
                writer.line(f"{target}.append({room}({text}))", node.where)
            else:
                writer.line(f"{target}.append({text})")
    return Value(target, may_miss=False, kind="floats" if body.kind == "float" else "")


def _calls_function(node: Node) -> bool:
    return isinstance(node, Call) and node.operator.name not in inline.TEMPLATES


def _turns(emitter: Emitter, source: Value, node: Map | Filter | Reduce, body: Node) -> None:
    """Write that the loop over the array *source* takes from the document's allowance, unless it cannot do much harm.

    It does none that goes over what stands in the document, on its own, and makes nothing that could stand in it many times.
    """
    writer = emitter.writer
    size = (_OBJECT_BYTES if isinstance(body, ObjectOf) else ITEM_BYTES) if isinstance(node, Map) else PLACE_BYTES
    items = source.local
    work = sum(_CALL_NANOSECONDS if _calls_function(part) else _STEP_NANOSECONDS for part in walk(body))
    repeats = isinstance(node, Map) and repeats_others(body, node.name)
    if emitter.loops:
        writer.allowance()
        writer.line(f"{writer.constant(library.turns)}(len({items}), {size}, {work})", node.where)
    elif repeats or source.path is None:
        writer.allowance()
        few = _FEW_REPEATED if repeats else SMALL_BYTES // size
        writer.line(f"if len({items}) > {few}: {writer.constant(library.turns)}(len({items}), {size}, {work})", node.where)


def filter_loop(emitter: Emitter, node: Filter) -> Value:
    """Write ``$filter``."""
    writer = emitter.writer
    array = emitter.value(node.source)
    source = array.text
    target, item = writer.fresh(), writer.fresh("e")
    with _over(emitter, source, target, "$filter", node.where):
        most = None
        if node.limit is not None:
            most = writer.assign("0")
            with writer.block(f"if {source}:"), emitter.branch():
                limit = emitter.value(node.limit)
                writer.line(f"{most} = {writer.constant(library.filter_limit)}({limit.text})", node.where)
        _turns(emitter, array, node, node.test)
        writer.line(f"{target} = []")
        made = writer.assign(f"{writer.allowance()}.made") if builds(node.test) else ""
        with _loop(emitter, source, node, {node.name: Value(item, may_miss=False)}, item):
            test = emitter.truth(node.test)
            if made:
                writer.line(f"{writer.allowance()}.made = {made}")
            with writer.block(f"if {test}:"):
                writer.line(f"{target}.append({item})")
                if most is not None:
                    writer.line(f"if len({target}) == {most}: break")
    return Value(target, may_miss=False)


def reduce_loop(emitter: Emitter, node: Reduce) -> Value:
    """Write ``$reduce``."""
    writer = emitter.writer
    source = emitter.value(node.source)
    target, item = writer.fresh(), writer.fresh("e")
    with _over(emitter, source.local, target, "$reduce", node.where):
        _turns(emitter, source, node, node.body)
        check = writer.assign(f"{writer.constant(library.growth)}({writer.allowance()})")
        start = emitter.value(node.start)
        writer.line(f"{target} = {start.text}")
        with _loop(emitter, source.local, node, {node.result: Value(target), node.name: _element(source, item)}, item):
            body = emitter.value(node.body)
            writer.line(f"{target} = {check}({body.text})", node.where)
    return Value(target)
