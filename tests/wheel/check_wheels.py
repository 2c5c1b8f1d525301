"""Builds the wheels of core and plugins, installs them into an empty environment, and runs a pipeline there.

Not a test of pytest: run by ``make wheel`` and tox.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT, *sorted((ROOT / "plugins").glob("*/"))]
PIPELINE = """\
id: wheel
source: {type: generator, kind: orders, count: 2000, seed: 3}
stages:
  - $match: {status: PAID}
  - $group: {_id: null, n: {$sum: 1}}
sink: {type: file, path: out.ndjson}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for project in PROJECTS:
            command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(place / "dist"), str(project)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wheels = sorted((place / "dist").glob("*.whl"))
        print("built", ", ".join(wheel.name for wheel in wheels))
        venv.create(place / "env", with_pip=True)
        binaries = place / "env" / "bin"
        subprocess.run([binaries / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *wheels], check=True)
        (place / "wheel.yaml").write_text(PIPELINE)
        reports = json.loads(
            subprocess.run(
                [binaries / "fluxion", "plugins", "--format", "json"], check=True, capture_output=True, cwd=place
            ).stdout
        )
        broken = [report for report in reports if report["reason"]]
        assert not broken, broken
        distributions = {report["distribution"] for report in reports}
        assert distributions >= {"fluxion-core", *(project.name for project in PROJECTS[1:])}, distributions
        subprocess.run([binaries / "fluxion", "run", "wheel.yaml"], check=True, cwd=place)
        (line,) = (place / "out.ndjson").read_text().splitlines()
        assert 0 < json.loads(line)["n"] < 2000, line
        print("ran a pipeline from the installed wheels:", line)


if __name__ == "__main__":
    main()
