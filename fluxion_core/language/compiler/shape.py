"""What the current document looks like while code is written: a document of the input with changes that are not made yet.

A stage that sets a field only notes which local holds it; a document is built where somebody needs it whole. Reads of the input's
fields are noted, so that the decoder can leave out every field that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.guesses import Path
from fluxion_core.language.compiler.writer import Value, Writer

__all__ = ["Base", "Shape"]

T = TypeVar("T")


class Base(msgspec.Struct):
    """A document that exists at run time: in local *name*; its fields are keys, or attributes where *demand* says what is decoded.

    *path*: where it stands in the document of the input, if it comes from there.
    """

    name: str
    demand: Demand | None = None
    path: Path | None = None
    loads: dict[str, None] = msgspec.field(default_factory=dict)
    """Top-level fields that were read, in order."""
    whole: bool = False
    """Whether the document itself was used."""


class Shape(msgspec.Struct):
    """The current document: *base* with *fields* set over it and *dropped* names removed; or, without a base, the fields alone."""

    writer: Writer
    base: Base | None
    fields: dict[str, Value] = msgspec.field(default_factory=dict)
    dropped: dict[str, None] = msgspec.field(default_factory=dict)
    """In the order they were removed in, so that the source of a pipeline is the same in every process."""
    _cache: list[dict[Any, Any]] = msgspec.field(default_factory=lambda: [{}])

    # ------------------------------------------------------------------------------------------------- scopes

    def enter(self) -> None:
        """Begin a block that may not be run: what is loaded in it is not known outside."""
        self._cache.append({})

    def leave(self) -> None:
        """End such a block."""
        self._cache.pop()

    def _known(self, key: Any) -> Any:
        return next((known[key] for known in reversed(self._cache) if key in known), None)

    # ------------------------------------------------------------------------------------------------- reading

    def read(self, name: str) -> Value:
        """Return field *name*, loading it if need be."""
        found: Value | None
        if name in self.fields:
            return self.fields[name]
        if self.base is None or name in self.dropped:
            return Value("M")
        found = self._known(name)
        if found is None:
            demand = self.base.demand.field(name) if self.base.demand is not None else None
            path = (*self.base.path, name) if self.base.path is not None else None
            found = Value(self.writer.assign(self._load_text(self.base, name, path)), demand=demand, path=path)
            self._cache[-1][name] = found
        return found

    def derived(self, key: Any, name: str, make: Callable[[Value], Value]) -> Value:
        """Return what *make* writes for field *name*, written once per *key*."""
        found: Value | None = self._known((name, key))
        if found is None:
            found = make(self.read(name))
            self._cache[-1][name, key] = found
        return found

    def once(self, key: tuple[str, str], make: Callable[[], T]) -> T:
        """Return what *make* writes about a local, written once per *key*."""
        found: T | None = self._known(key)
        if found is None:
            found = self._cache[-1][key] = make()
        return found

    def _load_text(self, base: Base, name: str, path: Path | None) -> str:
        base.loads.setdefault(name)
        if base.demand is not None:
            return f"{base.name}.{base.demand.attribute(name)}"
        guesses = self.writer.guesses
        if guesses.certain(path) or guesses.below(path):  # a document without it is odd
            return f"{base.name}[{self.writer.constant(name)}]"
        return f"{base.name}.get({self.writer.constant(name)}, M)"

    def document(self) -> str:
        """Return the text of the whole current document, building it if it does not exist yet."""
        if self.untouched and self.base is not None:
            self.base.whole = True
            return self.base.name
        found: Value | None = self._known(())
        if found is None:
            found = Value(self._build())
            self._cache[-1][()] = found
        return found.text

    @property
    def doublings(self) -> int:
        """How often the document was made of one value twice over."""
        return max((value.doublings for value in self.fields.values()), default=0)

    @property
    def untouched(self) -> bool:
        """Whether the current document is the base as it came."""
        return self.base is not None and not self.fields and not self.dropped

    def _build(self) -> str:
        writer = self.writer
        if self.base is None:
            return self.build_fields()
        self.base.whole = True
        built = writer.assign(f"{self.base.name}.copy()", letter="o")
        for name in self.dropped:
            if name not in self.fields:
                writer.line(f"{built}.pop({writer.constant(name)}, None)")
        for name, value in self.fields.items():
            self._store(built, name, value, removes=True)
        return built

    def build_fields(self) -> str:
        """Write the document made of the fields alone; return its name."""
        writer = self.writer
        sure = []
        for name, value in self.fields.items():
            if value.may_miss:
                break
            sure.append(f"{writer.constant(name)}: {value.text}")
        built = writer.assign(f"{{{', '.join(sure)}}}", letter="o")
        for name, value in list(self.fields.items())[len(sure) :]:
            self._store(built, name, value, removes=False)
        return built

    def _store(self, built: str, name: str, value: Value, *, removes: bool) -> None:
        writer = self.writer
        key = writer.constant(name)
        if value.local == "M":
            if removes:
                writer.line(f"{built}.pop({key}, None)")
        elif not value.may_miss:
            writer.line(f"{built}[{key}] = {value.text}")
        else:
            writer.line(f"if {value.text} is not M: {built}[{key}] = {value.text}")
            if removes:
                writer.line(f"else: {built}.pop({key}, None)")

    def path_of(self, names: Sequence[str]) -> Path | None:
        """Return where the value at *names* stands in the document of the input, if it comes from there."""
        if not names:
            return None
        if not self.unchanged(names[0]):
            top = self.fields[names[0]].path if names[0] in self.fields else None
        else:
            top = (*self.base.path, names[0]) if self.base is not None and self.base.path is not None else None
        return (*top, *names[1:]) if top is not None else None

    def unchanged(self, name: str) -> bool:
        """Whether field *name* is what the base has there."""
        return name not in self.fields and name not in self.dropped

    # ------------------------------------------------------------------------------------------------- changing

    def _changed(self, name: str) -> None:
        for known in self._cache:
            for key in [key for key in known if key == () or (key.__class__ is tuple and key[0] == name)]:
                del known[key]

    def set(self, name: str, value: Value) -> None:
        """Set field *name* from here on."""
        self._changed(name)
        self.fields[name] = value
        self.dropped.pop(name, None)

    def drop(self, name: str) -> None:
        """Remove field *name* from here on."""
        self._changed(name)
        self.fields.pop(name, None)
        if self.base is not None:
            self.dropped[name] = None

    def replace(self, fields: Mapping[str, Value]) -> None:
        """Go on with a document of *fields* alone."""
        self.base = None
        self.fields = dict(fields)
        self.dropped = {}
        self._cache = [{}]

    def rebase(self, name: str) -> None:
        """Go on with the document in local *name*."""
        self.base = Base(name)
        self.fields = {}
        self.dropped = {}
        self._cache = [{}]
