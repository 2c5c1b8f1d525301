"""Runs a pipeline as ``fluxion run`` does and leaves the CPU seconds of each of its steps in ``<target>.measured``.

    python benchmarks/steps.py JOB SOURCE TARGET

A step's seconds are those of its thread, without those of the steps within it. Looking costs 2 us a step and batch.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine import pipeline_file

from fluxion_core.cli import main as command_line
from fluxion_core.connectors.file_sink import FileSink
from fluxion_core.connectors.file_source import FileSource
from fluxion_core.language import Run
from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.runtime.loop import Loop
from fluxion_core.runtime.outputs import OutputBuffer
from fluxion_core.state.sqlite import SqliteStateStore

__all__ = ["STEPS", "main"]

REST: Final = "around batches"
START: Final = "start and end"
STEPS: Final[dict[str, list[tuple[type[Any], str]]]] = {
    START: [],
    "read and cut lines": [(FileSource, "poll")],
    "decode": [(Decoder, "block")],
    "stages": [(Run, "feed"), (Run, "finish"), (Run, "changed")],
    "encode": [(OutputBuffer, "block_of")],
    REST: [],
    "rows of state": [(Run, "state_delta")],
    "state store": [(SqliteStateStore, "seal")],
    "seals, the rest": [(Loop, "seal")],
    "sink": [(FileSink, "write")],
}


class Watch:
    """Adds up the CPU seconds of what is watched, by step; each thread has a stack of the steps that it is in."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = threading.local()

    def watch(self, step: str, owner: type[Any], name: str) -> None:
        """Have the method *name* of *owner* watched."""
        watched = getattr(owner, name)

        def watching(*arguments: Any, **named: Any) -> Any:
            return self._timed(step, lambda: watched(*arguments, **named))

        setattr(owner, name, watching)

    def _timed(self, step: str, action: Callable[[], Any]) -> Any:
        stack: list[float] = self._inside.__dict__.setdefault("stack", [])
        stack.append(0.0)
        began = time.thread_time()
        try:
            return action()
        finally:
            took = time.thread_time() - began
            self.seconds[step] += took - stack.pop()
            if stack:
                stack[-1] += took


def main(job: str, source: str, target: str) -> None:
    watch = Watch()
    for step, methods in STEPS.items():
        for owner, name in methods:
            watch.watch(step, owner, name)
    run = threading.Thread.run
    threads = [0.0]

    def running(thread: threading.Thread) -> None:
        began = time.thread_time()
        run(thread)
        threads[0] += time.thread_time() - began

    threading.Thread.run = running  # type: ignore[method-assign]  # the threads of the runtime, as a whole
    with suppress(SystemExit):
        command_line(["run", "--no-progress", str(pipeline_file(job, source, target))])
    steps = dict(watch.seconds)
    steps[REST] = threads[0] - sum(steps.values())
    steps[START] = time.process_time() - threads[0]
    Path(f"{target}.measured").write_text(json.dumps(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
