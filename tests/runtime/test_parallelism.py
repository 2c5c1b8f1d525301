"""``parallelism: N`` changes how fast the answer comes, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import PipelineOrchestrator, RuntimeConfig
from fluxion_core.errors import ConfigError
from fluxion_core.runtime.parallel import launch
from fluxion_core.testing.crash import CrashHarness

sys.path.insert(0, str(Path(__file__).parent))
import parallel_runs

RUNS = Path(__file__).with_name("parallel_runs.py")
STATELESS = [{"$match": {"n": {"$mod": [3, 0]}}}, {"$set": {"twice": {"$multiply": ["$n", 2]}}}]
GROUP = [{"$match": {"n": {"$gte": 0}}}, {"$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$x"}}}]
DIVIDING = [{"$set": {"y": {"$divide": [10, "$d"]}}}]
PIPELINES: dict[str, tuple[Any, str]] = {
    "stateless": (STATELESS, "auto"),
    "round trip": ([], "auto"),
    "group": (GROUP, "final"),
    "group, updates": (GROUP, "each"),
    "group, key of two parts": ([{"$group": {"_id": {"k": "$k", "d": "$d"}, "total": {"$sum": "$x"}}}], "final"),
    "group and sort": ([*GROUP, {"$sort": {"total": 1}}, {"$limit": 7}], "final"),
    "group and group": ([*GROUP, {"$group": {"_id": "$count", "keys": {"$push": "$_id"}}}], "final"),
    "limit": ([{"$match": {"n": {"$mod": [2, 0]}}}, {"$limit": 40}], "auto"),
    "sort": ([{"$match": {"n": {"$mod": [2, 0]}}}, {"$sort": {"x": 1}}, {"$limit": 10}], "auto"),
}


@pytest.fixture(scope="module")
def harness() -> Iterator[CrashHarness]:
    with CrashHarness(RUNS) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path):
    """Make a folder with an input of 600 documents, or the lines given."""

    def place(name: str = "run", lines: list[str] | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        made = lines or [json.dumps(document) for document in documents(600)]
        (folder / "in.ndjson").write_text("".join(f"{line}\n" for line in made))
        return folder

    return place


def documents(count: int) -> list[dict[str, Any]]:
    return [{"n": n, "k": f"k{n * 7919 % 23}", "x": (n * 0.1) ** 3, "d": n % 50} for n in range(count)]


def run(harness: CrashHarness, folder: Path, parallelism: int, stages: Any, **given: Any) -> Path:
    """Run in a process that forks; return the folder."""
    outcome = harness.run("run", {"folder": str(folder), "parallelism": parallelism, "stages": stages, **given})
    assert outcome.finished, outcome.error
    return folder


def out(folder: Path) -> bytes:
    return (folder / "out.ndjson").read_bytes()


def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


# --- the same answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runtime", [{}, {"direct_handoff": True}], ids=["threads", "direct"])
@pytest.mark.parametrize("name", PIPELINES)
def test_two_and_three_processes_write_what_one_writes(harness, place, name: str, runtime: Any) -> None:
    stages, emit = PIPELINES[name]
    alone = run(harness, place("1"), 1, stages, emit=emit, runtime=runtime)
    for processes in (2, 3):
        folder = run(harness, place(str(processes)), processes, stages, emit=emit, runtime=runtime)
        assert out(alone) == out(folder)


@pytest.mark.parametrize("name", ["stateless", "group", "limit"])
def test_ledger_and_stages_count_the_same(harness, place, name: str) -> None:
    stages, emit = PIPELINES[name]
    alone = metrics(run(harness, place("1"), 1, stages, emit=emit))
    divided = metrics(run(harness, place("2"), 2, stages, emit=emit))
    counted = ("name", "documents_in", "failures") if name == "group" else ("name", "documents_in", "documents_out", "failures")
    assert [{key: stage[key] for key in counted} for stage in alone["stages"]] == [
        {key: stage[key] for key in counted} for stage in divided["stages"]
    ] or name == "limit"  # which reads further than it must
    assert (alone["ledger"], alone["bytes_in"]) == (divided["ledger"], divided["bytes_in"]) or name == "limit"
    assert 0 == divided["ledger"]["in_flight"]


@pytest.mark.parametrize("numbers", [(2, 1), (1, 2), (2, 3, 1)], ids=str)
def test_another_number_of_processes_goes_on_where_one_has_stopped(harness, place, numbers: tuple[int, ...]) -> None:
    for name, (stages, emit) in {"stateless": (STATELESS, "auto"), "group": (GROUP, "final")}.items():
        alone, folder = run(harness, place(f"{name} alone"), 1, stages, emit=emit), place(name)
        for processes in numbers[:-1]:
            arguments = {"folder": str(folder), "parallelism": processes, "stages": stages, "records": 100, "emit": emit}
            outcome = harness.run("run_a_part", arguments)
            assert outcome.finished, outcome.error
        run(harness, folder, numbers[-1], stages, emit=emit)
        assert out(alone) == out(folder)


def test_new_interpreters_do_what_forked_processes_do(harness, place, monkeypatch) -> None:
    monkeypatch.setattr(launch, "can_fork", lambda: False)
    for name in ("stateless", "group"):
        stages, emit = PIPELINES[name]
        alone, folder = run(harness, place(f"{name} alone"), 1, stages, emit=emit), place(name)
        told: list[str] = []
        orchestrator = PipelineOrchestrator(listeners=[lambda event, told=told: told.append(type(event).__name__)])
        orchestrator.run(parallel_runs.definition(str(folder), 2, stages, emit=emit)).wait(60)
        assert (out(alone), False) == (out(folder), "Warned" in told)


def test_groups_that_changed_are_written_until_every_one_is_right(harness, place) -> None:
    alone, divided = (run(harness, place(str(processes)), processes, GROUP, emit="updates") for processes in (1, 2))
    last = [{row["_id"]: row for row in map(json.loads, out(folder).splitlines())} for folder in (alone, divided)]
    assert (23, last[0]) == (len(last[1]), last[1])


def test_parts_that_are_larger_than_the_channels_get_through(harness, place) -> None:
    lines = [json.dumps({"k": n % 97, "text": f"{n} " * 400}) for n in range(4000)]
    stages = [{"$group": {"_id": "$k", "texts": {"$push": "$text"}}}]
    given = {"source": {"piece_bytes": 1_500_000}, "runtime": {"source_queue_capacity": 1, "seal_interval_seconds": 0}}
    alone, divided = (
        run(harness, place(str(processes), lines), processes, stages, emit="final", **given) for processes in (1, 3)
    )
    assert out(alone) == out(divided)


def test_a_group_that_is_too_large_is_refused_as_by_one_process(harness, place) -> None:
    long = "x" * 1024 * 1024
    lines = [json.dumps({"k": n % 7, "n": n, "text": "" if n % 7 else long}) for n in range(7 * 17)]
    stages = [{"$group": {"_id": "$k", "texts": {"$push": "$text"}, "last": {"$max": {"$toDate": "$n"}}}}]
    pieces = {"piece_bytes": len(long)}
    alone, divided = (
        run(harness, place(str(processes), lines), processes, stages, emit="final", policy="dead_letter", source=pieces)
        for processes in (1, 2)
    )
    assert (out(alone), 6) == (out(divided), out(divided).count(b"\n"))
    first, second = (json.loads((folder / "dead.ndjson").read_text()) for folder in (alone, divided))
    assert (first | {"dlqTime": ""}) == (second | {"dlqTime": ""})


def test_a_worker_that_has_much_to_tell_answers_for_its_groups_first(harness, place) -> None:
    arguments = {"folder": str(place()), "stages": GROUP, "pieces": 200, "questions": 2000}
    outcome = harness.run("ask_while_nobody_reads", arguments)
    assert outcome.finished, outcome.error


def test_max_groups_counts_the_groups_of_all_workers(harness, place) -> None:
    stages = [{"$group": {"_id": "$n", "count": {"$sum": 1}}}]
    arguments = {"folder": str(place()), "parallelism": 2, "stages": stages, "emit": "final", "runtime": {"max_groups": 500}}
    assert " groups; at most max_groups (500) are kept" in harness.run("run", arguments).error
    assert 600 == out(run(harness, place("again"), 2, stages, emit="final")).count(b"\n")


# --- splits of their own --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unsteady", [False, True])
@pytest.mark.parametrize("processes", [2, 5])
def test_each_split_keeps_its_order(harness, place, tmp_path: Path, processes: int, unsteady: bool) -> None:
    folder = place()
    parts = tmp_path / "parts"
    parts.mkdir()
    for split in range(3):
        (parts / f"{split}.ndjson").write_text("".join(f'{{"split":{split},"n":{n}}}\n' for n in range(100 + split)))
    source = {"type": "parted", "folder": str(parts), "unsteady": unsteady}
    run(harness, folder, processes, [{"$set": {"seen": True}}], source=source, policy="retry")
    rows = [json.loads(line) for line in out(folder).splitlines()]
    assert {split: list(range(100 + split)) for split in range(3)} == {
        split: [row["n"] for row in rows if row["split"] == split] for split in range(3)
    }
    assert 303 == metrics(folder)["ledger"]["delivered"]
    assert unsteady == ("Resumed" in (folder / "events.txt").read_text())
    committed = [json.loads(line) for path in parts.glob("committed-*") for line in path.read_text().splitlines()]
    last: dict[str, int] = {}
    for positions in committed:
        last.update({split: max(position, last.get(split, 0)) for split, position in positions.items()})
    assert {f"{split}.ndjson": 100 + split for split in range(3)} == last


def test_workers_without_a_split_keep_groups_too(harness, place, tmp_path: Path) -> None:
    folder, parts = place(), tmp_path / "parts"
    parts.mkdir()
    for split in range(2):
        (parts / f"{split}.ndjson").write_text("".join(f'{{"k":{n % 31},"n":{n}}}\n' for n in range(300)))
    stages = [{"$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$n"}}}]
    source = {"type": "parted", "folder": str(parts), "unsteady": True}
    run(harness, folder, 5, stages, source=source, policy="retry", emit="final")
    expected = {k: (2 * len(range(k, 300, 31)), 2 * sum(range(k, 300, 31))) for k in range(31)}
    assert expected == {row["_id"]: (row["count"], row["total"]) for row in map(json.loads, out(folder).splitlines())}


def test_a_new_split_is_opened_beside_one_that_was_read_before(harness, place, tmp_path: Path) -> None:
    folder, parts = place(), tmp_path / "parts"
    parts.mkdir()
    source = {"type": "parted", "folder": str(parts)}
    for names in (["0"], ["0", "1", "2"]):
        for name in names:
            (parts / f"{name}.ndjson").write_text('{"n":1}\n')
        for path in parts.glob("opened-*"):
            path.unlink()
        run(harness, folder, 2, [], source=source)
    opened = [json.loads(path.read_text()) for path in parts.glob("opened-*")]
    assert [{"0.ndjson": 1, "1.ndjson": None, "2.ndjson": None}] == opened


def test_a_dead_letter_from_a_split_holds_the_original_bytes(harness, place, tmp_path: Path) -> None:
    folder = place()
    parts = tmp_path / "parts"
    parts.mkdir()
    for split in range(2):
        (parts / f"{split}.ndjson").write_text("".join(f'{{"d": {n},  "split": {split}}}\n' for n in range(3)))
    stages = [{"$match": {"d": {"$lt": 9}}}, {"$limit": 100}, *DIVIDING]  # after $limit, this process divides
    run(harness, folder, 2, stages, source={"type": "parted", "folder": str(parts)}, policy="dead_letter")
    letters = [json.loads(line) for line in (folder / "dead.ndjson").read_text().splitlines()]
    assert [('{"d": 0,  "split": 0}', "0.ndjson", 0), ('{"d": 0,  "split": 1}', "1.ndjson", 0)] == sorted(
        (letter["payload"], letter["source"]["split"], letter["source"]["position"]) for letter in letters
    )


# --- records at fault -----------------------------------------------------------------------------------------------------

FAULTS: dict[str, Any] = {
    "in a worker": DIVIDING,
    "behind the workers": [{"$match": {"n": {"$gte": 0}}}, {"$limit": 1000}, *DIVIDING],
    "on the way into a group": [{"$group": {"_id": "$k", "total": {"$sum": {"$divide": ["$n", "$d"]}}}}],
}


@pytest.mark.parametrize("policy", ["skip", "dead_letter", "retry"])
@pytest.mark.parametrize("name", FAULTS)
def test_records_at_fault_have_the_fate_that_the_policy_says(harness, place, name: str, policy: str) -> None:
    lines = [json.dumps(document) for document in documents(300)]
    lines[77] = '{"n": 77, "broken'
    lines[133] = "   [1]"
    alone, divided = (
        run(harness, place(str(processes), lines), processes, FAULTS[name], policy=policy) for processes in (1, 2)
    )
    assert out(alone) == out(divided)
    assert metrics(alone)["ledger"] == metrics(divided)["ledger"]
    assert letters(alone) == letters(divided)
    assert (8 if policy != "skip" else 0) == len(letters(divided))


def letters(folder: Path) -> list[Any]:
    """Return the dead letters without their time, in the order of the input."""
    path = folder / "dead.ndjson"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sorted(({**letter, "dlqTime": ""} for letter in found), key=lambda letter: letter["source"]["position"])


def test_documents_that_cannot_be_encoded_have_the_same_fate(harness, place) -> None:
    stages = [{"$match": {"n": {"$lt": 30}}}, {"$project": {"_id": 0, "raw": {"$toString": "$n"}, "d": {"$literal": 1}}}]
    given = {"codec": "raw", "policy": "dead_letter"}
    alone, divided = (run(harness, place(str(processes)), processes, stages, **given) for processes in (1, 2))
    assert metrics(alone)["ledger"] == metrics(divided)["ledger"]
    assert (30, 30) == tuple(len((folder / "dead.ndjson").read_text().splitlines()) for folder in (alone, divided))


@pytest.mark.parametrize("name", ["stateless", "group"])
def test_a_piece_that_cannot_be_read_just_now_is_read_again(harness, place, name: str) -> None:
    stages, emit = PIPELINES[name]
    folder = run(harness, place(), 2, stages, emit=emit, source={"type": "unsteady"}, policy="retry")
    assert out(run(harness, place("alone"), 1, stages, emit=emit)) == out(folder)
    events = (folder / "events.txt").read_text()
    assert "the disk is away at " in events
    assert "Resumed" in events


def test_a_stop_while_the_source_is_away_seals_what_was_read(harness, place) -> None:
    arguments = {"folder": str(place()), "parallelism": 2, "stages": GROUP, "emit": "final"}
    outcome = harness.run("stop_in_an_outage", {**arguments, "runtime": {"seal_interval_seconds": 10}})
    assert outcome.finished, outcome.error


@pytest.mark.parametrize("name", FAULTS)
def test_failing_fast_tells_the_same_record(harness, place, name: str) -> None:
    lines = [json.dumps({**document, "d": document["n"] - 222}) for document in documents(300)]
    told = []
    for processes in (1, 2):
        arguments = {"folder": str(place(str(processes), lines)), "parallelism": processes, "stages": FAULTS[name]}
        told.append(harness.run("run", arguments).error.splitlines()[-1].replace(f"/{processes}/", "/"))
    assert told[0] == told[1]
    assert "can't $divide by zero" in told[1]


# --- life and death -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stateless", "group, updates"])
def test_a_worker_that_is_killed_stops_the_pipeline_and_loses_nothing(harness, place, name: str) -> None:
    folder = place()
    stages = PIPELINES[name][0]
    arguments = {"folder": str(folder), "parallelism": 2, "stages": stages}
    found = harness.run("lose_a_worker", arguments).error.splitlines()[-1]
    assert "FatalError: worker 1 (process " in found
    assert "was ended by signal 9 (SIGKILL); what was sealed is safe; run the pipeline again to go on" in found
    run(harness, folder, 2, stages, emit="updates" if name != "stateless" else "auto")
    if name == "stateless":
        assert out(run(harness, place("alone"), 1, stages)) == out(folder)
    else:
        last = {row["_id"]: row["count"] for row in map(json.loads, out(folder).splitlines())}
        assert Counter(document["k"] for document in documents(600)) == last


@pytest.fixture
def started(place) -> Iterator[Any]:
    """``fluxion run`` over a file that is followed, in a session of its own, with the processes that it has started."""
    folder = place()
    pipeline = {
        "id": "followed",
        "source": {"type": "file", "path": "in.ndjson", "follow": True},
        "stages": [{"$set": {"seen": True}}],
        "sink": {"type": "file", "path": "out.ndjson"},
        "runtime": {"parallelism": 2},
    }
    (folder / "pipeline.json").write_text(json.dumps(pipeline))
    command = [sys.executable, "-c", "from fluxion_core.cli import main; main()", "run", "pipeline.json"]
    with (folder / "err.txt").open("wb") as errors:
        process = subprocess.Popen(command, cwd=folder, stderr=errors, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: len(children.read_text().split()) == 2 and (folder / "out.ndjson").exists() and out(folder))
    yield folder, process, [int(pid) for pid in children.read_text().split()]
    process.kill()
    process.wait()


def wait_for(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_followed_file_is_written_in_order_as_it_grows(started) -> None:
    folder, _, _ = started
    for first in (600, 650, 700):
        with (folder / "in.ndjson").open("a") as file:
            file.writelines(f'{{"n":{n}}}\n' for n in range(first, first + 49))
            file.write('{"n":')
        wait_for(lambda first=first: out(folder).count(b"\n") == first + 49)
        with (folder / "in.ndjson").open("a") as file:
            file.write(f"{first + 49}}}\n")
        wait_for(lambda first=first: out(folder).count(b"\n") == first + 50)
    assert list(range(750)) == [json.loads(line)["n"] for line in out(folder).splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_drains(started, number: int) -> None:
    folder, process, workers = started
    os.killpg(process.pid, number)
    assert 128 + number == process.wait(20)
    assert "600 delivered" in (folder / "err.txt").read_text()
    wait_for(lambda: gone(workers))
    assert 600 == out(folder).count(b"\n")


def test_workers_end_with_a_process_that_is_killed(started) -> None:
    _, process, workers = started
    process.kill()
    process.wait()
    wait_for(lambda: gone(workers))


# --- where it cannot be -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, "many", 1.5])
def test_a_number_of_processes_is_a_whole_number_from_one(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"runtime\.parallelism"):
        RuntimeConfig.parse({"parallelism": wrong}, where="runtime")


def test_stages_that_must_see_everything_run_in_one_process_and_that_is_told(harness, place) -> None:
    folder = run(harness, place(), 2, [{"$sort": {"n": 1}}])
    told = "parallelism: 2 changes nothing: no stage stands before $sort, which must see all documents in their order"
    assert told in (folder / "events.txt").read_text()
    assert 600 == out(folder).count(b"\n")


@pytest.mark.parametrize("command", ["run", "lint", "explain"])
def test_a_source_that_one_process_reads_is_told_by_every_command(tmp_path: Path, command: str) -> None:
    source = {"type": "generator", "count": 5}
    pipeline = {"id": "p", "source": source, "sink": {"type": "stdout"}, "runtime": {"parallelism": 2}}
    (tmp_path / "pipeline.json").write_text(json.dumps(pipeline))
    arguments = [sys.executable, "-c", "from fluxion_core.cli import main; main()", command, "pipeline.json"]
    ran = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    told = "parallelism: 2 changes nothing: source 'generator' cannot be read by several processes at once"
    assert told in ran.stdout + ran.stderr


def test_explain_shows_what_the_workers_do(tmp_path: Path) -> None:
    pipeline = {
        "id": "p",
        "source": {"type": "file", "path": "in.ndjson"},
        "stages": GROUP,
        "sink": {"type": "file", "path": "out.ndjson"},
        "runtime": {"parallelism": 2},
    }
    (tmp_path / "pipeline.json").write_text(json.dumps(pipeline))
    arguments = [sys.executable, "-c", "from fluxion_core.cli import main; main()", "explain", "pipeline.json"]
    ran = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    told = (
        "read pieces of the source, run [0] $match, [1] $group and keep the groups of a share of the keys each; this one runs"
    )
    assert f"processes 2 {told} no stage\n" in ran.stdout


def test_a_pipeline_that_a_new_interpreter_cannot_make_runs_in_one_process(place, monkeypatch) -> None:
    monkeypatch.setattr(launch, "can_fork", lambda: False)
    folder = place()
    definition = parallel_runs.definition(str(folder), 2, STATELESS, variables={"only": Only()})
    told: list[str] = []
    PipelineOrchestrator(listeners=[lambda event: told.append(str(event))]).run(definition).wait(30)
    assert 200 == out(folder).count(b"\n")
    assert [1] == [event.count("parallelism: 2 is 1 now: the pipeline cannot be told") for event in told if "Warned" in event]


class Only:
    """A value that no other process has."""
