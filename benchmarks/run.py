"""Measures Fluxion beside the loop that one would write by hand: CPU seconds of whole processes, interleaved, medians, ratios.

    python benchmarks/run.py [--documents N] [--rounds N] [--jobs a,b] [--smoke] [--report FILE]

A ratio above 1 says that Fluxion is faster than the hand-written loop. ``--smoke`` measures nothing worth reading: it runs every
engine once over a small input and fails if their outputs disagree.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from jobs import STAGES
from workload import documents

HERE = Path(__file__).parent
ENGINES = ("hand", "fluxion", "messages", "runtime")


def measure(engine: str, job: str, source: Path, target: Path) -> tuple[float, int]:
    """Return the CPU seconds and the peak memory in KiB of one run."""
    for leftover in target.parent.glob(target.name + "*"):
        leftover.unlink()
    command = [sys.executable, str(HERE / "engine.py"), engine, job, str(source), str(target)]
    with (target.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{engine} failed on {job}:\n{(target.parent / 'log').read_text()}")
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


def check(job: str, folder: Path) -> None:
    """Exit unless every engine's output says the same; in a process of its own, whose memory is not inherited by what is measured."""
    child = os.fork()
    if child == 0:
        try:
            compare(job, folder)
        except SystemExit as difference:
            print(difference, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(f"{job}: the outputs disagree")


def compare(job: str, folder: Path) -> None:
    expected = outcome(folder / f"{job}.hand", last=True)
    for engine in ENGINES[1:]:
        found = outcome(folder / f"{job}.{engine}", last=True)
        if not same(expected, found):
            different = [key for key in expected.keys() | found.keys() if not same(expected.get(key), found.get(key))]
            key = different[0]
            sys.exit(f"{job}: {engine} disagrees on {len(different)} keys; {key}: {expected.get(key)} and {found.get(key)}")


def report(times: dict[tuple[str, str], list[float]], memory: dict[tuple[str, str], int], options: argparse.Namespace) -> str:
    """Return the result as Markdown."""
    jobs = options.jobs
    head = (
        f"{options.documents:,} documents, {options.rounds} rounds, Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    lines = [head, "", f"| CPU seconds (times the hand loop's speed) | {' | '.join(jobs)} |", f"| --- |{' --- |' * len(jobs)}"]
    for engine in ENGINES:
        cells = []
        for job in jobs:
            median = statistics.median(times[engine, job])
            ratio = statistics.median(times["hand", job]) / median
            cells.append(f"{median:.2f} ({ratio:.2f}x)")
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    lines += ["", f"| peak memory, MB | {' | '.join(jobs)} |", f"| --- |{' --- |' * len(jobs)}"]
    lines += [f"| {engine} | {' | '.join(str(memory[engine, job] // 1024) for job in jobs)} |" for engine in ENGINES]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=lambda text: text.split(","), default=list(STAGES))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    if options.smoke:
        options.documents, options.rounds = 3_000, 1
    folder = Path(tempfile.mkdtemp(prefix="fluxion-bench-"))
    try:
        source = folder / "orders.ndjson"
        with source.open("wb") as file:
            file.writelines(documents(options.documents))
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        memory: dict[tuple[str, str], int] = {}
        for _ in range(options.rounds):
            for job in options.jobs:
                for engine in ENGINES:
                    seconds, peak = measure(engine, job, source, folder / f"{job}.{engine}")
                    times[engine, job].append(seconds)
                    memory[engine, job] = max(peak, memory.get((engine, job), 0))
                check(job, folder)
        text = report(times, memory, options)
        print("every engine gave the same answers" if options.smoke else text)
        if options.report:
            options.report.write_text(text)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
