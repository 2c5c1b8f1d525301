"""Kills a pipeline again and again: a process that has imported everything forks a child per run, so that a run costs milliseconds.

::

    with CrashHarness(Path("my_runs.py")) as harness:
        outcome = harness.run("run_pipeline", {"folder": str(folder)}, kill_point="sealed:2")
        outcome.killed      # the child died of SIGKILL

``my_runs.py`` holds functions that run a pipeline to its end in the calling process and return; what they raise is an outcome too.
A run is killed at a named point (``KILL_POINTS`` of :mod:`fluxion_core.spi.host`) or after a time, whichever is asked for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs

__all__ = ["CrashHarness", "Outcome"]

_LIMIT_SECONDS = 60.0


@attrs.frozen
class Outcome:
    """How one run ended: by a signal, or with an exit code (0: it returned, 70: it raised *error*)."""

    signal: int
    code: int
    error: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.signal == signal.SIGKILL

    @property
    def finished(self) -> bool:
        """Whether it returned."""
        return not self.signal and not self.code


class CrashHarness:
    """Runs functions of a Python file in children that may be killed."""

    def __init__(self, file: Path) -> None:
        """Start the process that forks; it imports *file* once."""
        command = [sys.executable, "-m", "fluxion_core.testing.crash", str(file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own interpreter

    def __enter__(self) -> Self:
        """Return the harness itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    def run(
        self, function: str, arguments: Mapping[str, Any], *, kill_point: str = "", kill_after_seconds: float | None = None
    ) -> Outcome:
        """Run *function* with *arguments* in a child of its own and return how that ended.

        Raises:
            RuntimeError: the forking process itself has ended.
        """
        order = {"function": function, "arguments": dict(arguments), "kill_point": kill_point, "kill_after": kill_after_seconds}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            msg = f"the harness ended with exit code {self._process.wait()}"
            raise RuntimeError(msg)
        return Outcome(**json.loads(answer))

    def close(self) -> None:
        """End the forking process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(_LIMIT_SECONDS)


def _serve(file: str) -> None:
    """Fork a child per order on standard input."""
    specification = importlib.util.spec_from_file_location("runs", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(getattr(module, order["function"]), order, writing)
        os.close(writing)
        status = _await(child, order["kill_after"])
        with os.fdopen(reading, "rb") as pipe:
            error = pipe.read().decode(errors="replace")
        answer = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            "error": error,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _child(function: Any, order: Mapping[str, Any], writing: int) -> None:
    code = 0
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        os.environ["FLUXION_KILLPOINT"] = order["kill_point"]
        function(**order["arguments"])
    except BaseException:  # noqa: BLE001  # told to whoever asked for the run
        os.write(writing, traceback.format_exc().encode()[:60_000])
        code = 70
    os._exit(code)


def _await(child: int, kill_after_seconds: float | None) -> int:
    """Wait for *child*, killing it when its time has come."""
    deadline = time.monotonic() + (_LIMIT_SECONDS if kill_after_seconds is None else kill_after_seconds)
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.001)


if __name__ == "__main__":
    _serve(sys.argv[1])
