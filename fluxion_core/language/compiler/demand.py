"""What a pipeline reads of a document's fields, and the classes that hold no more than that.

A field of which only fields are read (``customer.tier``) is decoded into a class with those fields, an array of which only the
elements' fields are read (``$unwind``, ``$map``) into a list of such. This is no speculation about types: where a document has anything
else at that place, it is decoded as what it is, and the generated code looks at its class before it reads an attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fluxion_core.language.values import MISSING

__all__ = ["Demand", "along", "plain"]

_ELSE: Final = str | int | float | bool | None
_DEEPEST: Final = 32
"""How many levels are decoded in part; what lies deeper is decoded whole. (Python takes 100 levels of indentation.)"""


class _Nothing:
    """Stands for the class of a value whose fields have names that msgspec cannot take: no value is of it."""


class Demand:
    """What is read of one value, gathered while a segment is written once; *settled*, what the next writing relies on."""

    def __init__(self, level: int = 0) -> None:
        self._level = level
        self.whole = False
        """Whether the value itself is used, whatever it is."""
        self.fields: dict[str, Demand] = {}
        self.record: type = _Nothing
        """The class that generated code looks for, when settled."""
        self.preserved = False
        """Whether the value stands for an element of its own where it has none."""
        self.type: Any = Any
        """What the value is decoded as, when settled."""
        self._elements: Demand | None = None
        self._settled = False

    def use(self) -> None:
        """Note that the value itself is used."""
        if self._settled and not self.whole:
            msg = "a value was decoded in part and is used whole"
            raise AssertionError(msg)
        self.whole = True

    def field(self, name: str) -> Demand | None:
        """Return what is read of field *name*; ``None``: the value holds whatever it holds."""
        if self._settled:
            return self.fields.get(name)
        if self._level == _DEEPEST:
            self.use()
            return None
        return self.fields.setdefault(name, Demand(self._level + 1))

    def elements(self) -> Demand | None:
        """Return what is read of each element of an array; ``None``: the elements are whatever they are."""
        if self._elements is None and not self._settled:
            if self._level == _DEEPEST:
                self.use()
                return None
            self._elements = Demand(self._level + 1)
        return self._elements

    @property
    def leaves(self) -> list[str]:
        """The fields that are used whole, when settled."""
        return [name for name, demand in self.fields.items() if demand.whole] if self._settled else []

    def attribute(self, name: str) -> str:
        """Return the attribute that holds field *name*."""
        return f"f{list(self.fields).index(name)}"

    def settle(self) -> Any:
        """Fix what is read; return the type to decode the value as."""
        self.type = self._type()
        return self.type

    def _type(self) -> Any:
        self._settled = True
        self.whole = self.whole or bool(self.fields and self._elements) or not (self.fields or self._elements)
        if self.whole:
            self.fields, self._elements = {}, None
            return Any
        if self._elements is not None:
            return list[self._elements.settle()] | dict[str, Any] | _ELSE  # type: ignore[misc]  # a type made at run time
        self.settle_record()
        return (self.decodes_into or dict[str, Any]) | list[Any] | _ELSE

    def settle_record(self) -> None:
        """Do the same for a value that is always an object."""
        self._settled = True
        members = [(f"f{index}", demand.settle(), MISSING) for index, demand in enumerate(self.fields.values())]
        rename = {f"f{index}": name for index, name in enumerate(self.fields)}
        try:
            self.record = msgspec.defstruct("Record", members, rename=rename, gc=False)
        except ValueError:  # one of its own, so that the code does not depend on the names
            self.record = type("Nothing", (_Nothing,), {})

    def loosened(self, value: Any) -> Any:
        """Return *value*, decoded as one of the likely classes, as it is decoded otherwise."""
        if self.whole:
            return value
        if value.__class__ is list and self._elements is not None:
            return [self._elements.loosened(item) for item in value]
        if not isinstance(value, msgspec.Struct) or value.__class__ is self.record:
            return value
        found = (getattr(value, attribute) for attribute in value.__struct_fields__)
        return self.record(*(demand.loosened(item) for demand, item in zip(self.fields.values(), found, strict=True)))

    @property
    def decodes_into(self) -> type[msgspec.Struct] | None:
        """The class to decode an object into; ``None``: into a dict."""
        return self.record if issubclass(self.record, msgspec.Struct) else None


def plain(value: Any) -> Any:
    """Return *value*, decoded in part, as documents and arrays: for the general path of an operator."""
    if isinstance(value, msgspec.Struct):
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        found = ((name, getattr(value, attribute)) for name, attribute in fields)
        return {name: plain(item) for name, item in found if item is not MISSING}
    return value


def along(demand: Demand | None, names: Sequence[str]) -> list[Demand]:
    """Return what is read at each of *names* below a value, as far down as it is decoded in part."""
    found = []
    for name in names:
        demand = demand.field(name) if demand is not None else None
        if demand is None:
            break
        found.append(demand)
    return found
