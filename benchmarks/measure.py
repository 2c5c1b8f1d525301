"""One contender in a process of its own, and whether what several have written says the same."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["check", "measure"]

HERE = Path(__file__).parent


def measure(engine: str, job: str, source: Path, target: Path, command: Sequence[str] | None = None) -> tuple[float, int]:
    """Return the CPU seconds (of the part that counts, if the engine says so) and the peak memory in KiB of one run."""
    for leftover in target.parent.glob(target.name + "*"):
        leftover.unlink()
    command = [*(command or (sys.executable, str(HERE / "engine.py"))), engine, job, str(source), str(target)]
    with (target.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{engine} failed on {job}:\n{(target.parent / 'log').read_text()}")
    said = Path(f"{target}.seconds")
    if said.exists():
        return float(said.read_text()), usage.ru_maxrss
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def outcome(path: Path, *, last: bool) -> dict[str, Any]:
    """Return the output by key; of several lines with one key the last counts."""
    rows: dict[str, Any] = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            key = json.dumps(row.get("_id", row.get("orderId")), sort_keys=True)
            rows[key if last else f"{key} {number}" if key in rows else key] = row
    return rows


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float | int) and isinstance(right, float | int):
        return math.isclose(left, right, rel_tol=1e-9)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def check(job: str, folder: Path, engines: Sequence[str]) -> None:
    """Exit unless every engine's output says the same; in a process of its own, whose memory is not inherited by what is measured."""
    child = os.fork()
    if child == 0:
        try:
            compare(job, folder, engines)
        except SystemExit as difference:
            print(difference, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(f"{job}: the outputs disagree")


def compare(job: str, folder: Path, engines: Sequence[str]) -> None:
    expected = outcome(folder / f"{job}.{engines[0]}", last=True)
    for engine in engines[1:]:
        found = outcome(folder / f"{job}.{engine}", last=True)
        if not same(expected, found):
            different = [key for key in expected.keys() | found.keys() if not same(expected.get(key), found.get(key))]
            key = different[0]
            sys.exit(f"{job}: {engine} disagrees on {len(different)} keys; {key}: {expected.get(key)} and {found.get(key)}")
