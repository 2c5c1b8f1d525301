"""How everything here is measured: a process of its own, CPU seconds and peak memory from the kernel, rounds interleaved.

The process that measures stays small, since a child's peak memory is counted from its parent's at the moment it is started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["HERE", "Row", "Sample", "Setting", "child_environment", "engine_command", "interleave", "run_process"]

HERE = Path(__file__).parent
KIB_PER_MB = 1024


@dataclass(frozen=True)
class Sample:
    """One run of one contender: CPU seconds of its process and the children it waited for, wall seconds, peak memory in MB."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    said: Mapping[str, Any] = field(default_factory=dict)
    """What the contender itself measured, if it left a file ``<output>.measured``; its ``cpu_seconds`` count instead of the kernel's."""


@dataclass
class Row:
    """All runs of one contender under one set of labels (``contender``, ``job``, ``documents`` and what a suite adds)."""

    labels: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return what a result file holds of it."""
        said: dict[str, list[Any]] = {}
        for sample in self.samples:
            for name, value in sample.said.items():
                said.setdefault(name, []).append(value)
        return {
            **self.labels,
            "cpu_seconds": [round(sample.cpu_seconds, 4) for sample in self.samples],
            "wall_seconds": [round(sample.wall_seconds, 4) for sample in self.samples],
            "peak_mb": round(max(sample.peak_mb for sample in self.samples), 1),
            **({"said": said} if said else {}),
        }


@dataclass(frozen=True)
class Setting:
    """How much a suite runs, and where it may leave files."""

    documents: int
    rounds: int
    scratch: Path
    smoke: bool = False

    def input(self, count: int, shape: str = "plain") -> Path:
        """Return a file of *count* orders of *shape* (see ``workload.py``), made when it is first asked for."""
        path = self.scratch / f"orders-{shape}-{count}.ndjson"
        if not path.exists():
            with path.open("wb") as output:  # in another process: its memory must not be inherited by what is measured
                subprocess.run([sys.executable, str(HERE / "workload.py"), str(count), shape], stdout=output, check=True)
        return path

    def output(self, *names: Any) -> Path:
        """Return where a contender writes."""
        return self.scratch / ".".join(map(str, ("out", *names)))


def engine_command(contender: str, job: str, source: Path, target: Path, python: str = sys.executable) -> list[str]:
    """Return the command that runs *contender* of ``engine.py`` on *job*."""
    return [python, str(HERE / "engine.py"), contender, job, str(source), str(target)]


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of what is measured: this one's, with bytecode kept as an installed package has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(HERE), **(more or {})}


def run_process(command: Sequence[str], target: Path, environment: Mapping[str, str] | None = None) -> Sample:
    """Run *command*, which writes *target*, and return what it cost; what an earlier run left beside *target* goes first.

    Exits with the command's own words if it fails.
    """
    for leftover in target.parent.glob(target.name + "*"):
        leftover.unlink()
    log = target.parent / "log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=child_environment(environment))
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()}")
    measured = Path(f"{target}.measured")
    said = json.loads(measured.read_text()) if measured.exists() else {}
    cpu = said.pop("cpu_seconds", usage.ru_utime + usage.ru_stime)
    return Sample(cpu, said.pop("wall_seconds", wall), said.pop("peak_mb", usage.ru_maxrss / KIB_PER_MB), said)


def interleave(contenders: Iterable[tuple[Mapping[str, Any], Callable[[], Sample]]], rounds: int) -> list[Row]:
    """Run all *contenders* one after the other, *rounds* times, so that a slow minute of the machine meets each of them."""
    rows = [(Row(dict(labels)), run) for labels, run in contenders]
    for _ in range(rounds):
        for row, run in rows:
            row.samples.append(run())
    return [row for row, _ in rows]
