"""Measures what `runtime: {parallelism: N}` gains: wall-clock seconds of `fluxion run`, file to file, with 1 and with N processes.

    python benchmarks/cores.py [--documents N] [--rounds N] [--processes N] [--jobs a,b]

The rounds are interleaved, and every output must be, byte for byte, that of one process. Wall-clock seconds mean something only while
nobody else uses the cores: the load of the machine, before and after, is printed with them.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jobs import STAGES
from workload import documents


def run(job: str, source: Path, processes: int) -> tuple[float, float, Path]:
    """Return wall and CPU seconds of one run (those of its workers included), and its output."""
    emit, stages = STAGES[job]
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        pipeline = {
            "id": job,
            "source": {"type": "file", "path": str(source)},
            "stages": stages,
            "emit": emit,
            "sink": {"type": "file", "path": "out.ndjson"},
            "runtime": {"parallelism": processes},
        }
        file = Path(folder) / "pipeline.json"
        file.write_text(json.dumps(pipeline))
        command = [sys.executable, "-c", "from fluxion_core.cli import main; main()", "run", "--no-progress", str(file)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        output = source.parent / f"{job}.{processes}"
        (Path(folder) / "out.ndjson").replace(output)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, output


def compare(job: str, source: Path, processes: int, rounds: int) -> None:
    """Print a row for *job*."""
    walls: dict[int, list[float]] = {1: [], processes: []}
    cpus: dict[int, list[float]] = {1: [], processes: []}
    for _ in range(rounds):
        outputs = []
        for number in (1, processes):
            wall, cpu, output = run(job, source, number)
            walls[number].append(wall)
            cpus[number].append(cpu)
            outputs.append(output)
        if not filecmp.cmp(*outputs, shallow=False):
            sys.exit(f"{job}: the outputs differ")
    cells = [f"{min(walls[number]):.2f} / {statistics.median(walls[number]):.2f}" for number in walls]
    cells += [f"{statistics.median(cpus[number]):.2f}" for number in cpus]
    ratios = [one / many for one, many in zip(walls[1], walls[processes], strict=True)]
    cells += [f"{min(walls[1]) / min(walls[processes]):.2f}x", f"{statistics.median(ratios):.2f}x"]
    print(f"| {job} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--jobs", type=lambda text: text.split(","), default=["stateless", "group-at-end"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fluxion-cores-") as folder:
        source = Path(folder) / "orders.ndjson"
        with source.open("wb") as file:
            file.writelines(documents(options.documents))
        n = options.processes
        machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
        print(f"{options.documents:,} documents, {options.rounds} rounds, {machine}, load before {os.getloadavg()[0]:.1f}\n")
        print(f"| job | wall s, 1: best / median | wall s, {n} | CPU s, 1 | CPU s, {n} | best ratio | median ratio |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for job in options.jobs:
            compare(job, source, n, options.rounds)
        print(f"\nload after {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
