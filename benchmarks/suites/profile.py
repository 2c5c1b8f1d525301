"""Suite "profile": where the CPU time of a run goes, and what looking there has led to."""

from __future__ import annotations

import sys
from functools import partial

from measure import HERE, Row, Setting, interleave, run_process
from results import Results
from tables import middle, table

__all__ = ["TITLE", "run", "section"]

TITLE = "What the profiler said"
JOBS = ("stateless", "group-at-end", "group-updates")
LESSONS = HERE / "lessons.md"


def run(setting: Setting) -> list[Row]:
    tasks = []
    for job in JOBS:
        output = setting.output("steps", job)
        command = [sys.executable, str(HERE / "steps.py"), job, str(setting.input(setting.documents)), str(output)]
        tasks.append(({"contender": "steps", "job": job}, partial(run_process, command, output)))
    return interleave(tasks, setting.rounds)


def section(results: Results) -> list[str]:
    found = [results.find(job=job) for job in JOBS]
    steps = list(found[0]["said"]) if found[0] else []
    steps.sort(key=lambda step: -_share(found[0], step))
    lines = [(step, *(f"{_share(row, step):.0%}" for row in found)) for step in steps]
    return [
        "Of the CPU seconds of `fluxion run`, file to file, so much goes to each step (medians; the steps within a step are not counted):",
        table(("", *JOBS), lines),
        LESSONS.read_text().rstrip(),
    ]


def _share(row: object, step: str) -> float:
    if not isinstance(row, dict):
        return 0.0
    said = row["said"]
    everything = [sum(values) for values in zip(*said.values(), strict=True)]
    return middle(part / whole for part, whole in zip(said.get(step, [0.0] * len(everything)), everything, strict=True))
