"""How many of the shared conformance cases are answered as MongoDB answers them; the floor may only rise.

The cases lie beside the project (``../shared/conformance``) or where FLUXION_CONFORMANCE says; without them there is nothing to check.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("FLUXION_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
FLOOR = json.loads((Path(__file__).parent / "floor.json").read_text())


@pytest.mark.skipif(not (CASES / "run.py").exists(), reason="the shared conformance cases are not here")
def test_no_fewer_cases_pass_than_before(record_property) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(CASES / "run.py"), "--jobs", "2", "--table", "group"]
    finished = subprocess.run(command, env=environment, cwd=CASES, capture_output=True, text=True, timeout=100, check=False)
    report = finished.stdout.strip().splitlines()
    assert report, finished.stderr
    found = re.match(r"passed (\d+) of (\d+)", report[-1])
    assert found, report[-1]
    passed, total = int(found[1]), int(found[2])
    record_property("conformance", report[-1])
    # Without bson the cases that hold its values, nearly all of which pass, are left out: what may only fall is what fails.
    assert total - passed <= FLOOR["total"] - FLOOR["passed"], report[-1]
    assert total > FLOOR["total"] * 0.95, report[-1]
