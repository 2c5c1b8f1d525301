from __future__ import annotations

import errno
import os
import random
import sqlite3
import stat
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from fluxion_core.errors import ConfigError
from fluxion_core.spi import Context, FatalError, FencedError, SealedOutput, StateError, TransientError
from fluxion_core.state import SqliteStateStore
from fluxion_core.state.letters import unwritable


def execute(path: Path, statement: str, *values: Any) -> Any:
    """Do something to a state file that Fluxion would not."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchone()


@pytest.fixture
def filled(path: Path, store, request_of) -> Path:
    """A state file of many pages, closed."""
    made = store()
    lease = made.claim("p")
    rows = [("g", b"key %d" % index, os.urandom(100)) for index in range(3000)]
    made.seal(request_of(lease, 1, rows=rows))
    made.seal(request_of(lease, 2))
    made.close()
    return path


def test_deltas_are_folded_when_they_outgrow_three_times_the_state(path: Path, store, request_of) -> None:
    made = store()
    lease = made.claim("p")
    live_bytes, found = 4000 * 100, []
    for seal in range(1, 12):
        made.seal(request_of(lease, seal, rows=[("g", b"key %d" % index, os.urandom(100)) for index in range(4000)]))
        deltas = execute(path, "SELECT coalesce(sum(length(data)), 0) FROM changes")[0]
        blobs = execute(path, "SELECT coalesce(sum(length(data)), 0) FROM snapshots")[0]
        found.append((round(deltas / live_bytes), round(blobs / live_bytes)))
    assert [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 1), (0, 1), (1, 1), (2, 1), (3, 1), (0, 1)] == found


# --- where ------------------------------------------------------------------------------------------------------------


def test_without_a_path_the_state_lies_beside_the_pipeline_file(store, tmp_path: Path) -> None:
    assert tmp_path / ".fluxion" / "p.db" == store(path=None).path
    assert (tmp_path / ".fluxion" / "p.db").exists()


def test_nobody_else_may_read_it(store, path: Path, tmp_path: Path) -> None:
    store().claim("p")
    store(path=tmp_path / "new" / "state.db")
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, *tmp_path.glob("*.lock"), tmp_path / "new")]
    assert [0o600, 0o600, 0o700] == modes


def test_an_unknown_option_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"state\.pth: unknown option 'pth'; did you mean 'path'\?"):
        SqliteStateStore(pth="x")


def test_an_object_serves_one_run_at_a_time(store) -> None:
    made = store()
    with pytest.raises(FatalError, match="in use by another run; give each pipeline a SqliteStateStore of its own"):
        made.open(Context(pipeline_id="p"))


def test_an_object_can_be_opened_again_after_it_was_closed(store) -> None:
    made = store()
    made.claim("p")
    made.close()
    made.open(Context(pipeline_id="p"))
    assert 2 == made.claim("p").epoch


def test_it_seals_in_another_thread_than_it_was_opened_in(store, request_of) -> None:
    made = store()
    lease = made.claim("p")
    thread = threading.Thread(target=lambda: made.seal(request_of(lease, 1)))
    thread.start()
    thread.join()
    assert {"sink": 1} == made.load().sealed


@pytest.mark.parametrize("method", ["load", "snapshot"])
def test_what_needs_a_claim_says_so(store, method: str) -> None:
    with pytest.raises(ValueError, match="claim a pipeline first"):
        getattr(store(), method)()


def test_it_writes_ahead_and_waits_for_the_disk(store, path: Path) -> None:
    made = store()
    names = ("journal_mode", "synchronous", "secure_delete")
    pragmas = {name: made._sql.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    assert {"journal_mode": "wal", "synchronous": 2, "secure_delete": 2} == pragmas


# --- one seal is one transaction --------------------------------------------------------------------------------------


def test_a_process_killed_within_the_seal_has_sealed_nothing_of_it(owner, store) -> None:
    dying = owner(FLUXION_KILLPOINT="sealing:3", PATH=os.environ["PATH"])
    assert "claimed 1" == dying.answer()
    assert ["sealed 1", "sealed 2", ""] == [dying.seal() for _ in range(2)] + _last(dying)
    heir = store()
    assert 2 == heir.claim("p").epoch
    loaded = heir.load()
    assert ({"0": 2}, [1, 2], b"2" * 50) == (
        loaded.positions,
        [output.seq for output in loaded.outputs],
        {key: value for _, key, value in loaded.rows}[b"last"],
    )


def _last(process: Any) -> list[str]:
    process.send()
    return [process.answer()]


@pytest.mark.parametrize("seals_before", [1, 2, 5, 11])
def test_a_process_killed_at_any_time_leaves_a_whole_seal(owner, store, seals_before: int) -> None:
    dying = owner()
    dying.answer()
    dying.send(seals=400)
    for _ in range(seals_before):
        answer = dying.answer()
    dying.kill()
    heir = store()
    heir.claim("p")
    loaded = heir.load()
    seq = loaded.positions["0"]
    assert int(answer.split()[1]) <= seq
    assert list(range(1, seq + 1)) == [output.seq for output in loaded.outputs]
    rows = {key: value for _, key, value in loaded.rows}
    newest = {number % 7: number for number in range(1, seq + 1)}
    expected = {b"key %d" % group: b"%d" % number * 50 for group, number in newest.items()}
    assert {**expected, b"last": b"%d" % seq * 50} == rows


def test_a_file_that_a_killed_process_was_making_is_made_anew(store, path: Path, tmp_path: Path) -> None:
    making = tmp_path / "making.db"
    with closing(sqlite3.connect(making, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE pipelines (data)")
        connection.executemany("INSERT INTO pipelines VALUES (?)", [(b"x" * 1000,) for _ in range(200)])
        for name in ("making.db", "making.db-journal"):  # as a kill would leave them
            (tmp_path / name.replace("making.db", path.name)).write_bytes((tmp_path / name).read_bytes())
    assert 1 == store().claim("p").epoch


def test_a_full_disk_is_transient_and_the_same_seal_succeeds_later(store, request_of) -> None:
    made = store()
    lease = made.claim("p")
    made.seal(request_of(lease, 1))
    pages = made._sql.execute("PRAGMA page_count").fetchone()[0]
    made._sql.execute(f"PRAGMA max_page_count={pages}")
    large = request_of(lease, 2, outputs=[SealedOutput("sink", 2, 1, b"x" * 100_000)])
    with pytest.raises(TransientError, match=r"state.db: the state cannot be written just now \(.*full\); free space"):
        made.seal(large)
    assert {"0": 1} == made.load().positions
    made._sql.execute("PRAGMA max_page_count=1000000")
    made.seal(large)
    assert {"0": 2} == made.load().positions


def test_a_directory_that_finds_no_room_on_the_disk_is_one_for_later() -> None:
    made = unwritable(Path("state.db"), "the state file", OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(made, TransientError)
    assert "state.db: the state file cannot be made just now (No space left on device); free space on the disk" == str(made)


def test_a_file_that_another_process_writes_to_is_waited_for(store, request_of, path: Path) -> None:
    made = store(busy_timeout_seconds=0)
    lease = made.claim("p")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="another process is writing to the state file and does not end"):
            made.seal(request_of(lease, 1))
        other.execute("ROLLBACK")
    made.seal(request_of(lease, 1))
    assert {"0": 1} == made.load().positions


# --- the size of the state --------------------------------------------------------------------------------------------


def test_a_key_that_changes_for_ever_does_not_grow_the_state_for_ever(store, request_of) -> None:
    made = store()
    lease = made.claim("p")
    for seq in range(1, 121):
        value = os.urandom(20_000)
        made.seal(request_of(lease, seq, rows=[("g", b"key", value)], delivered={"sink": seq}))
    assert made.state_bytes < 600_000
    assert [("g", b"key", value)] == list(made.load().rows)


def test_deleted_keys_leave_the_state(store, request_of, path: Path) -> None:
    made = store()
    lease = made.claim("p")
    keys = [b"%d" % index for index in range(2000)]
    made.seal(request_of(lease, 1, rows=[("g", key, os.urandom(500)) for key in keys]))
    made.seal(request_of(lease, 2, rows=[("g", key, None) for key in keys[1:]]))
    for seq in range(3, 30):
        made.seal(request_of(lease, seq, rows=[("h", b"key", os.urandom(40_000))], delivered={"sink": seq}))
    assert made.state_bytes < 1_000_000
    assert {b"0", b"key"} == {key for _, key, _ in made.load().rows}


# --- damaged, cut, and foreign files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_state_file_cut_short_is_told_and_left_as_it_is(filled: Path, store, kept: float) -> None:
    os.truncate(filled, int(filled.stat().st_size * kept))
    before = filled.read_bytes()
    with pytest.raises(StateError) as caught:
        store()
    assert str(caught.value).startswith(f"{filled}: the state file is damaged (")
    assert "nothing was changed; restore it from a backup, or move it away to start from nothing" in str(caught.value)
    assert before == filled.read_bytes()


def test_a_state_file_cut_to_a_few_bytes_is_told(filled: Path, store) -> None:
    os.truncate(filled, 10)
    with pytest.raises(StateError, match="damaged"):
        store()


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_byte_never_goes_unnoticed(filled: Path, store, seed: int) -> None:
    """It is told, or it was in a place that means nothing: what is loaded is what was sealed."""
    undamaged = store()
    undamaged.claim("p")
    expected = sorted(undamaged.load().rows)
    undamaged.close()
    content = bytearray(filled.read_bytes())
    content[random.Random(seed).randrange(100, len(content))] ^= 0x55
    filled.write_bytes(content)
    with suppress(StateError, FatalError):
        made = store()
        made.claim("p")
        assert expected == sorted(made.load().rows)


def test_an_empty_file_is_a_new_one(path: Path, store) -> None:
    path.touch()
    assert 1 == store().claim("p").epoch


def test_a_text_is_no_state_file(path: Path, store) -> None:
    path.write_text("id: orders\nsource: {type: file}\n" * 100)
    with pytest.raises(StateError, match=r"state\.db: the state file is damaged \(file is not a database\)"):
        store()


def test_a_directory_is_no_state_file(path: Path, store) -> None:
    path.mkdir()
    with pytest.raises(FatalError) as caught:
        store()
    assert f"{path}: the path of the state is a directory; name a file in it, such as {path / 'state.db'}" == str(caught.value)


def test_a_database_of_another_program_is_left_alone(path: Path, store) -> None:
    execute(path, "CREATE TABLE precious (a)")
    before = path.read_bytes()
    with pytest.raises(StateError, match="a database of another program; expected a state file of Fluxion; set another path"):
        store()
    assert before == path.read_bytes()


def test_a_file_of_a_newer_version_is_left_alone(filled: Path, store) -> None:
    execute(filled, "PRAGMA user_version=99")
    before = filled.read_bytes()
    with pytest.raises(StateError, match="has schema version 99; this Fluxion reads up to 1; upgrade fluxion-core"):
        store()
    assert before == filled.read_bytes()


def test_a_damaged_row_is_told_with_its_pipeline_and_raises_no_epoch(filled: Path, store) -> None:
    execute(filled, "UPDATE pipelines SET progress = ?", b"FX\x01\x00\x00\x00\x00nonsense")
    with pytest.raises(StateError, match=r"state\.db: pipeline 'p': the checksum does not match: the state is damaged"):
        store().claim("p")
    assert (1,) == execute(filled, "SELECT epoch FROM pipelines")


def test_a_row_of_a_newer_version_says_so(filled: Path, store) -> None:
    execute(filled, "UPDATE pipelines SET progress = ?", b"FX\x02\x00\x00\x00\x00future")
    with pytest.raises(StateError, match="written in format 2; this version reads format 1; install the newer Fluxion again"):
        store().claim("p")


def test_damaged_keyed_state_is_told_when_it_is_loaded(filled: Path, store) -> None:
    execute(filled, "UPDATE changes SET data = substr(data, 1, 100)")
    execute(filled, "UPDATE snapshots SET data = substr(data, 1, 100)")
    made = store()
    made.claim("p")
    with pytest.raises(StateError, match=r"pipeline 'p': the checksum does not match"):
        made.load()


def test_a_damaged_output_is_never_delivered(filled: Path, store) -> None:
    execute(filled, "UPDATE outputs SET data = ? WHERE seq = 2", b"3")
    made = store()
    made.claim("p")
    with pytest.raises(StateError, match=r"damaged \(batch 2 for 'sink' of pipeline 'p' does not match its checksum\)"):
        made.load()


def test_another_pipelines_file_holds_nothing_for_this_one(filled: Path, store) -> None:
    made = store()
    lease = made.claim("other")
    assert (1, {}) == (lease.epoch, dict(made.load().positions))


def test_a_row_that_somebody_removed_fences_its_owner(store, request_of, path: Path) -> None:
    made = store()
    lease = made.claim("p")
    made.seal(request_of(lease, 1))
    execute(path, "DELETE FROM pipelines")
    with pytest.raises(FencedError, match="now owned by nobody: its row is gone"):
        made.seal(request_of(lease, 2))
