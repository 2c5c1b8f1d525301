"""Suite "engine": NDJSON bytes in, NDJSON bytes out, one process; and documents that are in memory already."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from agree import check
from hand_dicts import HAND_DICTS
from jobs import JOBS
from measure import Row, Setting, engine_command, interleave, run_process
from results import START_UP, Results
from tables import figure, judged, plot, spread, table, times

__all__ = ["TITLE", "draw", "run", "section"]

TITLE = "Engine"
CONTENDERS = ("hand", "tuned", "fluxion", "messages")
IN_MEMORY = ("plain_dicts", "dicts")
MOST_IN_MEMORY = 500_000  # a gigabyte of dicts; with fewer, compiling and learning would be a twentieth of what is measured
IN_MEMORY_ROUNDS = 3
"""So many times the rounds of the others: a tenth of a second differs by a third from one run to the next."""
MUST = {
    "round-trip": (3.0, 4.0),
    "group-at-end": (1.7, 2.2),
    "group-updates": (1.5, 2.2),
    "stateless": (1.3, 1.8),
    "unwind": (1.15, 1.8),
    "by-minute": (2.0, 2.8),
    "selective": (2.2, 2.8),
}


def run(setting: Setting) -> list[Row]:
    rows: list[Row] = []
    more = 1 if setting.smoke else IN_MEMORY_ROUNDS
    for contenders, jobs, count, rounds in (
        (CONTENDERS, (START_UP,), 1, setting.rounds),
        (CONTENDERS, JOBS, setting.documents, setting.rounds),
        (IN_MEMORY, tuple(HAND_DICTS), min(setting.documents, MOST_IN_MEMORY), setting.rounds * more),
    ):
        source = setting.input(count)
        for job in jobs:
            outputs = {name: setting.output(job, name) for name in contenders}
            tasks = [
                (
                    {"contender": name, "job": job, "documents": count},
                    partial(
                        run_process,
                        engine_command(name, JOBS[1] if job == START_UP else job, source, outputs[name]),
                        outputs[name],
                    ),
                )
                for name in contenders
            ]
            rows += interleave(tasks, rounds)
            check(job, list(outputs.values()))
    return rows


def section(results: Results) -> list[str]:
    def speed(contender: str, job: str, against: str = "hand") -> float | None:
        return results.speed({"contender": against}, contender=contender, job=job)

    must, goal, measured, share, single = [], [], [], [], []
    for job in JOBS:
        least, best = MUST[job]
        must.append(times(least))
        goal.append(times(best))
        measured.append(judged(speed("fluxion", job), least, times))
        share.append(judged(speed("fluxion", job, "tuned"), 0.7, lambda value: figure(value and 100 * value, 0, " %")))
        single.append(judged(speed("messages", job), 1.0, times))
    tuned = [times(speed("tuned", job)) for job in JOBS]
    parts = [
        "Speed against the plain hand-written loop (orjson, line by line) in the same rounds; more is faster.",
        table(
            ("", *JOBS),
            [
                ("must", *must),
                ("goal", *goal),
                ("**Fluxion**", *measured),
                (
                    "Fluxion, start-up taken off both",
                    *(times(results.net_speed({"contender": "hand"}, contender="fluxion", job=job)) for job in JOBS),
                ),
                ("hand-tuned msgspec", *tuned),
                ("share of the hand-tuned loop (must 70 %, goal 95 %)", *share),
                ("one message at a time (must 1.0x, goal 1.4x)", *single),
            ],
        ),
    ]
    return [*parts, "![speed against the hand-written loop](plots/engine.svg)", *_in_memory(results), *_costs(results)]


def _in_memory(results: Results) -> list[str]:
    jobs = tuple(HAND_DICTS)
    speeds = [judged(results.speed({"contender": "plain_dicts"}, contender="dicts", job=job), 0.75, times) for job in jobs]
    return [
        (
            f"Documents that are in memory as dicts already, up to {MOST_IN_MEMORY:,} of them, against plain Python over the same dicts "
            "(must 0.75x, goal 0.95x); reading and writing are not counted:"
        ),
        table(("", *jobs), [("Fluxion", *speeds)]),
    ]


def _costs(results: Results) -> list[str]:
    lines = []
    for contender in (*CONTENDERS, *IN_MEMORY):
        cells, worst, peak = [], 1.0, 0.0
        for job in JOBS:
            row = results.find(contender=contender, job=job)
            cells.append(figure(results.seconds(contender=contender, job=job)))
            if row:
                worst, peak = max(worst, spread(row["cpu_seconds"])), max(peak, row["peak_mb"])
        lines.append((f"`{contender}`", *cells, figure(peak, 0), figure(worst)))
    return [
        "CPU seconds, the largest peak of memory, and the widest spread (largest over smallest) of any job:",
        table(("", *JOBS, "peak, MB", "spread"), lines),
    ]


def draw(results: Results, folder: Path) -> None:
    def bars(axes: Any) -> None:
        width = 0.27
        for place, (contender, name) in enumerate(
            (("tuned", "hand-tuned"), ("fluxion", "Fluxion"), ("messages", "Fluxion, per message"))
        ):
            speeds = [results.speed({"contender": "hand"}, contender=contender, job=job) or 0 for job in JOBS]
            axes.bar([index + (place - 1) * width for index in range(len(JOBS))], speeds, width, label=name)
        axes.axhline(1, color="black", linewidth=1)
        axes.scatter(range(len(JOBS)), [MUST[job][0] for job in JOBS], marker="_", s=900, color="black", label="must")
        axes.set_xticks(range(len(JOBS)), JOBS)
        axes.set_ylabel("times the speed of the hand loop")
        axes.legend()

    plot(folder / "engine.svg", bars)
