"""Writes the reading of paths: of documents that are dicts, of records decoded in part, and of values whose class is guessed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.guesses import differs
from fluxion_core.language.compiler.shape import Shape
from fluxion_core.language.compiler.writer import Value, Writer
from fluxion_core.language.paths import get

__all__ = ["FieldReader"]


class FieldReader:
    """Writes the reading of what lies below values of the current document."""

    def __init__(self, writer: Writer, shape: Shape) -> None:
        self.writer = writer
        self.shape = shape

    def sharp(self, value: Value) -> Value:
        """Return *value* with the class that is guessed of it, once the code looks whether it has that."""
        kind = "" if value.kind else self.writer.guesses.class_at(value.path)
        if not kind:
            return value
        return self.shape.once(("sharp", value.local), lambda: self._sharpened(value, kind))

    def _sharpened(self, value: Value, kind: str) -> Value:
        if not self.writer.guesses.known(value.path, kind):
            self.writer.turn_away(differs(value.local, kind))
        return msgspec.structs.replace(value, kind=kind, may_miss=False)

    def _document(self, value: Value) -> bool:
        """Whether *value* can be taken for a document, once the code looks whether it is."""
        if not self.writer.guesses.below(value.path):
            return False
        if value.path not in self.writer.guesses.sure:
            self.shape.once(("document", value.local), lambda: self._looked(value))
        return True

    def _looked(self, value: Value) -> Value:
        writer = self.writer
        cls = writer.constant(value.demand.record) if value.demand is not None else "dict"
        writer.turn_away(f"{value.local}.__class__ is not {cls}")
        return value

    def below(self, value: Value, names: Sequence[str]) -> Value:
        """Write the reading of a path below *value*."""
        if not names:
            return value
        if value.demand is not None and (demand := value.demand.field(names[0])) is not None:
            return self._attribute(value, value.demand, demand, names)
        path = (*value.path, *names) if value.path is not None else None
        if value.demand is None and len(names) == 1 and names[0] in (fields := self.writer.guesses.of_elements(value.path)):
            return self.shape.once(("elements", value.local), lambda: self._fields(value, fields))[names[0]]
        if value.demand is None and self.writer.guesses.certain(path):
            return self._items(value, names)
        return msgspec.structs.replace(self._path(value, names), path=path)

    def _fields(self, value: Value, names: Sequence[str]) -> dict[str, Value]:
        """Write the reading of fields of a document that most likely has them all."""
        writer, text = self.writer, value.text
        found = {name: writer.fresh() for name in names}
        general = writer.constant(get)
        slow = "; ".join(f"{local} = {general}({text}, {writer.constant((name,))})" for name, local in found.items())
        with writer.block(f"if {text}.__class__ is dict:"):
            fast = "; ".join(f"{local} = {text}[{writer.constant(name)}]" for name, local in found.items())
            writer.line(f"try: {fast}")
            writer.line(f"except KeyError: {slow}")
        writer.line(f"else: {slow}")
        path = value.path or ()
        return {name: Value(local, path=(*path, name)) for name, local in found.items()}

    def _items(self, value: Value, names: Sequence[str]) -> Value:
        """Write the reading of a path where a document that has nothing there is odd."""
        for name in names:
            self._document(value)
            path = (*value.path, name) if value.path is not None else None
            value = Value(self.writer.assign(f"{value.text}[{self.writer.constant(name)}]"), path=path)
        return value

    def _path(self, value: Value, names: Sequence[str]) -> Value:
        """Write the reading of a path below a value of any class."""
        writer = self.writer
        general = f"{writer.constant(get)}({value.text}, {writer.constant(tuple(names))})"
        name, *rest = names
        if not rest:
            text = f"{value.text}.get({writer.constant(name)}, M) if {value.text}.__class__ is dict else {general}"
            return Value(writer.assign(text))
        nested = writer.fresh()
        writer.line(f"{nested} = {general} if {value.text}.__class__ is not dict else M")
        with writer.block(f"if {value.text}.__class__ is dict:"):
            inner = writer.assign(f"{value.text}.get({writer.constant(name)}, M)")
            below = f"{writer.constant(get)}({inner}, {writer.constant(tuple(rest))})"
            writer.line(f"{nested} = {below}" if len(rest) > 1 else self._leaf(nested, inner, rest[0]))
        return Value(nested)

    def _attribute(self, value: Value, parent: Demand, demand: Demand, names: Sequence[str]) -> Value:
        """Write the reading of a path below a value that is a record, unless the document has something else there."""
        writer = self.writer
        path = (*value.path, *names) if value.path is not None else None
        certain = self._document(value)
        if len(names) == 1 and names[0] in parent.leaves:
            return self.shape.once(("attributes", value.local), lambda: self._attributes(value, parent, certain=certain))[
                names[0]
            ]
        attribute = f"{value.local}.{parent.attribute(names[0])}"
        first = path[: len(path) - len(names) + 1] if path is not None else None
        if certain:
            return self.below(Value(writer.assign(attribute), demand=demand, path=first), names[1:])
        general = f"{writer.constant(get)}({value.local}, {writer.constant(tuple(names))})"
        test = f"{value.local}.__class__ is {writer.constant(parent.record)}"
        if len(names) == 1:
            return Value(writer.assign(f"{attribute} if {test} else {general}"), demand=demand, path=path)
        target = writer.fresh()
        with writer.block(f"if {test}:"):
            found = self.below(Value(writer.assign(attribute), demand=demand, path=first), names[1:])
            writer.line(f"{target} = {found.local}")
        writer.line(f"else: {target} = {general}")
        return Value(target, demand=found.demand, path=path)

    def _attributes(self, value: Value, parent: Demand, *, certain: bool) -> dict[str, Value]:
        """Write the reading of all fields of a record that are used whole: its class is looked at once."""
        writer = self.writer
        found = {name: writer.fresh() for name in parent.leaves}
        held = "; ".join(f"{local} = {value.local}.{parent.attribute(name)}" for name, local in found.items())
        if certain:
            writer.line(held)
        else:
            read = writer.constant(get)
            general = [f"{local} = {read}({value.local}, {writer.constant((name,))})" for name, local in found.items()]
            writer.line(f"if {value.local}.__class__ is {writer.constant(parent.record)}: {held}")
            writer.line(f"else: {'; '.join(general)}")
        return {
            name: Value(local, path=(*value.path, name) if value.path is not None else None) for name, local in found.items()
        }

    def _leaf(self, target: str, inner: str, name: str) -> str:
        writer = self.writer
        general = f"{writer.constant(get)}({inner}, {writer.constant((name,))})"
        return f"{target} = {inner}.get({writer.constant(name)}, M) if {inner}.__class__ is dict else {general}"
