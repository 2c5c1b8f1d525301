"""Finds plugins, checks them, and builds the set of components that a pipeline can name.

One bad plugin spoils nothing but itself: what fails to import, was built for another SPI version, or breaks the rules of
names is left out, and :class:`PluginReport` tells the reason. Names that two plugins claim are taken from both, until one is
blocked (``FLUXION_PLUGINS_BLOCK=dist,dist``) or one is not allowed (``FLUXION_PLUGINS_ALLOW=dist,dist``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import importlib_metadata
import pluggy

from fluxion_core import hookspecs
from fluxion_core.components import KINDS, PACKAGES, Component, ComponentSet, Provenance, name_is_good
from fluxion_core.spi import SPI_VERSION

__all__ = ["BUILT_IN", "PluginRegistry", "PluginReport", "load_plugins"]

CORE = "fluxion-core"

BUILT_IN = (
    "fluxion_core.connectors",
    "fluxion_core.codecs",
    "fluxion_core.state",
    "fluxion_core.runtime.local",
)
"""The core's own plugins, loaded first; their names are reserved."""


@attrs.frozen(kw_only=True)
class PluginReport:
    """What became of one plugin: provenance, what it provides (``source kafka``), load time, and why it failed if it did."""

    provenance: Provenance
    module: str
    provides: tuple[str, ...] = ()
    load_seconds: float = 0.0
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the plugin is in use."""
        return not self.reason


@attrs.frozen
class PluginRegistry:
    """The loaded plugins: their components, a report for each, and the hooks for commands and events."""

    components: ComponentSet
    reports: tuple[PluginReport, ...]
    hooks: pluggy.PluginManager


@attrs.frozen
class _Candidate:
    """A plugin before it is loaded."""

    provenance: Provenance
    module: str


def load_plugins(
    *,
    allow: Sequence[str] | None = None,
    block: Sequence[str] = (),
    distributions: Iterable[Any] | None = None,
) -> PluginRegistry:
    """Load the built-in plugins, then those of the installed distributions, in the order of distribution and name.

    *allow* (only these distributions) and *block* (not these) add to the environment's ``FLUXION_PLUGINS_ALLOW`` and
    ``FLUXION_PLUGINS_BLOCK``. *distributions* replaces the installed ones. Never raises for what a plugin does.
    """
    allowed, blocked = _from_environment("ALLOW", allow), _from_environment("BLOCK", block) or set()
    loader = _Loader()
    for module in BUILT_IN:
        loader.load(_Candidate(Provenance(CORE, _core_version(), module.rpartition(".")[2]), module))
    for candidate in _candidates(distributions):
        name = candidate.provenance.distribution.lower()
        if name in blocked or (allowed is not None and name not in allowed):
            loader.refuse(candidate, "blocked by the allow or block list")
        else:
            loader.load(candidate)
    return loader.registry()


def _from_environment(which: str, given: Sequence[str] | None) -> set[str] | None:
    text = os.environ.get(f"FLUXION_PLUGINS_{which}", "")
    names = [*(given or ()), *(part.strip() for part in text.split(",") if part.strip())]
    return {name.lower() for name in names} if names or given is not None else None


def _core_version() -> str:
    try:
        return importlib_metadata.version(CORE)
    except importlib_metadata.PackageNotFoundError:
        return "0"


def _candidates(distributions: Iterable[Any] | None) -> Iterator[_Candidate]:
    found = importlib_metadata.distributions() if distributions is None else distributions
    seen: set[tuple[str, str]] = set()
    candidates = []
    for distribution in found:
        for point in distribution.entry_points.select(group=hookspecs.ENTRY_POINT_GROUP):
            name = distribution.metadata["Name"]
            if (name, point.name) not in seen:  # the first on the path wins, as for imports
                seen.add((name, point.name))
                candidates.append(_Candidate(Provenance(name, distribution.version, point.name), point.value))
    yield from sorted(candidates, key=lambda one: (one.provenance.distribution, one.provenance.plugin))


class _Loader:
    """Registers one candidate after the other and keeps the score."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)
        self._components: list[Component] = []
        self._reports: list[PluginReport] = []

    def refuse(self, candidate: _Candidate, reason: str, seconds: float = 0.0) -> None:
        """Report that *candidate* is not in use, and why."""
        self._reports.append(
            PluginReport(provenance=candidate.provenance, module=candidate.module, reason=reason, load_seconds=seconds)
        )

    def load(self, candidate: _Candidate) -> None:
        """Import, check and register *candidate*; report it either way."""
        started = time.perf_counter()
        try:
            components = self._register(candidate)
        except Exception as error:  # noqa: BLE001  # whatever a plugin does wrong must not stop the others
            self.refuse(candidate, _reason(error), time.perf_counter() - started)
            return
        self._components += components
        self._reports.append(
            PluginReport(
                provenance=candidate.provenance,
                module=candidate.module,
                provides=tuple(f"{component.kind} {component.name}" for component in components),
                load_seconds=time.perf_counter() - started,
            )
        )

    def _register(self, candidate: _Candidate) -> list[Component]:
        module = importlib_metadata.EntryPoint(name="plugin", value=candidate.module, group="fluxion").load()
        if candidate.provenance.distribution != CORE:
            _check_version(module)
        name = f"{candidate.provenance.distribution}:{candidate.provenance.plugin}:{candidate.module}"
        self._manager.register(module, name=name)
        try:
            self._manager.check_pending()
            return [component for kind in KINDS for component in self._collect(module, kind, candidate.provenance)]
        except BaseException:
            self._manager.unregister(name=name)
            raise

    def _collect(self, module: Any, kind: str, provenance: Provenance) -> Iterator[Component]:
        hook = getattr(self._manager.hook, KINDS[kind].hook)
        for implementation in hook.get_hookimpls():
            if implementation.plugin is module:
                for value in _as_list(implementation.function(), KINDS[kind].hook):
                    yield Component(kind, _checked_name(kind, value), value, provenance)

    def registry(self) -> PluginRegistry:
        """Return the result: collisions are taken out, and their names say why."""
        components, reasons = _without_collisions(self._components)
        result = ComponentSet().with_(*components)
        for (kind, name), reason in [*reasons.items(), *self._broken().items()]:
            result = result.with_reason(kind, name, reason)
        return PluginRegistry(result, tuple(self._reports), self._manager)

    def _broken(self) -> dict[tuple[str, str], str]:
        failed = {report.provenance.distribution: report for report in self._reports if not report.ok}
        return {
            key: f"{failed[package].provenance} is installed but not in use: {failed[package].reason}"
            for key, package in PACKAGES.items()
            if package in failed
        }


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _check_version(module: Any) -> None:
    built_for = getattr(module, "FLUXION_SPI", None)
    if not (isinstance(built_for, tuple) and len(built_for) == 2):
        msg = "the module does not say which SPI it was built for; expected FLUXION_SPI = (1, 0)"
        raise TypeError(msg)
    if built_for[0] != SPI_VERSION[0] or built_for > SPI_VERSION:
        have = ".".join(map(str, SPI_VERSION))
        msg = f"built for SPI {'.'.join(map(str, built_for))}, this fluxion-core offers {have}; install matching versions"
        raise TypeError(msg)


def _as_list(values: Any, hook: str) -> list[Any]:
    if not isinstance(values, list | tuple):
        msg = f"{hook}() returned {type(values).__name__}; expected a list"
        raise TypeError(msg)
    return list(values)


def _checked_name(kind: str, value: Any) -> str:
    name = getattr(value, "name", None)
    if not isinstance(name, str) or not name_is_good(kind, name):
        msg = f"{kind} {value!r} has the name {name!r}; expected a name like {KINDS[kind].pattern}"
        raise TypeError(msg)
    return name


def _without_collisions(components: Sequence[Component]) -> tuple[list[Component], dict[tuple[str, str], str]]:
    by_name: dict[tuple[str, str], list[Component]] = {}
    for component in components:
        by_name.setdefault((component.kind, component.name), []).append(component)
    good: list[Component] = []
    reasons: dict[tuple[str, str], str] = {}
    for key, claims in by_name.items():
        if len(claims) == 1 or claims[0].provenance.distribution == CORE:  # the core's names are reserved
            good.append(claims[0])
        else:
            both = " and ".join(str(claim.provenance) for claim in claims)
            reasons[key] = f"claimed by both {both}; block one of them with FLUXION_PLUGINS_BLOCK=<distribution>"
    return good, reasons
