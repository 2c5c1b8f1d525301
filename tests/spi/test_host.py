from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from datetime import UTC
from pathlib import Path

import pytest

from fluxion_core.errors import ConfigError
from fluxion_core.spi import Clock, Files, Host, KillPoints
from fluxion_core.spi.host import KILL_POINTS

DYING = """
from fluxion_core.spi import Host
host = Host()
for step in range(5):
    print(step, flush=True)
    host.reach("sealed")
    host.reach("polled")
"""


@pytest.mark.parametrize(("point", "printed"), [("sealed:1", "0"), ("polled:3", "012"), ("sealed", "0"), ("sealed:6", "01234")])
def test_a_process_dies_at_the_nth_passing_of_a_kill_point(point: str, printed: str) -> None:
    environment = {**os.environ, "FLUXION_KILLPOINT": point}
    result = subprocess.run([sys.executable, "-c", DYING], env=environment, capture_output=True, text=True, check=False)
    expected = -signal.SIGKILL if printed != "01234" else 0
    assert (expected, printed) == (result.returncode, result.stdout.replace("\n", ""))


@pytest.mark.parametrize("text", ["nope", "sealed:x", "sealed:-1", ":1"])
def test_a_kill_point_that_does_not_exist_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXION_KILLPOINT", text)
    with pytest.raises(ConfigError, match=f"FLUXION_KILLPOINT={text}: expected NAME:NTH with NAME one of claimed, "):
        KillPoints.from_environment()


def test_every_kill_point_names_its_step() -> None:
    assert all(text.startswith("step ") for text in KILL_POINTS.values())


def test_ids_follow_from_the_seed() -> None:
    """A simulated run can be repeated."""
    one, other = Host(rng=random.Random(1)), Host(rng=random.Random(1))
    ids = [one.new_id(), one.new_id()]
    assert ids == [other.new_id(), other.new_id()]
    assert 2 == len(set(ids))


def test_ids_of_two_processes_differ() -> None:
    assert Host().new_id() != Host().new_id()


def test_the_clock_tells_utc() -> None:
    assert UTC == Clock().now().tzinfo


def test_a_wait_ends_when_the_event_is_set() -> None:
    event = threading.Event()
    event.set()
    assert Clock().wait(event, 3600)


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    draft, target = tmp_path / "draft", tmp_path / "target"
    target.write_text("old")
    draft.write_text("new")
    Files().replace(draft, target)
    assert ("new", False) == (target.read_text(), draft.exists())


def test_a_lock_keeps_others_out_until_it_is_given_up(tmp_path: Path) -> None:
    files, path = Files(), tmp_path / "lock"
    path.touch()
    with files.open(path, "r+b") as mine, files.open(path, "r+b") as other:
        assert [True, False] == [files.try_lock(mine), files.try_lock(other)]
        files.unlock(mine)
        assert files.try_lock(other)


def test_a_directory_is_private(tmp_path: Path) -> None:
    Files().make_directory(tmp_path / "a" / "b")
    assert 0o700 == (tmp_path / "a" / "b").stat().st_mode & 0o777
