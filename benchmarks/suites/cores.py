"""Suite "cores": ``runtime: {parallelism: N}`` against one process, in wall-clock seconds."""

from __future__ import annotations

import filecmp
import sys
from functools import partial

from measure import Row, Setting, engine_command, interleave, run_process
from results import Results
from tables import figure, judged, middle, table, times

__all__ = ["TITLE", "run", "section"]

TITLE = "Cores"
JOBS = {"stateless": 1.7, "group-at-end": 1.4}
PROCESSES = (1, 2)


def run(setting: Setting) -> list[Row]:
    rows: list[Row] = []
    source = setting.input(setting.documents)
    for job in JOBS:
        outputs = {count: setting.output(job, "parallel", count) for count in PROCESSES}
        tasks = [
            (
                {"contender": "runtime", "job": job, "processes": count, "documents": setting.documents},
                partial(run_process, [*engine_command("parallel", job, source, output), str(count)], output),
            )
            for count, output in outputs.items()
        ]
        rows += interleave(tasks, setting.rounds)
        alone, *divided = outputs.values()
        if not all(filecmp.cmp(alone, output, shallow=False) for output in divided):
            sys.exit(f"{job}: the output of several processes is not, byte for byte, that of one")
    return rows


def section(results: Results) -> list[str]:
    lines = []
    for job, must in JOBS.items():
        one, two = (results.find(job=job, processes=count) for count in PROCESSES)
        if one is None or two is None:
            continue
        faster = middle([alone / both for alone, both in zip(one["wall_seconds"], two["wall_seconds"], strict=True)])
        more = middle([both / alone for alone, both in zip(one["cpu_seconds"], two["cpu_seconds"], strict=True)])
        lines.append(
            (
                job,
                figure(middle(one["wall_seconds"])),
                figure(middle(two["wall_seconds"])),
                f"{judged(faster, must, times)}, must {times(must)}",
                figure(more),
            )
        )
    return [
        "`fluxion run`, file to file, with `runtime: {parallelism: 2}` against 1. Wall-clock seconds mean little on a machine that does other work.",
        table(("job", "wall, 1 process", "wall, 2 processes", "faster", "CPU against 1 process"), lines),
    ]
