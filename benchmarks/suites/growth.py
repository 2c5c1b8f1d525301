"""Suite "growth": what becomes of time and memory with more documents, stages and keys; and how long compiling takes."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from measure import HERE, Row, Setting, engine_command, interleave, run_process
from results import Results
from tables import figure, judged, middle, plot, table

__all__ = ["TITLE", "draw", "run", "section"]

TITLE = "Growth"
PARTS_OF_DOCUMENTS = (16, 8, 4, 2, 1)
STAGES = (1, 5, 10, 20, 50)
KEYS = (1_000, 10_000, 100_000, 1_000_000)
COMPILED = (1, 10, 20, 100, 1_000)
MUST_COMPILE_SECONDS = {20: 0.020, 1_000: 2.0}
MOST_BYTES = 300
KEY_AND_VALUES_BYTES = 59 + 32 + 24  # a text of 10 letters, a count, a sum: what CPython takes for them


def run(setting: Setting) -> list[Row]:
    documents = dict.fromkeys(max(setting.documents // part, 1) for part in PARTS_OF_DOCUMENTS)
    few = 2 if setting.smoke else None
    some = max(setting.documents // 5, 1)
    keyed = setting.documents if setting.smoke else max(KEYS)
    keys = [count for count in KEYS if count <= keyed]
    tasks = [
        *(task(setting, "documents", count, None) for count in list(documents)[:few]),
        *(task(setting, "stages", count, str(setting.input(some)), documents=some) for count in STAGES[:few]),
        *(task(setting, grows, count, str(keyed), documents=keyed) for count in keys for grows in ("keys", "keys_by_hand")),
        *(task(setting, "compile", count, "") for count in COMPILED[:few]),
    ]
    rows = interleave(tasks, setting.rounds)
    for row in rows:
        if row.labels["grows"].startswith("keys"):
            found = int(setting.output(row.labels["grows"], row.labels["count"]).read_bytes())
            if found != row.labels["count"]:
                sys.exit(f"{row.labels}: {found} groups")
    return rows


def task(setting: Setting, grows: str, count: int, argument: str | None, **more: Any) -> tuple[dict[str, Any], Any]:
    output = setting.output(grows, count)
    if argument is None:
        command = engine_command("fluxion", "group-at-end", setting.input(count), output)
    else:
        command = [sys.executable, str(HERE / "growing.py"), grows, str(count), *([argument] if argument else []), str(output)]
    return {"grows": grows, "count": count, **more}, partial(run_process, command, output)


def rows_of(results: Results, grows: str) -> list[tuple[int, float, Any]]:
    """Return count, median CPU seconds and the row itself."""
    return [(row["count"], middle(row["cpu_seconds"]), row) for row in results.rows if row.get("grows") == grows]


def bytes_per_group(row: Any) -> float:
    return middle(row["said"]["bytes_of_groups"]) / float(row["count"])


def section(results: Results) -> list[str]:
    documents = [
        (f"{count:,}", figure(seconds), figure(seconds / count * 1e6)) for count, seconds, _ in rows_of(results, "documents")
    ]
    stages = [
        (
            str(count),
            figure(seconds),
            figure(seconds / row["documents"] * 1e6),
            figure(seconds / row["documents"] / count * 1e9, 0),
        )
        for count, seconds, row in rows_of(results, "stages")
    ]
    by_hand = {count: seconds for count, seconds, _ in rows_of(results, "keys_by_hand")}
    keys = []
    for count, seconds, row in rows_of(results, "keys"):
        taken = bytes_per_group(row) if count >= 100_000 else None
        shown = judged(taken, MOST_BYTES + KEY_AND_VALUES_BYTES, lambda value: figure(value, 0), at_most=True)
        hand = by_hand.get(count)
        keys.append(
            (
                f"{count:,}",
                figure(seconds),
                figure(seconds / row["documents"] * 1e9, 0),
                "-" if hand is None else figure(hand / row["documents"] * 1e9, 0),
                "-" if hand is None else f"{figure(hand / seconds)}x",
                shown,
            )
        )
    compiled = []
    for count, seconds, row in rows_of(results, "compile"):
        must = MUST_COMPILE_SECONDS.get(count)
        shown = figure(seconds * 1e3, 1) if must is None else f"{_milliseconds(seconds, must)}, must {must * 1e3:,.0f}"
        compiled.append((f"{count:,}", shown, figure(middle(row["said"]["first_document_seconds"]) * 1e3, 1)))
    return [
        "Documents (`group-at-end`, the whole process, so that a small count holds its start-up):",
        table(("documents", "CPU seconds", "us a document"), documents),
        "Stages, each a `$set` that reads what the one before wrote:",
        table(("stages", "CPU seconds", "us a document", "ns a document and stage"), stages),
        (
            f"Distinct keys of a `$group` with a count and a sum, always over a million documents. A group may take {MOST_BYTES} bytes "
            f"plus its key and values, which are {KEY_AND_VALUES_BYTES} bytes in CPython. With a million keys every document makes a "
            "group. The hand loop (orjson, a dict of lists) meets the same caches:"
        ),
        table(
            ("keys", "CPU seconds", "ns a document", "ns by hand", "speed against it", "bytes a group, with key and values"),
            keys,
        ),
        "Compiling, and what the first document costs besides, for which code is written:",
        table(("stages", "compile, ms", "first document, ms"), compiled),
        "![growth](plots/growth.svg)",
    ]


def _milliseconds(seconds: float, must: float) -> str:
    return judged(seconds, must, lambda value: figure(value and value * 1e3, 1), at_most=True)


def draw(results: Results, folder: Path) -> None:
    def lines(axes: Any) -> None:
        for grows, name in (
            ("documents", "documents (whole process)"),
            ("stages", "stages"),
            ("keys", "distinct keys"),
            ("compile", "stages to compile"),
        ):
            found = rows_of(results, grows)
            axes.plot([count for count, _, _ in found], [seconds for _, seconds, _ in found], marker="o", label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("how many")
        axes.set_ylabel("CPU seconds")
        axes.legend()

    plot(folder / "growth.svg", lines)
