"""Suite "runtime": ``fluxion run`` from file to file with all defaults, beside the hand loop and the engine alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agree import check
from measure import HERE, Row, Setting, engine_command, interleave, run_process
from results import START_UP, Results
from tables import figure, judged, table, times

__all__ = ["TITLE", "run", "section"]

TITLE = "Whole runtime"
CONTENDERS = ("hand", "fluxion", "runtime")
JOBS = ("group-at-end", "stateless", "group-updates")
FOLLOWED = "group-updates"
MUST = {("runtime", "group-at-end"): 1.3, ("runtime", "stateless"): 1.3, ("followed", FOLLOWED): 1.0}
MOST_ADDED = 0.25


def command(contender: str, job: str, source: Path, target: Path) -> Sequence[str]:
    if contender == "followed":
        return [sys.executable, str(HERE / "followed.py"), job, str(source), str(target)]
    return engine_command(contender, job, source, target)


def run(setting: Setting) -> list[Row]:
    rows = _measure(START_UP, setting.input(1), 1, ("fluxion", "runtime"), setting)
    for job in JOBS:
        contenders = (*CONTENDERS, "followed") if job == FOLLOWED else CONTENDERS
        rows += _measure(job, setting.input(setting.documents), setting.documents, contenders, setting)
    return rows


def _measure(job: str, source: Path, documents: int, contenders: Sequence[str], setting: Setting) -> list[Row]:
    outputs = {name: setting.output(job, name) for name in contenders}
    tasks = [
        (
            {"contender": name, "job": job, "documents": documents},
            partial(run_process, command(name, JOBS[0] if job == START_UP else job, source, outputs[name]), outputs[name]),
        )
        for name in contenders
    ]
    rows = interleave(tasks, setting.rounds)
    check(job, list(outputs.values()))
    return rows


def percent(value: float | None) -> str:
    return figure(value and 100 * value, 0, " %")


def section(results: Results) -> list[str]:
    lines = []
    for contender, name in (
        ("fluxion", "engine alone"),
        ("runtime", "`fluxion run`"),
        ("followed", "`fluxion run`, followed file"),
    ):
        cells = []
        for job in JOBS:
            value = results.speed({"contender": "hand"}, contender=contender, job=job)
            least = MUST.get((contender, job))
            cells.append(times(value) if least is None else f"{judged(value, least, times)}, must {times(least)}")
        lines.append((name, *cells))
    net = [results.net_speed({"contender": "runtime"}, contender="fluxion", job=job) for job in JOBS]
    added = [judged(value and value - 1, MOST_ADDED, percent, at_most=True) for value in net]
    slower = [results.speed({"contender": "runtime"}, contender="fluxion", job=job) for job in JOBS]
    peaks = [figure((results.find(contender="runtime", job=job) or {}).get("peak_mb"), 0, " MB") for job in JOBS]
    return [
        (
            "`fluxion run`, file to file: exactly once, state in SQLite with `synchronous=FULL`, metrics, all defaults. The hand loop has no "
            "checkpoints at all. Speed against it in the same rounds:"
        ),
        table(
            ("", *JOBS),
            [
                *lines,
                ("sealing, keyed groups and metrics add to the engine (must 25 % at most)", *added),
                ("the same with start-up", *(percent(value and value - 1) for value in slower)),
                ("peak memory", *peaks),
            ],
        ),
        (
            "`group-at-end` keeps up to 50,000 keyed groups; `group-updates` besides writes a row for each of the documents that pass, which all "
            "go through the sealed output. The followed file grows while it is read; looking for more at its end costs CPU seconds too."
        ),
    ]
