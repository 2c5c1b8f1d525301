"""Who may import whom (the table of the design, section "The house"), read from the syntax tree of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

# Each room and what it may import beside itself. "language" and "spi" mean the facade alone: none of their modules.
# An entry with a dot names that module and what lies in it.
ALLOWED: Final[Mapping[str, set[str]]] = {
    "errors": set(),
    "language": {"errors"},
    "spi": {"errors"},
    "hookspecs": set(),
    "components": {"errors", "spi", "language"},
    "connectors": {"spi", "errors", "hookspecs"},
    "codecs": {"spi", "errors", "hookspecs"},
    "state": {"spi", "errors", "hookspecs"},
    "plugins": {"hookspecs", "components", "plugin_contract", "spi", "errors", "language"},
    "plugin_contract": {"hookspecs", "components", "spi", "errors", "language"},
    "config": {"spi", "spi.options", "components", "errors"},
    "observability": {"errors"},
    "runtime": {"spi", "spi.host", "errors", "language", "config.model", "observability.events", "observability.metrics"},
    "testing": {"spi", "errors", "runtime", "config.model", "components", "language", "codecs", "observability.events"},
}

# Single modules that may do more, each because it is the place where two rooms meet.
DOORS: Final[Mapping[str, set[str]]] = {
    "runtime.binding": {"components"},  # names become classes
    "runtime.orchestrator": {"components", "plugins"},  # the Python front door loads what is installed
    "runtime.local": {"hookspecs"},  # the built-in runner registers itself
    "runtime.parallel.spawned": {"plugins"},  # a process of its own loads what is installed
    "observability.prometheus": {"observability.metrics"},
    "config.constants": {"codecs.ejson"},  # what a file writes as Extended JSON is read as records are
}

PLUGINS_MAY: Final = {"spi", "errors", "hookspecs", "language", "testing"}

PURE_ROOM_MUST_NOT: Final = {
    "asyncio", "fcntl", "http", "io", "logging", "multiprocessing", "os", "pathlib", "select", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "requests",
}  # fmt: skip

PURE_ALL_THE_SAME: Final = {
    "io.BytesIO",  # reads bytes that are in memory already
    "threading.local",  # starts no thread and waits for none
}


def test_each_room_imports_only_what_the_table_allows(core) -> None:
    """The rooms of the core."""
    assert sorted(finding for module in core for finding in _wrong_imports(module)) == []


def test_the_command_line_is_imported_by_nobody(shipped) -> None:
    """It may import anything; that works as long as nothing imports it back."""
    found = [
        f"{module.path}:{line}"
        for module in shipped
        if not module.name.startswith("fluxion_core.cli")
        for line, target in _imports(module)
        if target.startswith("fluxion_core.cli")
    ]
    assert found == []


def test_plugins_import_only_what_a_stranger_may(plugins) -> None:
    """Ours have no more rights than anybody's."""
    wrong = [
        f"{module.path}:{line} imports {target}"
        for module in plugins
        for line, target in _imports(module)
        if target.startswith("fluxion_core") and _room(target) not in PLUGINS_MAY
    ]
    assert wrong == []


def test_plugins_do_not_import_each_other(plugins) -> None:
    """Each is a distribution of its own."""
    wrong = [
        f"{module.path}:{line} imports {target}"
        for module in plugins
        for line, target in _imports(module)
        if target.startswith("fluxion_") and target.split(".")[0] not in ("fluxion_core", module.parts[0])
    ]
    assert wrong == []


def test_the_language_reaches_neither_clock_nor_machine(core) -> None:
    """Pure goes in ``language``: documents in, documents out."""
    wrong = [
        f"{module.path}:{line} imports {target}"
        for module in core
        if _room(module.name) == "language"
        for line, target in _imports(module)
        if target.split(".")[0] in PURE_ROOM_MUST_NOT and target not in PURE_ALL_THE_SAME
    ]
    assert wrong == []


def test_one_module_of_the_language_holds_the_defaults_for_now_and_rand(core) -> None:
    """``$$NOW`` and ``$rand`` are handed in by the runtime; what ``aggregate`` takes without one stands in one place."""
    asking = {module.name for module in core if _room(module.name) == "language" and _asks_for_now_or_chance(module)}
    assert len(asking) <= 1, asking


def test_pytest_is_imported_by_the_suites_alone(shipped) -> None:
    """Whoever installs the core to run pipelines has no pytest."""
    found = [
        module.name
        for module in shipped
        if any(target.split(".")[0] == "pytest" for _, target in _imports(module)) and "testing" not in module.parts
    ]
    assert found == []


@pytest.mark.parametrize("name", ["errors", "spi", "language", "connectors", "state", "codecs", "runtime", "testing"])
def test_the_table_speaks_of_rooms_that_exist(name: str, core) -> None:
    """A renamed room would otherwise go unwatched."""
    assert name in {_room(module.name) for module in core}


def test_every_room_is_in_the_table(core) -> None:
    """A new room must say what it may import."""
    assert {_room(module.name) for module in core} - {"", "cli"} <= set(ALLOWED)


def _wrong_imports(module: Any) -> Iterator[str]:
    room = _room(module.name)
    if room in ("", "cli"):  # the facade imports lazily from everywhere; the command line may import anything
        return
    inside = module.name.removeprefix("fluxion_core.")
    allowed = ALLOWED[room] | DOORS.get(inside, set())
    for line, target in _imports(module):
        if not target.startswith("fluxion_core.") or _room(target) == room:
            continue
        if not _is_allowed(target.removeprefix("fluxion_core."), allowed):
            yield f"{module.path}:{line} imports {target}"


def _is_allowed(target: str, allowed: set[str]) -> bool:
    for entry in allowed:
        if target == entry:
            return True
        if entry not in ("language", "spi") and target.startswith(f"{entry}."):
            return True
    return False


def _room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "fluxion_core" and len(parts) > 1 else ""


def _imports(module: Any) -> Sequence[tuple[int, str]]:
    """Return line and full module name of every import that runs, wherever in the file it stands."""
    return list(_imports_in(module.tree, module))


def _imports_in(node: ast.AST, module: Any) -> Iterator[tuple[int, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(child, ast.Import):
            yield from ((child.lineno, alias.name) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from _imports_from(child, module)
        else:
            yield from _imports_in(child, module)


def _imports_from(node: ast.ImportFrom, module: Any) -> Iterator[tuple[int, str]]:
    assert node.level == 0, f"{module.path}:{node.lineno}: a relative import; name the whole module"
    assert node.module is not None
    known = {"fluxion_core", "fluxion_core.language"}
    for alias in node.names:
        whole = f"{node.module}.{alias.name}"
        full = whole in PURE_ALL_THE_SAME or (node.module in known and _is_module(whole))
        yield node.lineno, whole if full else node.module


def _is_module(name: str) -> bool:
    """Return whether *name* is a module of the core, and no name inside of one."""
    base = sys.modules.get("fluxion_core") or __import__("fluxion_core")
    relative = name.split(".")[1:]
    path = __import__("pathlib").Path(base.__path__[0]).joinpath(*relative)
    return path.is_dir() or path.with_suffix(".py").exists()


def _asks_for_now_or_chance(module: Any) -> bool:
    return any(target.split(".")[0] == "random" for _, target in _imports(module)) or any(
        isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
        for node in ast.walk(module.tree)
    )
