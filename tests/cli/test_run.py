"""``fluxion run`` as a person or a supervisor meets it: signals, kills, owners, disks that are full, what is shown."""

import json
import os
import pty
import random
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

COUNT = 20_000
FOLLOW = {"source": {"type": "file", "path": "in.ndjson", "follow": True}}


def numbers(shell, count=COUNT):
    shell.write("in.ndjson", [{"n": number} for number in range(count)])
    return list(range(count))


def written(shell):
    return [json.loads(line)["n"] for line in (shell.folder / "out.ndjson").read_bytes().splitlines()]


def until(so, process=None):
    end = time.monotonic() + 30
    while not so():
        assert time.monotonic() < end, "it never came to that"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)


def has_results(shell):
    path = shell.folder / "out.ndjson"
    return lambda: path.exists() and path.stat().st_size > 0


def ledger(err):
    """Return the numbers of the summary's line on records: in, and the five fates."""
    (line,) = [line for line in err.splitlines() if line.startswith("  records ")]
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", line)]


def test_a_bounded_source_ends_with_0_and_a_ledger_that_balances(shell):
    expected = numbers(shell)
    outcome = shell.fluxion("run", shell.pipeline())
    assert (0, "") == (outcome.code, outcome.out)
    records, *fates = ledger(outcome.err)
    assert (COUNT, COUNT) == (records, sum(fates))
    assert expected == written(shell)


def test_running_again_resumes_and_finds_nothing_new(shell):
    expected = numbers(shell)
    name = shell.pipeline()
    shell.fluxion("run", name)
    outcome = shell.fluxion("run", name)
    assert 0 == outcome.code
    assert "resumed: epoch 2" in outcome.err
    assert "0 records in this run" in outcome.err
    assert expected == written(shell)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_one_signal_drains_what_was_read(shell, number, code):
    numbers(shell)
    process = shell.start("run", shell.pipeline(**FOLLOW))
    until(has_results(shell), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert code == process.returncode
    records, delivered, *others = ledger(err)
    assert (records, [0, 0, 0, 0]) == (delivered, others)
    assert list(range(records)) == written(shell)


def test_what_comes_after_a_signal_comes_with_the_next_run(shell):
    expected = numbers(shell)
    name = shell.pipeline(source={"type": "file", "path": "in.ndjson"}, runtime={"micro_batch_size": 50})
    process = shell.start("run", name)
    until(has_results(shell), process)
    process.terminate()
    process.communicate(timeout=30)
    assert 0 == shell.fluxion("run", name).code
    assert expected == written(shell)


def test_a_second_signal_ends_a_drain_that_hangs(shell):
    """Nobody reads standard output: the sink blocks within a write, and cannot be asked to stop."""
    numbers(shell)
    name = shell.pipeline(sink={"type": "stdout"}, **FOLLOW)
    process = shell.start("run", name)
    for line in process.stderr:
        if "started" in line:
            break
    time.sleep(0.5)
    process.terminate()
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    assert 143 == process.wait(15)
    process.stdout.close()
    process.stderr.close()


def test_kills_at_random_lose_and_repeat_nothing(shell):
    expected = numbers(shell)
    draw = random.Random(5)
    name = shell.pipeline(runtime={"micro_batch_size": 100, "seal_interval_seconds": 0.001})
    for _ in range(8):
        process = shell.start("run", name)
        time.sleep(0.15 + draw.random() * 0.3)
        process.kill()
        process.communicate()
        if has_results(shell)():
            data = (shell.folder / "out.ndjson").read_bytes()
            whole = [json.loads(line)["n"] for line in data[: data.rfind(b"\n") + 1].splitlines()]
            assert list(range(len(whole))) == whole
    assert 0 == shell.fluxion("run", name).code
    assert expected == written(shell)


def test_a_second_process_is_refused_and_named_the_first(shell):
    numbers(shell)
    name = shell.pipeline(**FOLLOW)
    first = shell.start("run", name)
    until(has_results(shell), first)
    outcome = shell.fluxion("run", name)
    first.terminate()
    first.communicate(timeout=30)
    assert 75 == outcome.code
    assert re.search(rf"error: .*pipeline 'p' is already running: process {first.pid} on .* --takeover", outcome.err)


def test_a_takeover_fences_the_first_which_writes_no_more(shell):
    numbers(shell, 100)
    name = shell.pipeline(**FOLLOW)
    first = shell.start("run", name)
    until(has_results(shell), first)
    second = shell.start("run", name, "--takeover")
    until(lambda: "resumed: epoch 2" in second.stderr.readline(), second)
    with (shell.folder / "in.ndjson").open("a") as file:
        file.write('{"n":100}\n')
    _, err = first.communicate(timeout=30)
    assert 75 == first.returncode
    assert "was taken over" in err
    until(lambda: 101 == len(written(shell)), second)
    second.terminate()
    second.communicate(timeout=30)
    assert list(range(101)) == written(shell)


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); from fluxion_core.cli import main; main()"


@pytest.mark.parametrize(("limit", "where"), [(50_000, "sink"), (4_000, "state")])
def test_a_disk_that_is_full_is_waited_for_and_told_and_loses_nothing(shell, limit, where):
    expected = numbers(shell)
    name = shell.pipeline(runtime={"give_up_after_seconds": 0.5})
    if where == "sink":
        shell.write("state.db", b"")
    command = [shell.arguments()[0], "-c", LIMITED.format(limit), "run", name]
    if where == "sink":  # the state lies where there is room
        state = shell.folder / "state.db"
        state.unlink()
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False, timeout=60)
    assert 74 == done.returncode, done.stderr
    gave_up = r"error: (sink|state): gave up after \d+ s \(give_up_after_seconds is 0\.5\): .*; free space on the disk"
    assert re.search(gave_up, done.stderr), done.stderr
    assert 0 == shell.fluxion("run", name).code
    assert expected == written(shell)


ROOM_AT_A_SIGNAL = """
import resource, signal
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
signal.signal(signal.SIGUSR1, lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard)))
from fluxion_core.cli import main
main()
"""


@pytest.mark.parametrize("runtime", [{}, {"give_up_after_seconds": 60}])
def test_a_disk_that_is_full_when_the_state_is_made_is_waited_for_too(shell, runtime):
    expected = numbers(shell, 10)
    command = [shell.arguments()[0], "-c", ROOM_AT_A_SIGNAL, "run", shell.pipeline(runtime=runtime)]
    with subprocess.Popen(command, cwd=shell.folder, stderr=subprocess.PIPE, text=True) as process:
        told = process.stderr.readline()
        process.send_signal(signal.SIGUSR1)
        _, rest = process.communicate(timeout=60)
    assert "waiting for the state:" in told
    assert (0, expected) == (process.returncode, written(shell)), rest


def test_metrics_are_served_on_loopback_while_it_runs(shell):
    numbers(shell, 100)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = shell.start("run", shell.pipeline(**FOLLOW), "--metrics-port", str(port))
    until(has_results(shell), process)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    process.terminate()
    process.communicate(timeout=30)
    assert 'fluxion_records_total{fate="in",pipeline="p"} 100.0' in text


def test_a_port_that_is_taken_is_named(shell):
    numbers(shell, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = shell.fluxion("run", shell.pipeline(), "--metrics-port", str(port))
    assert 78 == outcome.code
    assert f"port {port} of 127.0.0.1 cannot be used (Address already in use); choose another" in outcome.err
    assert ["in.ndjson", "p.yaml"] == sorted(path.name for path in shell.folder.iterdir())


def test_a_terminal_gets_live_progress(shell):
    numbers(shell, 100)
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        shell.arguments("run", shell.pipeline(**FOLLOW)),
        cwd=shell.folder,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "150"},
    )
    os.close(follower)
    seen = ""
    while "p  running: 100 in, 100 out" not in seen:
        seen += os.read(leader, 4096).decode()
    process.terminate()
    try:
        while data := os.read(leader, 4096):
            seen += data.decode()
    except OSError:  # the terminal is gone
        pass
    os.close(leader)
    assert 143 == process.wait(30)
    assert re.search(r"100 in, 100 out, [\d,]+/s, lag (0|-), 0 failures", seen)
    assert "INFO" not in seen
    assert "  records   100 in = 100 delivered" in seen


def test_what_is_no_terminal_gets_plain_lines(shell):
    numbers(shell, 100)
    script = "import fluxion_core.cli.run as run; run._LINE_SECONDS = 0.2; from fluxion_core.cli import main; main()"
    process = subprocess.Popen(
        [shell.arguments()[0], "-c", script, "run", shell.pipeline(**FOLLOW)],
        cwd=shell.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = next(line for line in process.stderr if "running: " in line)
    process.terminate()
    _, rest = process.communicate(timeout=30)
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO    fluxion\.pipeline\.p: running: 100 in, 100 out, ", line)
    assert "\x1b" not in line + rest


def test_a_reader_that_goes_away_is_told_so(shell):
    numbers(shell)
    name = shell.pipeline(sink={"type": "stdout"})
    process = shell.start("run", name)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert 74 == process.wait(30)
    assert "error: sink stdout: cannot be written (Broken pipe): its reader has gone, or its disk is full" in err
    assert "Traceback" not in err


def test_standard_input_to_standard_output(shell):
    name = shell.pipeline(source={"type": "stdin"}, sink={"type": "stdout"}, stages=[{"$match": {"n": {"$gt": 1}}}])
    outcome = shell.fluxion("run", name, stdin=b'{"n":1}\n{"n":2}\n{"n":3}')
    assert (0, '{"n":2}\n{"n":3}\n') == (outcome.code, outcome.out)


def test_a_limit_ends_a_stream(shell):
    name = shell.pipeline(source={"type": "generator"}, stages=[{"$skip": 5}, {"$limit": 3}])
    assert 0 == shell.fluxion("run", name).code
    assert [5, 6, 7] == written(shell)


def test_exactly_once_refuses_what_cannot_promise_it(shell):
    outcome = shell.fluxion("run", shell.pipeline(sink={"type": "stdout"}, delivery="exactly_once"))
    assert 78 == outcome.code
    expected = "delivery: exactly_once cannot be promised: sink 'stdout' cannot tell a redelivery from a new batch"
    assert expected in outcome.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu", "x"], "No such command 'rnu'; did you mean 'run'?"),
        (["run", "--tkeover", "x"], "--takeover"),
        (["run"], "Missing argument 'FILE'"),
        (["run", "--metrics-port", "70000", "x"], "70000"),
        (["components", "fiel"], "error: no component is called 'fiel'; did you mean 'file'?"),
        (["components", "--format", "xml"], "'xml' is not one of"),
        (["run", "missing.yaml"], "missing.yaml: cannot read missing.yaml: No such file or directory; check the path"),
    ],
)
def test_a_typo_is_answered_with_what_was_meant_and_78(shell, arguments, expected):
    outcome = shell.fluxion(*arguments)
    assert 78 == outcome.code
    assert expected in outcome.err
    assert "Traceback" not in outcome.err


def test_a_kill_point_that_is_none_is_a_mistake_of_the_environment(shell):
    numbers(shell, 1)
    outcome = shell.fluxion("run", shell.pipeline(), FLUXION_KILLPOINT="sealdd:1")
    assert 78 == outcome.code
    assert "FLUXION_KILLPOINT=sealdd:1: expected NAME:NTH with NAME one of claimed, opened, " in outcome.err


@pytest.mark.parametrize("parallelism", [1, 2])
def test_what_a_missing_extra_could_read_is_no_dead_letter_and_read_when_it_is_there(shell, parallelism):
    ids = [f"{number:024x}" for number in range(100)]
    shell.write("in.ndjson", [{"n": n, "id": n if n < 50 else {"$oid": text}} for n, text in enumerate(ids)])
    (shell.folder / "missing").mkdir()
    shell.write("missing/bson.py", "raise ImportError('not installed')\n")
    name = shell.pipeline(
        source={"type": "file", "path": "in.ndjson", "codec": "ejson", "piece_bytes": 500},
        dead_letter={"type": "file", "path": "dead.ndjson"},
        runtime={"parallelism": parallelism, "micro_batch_size": 10},
    )
    stopped = shell.fluxion("run", name, PYTHONPATH=str(shell.folder / "missing"))
    assert 74 == stopped.code
    assert "id: a value of BSON type ObjectId needs the extra 'bson': pip install 'fluxion-core[bson]'" in stopped.err
    assert 0 == shell.fluxion("run", name).code
    assert (list(range(100)), b"") == (written(shell), (shell.folder / "dead.ndjson").read_bytes())


def test_who_removed_the_output_is_told_all_that_starting_over_takes(shell):
    expected = numbers(shell, 10)
    name = shell.pipeline()
    assert 0 == shell.fluxion("run", name).code
    (shell.folder / "out.ndjson").unlink()
    told = shell.fluxion("run", name)
    assert 76 == told.code
    assert "put them back, or, to start over, remove the cursor and the pipeline's state too" in told.err
    (shell.folder / "out.ndjson.fluxion").unlink()
    told = shell.fluxion("run", name)
    assert 76 == told.code
    assert f"or, to start over, remove what the target holds and the state ({shell.folder / 'state.db'})" in told.err
    for left in [*shell.folder.glob("state.db*"), *shell.folder.glob("out.*")]:
        left.unlink()
    assert 0 == shell.fluxion("run", name).code
    assert expected == written(shell)


@pytest.mark.parametrize(
    ("source", "place"),
    [({"type": "file", "path": "in.ndjson"}, "byte 8 of {}"), ({"type": "stdin"}, "byte 8 of standard input")],
)
def test_a_record_at_fault_is_told_with_its_place_in_the_words_of_the_source(shell, source, place):
    content = b'{"n":1}\nbad\n'
    shell.write("in.ndjson", content)
    outcome = shell.fluxion("run", shell.pipeline(source=source), stdin=content)
    place = place.format(shell.folder / "in.ndjson")
    assert 74 == outcome.code
    assert f"record at {place} fatal in decode: the record is not JSON: " in outcome.err
    assert f"error: decode: {place}: the record is not JSON: " in outcome.err
