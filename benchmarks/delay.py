"""How long records take: ``python delay.py SOURCE SINK RATE SECONDS RUNTIME OUTPUT``; RUNTIME are options of the runtime as JSON.

Another process writes RATE records a second, a few every millisecond, into a pipe (SOURCE ``stdin``) or a file that is followed
(``file``); each record holds the moment before it was written. It has arrived in the sink (``file`` or ``memory``) when the
sink's ``write`` has returned, which is when it is durable there.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fluxion_core.connectors.file_sink import FileSink
from fluxion_core.connectors.memory import MemorySink
from fluxion_core.spi import SealedBatch, WriteResult

TICK_SECONDS = 0.001
WARM_SECONDS = 1.0
PIPE_BYTES = 1 << 20
DRAIN_SECONDS = 0.5
STAGES: list[dict[str, Any]] = [
    {"$match": {"status": "PAID"}},
    {"$project": {"_id": 0, "at": 1, "total": {"$round": [{"$multiply": ["$value", 1.08]}, 2]}}},
]

written: list[tuple[float, SealedBatch]] = []


class TimedFileSink(FileSink):
    """The sink "file", which notes when a batch is durable."""

    def write(self, batch: SealedBatch) -> WriteResult:
        """Write, and note the moment."""
        result = super().write(batch)
        written.append((time.monotonic(), batch))
        return result


class TimedMemorySink(MemorySink):
    """The sink "memory", which notes when a batch is there."""

    def write(self, batch: SealedBatch) -> WriteResult:
        """Write, and note the moment."""
        result = super().write(batch)
        written.append((time.monotonic(), batch))
        return result


def feeder(rate: str, seconds: str) -> None:
    """Write records to standard output at a steady rate; a tick that comes late brings what should have come by then."""
    began, sent, total = time.monotonic(), 0, int(float(rate) * float(seconds))
    while sent < total:
        now = time.monotonic()
        due = min(int((now - began) * float(rate)), total)
        if due > sent:
            lines = b"".join(
                b'{"at":%.6f,"status":"PAID","value":%d.5,"n":%d}\n' % (now, n % 1000, n) for n in range(sent, due)
            )
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
            sent = due
        time.sleep(TICK_SECONDS)


def main(source: str, sink: str, rate: str, seconds: str, runtime: str, target: str) -> None:
    import gc

    from fluxion_core import (
        PipelineDefinition,
        PipelineOrchestrator,
        RuntimeConfig,
        SinkConfig,
        SourceConfig,
        StateConfig,
        load_plugins,
    )

    components = load_plugins().components.with_class("sink", TimedFileSink).with_class("sink", TimedMemorySink)
    definition = PipelineDefinition(
        id="delay",
        source=SourceConfig("stdin") if source == "stdin" else SourceConfig("file", path=f"{target}.growing", follow=True),
        stages=STAGES,
        sink=SinkConfig(sink, **({"path": target} if sink == "file" else {})),
        state_store=StateConfig("sqlite", path=f"{target}.db"),
        runtime=RuntimeConfig(**json.loads(runtime)),
    )
    command = [sys.executable, __file__, "feeder", rate, seconds]
    if source == "stdin":
        feeding = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert feeding.stdout is not None
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(feeding.stdout.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.dup2(feeding.stdout.fileno(), 0)
        feeding.stdout.close()
    else:
        with Path(f"{target}.growing").open("ab") as file:
            feeding = subprocess.Popen(command, stdout=file)
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # as the command line does
    handle = PipelineOrchestrator(components).run(definition)
    if feeding.wait():
        sys.exit("the feeder failed")
    if source != "stdin":
        handle.wait(DRAIN_SECONDS)
        handle.stop()
    handle.wait()
    leave(target, int(float(rate) * float(seconds)))


def leave(target: str, expected: int) -> None:
    moments: list[tuple[float, float]] = []
    for done, batch in written:
        rows: list[Any] = list(batch.documents or ())
        if batch.block is not None:
            rows = [json.loads(line) for line in batch.block.splitlines()]
        elif not rows:
            rows = [json.loads(payload) for payload in batch.payloads]
        moments += [(row["at"], done) for row in rows]
    if len(moments) != expected:
        sys.exit(f"{len(moments)} records arrived, expected {expected}")
    first = moments[0][0]
    warm = WARM_SECONDS if moments[-1][0] - first > 2 * WARM_SECONDS else 0.0
    delays = sorted(done - at for at, done in moments if at - first >= warm)
    measured = {f"p{share}": delays[min(len(delays) * share // 100, len(delays) - 1)] for share in (50, 90, 99)}
    Path(f"{target}.measured").write_text(json.dumps({**measured, "most": delays[-1]}))


if __name__ == "__main__":
    feeder(*sys.argv[2:]) if sys.argv[1] == "feeder" else main(*sys.argv[1:])
