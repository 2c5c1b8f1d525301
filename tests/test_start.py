"""What ``import fluxion_core`` costs and brings: next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import fluxion_core

LOADED = """
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted({{name.split(".")[0] for name in set(sys.modules) - before}})))
"""

CLIENTS = {
    "kafka", "requests", "sqlalchemy", "urllib3", "httpx", "prometheus_client", "rich", "yaml", "click", "pluggy", "msgspec", "attrs",
    "sqlite3", "pytest", "hypothesis",
}  # fmt: skip
"""Nothing of this is needed to know what names the facade has."""


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a statement brings into a fresh process."""
    script = LOADED.format(statement=statement)
    return set(json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout))


def test_importing_the_facade_imports_nothing_else() -> None:
    assert set() == loaded_by("import fluxion_core") & CLIENTS


def test_importing_the_facade_imports_no_module_of_ours() -> None:
    script = "import sys, fluxion_core; print([name for name in sys.modules if name.startswith('fluxion_core.')])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "statement",
    [
        "import fluxion_core.language",
        "from fluxion_core import aggregate; list(aggregate([{'a': 1}], [{'$match': {'a': 1}}]))",
        "from fluxion_core import PipelineDefinition",
        "import fluxion_core.spi",
        "from fluxion_core import load_plugins; load_plugins(allow=[])",
    ],
)
def test_no_use_of_the_library_brings_a_client_a_terminal_or_a_test_library(statement: str) -> None:
    unwanted = {"kafka", "requests", "sqlalchemy", "urllib3", "rich", "click", "prometheus_client", "pytest", "hypothesis"}
    assert set() == loaded_by(statement) & unwanted


def test_importing_costs_less_than_a_tenth_of_a_second() -> None:
    """CPU time, which other processes do not change; the best of five, and the limit is ten times what it takes."""
    script = "import time; began = time.process_time(); import fluxion_core; print(time.process_time() - began)"
    best = min(float(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout) for _ in range(5))
    assert best < 0.1


@pytest.mark.parametrize("name", fluxion_core.__all__)
def test_every_name_of_the_facade_is_there(name: str) -> None:
    assert getattr(fluxion_core, name) is not None


def test_the_facade_lists_its_names() -> None:
    assert sorted(fluxion_core.__all__) == dir(fluxion_core)


def test_another_name_is_an_error_like_any_other() -> None:
    module: Any = fluxion_core
    with pytest.raises(AttributeError, match="module 'fluxion_core' has no attribute 'nope'"):
        _ = module.nope
