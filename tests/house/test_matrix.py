"""What the tox matrix tests is what the packages declare."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROJECTS: Final = {
    "core": ".",
    "kafka": "plugins/fluxion-connect-kafka",
    "http": "plugins/fluxion-connect-http",
    "enrich": "plugins/fluxion-enrich",
}


def read(project: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))


TOX: Final = read(".")["tool"]["tox"]
OLDEST: Final = sorted(name for name in TOX["env"] if name.endswith("-oldest"))


def declared(project: str, extras: set[str]) -> dict[str, str]:
    """Return the oldest version of each requirement but our own packages."""
    about = read(project)["project"]
    needed = [*about["dependencies"], *(line for extra in extras for line in about["optional-dependencies"][extra])]
    found = dict(re.match(r"([\w-]+)(?:\[.*\])?>=([\d.]+)", line).groups() for line in needed)
    return {name: version for name, version in found.items() if not name.startswith("fluxion-")}


@pytest.mark.parametrize("environment", OLDEST)
def test_the_oldest_environments_have_the_oldest_versions_that_are_declared(environment) -> None:
    project = PROJECTS[environment.partition("-")[0]]
    lines = TOX["env"][environment]["deps"]
    named = [set(extras.split(",")) for extras in re.findall(rf"{project}\[(.*?)\]", " ".join(lines))]
    extras = {"bson"} if project == "." else named[0] - {"test"}
    pinned = dict(line.split("==") for line in lines if "==" in line)
    assert declared(project, extras) == pinned


def test_every_project_has_an_oldest_environment_and_every_environment_is_listed() -> None:
    assert set(PROJECTS) == {environment.partition("-")[0] for environment in OLDEST}
    assert set(TOX["env"]) == set(TOX["env_list"])
