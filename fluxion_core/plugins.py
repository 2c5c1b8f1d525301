"""Finds plugins, checks them, and builds the set of components that a pipeline can name.

One bad plugin spoils nothing but itself: what fails to import, was built for another SPI version, or breaks the rules of
names is left out, and :class:`PluginReport` tells the reason. Names that two plugins claim are taken from both, until one is
blocked (``FLUXION_PLUGINS_BLOCK=dist,dist``) or one is not allowed (``FLUXION_PLUGINS_ALLOW=dist,dist``); the core's are reserved.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import importlib_metadata
import msgspec
import pluggy

from fluxion_core import hookspecs
from fluxion_core.components import KINDS, PACKAGES, Component, ComponentSet, Provenance
from fluxion_core.errors import FluxionError
from fluxion_core.plugin_contract import check_component, check_hooks, check_version

__all__ = ["BUILT_IN", "PluginRegistry", "PluginReport", "load_plugins"]

CORE = "fluxion-core"

BUILT_IN = (
    "fluxion_core.connectors",
    "fluxion_core.codecs",
    "fluxion_core.state",
    "fluxion_core.runtime.local",
)
"""The core's own plugins, loaded first; their names are reserved."""


class PluginReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one plugin: provenance, what it provides (``source kafka``), load time, and why it failed if it did.

    *collisions* tells which names it may not provide because another distribution has them, or claims them too.
    """

    provenance: Provenance
    module: str
    provides: tuple[str, ...] = ()
    collisions: tuple[str, ...] = ()
    load_seconds: float = 0.0
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the plugin is in use."""
        return not self.reason


class PluginRegistry(msgspec.Struct, frozen=True):
    """The loaded plugins: their components, a report for each, and the hooks for commands and events."""

    components: ComponentSet
    reports: tuple[PluginReport, ...]
    hooks: pluggy.PluginManager
    not_installed: tuple[str, ...] = ()
    """Names on the allow or block list that no installed plugin has: perhaps typing errors, which would block nothing."""

    def call_each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Exception]]:
        """Call every plugin's *hook*, each by itself; yield the distribution and the error of those that failed."""
        for implementation in getattr(self.hooks.hook, hook).get_hookimpls():
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception as error:  # noqa: BLE001  # one plugin must not keep the others from being called
                yield implementation.plugin_name.partition(":")[0], error


class _Candidate(msgspec.Struct, frozen=True):
    """A plugin before it is loaded; *reason* if it cannot even be tried."""

    provenance: Provenance
    module: str
    reason: str = ""


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
    unmet = blocked | (allowed or set())
    version = _core_version()
    for module in BUILT_IN:
        loader.load(_Candidate(Provenance(CORE, version, module.rpartition(".")[2]), module))
    for candidate in _candidates(distributions):
        name = _canonical(candidate.provenance.distribution)
        unmet -= {name}
        if candidate.reason:
            loader.refuse(candidate, candidate.reason)
        elif name in blocked or (allowed is not None and name not in allowed):
            loader.refuse(candidate, "blocked by the allow or block list")
        else:
            loader.load(candidate)
    return msgspec.structs.replace(loader.registry(), not_installed=tuple(sorted(unmet)))


def _from_environment(which: str, given: Sequence[str] | None) -> set[str] | None:
    text = os.environ.get(f"FLUXION_PLUGINS_{which}", "")
    names = [*(given or ()), *(part.strip() for part in text.split(",") if part.strip())]
    return {_canonical(name) for name in names} if names or given is not None else None


def _canonical(name: str) -> str:
    """Return a distribution's name as package indexes compare it: ``Fluxion_Connect.Kafka`` is ``fluxion-connect-kafka``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _core_version() -> str:
    for distribution in importlib_metadata.distributions(name=CORE, path=_search_path()):
        return _name_and_version(distribution)[1]
    return "0"


def _search_path() -> list[str]:
    """Return where distributions may be: what is not there (Python's own zip file) would be taken for an archive to open."""
    return [entry for entry in sys.path if Path(entry).exists()]


def _name_and_version(distribution: Any) -> tuple[str, str]:
    """Return both from the head of the metadata: parsing all of it costs more than importing most plugins."""
    text = distribution.read_text("METADATA") or ""
    head = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)", text.partition("\n\n")[0], re.MULTILINE))
    if len(head) == 2:
        return head["Name"], head["Version"]
    return distribution.metadata["Name"], distribution.version  # an egg, or damaged


def _candidates(distributions: Iterable[Any] | None) -> Iterator[_Candidate]:
    found = importlib_metadata.distributions(path=_search_path()) if distributions is None else distributions
    first: dict[str, list[_Candidate]] = {}
    for distribution in found:
        candidates = list(_candidates_of(distribution))
        if candidates:  # the first on the path wins, as for imports
            first.setdefault(_canonical(candidates[0].provenance.distribution), candidates)
    every = (candidate for candidates in first.values() for candidate in candidates)
    yield from sorted(every, key=lambda one: (one.provenance.distribution, one.provenance.plugin))


def _candidates_of(distribution: Any) -> Iterator[_Candidate]:
    try:
        if hookspecs.ENTRY_POINT_GROUP not in (distribution.read_text("entry_points.txt") or ""):
            return  # nearly all of them: taking every list apart would cost twice what reading it does
        points = list(distribution.entry_points.select(group=hookspecs.ENTRY_POINT_GROUP))
    except Exception as error:  # noqa: BLE001  # the metadata of any package on the path may be damaged
        yield _Candidate(
            Provenance(*_name_and_version(distribution), "?"), "?", f"its entry_points.txt cannot be read: {_reason(error)}"
        )
        return
    for point in points:
        yield _Candidate(Provenance(*_name_and_version(distribution), point.name), point.value)


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
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a plugin does wrong must not stop the others
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
            check_version(module)
        check_hooks(module)
        name = f"{candidate.provenance.distribution}:{candidate.provenance.plugin}:{candidate.module}"
        try:
            self._manager.register(module, name=name)
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
                    yield Component(kind, check_component(kind, value), value, provenance)

    def registry(self) -> PluginRegistry:
        """Return the result: collisions are taken out, and their names say why."""
        components, refused = _without_collisions(self._components)
        result = ComponentSet().with_(*components)
        reasons = {key: reason for key, reason in refused.items() if not any((one.kind, one.name) == key for one in components)}
        for (kind, name), reason in [*reasons.items(), *self._broken().items()]:
            result = result.with_reason(kind, name, reason)
        result = result.with_idle(*(str(report.provenance) for report in self._reports if not report.ok))
        return PluginRegistry(result, tuple(_with_collisions(report, refused) for report in self._reports), self._manager)

    def _broken(self) -> dict[tuple[str, str], str]:
        failed = {_canonical(report.provenance.distribution): report for report in self._reports if not report.ok}
        return {
            key: f"{failed[package].provenance} is installed but not in use: {failed[package].reason}"
            for key, package in PACKAGES.items()
            if package in failed
        }


def _reason(error: BaseException) -> str:
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    if isinstance(error, FluxionError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _as_list(values: Any, hook: str) -> list[Any]:
    if not isinstance(values, list | tuple):
        msg = f"{hook}() returned {type(values).__name__}; expected a list"
        raise TypeError(msg)
    return list(values)


def _without_collisions(components: Sequence[Component]) -> tuple[list[Component], Mapping[tuple[str, str], str]]:
    """Return the components that have their name to themselves, and why the claims on the other names were refused."""
    by_name: dict[tuple[str, str], list[Component]] = {}
    for component in components:
        by_name.setdefault((component.kind, component.name), []).append(component)
    good: list[Component] = []
    refused: dict[tuple[str, str], str] = {}
    for key, claims in by_name.items():
        if _belongs_to_the_language(*key):
            refused[key] = f"the name is the language's own; {_listed(claims)} must choose another"
            continue
        if len(claims) == 1 or claims[0].provenance.distribution == CORE:
            good.append(claims[0])
        if len(claims) > 1:
            refused[key] = _collision(claims)
    return good, refused


def _belongs_to_the_language(kind: str, name: str) -> bool:
    if kind not in ("operator", "accumulator", "stage"):
        return False
    from fluxion_core.language import own_names  # not before there is a plugin that asks for it

    return name in own_names(kind)


def _listed(claims: Iterable[Component]) -> str:
    return " and ".join(dict.fromkeys(str(claim.provenance) for claim in claims))


def _collision(claims: Sequence[Component]) -> str:
    if claims[0].provenance.distribution == CORE:
        return f"the name is the core's own; {_listed(claims[1:])} must choose another"
    both = _listed(claims)
    if len({claim.provenance.distribution for claim in claims}) == 1:
        return f"registered {len(claims)} times by {both}; only that package can mend it"
    return f"claimed by both {both}; block one of them with FLUXION_PLUGINS_BLOCK=<distribution>"


def _with_collisions(report: PluginReport, refused: Mapping[tuple[str, str], str]) -> PluginReport:
    if report.provenance.distribution == CORE:
        return report
    lost = {f"{kind} {name}": reason for (kind, name), reason in refused.items() if f"{kind} {name}" in report.provides}
    return msgspec.structs.replace(
        report,
        provides=tuple(provided for provided in report.provides if provided not in lost),
        collisions=tuple(f"{provided}: {reason}" for provided, reason in lost.items()),
    )
