"""Suite "data": documents of unexpected types, wide, deep and with large arrays."""

from __future__ import annotations

from functools import partial

from agree import check
from measure import Row, Setting, engine_command, interleave, run_process
from results import START_UP, Results
from tables import figure, judged, table, times

__all__ = ["TITLE", "run", "section"]

TITLE = "Mixed, dirty and large documents"
ODD_JOBS = ("group-at-end", "stateless")
ODD = (
    ("plain", "none"),
    ("odd-1", "1 % of the documents, in six ways"),
    ("odd-100-alike", "every document, all alike"),
    ("odd-100", "every document, in six ways"),
)
SHAPED = (
    ("wide", "group-at-end", "100 fields, 3 used", 4),
    ("wide", "selective", "100 fields, whole documents pass", 4),
    ("deep", "deep", "20 documents deep", 2),
    ("arrays", "unwind", "arrays of 200 documents", 20),
)
MOST_MORE = 1.10
LEAST_OF_DICTS = 1 / 1.20


def run(setting: Setting) -> list[Row]:
    tasks: list[tuple[str, str, int, tuple[str, ...]]] = [(START_UP, "plain", 1, ("hand", "fluxion", "decoded"))]
    checks = []
    count = max(setting.documents // 4, 1)
    for job in ODD_JOBS:
        for shape, _ in ODD:
            names = ("hand", "fluxion", "decoded") if shape == "plain" else ("fluxion", "decoded")
            tasks.append((job, shape, count, names))
    for shape, job, _, divisor in SHAPED:
        tasks.append((job, shape, max(count // divisor, 1), ("hand", "fluxion", "decoded")))
    measured = []
    for job, shape, documents, contenders in tasks:
        outputs = [setting.output(job, shape, name) for name in contenders]
        for name, output in zip(contenders, outputs, strict=True):
            labels = {"contender": name, "job": job, "shape": shape, "documents": documents}
            command = engine_command(name, ODD_JOBS[0] if job == START_UP else job, setting.input(documents, shape), output)
            measured.append((labels, partial(run_process, command, output)))
        checks.append((f"{job} over {shape}", outputs))
    rows = interleave(measured, setting.rounds)
    for what, outputs in checks:
        check(what, outputs)
    return rows


def section(results: Results) -> list[str]:
    lines = []
    for job in ODD_JOBS:
        for shape, name in ODD:
            less = results.net_speed({"shape": shape}, contender="fluxion", job=job, shape="plain")
            dicts = results.net_speed({"contender": "decoded"}, contender="fluxion", job=job, shape=shape)
            more = judged(less, MOST_MORE, at_most=True) if shape == "odd-1" else figure(less)
            beside = judged(dicts, LEAST_OF_DICTS, times) if shape.startswith("odd-100") else times(dicts)
            lines.append((job, name, more, beside))
    shaped = []
    for shape, job, name, _ in SHAPED:
        of = {"job": job, "shape": shape}
        row = results.find(contender="fluxion", **of)
        shaped.append(
            (
                f"{name} ({job})",
                times(results.net_speed({"contender": "hand"}, contender="fluxion", **of)),
                times(results.net_speed({"contender": "decoded"}, contender="fluxion", **of)),
                figure(row["peak_mb"] if row else None, 0, " MB"),
            )
        )
    return [
        (
            "A field of another type than the others have: null, missing, an array or a document where there was a value, a number for a text. "
            "The *dict path* is Fluxion over documents that orjson decoded whole, from bytes to bytes. One odd document in a hundred must "
            "cost at most 10 % more CPU (1.10), and where every document is odd, the engine must have at least 0.83 of the dict path's speed. Start-up is taken off all of them."
        ),
        table(("job", "odd documents", "CPU against none", "speed against the dict path"), lines),
        "Documents that are large in one way, speed against the hand loop and the dict path:",
        table(("documents", "against the hand loop", "against the dict path", "peak memory"), shaped),
    ]
