"""The set of components that a pipeline can name: immutable tables from name to class, one per kind.

A :class:`ComponentSet` is a value: :meth:`ComponentSet.with_` and :meth:`ComponentSet.without` return another one, so a test
or an embedding program can add, replace or forbid components without touching anything global.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from fluxion_core.errors import UnknownNameError, did_you_mean

__all__ = ["KINDS", "PACKAGES", "Component", "ComponentSet", "Kind", "Provenance"]


class Kind(msgspec.Struct, frozen=True):
    """A kind of component: how it is called, which hook registers it, and what its names look like."""

    name: str
    hook: str
    pattern: str


_PLAIN = r"[a-z0-9]+([_-][a-z0-9]+)*"
_DOLLAR = r"\$[A-Za-z][A-Za-z0-9]*"

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("source", "fluxion_register_sources", _PLAIN),
            Kind("sink", "fluxion_register_sinks", _PLAIN),
            Kind("codec", "fluxion_register_codecs", _PLAIN),
            Kind("stage", "fluxion_register_stages", _DOLLAR),
            Kind("operator", "fluxion_register_operators", _DOLLAR),
            Kind("accumulator", "fluxion_register_accumulators", _DOLLAR),
            Kind("state store", "fluxion_register_state_stores", _PLAIN),
            Kind("runner", "fluxion_register_runners", _PLAIN),
        )
    }
)

PACKAGES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("operator", "$httpCall"): "fluxion-enrich",
        ("operator", "$sqlQuery"): "fluxion-enrich",
        ("sink", "http"): "fluxion-connect-http",
        ("sink", "kafka"): "fluxion-connect-kafka",
        ("source", "kafka"): "fluxion-connect-kafka",
    }
)
"""Components that are known but not built in, and the package that brings each."""


class Provenance(msgspec.Struct, frozen=True):
    """Where a component comes from: distribution, its version, and the plugin (entry point) that registered it."""

    distribution: str
    version: str
    plugin: str

    def __str__(self) -> str:
        """Return ``distribution version``."""
        return f"{self.distribution} {self.version}"


class Component(msgspec.Struct, frozen=True):
    """A registered class or descriptor, under its name, with where it comes from."""

    kind: str
    name: str
    value: Any
    provenance: Provenance

    @property
    def summary(self) -> str:
        """The first sentence of what the component says about itself; of a descriptor also what it takes."""
        if not isinstance(self.value, type):
            return " ".join(filter(None, [getattr(self.value, "summary", ""), _takes(self.value)]))
        text = getattr(self.value, "summary", "") or getattr(self.value, "__doc__", "") or ""
        return re.split(r"(?<=\.)\s|\n\n", " ".join(text.split("\n\n")[0].split()), maxsplit=1)[0]


def _takes(descriptor: Any) -> str:
    arguments: Sequence[str] = getattr(descriptor, "arguments", ())
    optional: Sequence[str] = getattr(descriptor, "optional", ())
    required = f"Takes {', '.join(arguments)}" if arguments else ""
    others = f"{' and' if arguments else 'Takes'} optionally {', '.join(optional)}" if optional else ""
    return f"{required}{others}." if required or others else _written(descriptor)


def _written(descriptor: Any) -> str:
    """Return how a descriptor whose arguments have no names is written, from its first example."""
    examples = getattr(descriptor, "examples", ())
    return f"Written {examples[0].expression!s}." if examples else ""


def name_is_good(kind: str, name: str) -> bool:
    """Return whether *name* is spelled as names of that *kind* are."""
    return re.fullmatch(KINDS[kind].pattern, name) is not None


class ComponentSet(msgspec.Struct, frozen=True):
    """Immutable tables of components, one per kind."""

    _tables: Mapping[str, Mapping[str, Component]] = msgspec.field(default_factory=lambda: {kind: {} for kind in KINDS})
    _unavailable: Mapping[tuple[str, str], str] = {}
    _idle: Sequence[str] = ()

    def get(self, kind: str, name: str) -> Component:
        """Return the component called *name*.

        Raises:
            UnknownNameError: there is none; says why if it is known (not installed, broken, claimed twice).
        """
        found = self._tables[kind].get(name)
        if found is not None:
            return found
        raise UnknownNameError(f"unknown {kind} '{name}'{self._why_not(kind, name)}")  # built by _why_not

    def names(self, kind: str) -> list[str]:
        """Return the names of all components of *kind*, sorted."""
        return sorted(self._tables[kind])

    def all(self, kind: str) -> list[Component]:
        """Return all components of *kind*, sorted by name."""
        return [self._tables[kind][name] for name in self.names(kind)]

    def connections(self) -> list[Component]:
        """Return the types of connection that operators ask through, sorted, each as a component of kind ``connection``."""
        takers = [operator for operator in self.all("operator") if getattr(operator.value, "connection", None)]
        found = {name: (options, one.provenance) for one in takers for name, options in [one.value.connection]}
        return [Component("connection", name, *found[name]) for name in sorted(found)]

    def with_(self, *components: Component) -> ComponentSet:
        """Return a set that also holds *components*, in place of any of the same kind and name."""
        tables = {kind: dict(table) for kind, table in self._tables.items()}
        for component in components:
            tables[component.kind][component.name] = component
        return msgspec.structs.replace(self, _tables=tables)

    def with_class(self, kind: str, value: Any) -> ComponentSet:
        """Return a set that also holds the class or descriptor *value*, registered by the running program itself."""
        return self.with_(Component(kind, value.name, value, Provenance("this program", "-", "-")))

    def without(self, kind: str, *names: str) -> ComponentSet:
        """Return a set that lacks the components called *names*."""
        tables = {kind_: dict(table) for kind_, table in self._tables.items()}
        for name in names:
            tables[kind].pop(name, None)
        return msgspec.structs.replace(self, _tables=tables)

    def with_reason(self, kind: str, name: str, reason: str) -> ComponentSet:
        """Return a set that can say why *name* is not available."""
        return msgspec.structs.replace(self, _unavailable={**self._unavailable, (kind, name): reason})

    def with_idle(self, *distributions: str) -> ComponentSet:
        """Return a set that mentions *distributions*, installed but not in use, where a name is unknown: it may be theirs."""
        return msgspec.structs.replace(self, _idle=(*self._idle, *distributions))

    def _why_not(self, kind: str, name: str) -> str:
        if (kind, name) in self._unavailable:
            return f": {self._unavailable[kind, name]}"
        if (kind, name) in PACKAGES:
            return f": pip install {PACKAGES[kind, name]}"
        hint = did_you_mean(name, self._tables[kind]) or f"known: {', '.join(self.names(kind)) or 'none'}"
        return f"; {self.with_idle_named(hint)}"

    def with_idle_named(self, hint: str) -> str:
        """Return *hint* for an unknown name, followed by the plugins that are installed but not in use, if there are any."""
        idle = f"not in use: {', '.join(self._idle)} (fluxion plugins says why)" if self._idle else ""
        return "; ".join(filter(None, [hint, idle]))
