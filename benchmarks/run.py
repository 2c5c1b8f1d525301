"""Measures Fluxion beside the loops that one would write by hand: CPU seconds of whole processes, interleaved, medians, ratios.

    python benchmarks/run.py [--documents N] [--rounds N] [--jobs a,b] [--smoke] [--report FILE]

A ratio above 1 says that Fluxion is faster than the hand-written loop. ``--smoke`` measures nothing worth reading: it runs every
engine once over a small input and fails if their outputs disagree.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hand_dicts import HAND_DICTS
from jobs import STAGES
from measure import check, measure
from workload import documents

ENGINES = ("hand", "tuned", "fluxion", "messages", "runtime")
IN_MEMORY = ("plain_dicts", "dicts")


@dataclass
class Results:
    """CPU seconds and peak KiB of every round, by engine and job."""

    times: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def round(self, engines: Sequence[str], job: str, source: Path) -> None:
        """Run every engine once on *job*, one after the other, and exit unless they agree."""
        for engine in engines:
            seconds, peak = measure(engine, job, source, source.parent / f"{job}.{engine}")
            self.times[engine, job].append(seconds)
            self.memory[engine, job] = max(peak, self.memory[engine, job])
        check(job, source.parent, engines)

    def speeds(self, engines: Sequence[str], jobs: Sequence[str], against: str) -> str:
        """Return a table of median CPU seconds and of the speed as a multiple of *against*'s."""
        lines = [f"| CPU seconds (times the speed of `{against}`) | {' | '.join(jobs)} |", f"| --- |{' --- |' * len(jobs)}"]
        for engine in engines:
            cells = []
            for job in jobs:
                median = statistics.median(self.times[engine, job])
                cells.append(f"{median:.2f} ({statistics.median(self.times[against, job]) / median:.2f}x)")
            lines.append(f"| {engine} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def peaks(self, engines: Sequence[str], jobs: Sequence[str]) -> str:
        """Return a table of peak memory, and of the widest spread (largest over smallest CPU seconds) of each engine."""
        lines = [f"| peak memory, MB | {' | '.join(jobs)} | spread |", f"| --- |{' --- |' * len(jobs)} --- |"]
        for engine in engines:
            spread = max(max(self.times[engine, job]) / min(self.times[engine, job]) for job in jobs)
            cells = " | ".join(str(self.memory[engine, job] // 1024) for job in jobs)
            lines.append(f"| {engine} | {cells} | {spread:.2f} |")
        return "\n".join(lines)


def report(results: Results, options: argparse.Namespace) -> str:
    """Return the result as Markdown."""
    in_memory = [job for job in options.jobs if job in HAND_DICTS]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}"
    parts = [
        f"{options.documents:,} documents, {options.rounds} rounds, {machine}",
        results.speeds(ENGINES, options.jobs, "hand"),
        results.speeds(("tuned", "fluxion"), options.jobs, "tuned"),
        results.peaks(ENGINES, options.jobs),
    ]
    if in_memory:
        parts.append("Documents in memory as dicts; reading and writing are not counted:")
        parts.append(results.speeds(IN_MEMORY, in_memory, "plain_dicts"))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=lambda text: text.split(","), default=list(STAGES))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    if options.smoke:
        options.documents, options.rounds = 3_000, 1
    results = Results()
    with tempfile.TemporaryDirectory(prefix="fluxion-bench-") as folder:
        source = Path(folder) / "orders.ndjson"
        few = Path(folder) / "few" / "orders.ndjson"  # a million dicts at once would measure the memory of the machine
        few.parent.mkdir()
        for path, count in ((source, options.documents), (few, min(options.documents, 200_000))):
            with path.open("wb") as file:
                file.writelines(documents(count))
        for _ in range(options.rounds):
            for job in options.jobs:
                results.round(ENGINES, job, source)
                if job in HAND_DICTS:
                    results.round(IN_MEMORY, job, few)
    text = report(results, options)
    print("every engine gave the same answers" if options.smoke else text)
    if options.report:
        options.report.write_text(text)


if __name__ == "__main__":
    main()
