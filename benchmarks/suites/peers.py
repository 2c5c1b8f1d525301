"""Suite "peers": other systems on the same jobs, each if it is installed, beside the hand loop and Fluxion on the same documents.

Start-up is measured on one document and taken off: what is compared is the CPU time a document.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agree import check
from jobs import JOBS, STAGES
from measure import HERE, Row, Setting, engine_command, interleave, run_process
from results import START_UP, Results
from tables import figure, middle, table, times

__all__ = ["TITLE", "run", "section"]

TITLE = "Other systems"
MOST_DOCUMENTS = 100_000
ALL_CAN = "selective"
FOLDER = Path(os.environ.get("FLUXION_BENCH_PEERS", HERE.parent / ".cache" / "peers"))
PYTHON = FOLDER / "bin" / "python"
NODE_FOLDER = FOLDER / "node"
NO_UPDATES = "has no row for every update of a group"


@dataclass(frozen=True)
class Peer:
    """Another system: what it is, how it says its version, and why it cannot do the jobs that it cannot do."""

    what: str
    version: Sequence[str]
    cannot: Mapping[str, str] = field(default_factory=dict)
    documents_divisor: int = 1
    ignored: tuple[str, ...] = ()
    """Fields that do not count when outputs are compared: those of other rules of rounding."""


def python_version(package: str) -> Sequence[str]:
    return (str(PYTHON), "-c", f"from importlib.metadata import version; print(version({package!r}))")


_KEYED = "keeps groups only behind Kafka"
PEERS = {
    "duckdb": Peer("DuckDB, SQL, one thread", python_version("duckdb"), ignored=("totalWithTax",)),
    "polars": Peer("Polars, data frames, one thread", python_version("polars"), ignored=("totalWithTax",)),
    "bytewax": Peer("bytewax, Python on a Rust engine, one worker", python_version("bytewax")),
    "quixstreams": Peer(
        "quixstreams, its data frame in process, without Kafka",
        python_version("quixstreams"),
        dict.fromkeys(("group-at-end", "group-updates", "unwind", "by-minute"), _KEYED),
    ),
    "mingo": Peer(
        "mingo, MongoDB's language in Node",
        (
            "node",
            "-e",
            "console.log(JSON.parse(require('fs').readFileSync(process.argv[1])).version)",
            str(NODE_FOLDER / "node_modules/mingo/package.json"),
        ),
        {"group-updates": NO_UPDATES},
        ignored=("totalWithTax",),
    ),
    "mongomock": Peer(
        "mongomock, MongoDB in Python for tests",
        python_version("mongomock"),
        {"group-updates": NO_UPDATES, "stateless": "has no $round"},
        documents_divisor=5,
    ),
}


def installed_version(peer: Peer) -> str | None:
    try:
        found = subprocess.run(peer.version, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def command(name: str, job: str, source: Path, target: Path) -> list[str]:
    if name == "mingo":
        return [
            "node",
            str(HERE / "peers" / "mingo_peer.mjs"),
            json.dumps(STAGES[job][1]),
            str(source),
            str(target),
            str(NODE_FOLDER),
        ]
    return [str(PYTHON), str(HERE / "peers" / f"{name}_peer.py"), job, str(source), str(target)]


def run(setting: Setting) -> tuple[list[Row], dict[str, Any]] | str:
    versions = {name: version for name, peer in PEERS.items() if (version := installed_version(peer))}
    for name in PEERS.keys() - versions.keys():
        print(f"peers: {name} is not installed (make bench-peers), and is left out", flush=True)
    if not versions:
        return "no other system is installed (make bench-peers)"
    most = min(setting.documents, MOST_DOCUMENTS)
    rows = _measure(START_UP, 1, ["hand", "fluxion", *versions], setting)  # what one document costs is start-up
    for job in JOBS:
        able = [name for name in versions if job not in PEERS[name].cannot]
        sizes = {most: ["hand", "fluxion", *(name for name in able if PEERS[name].documents_divisor == 1)]}
        for name in able:
            if PEERS[name].documents_divisor > 1:
                sizes.setdefault(max(most // PEERS[name].documents_divisor, 1), ["hand", "fluxion"]).append(name)
        for count, names in sizes.items():
            rows += _measure(job, count, names, setting)
    python = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=False) if PYTHON.exists() else None
    return rows, {"versions": versions, "peers_python": python.stdout.split()[-1] if python else ""}


def _measure(job: str, count: int, names: Sequence[str], setting: Setting) -> list[Row]:
    source, done = setting.input(count), ALL_CAN if job == START_UP else job
    tasks, outputs = [], {}
    for name in names:
        output = outputs[name] = setting.output(job, name, count)
        if name == "hand" and PYTHON.exists():
            line = engine_command(name, done, source, output, str(PYTHON))
        else:
            line = command(name, done, source, output) if name in PEERS else engine_command(name, done, source, output)
        more = {"POLARS_MAX_THREADS": "1"} if name == "polars" else None
        tasks.append(({"contender": name, "job": job, "documents": count}, partial(run_process, line, output, more)))
        if count > 1:  # they must agree before any of it is timed
            run_process(line, output, more)
            if name != "hand":
                check(f"{job} by {name}", [outputs["hand"], output], ignored=PEERS[name].ignored if name in PEERS else ())
    return [] if setting.smoke else interleave(tasks, setting.rounds)


def net_speed(results: Results, name: str, job: str) -> float | None:
    """Return the speed against the hand loop on as many documents as this one was given, start-up taken off both."""
    counts = [row["documents"] for row in results.rows if row["contender"] == name and row["job"] == job]
    return results.net_speed({"contender": "hand"}, contender=name, job=job, documents=max(counts)) if counts else None


def section(results: Results) -> list[str]:
    versions = results.more.get("versions", {})
    lines = [("Fluxion", "", *(times(net_speed(results, "fluxion", job)) for job in JOBS), *_start(results, "fluxion"))]
    notes = []
    for name, peer in PEERS.items():
        if name not in versions:
            lines.append((peer.what, "not installed", *("-" for _ in JOBS), "-", "-"))
            continue
        cells = ["no" if job in peer.cannot else times(net_speed(results, name, job)) for job in JOBS]
        lines.append((peer.what, versions[name], *cells, *_start(results, name)))
        reasons = dict.fromkeys(peer.cannot.values())
        notes += [
            f"- {name} {reason}: {', '.join(job for job in JOBS if peer.cannot.get(job) == reason)}." for reason in reasons
        ]
    return [
        (
            f"Speed against the hand loop over the same documents ({MOST_DOCUMENTS:,}, a fifth of that for mongomock), start-up taken off both. The hand loop and "
            f"the systems in Python ran on Python {results.more.get('peers_python', '')}, Fluxion on {results.about['python']}. All outputs agree with the "
            "hand loop's (`totalWithTax` aside for DuckDB, Polars and mingo, which round ties in other ways). *no*: the system cannot do the job."
        ),
        table(("", "version", *JOBS, "start-up, CPU s", "peak, MB"), lines),
        "\n".join(notes),
        (
            "DuckDB and Polars have columns of fixed types: they cannot keep documents whose fields are of several types, nor tell a missing field "
            "from null; neither keeps checkpoints."
        ),
    ]


def _start(results: Results, name: str) -> tuple[str, str]:
    start = [middle(row["cpu_seconds"]) for row in results.rows if row["contender"] == name and row["documents"] == 1]
    peaks = [row["peak_mb"] for row in results.rows if row["contender"] == name and row["documents"] > 1]
    return figure(middle(start) if start else None), figure(max(peaks) if peaks else None, 0)
