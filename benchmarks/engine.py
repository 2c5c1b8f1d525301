"""One engine on one job, in a process of its own: ``python engine.py ENGINE JOB INPUT OUTPUT``."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CHUNK_BYTES = 64 * 1024


def chunks(path: str) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        while data := file.read(CHUNK_BYTES):
            yield data


def hand(job: str, source: str, target: str) -> None:
    from jobs import HAND

    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:
        HAND[job](lines, output.write)


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


def tuned(job: str, source: str, target: str) -> None:
    from hand_tuned import TUNED

    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    with Path(target).open("wb", buffering=1 << 18) as output:
        TUNED[job](whole_lines(source), output.write)


def fluxion(job: str, source: str, target: str) -> None:
    from jobs import STAGES

    from fluxion_core import aggregate_ndjson

    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    emit, stages = STAGES[job]
    with Path(target).open("wb", buffering=1 << 18) as output:
        output.writelines(aggregate_ndjson(chunks(source), stages, emit=emit))


def messages(job: str, source: str, target: str) -> None:
    """The same a message at a time, in batches of 500: Kafka's shape."""
    from jobs import STAGES

    from fluxion_core import compile_pipeline

    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    emit, stages = STAGES[job]
    run = compile_pipeline(stages).start(emit=emit)  # type: ignore[arg-type]  # one of the three words
    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:
        while payloads := [line[:-1] for _, line in zip(range(500), lines, strict=False)]:
            output.write(run.feed(payloads=payloads).json_lines())
        output.write(run.finish().json_lines())


def runtime(job: str, source: str, target: str) -> None:
    """The whole runtime through the command line: sealed, exactly once, state in SQLite."""
    import json

    from jobs import STAGES

    from fluxion_core.cli import main

    emit, stages = STAGES[job]
    pipeline = {
        "id": job,
        "source": {"type": "file", "path": source},
        "stages": stages,
        "emit": emit,
        "sink": {"type": "file", "path": target},
        "state": {"type": "sqlite", "path": f"{target}.db"},
    }
    file = Path(f"{target}.json")
    file.write_text(json.dumps(pipeline))
    main(["run", "--no-progress", str(file)])


def in_memory(source: str, target: str, run: Callable[[list[dict[str, Any]]], Iterable[dict[str, Any]]]) -> None:
    """Run over decoded documents; only the run counts, and its CPU seconds are left beside the output."""
    import orjson

    with Path(source).open("rb") as lines:
        documents = [orjson.loads(line) for line in lines]
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    started = time.process_time()
    rows = list(run(documents))
    used = time.process_time() - started
    with Path(target).open("wb") as output:
        output.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    Path(f"{target}.seconds").write_text(str(used))


def plain_dicts(job: str, source: str, target: str) -> None:
    from hand_dicts import HAND_DICTS

    in_memory(source, target, HAND_DICTS[job])


def dicts(job: str, source: str, target: str) -> None:
    from jobs import STAGES

    from fluxion_core import aggregate

    in_memory(source, target, lambda documents: aggregate(documents, STAGES[job][1]))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
