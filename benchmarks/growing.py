"""What grows with what: ``python growing.py keys COUNT DOCUMENTS OUTPUT``, ``keys_by_hand`` with the same, ``stages COUNT INPUT OUTPUT``, ``compile COUNT OUTPUT``.

Each leaves what it measured itself beside the output; none reads a file while it measures.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import chunks, collect_less

BATCH = 256
KIB = 1024 if sys.platform == "linux" else 1


def leave(target: str, **measured: float) -> None:
    Path(f"{target}.measured").write_text(json.dumps(measured))


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def keyed(keys: int, count: int) -> Iterator[bytes]:
    """Yield lines of *keys* different keys, *count* lines, in blocks."""
    for start in range(0, count, BATCH):
        yield b"".join(b'{"k":"C-%08d","v":%d.25}\n' % (n % keys, n % 1000) for n in range(start, min(start + BATCH, count)))


def keys(amount: str, documents: str, target: str) -> None:
    """Group by so many keys; memory is that of the groups: after all documents, before any row is built."""
    from fluxion_core import compile_pipeline

    stages: list[dict[str, Any]] = [{"$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$v"}}}]
    program = compile_pipeline(stages)
    run = program.start(emit="final")
    for block in keyed(10, 20_000):  # loads and writes all the code there is
        run.feed(block=block)
    collect_less()
    before, used = peak_bytes(), 0.0
    for block in keyed(int(amount), int(documents)):
        started = time.process_time()
        run.feed(block=block)
        used += time.process_time() - started
    grown = peak_bytes() - before
    rows = run.finish().json_lines()
    Path(target).write_bytes(b"%d\n" % rows.count(b"\n"))
    leave(target, cpu_seconds=used, bytes_of_groups=grown)


def keys_by_hand(amount: str, documents: str, target: str) -> None:
    """Do the same as a person would: decode a line, look its group up, add."""
    import orjson

    collect_less()
    groups: dict[str, list[Any]] = {}
    used = 0.0
    for block in keyed(int(amount), int(documents)):
        started = time.process_time()
        for line in block.splitlines():
            document = orjson.loads(line)
            group = groups.get(document["k"])
            if group is None:
                groups[document["k"]] = [1, document["v"]]
            else:
                group[0] += 1
                group[1] += document["v"]
        used += time.process_time() - started
    Path(target).write_bytes(b"%d\n" % len(groups))
    leave(target, cpu_seconds=used)


def stages_of(count: int) -> list[dict[str, Any]]:
    """Return *count* stages, each of which reads what the one before wrote."""
    return [{"$set": {f"f{n % 10}": {"$add": [f"$f{(n - 1) % 10}" if n else "$orderValue", n]}}} for n in range(count)]


def stages(count: str, source: str, target: str) -> None:
    from fluxion_core import aggregate_ndjson

    collect_less()
    started = time.process_time()
    pipeline = [*stages_of(int(count)), {"$project": {"_id": 0, "orderId": 1, "last": f"$f{(int(count) - 1) % 10}"}}]
    with Path(target).open("wb", buffering=1 << 18) as output:
        output.writelines(aggregate_ndjson(chunks(source), pipeline))
    leave(target, cpu_seconds=time.process_time() - started)


def compile(count: str, target: str) -> None:  # noqa: A001  # the word of the command line
    """Compile so many different stages, and feed the first document, for which code is written."""
    from fluxion_core import compile_pipeline

    compile_pipeline([{"$match": {"a": 1}}]).start().feed(documents=[{}])  # imports what compiling needs
    pipeline = stages_of(int(count))
    started = time.process_time()
    program = compile_pipeline(pipeline)
    compiled = time.process_time()
    program.start().feed(documents=[{"orderValue": 1.5}])
    leave(target, cpu_seconds=compiled - started, first_document_seconds=time.process_time() - compiled)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
