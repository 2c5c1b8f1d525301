"""The tree as the house tests see it: every module of the core and of the plugins, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]


@attrs.define(slots=False)
class Module:
    """One Python file of ours: its path from the top of the tree, its name, its text."""

    path: Path
    name: str
    text: str

    @property
    def parts(self) -> list[str]:
        """The name, taken apart."""
        return self.name.split(".")

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)


def _modules(package: Path) -> list[Module]:
    return [
        Module(path.relative_to(ROOT), _name(path.relative_to(package.parent)), path.read_text(encoding="utf-8"))
        for path in sorted(package.rglob("*.py"))
    ]


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="session")
def core() -> Sequence[Module]:
    """Every module of ``fluxion_core``."""
    return _modules(ROOT / "fluxion_core")


@pytest.fixture(scope="session")
def plugins() -> Sequence[Module]:
    """Every module of the plugins' packages, without their tests."""
    return [module for package in sorted(ROOT.glob("plugins/*/fluxion_*")) for module in _modules(package)]


@pytest.fixture(scope="session")
def shipped(core: Sequence[Module], plugins: Sequence[Module]) -> Sequence[Module]:
    """Everything that is installed somewhere."""
    return [*core, *plugins]
