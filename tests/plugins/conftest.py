"""Distributions as an installer leaves them: a package, and a ``dist-info`` directory beside it, on a path of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import importlib_metadata
import pytest

from fluxion_core.plugins import PluginRegistry, PluginReport, load_plugins

TICKS = """
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Batch, Source

FLUXION_SPI = (1, 0)

class Ticks(Source):
    '''Ticks. Without end.'''
    name = "ticks"
    def open(self, context, positions): pass
    def poll(self, max_records, timeout_seconds): return Batch.empty()

@hookimpl
def fluxion_register_sources():
    return [Ticks]
"""
"""A good plugin."""


@attrs.define
class Site:
    """A directory that distributions are installed into."""

    path: Path

    @property
    def search_path(self) -> str:
        """The directory as ``PYTHONPATH`` for another process, before what is there already."""
        return os.pathsep.join(filter(None, (str(self.path), os.environ.get("PYTHONPATH"))))

    def install(self, distribution: str, code: str | None = TICKS, *, version: str = "1.0", module: str = "") -> str:
        """Install *distribution*, whose module holds *code* (``None``: the module is missing), and return the module's name."""
        module = module or distribution.replace("-", "_").lower()
        if code is not None:
            (self.path / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[fluxion]\n{distribution} = {module}\n")
        return module

    def load(self, **lists: Sequence[str]) -> PluginRegistry:
        """Load the core's plugins and those of this directory."""
        return load_plugins(distributions=importlib_metadata.distributions(path=[str(self.path)]), **lists)

    def report(self, distribution: str, **lists: Sequence[str]) -> PluginReport:
        """Load, and return the report on one distribution."""
        (report,) = [one for one in self.load(**lists).reports if one.provenance.distribution == distribution]
        return report

    def run(self, script: str, **environment: str) -> str:
        """Run *script* in a process that finds this directory as it finds installed packages; return what it prints."""
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
            env={**os.environ, "PYTHONPATH": self.search_path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty directory to install into; what was imported from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def ticks() -> str:
    """The code of a good plugin."""
    return TICKS
