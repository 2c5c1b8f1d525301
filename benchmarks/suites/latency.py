"""Suite "latency": from the arrival of a record to the moment when it is durable in the sink, at 20,000 records a second."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from measure import HERE, Row, Setting, interleave, run_process
from results import Results
from tables import figure, judged, middle, plot, table

__all__ = ["TITLE", "draw", "run", "section"]

TITLE = "Latency"
RATE = 20_000
SECONDS = 4.0
MOST_P99_SECONDS = 0.050
TRADES: Mapping[str, tuple[float, ...]] = {
    "micro_batch_size": (20, 100, 500, 5_000),
    "max_wait_seconds": (0.001, 0.01, 0.05, 0.25),
    "seal_interval_seconds": (0.01, 0.05, 0.25, 1.0),
}
DEFAULTS = {"micro_batch_size": 500, "max_wait_seconds": 0.05, "seal_interval_seconds": 0.25}


def cases() -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield source, sink and the options that differ from the defaults."""
    yield "stdin", "memory", {}
    yield "stdin", "file", {}
    yield "file", "file", {}
    for name, values in TRADES.items():
        yield from (("stdin", "file", {name: value}) for value in values if value != DEFAULTS[name])


def run(setting: Setting) -> list[Row]:
    rate, seconds = (2_000, 0.3) if setting.smoke else (RATE, SECONDS)
    chosen = list(cases())[:3] if setting.smoke else list(cases())
    tasks = []
    for number, (source, sink, runtime) in enumerate(chosen):
        output = setting.output("delay", number)
        command = [
            sys.executable,
            str(HERE / "delay.py"),
            source,
            sink,
            str(rate),
            str(seconds),
            json.dumps(runtime),
            str(output),
        ]
        labels = {"source": source, "sink": sink, "runtime": runtime, "rate": rate}
        tasks.append((labels, partial(run_process, command, output)))
    return interleave(tasks, setting.rounds)


def said(row: Mapping[str, Any] | None, name: str) -> float | None:
    """Return the median over the runs, in milliseconds."""
    return None if row is None else 1e3 * middle(row["said"][name])


def section(results: Results) -> list[str]:
    lines = []
    for source, sink, runtime in cases():
        row = results.find(source=source, sink=sink, runtime=runtime)
        what = ", ".join(f"`{name}: {value:g}`" for name, value in runtime.items()) or "defaults"
        p99 = said(row, "p99")
        shown = (
            figure(p99, 1)
            if runtime or source == "file"
            else judged(p99, 1e3 * MOST_P99_SECONDS, lambda value: figure(value, 1), at_most=True)
        )
        origin = "pipe" if source == "stdin" else "followed file"
        busy = (
            None
            if row is None
            else 100 * middle([cpu / wall for cpu, wall in zip(row["cpu_seconds"], row["wall_seconds"], strict=True)])
        )
        lines.append(
            (
                f"{origin} to {sink}",
                what,
                figure(said(row, "p50"), 1),
                shown,
                figure(said(row, "most"), 1),
                figure(busy, 0, " %"),
            )
        )
    return [
        (
            f"{RATE:,} records a second from another process, from the moment before a record is written to the moment when the sink's write has "
            f"returned; milliseconds, medians over the runs; p99 must be below {1e3 * MOST_P99_SECONDS:.0f} with defaults. State in SQLite with "
            "`synchronous=FULL`, so every seal waits for the disk, and so does every batch in a file. *CPU* is that of all threads against the wall "
            "clock, the process that writes the records included. On a machine with more to do than it has cores, these are the delays of its "
            "scheduler: look at the load above."
        ),
        table(("from, to", "options", "p50", "p99", "max", "CPU"), lines),
        "![latency against the options of the runtime](plots/latency.svg)",
    ]


def draw(results: Results, folder: Path) -> None:
    def lines(axes: Any) -> None:
        for name, values in TRADES.items():
            found = []
            for value in values:
                row = results.find(source="stdin", sink="file", runtime={} if value == DEFAULTS[name] else {name: value})
                if row is not None:
                    found.append((value / DEFAULTS[name], said(row, "p50"), said(row, "p99")))
            (drawn,) = axes.plot([x for x, _, _ in found], [p99 for _, _, p99 in found], marker="o", label=f"{name}, p99")
            axes.plot(
                [x for x, _, _ in found],
                [p50 for _, p50, _ in found],
                marker=".",
                linestyle=":",
                color=drawn.get_color(),
                label=f"{name}, p50",
            )
        axes.axhline(1e3 * MOST_P99_SECONDS, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("option, as a multiple of its default")
        axes.set_ylabel("milliseconds from arrival to durable")
        axes.legend(fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))

    plot(folder / "latency.svg", lines, size=(8, 4.4))
