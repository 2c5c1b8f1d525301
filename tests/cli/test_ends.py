"""How ``fluxion`` ends when it is interrupted, or when a stream that it writes to is not there."""

import os
import signal
import subprocess
import sys
import time

import pytest

INTERRUPTED = """
import importlib.abc, os, signal, sys

class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a runner in the background ignores it, and children inherit that
sys.meta_path.insert(0, Interrupts())
from fluxion_core.cli import main
main()
"""


@pytest.mark.parametrize("module", ["click", "fluxion_core.cli.run", "fluxion_core.plugins", "fluxion_core.runtime.binding"])
def test_an_interrupt_while_it_is_loading_ends_it_with_130_and_no_traceback(shell, module):
    shell.write("in.ndjson", [{"n": 1}])
    command = [sys.executable, "-c", INTERRUPTED.format(module=module), "run", shell.pipeline()]
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False, timeout=60)
    assert (130, "", "") == (done.returncode, done.stdout, done.stderr.strip())


def test_signals_are_answered_while_nothing_can_be_delivered(shell):
    """Nobody reads standard output: the sink blocks within a write."""
    shell.write("in.ndjson", [{"n": number} for number in range(20_000)])
    name = shell.pipeline(sink={"type": "stdout"}, source={"type": "file", "path": "in.ndjson", "follow": True})
    process = shell.start("run", name)
    told = []
    for line in process.stderr:
        told.append(line.partition(": ")[2].strip())
        if "started" in line:
            time.sleep(0.5)
            process.terminate()
        elif "SIGTERM: stopping" in line:
            process.send_signal(signal.SIGINT)
    process.wait(15)
    process.stdout.close()
    process.stderr.close()
    first = "delivering what was read may take 30 s (drain_timeout_seconds); a second signal leaves it to the next run"
    assert f"SIGTERM: stopping: {first}" in told


def test_a_standard_output_that_is_closed_is_told_by_the_sink_alone(shell):
    name = shell.pipeline(source={"type": "generator", "count": 1}, sink={"type": "stdout"})
    done = subprocess.run(
        shell.arguments("run", name),
        cwd=shell.folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: os.close(1),
    )
    assert 74 == done.returncode
    assert done.stderr.splitlines()[-1].startswith("error: sink stdout: this process has no standard output")
    assert "bug in Fluxion" not in done.stderr


def test_a_standard_error_that_is_closed_keeps_nothing_from_running(shell):
    name = shell.pipeline(source={"type": "generator", "count": 1}, sink={"type": "file", "path": "out.ndjson"})
    done = subprocess.run(
        shell.arguments("run", name), cwd=shell.folder, check=False, timeout=60, preexec_fn=lambda: os.close(2)
    )
    assert 0 == done.returncode
    assert '{"n":0}\n' == (shell.folder / "out.ndjson").read_text()
