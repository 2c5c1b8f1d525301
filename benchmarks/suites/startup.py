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
    ("yardstick", "hand loop, for 100,000 lines more"),
)
YARDSTICK_LINES = 100_000
MOST_SECONDS, MOST_MB = 0.20, 45.0
"""The seconds are those of the machine on which the must was set, where the hand loop read :data:`YARDSTICK_LINES` in that time."""


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
            case "yardstick":
                command = engine_command("hand", "group-at-end", setting.input(YARDSTICK_LINES + 1), output)
            case _:
                command = engine_command(name, "group-at-end", source, output)
        tasks.append(({"contender": name}, partial(run_process, command, output)))
    return interleave(tasks, 1 if setting.smoke else setting.rounds * RUNS_A_ROUND)


def section(results: Results) -> list[str]:
    yardstick = _yardstick_seconds(results)
    lines = []
    for name, what in CONTENDERS:
        row, seconds = results.find(contender=name), results.seconds(contender=name)
        peak = row["peak_mb"] if row else None
        if name == "runtime":
            there = None if seconds is None or yardstick is None else seconds * MOST_SECONDS / yardstick
            shown = f"{figure(seconds, 3)}, there {judged(there, MOST_SECONDS, at_most=True)}"
            lines.append((what, shown, judged(peak, MOST_MB, lambda value: figure(value, 0), at_most=True)))
        else:
            lines.append((what, figure(yardstick if name == "yardstick" else seconds, 3), figure(peak, 0)))
    return [
        (
            f"Median CPU seconds and peak memory of whole processes. `fluxion run` must need at most {MOST_MB:.0f} MB, and "
            f"{MOST_SECONDS:.2f} s where the hand loop groups {YARDSTICK_LINES // 1000},000 lines in that time (half a million a "
            "second): *there* is the figure of this machine brought to that one."
        ),
        table(("", "CPU seconds", "peak memory, MB"), lines),
    ]


def _yardstick_seconds(results: Results) -> float | None:
    """Return what the hand loop needs for :data:`YARDSTICK_LINES`, its start-up taken off."""
    more, one = results.seconds(contender="yardstick"), results.seconds(contender="hand")
    return None if more is None or one is None else more - one
