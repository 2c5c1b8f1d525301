"""Kill it anywhere, start it again: nothing lost, nothing twice, no value ever wrong; and the same test fails a loop that is wrong.

The number of kills is ``FLUXION_CRASH_KILLS`` (200; ``make crash`` sets 10,000), shared out over the scenarios.
"""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxion_core.spi.host import KILL_POINTS
from fluxion_core.testing.crash import CrashHarness

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("FLUXION_CRASH_KILLS", "200"))
RECORDS = 1200
RUNS = Path(__file__).with_name("runs.py")
POINTS = [name for name in KILL_POINTS if name not in {"dead-lettered", "draining"}]


@pytest.fixture(scope="module")
def harness():
    with CrashHarness(RUNS) as made:
        yield made


def documents():
    return [{"n": number, "k": f"k{number * 7919 % 23}"} for number in range(RECORDS)]


class Campaign:
    """Kills runs until enough kills were had, over as many inputs as that takes; verifies after each input is through."""

    def __init__(self, harness: CrashHarness, folder: Path, seed: int) -> None:
        self.harness = harness
        self.folder = folder
        self.draw = random.Random(seed)
        self.kills = 0
        self.points: Counter[str] = Counter()
        self.inputs = 0

    def go(self, kills: int, function: str, verify: Callable[[Path], None], **arguments) -> None:
        while self.kills < kills:
            self.inputs += 1
            place = self.folder / str(self.inputs)
            place.mkdir()
            (place / "in.ndjson").write_text("".join(json.dumps(document) + "\n" for document in documents()))
            self._one_input(place, kills, function, arguments)
            verify(place)

    def _one_input(self, place: Path, kills: int, function: str, arguments) -> None:
        for _ in range(12):
            if self.kills >= kills:
                break
            if self._run(place, function, arguments, kill=True):
                return
        assert self._run(place, function, arguments, kill=False)

    def _run(self, place: Path, function: str, arguments, *, kill: bool) -> bool:
        """Run once; return whether the input was finished."""
        point, after = "", None
        if kill and self.draw.random() < 0.75:
            name = self.draw.choice(POINTS)
            point = f"{name}:{1 if name in {'claimed', 'opened'} else self.draw.randint(1, 4)}"
        elif kill:
            after = self.draw.random() * 0.05
        cut = {
            "batch": self.draw.choice([1, 7, 40, 200]) if function == "sound" else self.draw.randint(5, 60),
            "seal_seconds": self.draw.choice([0, 0, 0.005]),
        }
        outcome = self.harness.run(
            function, {"folder": str(place), **arguments, **cut}, kill_point=point, kill_after_seconds=after
        )
        if outcome.killed:
            self.kills += 1
            self.points[point.partition(":")[0]] += 1
            return False
        assert outcome.finished, outcome.error
        return True


def written(place: Path):
    data = (place / "out.ndjson").read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def kept():
    return [document["n"] for document in documents() if document["n"] % 3 == 0]


def every_line_once(place: Path) -> None:
    rows = written(place)
    assert kept() == [row["n"] for row in rows]
    assert all(row["twice"] == 2 * row["n"] for row in rows)


def no_line_missing(place: Path) -> None:
    rows = written_whole(place)
    assert set(kept()) == {row["n"] for row in rows}
    assert all(row["twice"] == 2 * row["n"] for row in rows)


def written_whole(place: Path):
    """Return the lines that are whole: a plain file may hold the torn beginning of one where a kill fell."""
    rows = []
    for line in (place / "out.ndjson").read_bytes().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def prefixes():
    """Return, by group, what its total is after each of its documents: the only values that may ever be seen."""
    totals = defaultdict(list)
    for document in documents():
        before = totals[document["k"]][-1] if totals[document["k"]] else 0
        totals[document["k"]].append(before + document["n"])
    return totals


def groups_right(place: Path, *, rising: bool) -> None:
    allowed = prefixes()
    last = {}
    for row in written(place):
        assert allowed[row["_id"]][row["count"] - 1] == row["total"], row
        assert not rising or row["count"] > last.get(row["_id"], 0), row
        last[row["_id"]] = row["count"]
    assert {key: len(values) for key, values in allowed.items()} == last


SCENARIOS = {
    "stateless-file": ("stateless", "file", every_line_once, {}),
    "group-file": ("group", "file", lambda place: groups_right(place, rising=True), {}),
    "stateless-file-direct": ("stateless", "file", every_line_once, {"direct": True}),
    "stateless-append": ("stateless", "append", no_line_missing, {}),
    "stateless-file-parallel": ("stateless", "file", every_line_once, {"parallel": 2}),
    "group-file-parallel": ("group", "file", lambda place: groups_right(place, rising=True), {"parallel": 2}),
    "group-at-end-parallel": ("totals", "file", lambda place: groups_right(place, rising=True), {"parallel": 2}),
    "stateless-file-parallel-direct": ("stateless", "file", every_line_once, {"parallel": 2, "direct": True}),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_or_repeated_or_wrong(harness, tmp_path, name, record_property) -> None:
    pipeline, sink, verify, runtime = SCENARIOS[name]
    campaign = Campaign(harness, tmp_path, seed=len(name))
    campaign.go(-(-KILLS // len(SCENARIOS)), "sound", verify, pipeline=pipeline, sink=sink, **runtime)
    record_property("kills", campaign.kills)
    record_property("inputs", campaign.inputs)
    record_property("points", dict(campaign.points))


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("point", ["dead-lettered", "draining"])
def test_the_points_that_only_some_runs_reach_are_survived_too(harness, tmp_path, point, parallel) -> None:
    """The first needs a dead letter, the second an end; neither may lose one or write it twice."""
    good = [f'{{"n": {number}}}' for number in range(100)]
    bad = [f"broken {number}" for number in range(10)]
    (tmp_path / "in.ndjson").write_text("\n".join([*good[:50], *bad, *good[50:]]) + "\n")
    arguments = {
        "folder": str(tmp_path),
        "pipeline": "all",
        "sink": "file",
        "batch": 30,
        "seal_seconds": 0,
        "dead": True,
        "parallel": parallel,
    }
    assert harness.run("sound", arguments, kill_point=f"{point}:1").killed
    assert harness.run("sound", arguments).finished
    assert list(range(100)) == [row["n"] for row in written(tmp_path)]
    letters = [json.loads(line)["payload"] for line in (tmp_path / "dead.ndjson").read_text().splitlines()]
    assert bad == letters


@pytest.mark.parametrize("loop", ["checkpoint_first", "deliver_first"])
def test_the_test_catches_a_loop_that_is_wrong(harness, tmp_path, loop) -> None:
    campaign = Campaign(harness, tmp_path, seed=3)
    with pytest.raises(AssertionError):
        campaign.go(200, loop, every_line_once)


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_every_kill_point_kills_and_is_survived(harness, tmp_path, point, parallel) -> None:
    campaign = Campaign(harness, tmp_path, seed=1)
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(document) + "\n" for document in documents()))
    arguments = {
        "folder": str(tmp_path),
        "pipeline": "stateless",
        "sink": "file",
        "batch": 100,
        "seal_seconds": 0,
        "parallel": parallel,
    }
    assert campaign.harness.run("sound", arguments, kill_point=f"{point}:1").killed
    assert campaign.harness.run("sound", arguments).finished
    every_line_once(tmp_path)
