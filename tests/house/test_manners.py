"""File sizes, names, and what no file of ours contains."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

MOST_LINES: Final = 400
MOST_FUNCTION_LINES: Final = 60
BANNED_FILES: Final = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core"}
BANNED_ENDINGS: Final = ("Manager", "Handler", "Helper", "Helpers", "Util", "Utils", "Impl")
BANNED_MODULES: Final = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
BANNED_CALLS: Final = {"eval", "exec", "compile", "__import__"}
REASON: Final = re.compile(r"^# Longer than \d+ lines: \w.{10,}", re.MULTILINE)


def test_files_are_short_or_say_why(shipped) -> None:
    """A file of more than 400 lines has a line ``# Longer than 400 lines: <reason>``."""
    long = [
        f"{module.path}: {module.text.count(chr(10))} lines"
        for module in shipped
        if module.text.count("\n") > MOST_LINES and not REASON.search(module.text)
    ]
    assert long == []


def test_functions_fit_a_screen(shipped) -> None:
    """Docstrings included."""
    long = [
        f"{module.path}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for module in shipped
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= MOST_FUNCTION_LINES
    ]
    assert long == []


def test_no_file_or_directory_is_a_drawer_for_everything(shipped) -> None:
    """Split by family, never into utils, helpers, common or base."""
    assert [str(module.path) for module in shipped if BANNED_FILES & {*module.parts[1:]}] == []


def test_no_class_is_named_for_what_everything_does(shipped) -> None:
    """A Manager manages, an Impl implements: neither tells a reader anything."""
    wrong = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in shipped
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_ENDINGS)
    ]
    assert wrong == []


def test_nothing_is_pickled(shipped) -> None:
    """State and positions are plain, versioned values."""
    wrong = [
        f"{module.path}:{node.lineno}"
        for module in shipped
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and {(name or "").split(".")[0] for name in _names(node)} & BANNED_MODULES
    ]
    assert wrong == []


def test_code_is_made_and_run_by_the_compiler_alone(shipped) -> None:
    """``exec`` and its relatives stand in ``language/compiler`` and nowhere else."""
    wrong = [
        f"{module.path}:{node.lineno} {node.func.id}()"
        for module in shipped
        if not module.name.startswith("fluxion_core.language.compiler")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS
    ]
    assert wrong == []


def test_every_module_says_what_it_is(shipped) -> None:
    """The first thing in a file is a docstring."""
    silent = [str(module.path) for module in shipped if not (ast.get_docstring(module.tree) or "").strip()]
    assert silent == []


def test_every_public_name_is_declared_and_exists(core) -> None:
    """What ``__all__`` lists is defined or imported in that module."""
    missing = [
        f"{module.path}: {name}"
        for module in core
        if module.name != "fluxion_core"  # its names are imported when they are first used
        for name in sorted(_declared(module.tree) - _bound(module.tree))
    ]
    assert missing == []


def test_no_file_names_a_path_or_a_registry_of_somebodys_machine() -> None:
    """What works here must work there: packages come from wherever the reader's tools are told to look."""
    here = re.compile(
        r"(?<![\w.])/(?:home|Users|root|work)/\w|\b(?:pypi|pythonhosted|npmjs|maven|apache)\.(?:org|com)/(?:simple|packages|maven2)"
    )
    rooms = ("fluxion_core", "plugins", "tests", "docs", "examples", "benchmarks")
    suffixes = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".cfg", ".txt"}
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for room in rooms
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in suffixes
        and not any(part.startswith((".", "_build", "build")) for part in path.relative_to(ROOT).parts)
        for match in here.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def _names(node: ast.Import | ast.ImportFrom) -> list[str | None]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]


def _declared(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return set()


def _bound(tree: ast.Module) -> set[str]:
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    return bound
