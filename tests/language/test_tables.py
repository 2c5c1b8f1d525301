"""Which file defines which stage or operator is written down, so that only those in use are imported."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fluxion_core.language import expressions, stages


@pytest.mark.parametrize(
    ("package", "table", "family", "names"),
    [
        (package.__name__, table, family, names)
        for package, table in ((stages, "STAGES"), (expressions, "OPERATORS"))
        for family, names in package.FAMILIES.items()
    ],
)
def test_every_file_defines_what_its_package_says(package, table, family, names):
    module = importlib.import_module(f".{family}", package)
    assert names.split() == [one.name for one in getattr(module, table)]


def test_every_file_of_stages_is_in_the_table():
    defining = {path.stem for path in _files_of(stages) if "\nSTAGES = " in path.read_text()}
    assert set(stages.FAMILIES) == defining


def test_every_file_of_operators_is_in_the_table():
    defining = {path.stem for path in _files_of(expressions) if "\nOPERATORS = " in path.read_text()}
    assert set(expressions.FAMILIES) - {".registered"} == defining


def _files_of(package):
    return Path(package.__path__[0]).glob("*.py")


def test_a_pipeline_imports_the_families_that_it_uses():
    code = (
        "import sys; from fluxion_core import compile_pipeline; compile_pipeline([{'$match': {'a': 1}}]); "
        "print(*sorted(name for name in sys.modules if name.startswith('fluxion_core.language.stages.')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert ["fluxion_core.language.stages.match"] == found.split()
