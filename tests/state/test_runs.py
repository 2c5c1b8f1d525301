"""One pipeline, several processes of the command line: refused, taken over, resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

RUN = "from fluxion_core.cli import main; main()"


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A pipeline that counts for ever into a file."""
    pipeline = {
        "id": "count",
        "source": {"type": "generator", "rate_per_second": 2000},
        "sink": {"type": "file", "path": "out.ndjson"},
        "runtime": {"seal_interval_seconds": 0.02},
    }
    (tmp_path / "count.json").write_text(json.dumps(pipeline))
    return tmp_path / "count.json"


@pytest.fixture
def start(endless: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``fluxion run`` and return when it says that it has started or has ended; kills what is left."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RUN, "run", str(endless), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if "started: " in line or "resumed: " in line:
                break
        return process

    yield start
    for process in started:
        killed(process)


def killed(process: subprocess.Popen[str]) -> None:
    """End *process* as ``kill -9`` does."""
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def numbers(tmp_path: Path) -> list[int]:
    """Return what the pipeline wrote, up to the last whole line."""
    return [
        json.loads(line)["n"]
        for line in (tmp_path / "out.ndjson").read_bytes().splitlines(keepends=True)
        if line.endswith(b"\n")
    ]


def wait_for(tmp_path: Path, count: int) -> None:
    """Return when so many lines are written."""
    path = tmp_path / "out.ndjson"
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        time.sleep(0.005)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; return exit code and what was said on the way."""
    errors = process.communicate(timeout=30)[1]
    return process.returncode, errors


def in_order(found: list[int]) -> bool:
    """Return whether nothing is missing, repeated or out of order."""
    return found == list(range(len(found)))


def test_a_second_run_is_refused_and_the_first_goes_on(start, endless: Path, tmp_path: Path) -> None:
    first = start()
    second: Any = subprocess.run([sys.executable, "-c", RUN, "run", str(endless)], capture_output=True, text=True, check=False)
    assert 75 == second.returncode
    assert f"pipeline 'count' is already running: process {first.pid} on " in second.stderr
    assert "or start this one with --takeover" in second.stderr
    wait_for(tmp_path, len(numbers(tmp_path)) + 10)
    assert first.poll() is None


def test_a_takeover_ends_the_first_run_and_loses_nothing(start, tmp_path: Path) -> None:
    first = start()
    wait_for(tmp_path, 50)
    second = start("--takeover")
    code, errors = ended(first)
    assert (75, True) == (code, f"process {second.pid} on " in errors), errors
    wait_for(tmp_path, len(numbers(tmp_path)) + 50)
    second.send_signal(signal.SIGTERM)
    assert 0 == ended(second)[0] % (128 + signal.SIGTERM)
    found = numbers(tmp_path)
    assert in_order(found), found[:5]
    assert len(found) >= 100


def test_a_killed_run_is_continued_by_the_next(start, tmp_path: Path) -> None:
    for lines in (40, 90, 140):
        process = start()
        wait_for(tmp_path, lines)
        killed(process)
    last = start()
    wait_for(tmp_path, 200)
    last.send_signal(signal.SIGTERM)
    ended(last)
    assert in_order(numbers(tmp_path))


def test_a_state_file_cut_in_half_stops_the_run_and_is_left_alone(start, endless: Path, tmp_path: Path) -> None:
    process = start()
    wait_for(tmp_path, 20)
    process.send_signal(signal.SIGTERM)
    ended(process)
    (state,) = (tmp_path / ".fluxion").glob("*.db")
    os.truncate(state, state.stat().st_size // 2)
    before = (state.read_bytes(), numbers(tmp_path))
    code, errors = ended(start())
    again: Any = subprocess.run([sys.executable, "-c", RUN, "run", str(endless)], capture_output=True, text=True, check=False)
    assert (76, 76) == (code, again.returncode), errors
    assert "count.db: the state file is damaged" in again.stderr
    assert "Traceback" not in again.stderr
    assert before == (state.read_bytes(), numbers(tmp_path))


def test_a_state_that_is_gone_does_not_write_the_results_again(start, endless: Path, tmp_path: Path) -> None:
    process = start()
    wait_for(tmp_path, 20)
    process.send_signal(signal.SIGTERM)
    ended(process)
    for file in (tmp_path / ".fluxion").iterdir():
        file.unlink()
    before = numbers(tmp_path)
    again: Any = subprocess.run([sys.executable, "-c", RUN, "run", str(endless)], capture_output=True, text=True, check=False)
    assert 76 == again.returncode
    state = tmp_path / ".fluxion" / "count.db"
    advice = (
        f"bring back the one that is missing or older, or, to start over, remove what the target holds and the state ({state})"
    )
    assert advice in again.stderr
    assert before == numbers(tmp_path)
