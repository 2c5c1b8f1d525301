"""What documents are decoded into while they are what was guessed: the decoder looks at the classes, and costs no more for it.

A batch with a document of other classes cannot be decoded so and is decoded again, for any classes; so this pays only while such
documents are rare. A float in JSON may be written as a whole number, and msgspec would make a float of it where a float was asked
for: what is guessed to be a float is decoded as whichever number it is, and the generated code asks.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.guesses import Classes, Path
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING

__all__ = ["Likely"]

_WHOLE: Final = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_TYPES: Final[dict[str, Any]] = {
    "str": str,
    "int": _WHOLE,
    "float": float | _WHOLE,
    "number": float | _WHOLE,
    "list": list[Any],
}


class Likely:
    """The type of documents of *classes* of which no more than *demand* is read, and what can be relied on in them."""

    def __init__(self, demand: Demand, classes: Classes) -> None:
        self._classes = classes
        self.demand = demand
        self.sure: set[Path] = set()
        """The paths whose values have the class that is guessed; a path that others begin with is a document."""
        self.numbers: set[Path] = set()
        """The paths whose values are numbers of 64 bits, floats perhaps."""
        record = self._record(demand, ())
        self.one = msgspec.json.Decoder(record).decode
        self.all = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]  # a type made at run time

    def _record(self, demand: Demand, path: Path) -> type[msgspec.Struct]:
        self.sure.add(path)
        members: list[Any] = []
        rename = {}
        for index, (name, field) in enumerate(demand.fields.items()):
            below = (*path, name)
            type_ = self._type(field, below)
            attribute = f"f{index}"
            rename[attribute] = name
            there = below in self.sure or below in self.numbers
            members.append((attribute, type_) if there else (attribute, type_, MISSING))
        return msgspec.defstruct("Likely", members, rename=rename, gc=False, kw_only=True)

    def _type(self, demand: Demand, path: Path) -> Any:
        """Return what to decode a value at *path* as."""
        kind = self._classes.get(path)
        if demand.whole:
            if kind is None:
                return demand.type
            (self.numbers if kind in {"float", "number"} else self.sure).add(path)
            return _TYPES[kind]
        if demand.preserved or not any(len(known) > len(path) and known[: len(path)] == path for known in self._classes):
            return demand.type
        elements = demand.elements()
        if elements is not None:
            array: Any = list[self._type(elements, (*path, None))]  # type: ignore[misc]  # a type made at run time
            if kind is None:
                return array | None  # what is no array is its own only element
            self.sure.add(path)
            return array
        return self._record(demand, path) if demand.decodes_into is not None else demand.type
