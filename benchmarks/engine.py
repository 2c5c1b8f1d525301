"""One contender on one job, in a process of its own: ``python engine.py CONTENDER JOB INPUT OUTPUT``."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CHUNK_BYTES = 64 * 1024


def collect_less() -> None:
    """Do what ``fluxion run`` does to the garbage collector."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def chunks(path: str) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        while data := file.read(CHUNK_BYTES):
            yield data


def whole_lines(path: str) -> Iterator[bytes]:
    rest = b""
    for data in chunks(path):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
    if rest:
        yield rest


def hand(job: str, source: str, target: str) -> None:
    from hand import HAND

    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:
        HAND[job](lines, output.write)


def tuned(job: str, source: str, target: str) -> None:
    from hand_tuned import TUNED

    collect_less()
    with Path(target).open("wb", buffering=1 << 18) as output:
        TUNED[job](whole_lines(source), output.write)


def fluxion(job: str, source: str, target: str) -> None:
    from jobs import STAGES

    from fluxion_core import aggregate_ndjson

    collect_less()
    emit, stages = STAGES[job]
    with Path(target).open("wb", buffering=1 << 18) as output:
        output.writelines(aggregate_ndjson(chunks(source), stages, emit=emit))


def messages(job: str, source: str, target: str) -> None:
    """The same a message at a time, in batches of 500: Kafka's shape."""
    from jobs import STAGES

    from fluxion_core import compile_pipeline

    collect_less()
    emit, stages = STAGES[job]
    run = compile_pipeline(stages).start(emit=emit)
    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:
        while payloads := [line[:-1] for _, line in zip(range(500), lines, strict=False)]:
            output.write(run.feed(payloads=payloads).json_lines())
        output.write(run.finish().json_lines())


def decoded(job: str, source: str, target: str) -> None:
    """The dict path from bytes to bytes: every document decoded whole by orjson, then run, 256 at a time."""
    import orjson
    from jobs import STAGES

    from fluxion_core import compile_pipeline

    collect_less()
    emit, stages = STAGES[job]
    run = compile_pipeline(stages).start(emit=emit)
    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:
        while documents := [orjson.loads(line) for _, line in zip(range(256), lines, strict=False)]:
            output.write(run.feed(documents=documents).json_lines())
        output.write(run.finish().json_lines())


def pipeline_file(job: str, source: str, target: str, *, follow: bool = False, **runtime: Any) -> Path:
    """Write the pipeline of *job*, all defaults but *runtime*, and return its path."""
    import json

    from jobs import STAGES

    emit, stages = STAGES[job]
    pipeline = {
        "id": job,
        "source": {"type": "file", "path": source, **({"follow": True} if follow else {})},
        "stages": stages,
        "emit": emit,
        "sink": {"type": "file", "path": target},
        "state": {"type": "sqlite", "path": f"{target}.db"},
        **({"runtime": runtime} if runtime else {}),
    }
    file = Path(f"{target}.json")
    file.write_text(json.dumps(pipeline))
    return file


def runtime(job: str, source: str, target: str) -> None:
    """The whole runtime through the command line, from file to file: sealed, exactly once, state in SQLite."""
    from fluxion_core.cli import main

    main(["run", "--no-progress", str(pipeline_file(job, source, target))])


def parallel(job: str, source: str, target: str, processes: str) -> None:
    """The same in several processes."""
    from fluxion_core.cli import main

    main(["run", "--no-progress", str(pipeline_file(job, source, target, parallelism=int(processes)))])


def in_memory(source: str, target: str, run: Callable[[list[dict[str, Any]]], Iterable[dict[str, Any]]]) -> None:
    """Run over decoded documents; only the run counts, and its CPU seconds are left beside the output."""
    import json

    import orjson

    with Path(source).open("rb") as lines:
        documents = [orjson.loads(line) for line in lines]
    collect_less()
    started = time.process_time()
    rows = list(run(documents))
    used = time.process_time() - started
    with Path(target).open("wb") as output:
        output.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    Path(f"{target}.measured").write_text(json.dumps({"cpu_seconds": used}))


def plain_dicts(job: str, source: str, target: str) -> None:
    from hand_dicts import HAND_DICTS

    in_memory(source, target, HAND_DICTS[job])


def dicts(job: str, source: str, target: str) -> None:
    from jobs import STAGES

    from fluxion_core import aggregate, compile_pipeline

    compile_pipeline(STAGES[job][1])  # imports what it needs, as hand_dicts is imported before the clock starts
    in_memory(source, target, lambda documents: aggregate(documents, STAGES[job][1]))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
