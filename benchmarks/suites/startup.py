"""Suite "startup": what it costs to begin."""

from __future__ import annotations

import sys
from functools import partial

from measure import Row, Setting, engine_command, interleave, run_process
from results import Results
from tables import figure, judged, table

__all__ = ["TITLE", "run", "section"]

TITLE = "Start-up"
RUNS_A_ROUND = 3
CONTENDERS = (
    ("python", "Python that does nothing"),
    ("import", "`import fluxion_core`"),
    ("hand", "hand loop, one line"),
    ("fluxion", "engine, one line"),
    ("runtime", "`fluxion run`, one line, file to file"),
)
MOST_SECONDS, MOST_MB = 0.20, 45.0


def run(setting: Setting) -> list[Row]:
    source = setting.input(1)
    tasks = []
    for name, _ in CONTENDERS:
        output = setting.output("one", name)
        match name:
            case "python":
                command = [sys.executable, "-c", "pass"]
            case "import":
                command = [sys.executable, "-c", "import fluxion_core"]
            case _:
                command = engine_command(name, "group-at-end", source, output)
        tasks.append(({"contender": name}, partial(run_process, command, output)))
    return interleave(tasks, 1 if setting.smoke else setting.rounds * RUNS_A_ROUND)


def section(results: Results) -> list[str]:
    lines = []
    for name, what in CONTENDERS:
        row, seconds = results.find(contender=name), results.seconds(contender=name)
        peak = row["peak_mb"] if row else None
        if name == "runtime":
            lines.append(
                (
                    what,
                    judged(seconds, MOST_SECONDS, lambda value: figure(value, 3), at_most=True),
                    judged(peak, MOST_MB, lambda value: figure(value, 0), at_most=True),
                )
            )
        else:
            lines.append((what, figure(seconds, 3), figure(peak, 0)))
    return [
        f"Median CPU seconds and peak memory of whole processes. `fluxion run` must need at most {MOST_SECONDS:.2f} s and {MOST_MB:.0f} MB.",
        table(("", "CPU seconds", "peak memory, MB"), lines),
    ]
