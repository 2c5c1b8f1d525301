from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from fluxion_core.connectors import FileSink
from fluxion_core.connectors.file_sink import FileSinkOptions
from fluxion_core.errors import ConfigError
from fluxion_core.spi import Cursor, FatalError, Refusal, StateError, TransientError

CURSOR = "out.ndjson.fluxion"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that ``sink`` writes."""
    return tmp_path / "out.ndjson"


def mark_of(path: Path) -> Any:
    """Return the content of the cursor file."""
    return json.loads(path.with_name(CURSOR).read_bytes())


# --- exactly once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 1, 20, 39, 40])
def test_what_a_kill_left_behind_the_cursor_is_cut_off(path: Path, sink, sealed, lines, kept: int) -> None:
    """Killed after *kept* bytes of batch 2: between a write and its fsync, any part of it may be on the disk."""
    sink().write(sealed(1))
    with path.open("ab") as file:
        file.write(lines(2)[:kept])
    heir = sink(epoch=2)
    assert lines(1) == path.read_bytes()
    heir.write(sealed(2, epoch=2))
    assert lines(1, 2) == path.read_bytes()


def test_a_kill_between_the_records_and_the_cursor_repeats_nothing(path: Path, sink, sealed, lines) -> None:
    """Batch 2 is whole in the file, and the cursor does not know it."""
    sink().write(sealed(1))
    with path.open("ab") as file:
        file.write(lines(2))
    heir = sink(epoch=2)
    assert not heir.write(sealed(2, epoch=2)).duplicate
    assert lines(1, 2) == path.read_bytes()


def test_a_kill_before_the_first_cursor_begins_anew(path: Path, sink, sealed, lines) -> None:
    path.touch()
    sink().write(sealed(1))
    assert lines(1) == path.read_bytes()


def test_a_draft_of_the_cursor_does_not_count(path: Path, sink, sealed, lines) -> None:
    """Killed while the next cursor was being written beside the present one."""
    sink().write(sealed(1))
    path.with_name(f"{CURSOR}.new").write_bytes(b'{"pipeline":"p","inc')
    heir = sink(epoch=2)
    heir.write(sealed(2, epoch=2))
    assert lines(1, 2) == path.read_bytes()


def test_a_kill_within_a_write_and_another_within_the_repetition(path: Path, sink, sealed, lines, crashing) -> None:
    sink().write(sealed(1))
    for epoch in (2, 3):
        dying = sink(context=crashing("written-half"), epoch=epoch)
        with pytest.raises(BaseException, match="written-half"):
            dying.write(sealed(2, epoch=epoch))
    sink(epoch=4).write(sealed(2, epoch=4))
    assert lines(1, 2) == path.read_bytes()


def test_the_cursor_says_how_long_the_results_are(path: Path, sink, sealed) -> None:
    opened = sink(epoch=3)
    for seq in (1, 2):
        opened.write(sealed(seq, epoch=3))
    expected = {"pipeline": "p", "incarnation": "life", "epoch": 3, "seq": 2, "length": path.stat().st_size}
    assert expected == mark_of(path)


def test_results_that_became_shorter_are_an_error(path: Path, sink, sealed) -> None:
    sink().write(sealed(1))
    os.truncate(path, 5)
    with pytest.raises(
        StateError, match=r"the file has 5 bytes, its cursor out\.ndjson\.fluxion says \d+: results were removed"
    ):
        sink(epoch=2)
    assert 5 == path.stat().st_size


def test_results_that_became_shorter_while_the_sink_was_open_are_an_error(path: Path, sink, sealed) -> None:
    opened = sink()
    opened.write(sealed(1))
    os.truncate(path, 5)
    with pytest.raises(StateError, match="results were removed"):
        opened.write(sealed(2))


def test_results_that_are_gone_are_an_error(path: Path, sink, sealed) -> None:
    sink().write(sealed(1))
    path.unlink()
    with pytest.raises(StateError, match=r"the results are gone, but their cursor out\.ndjson\.fluxion is there"):
        sink(epoch=2)


def test_both_files_gone_is_a_new_beginning(path: Path, sink, sealed, lines) -> None:
    sink().write(sealed(1))
    path.unlink()
    path.with_name(CURSOR).unlink()
    sink(epoch=2).write(sealed(1, epoch=2))
    assert lines(1) == path.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xff", b"[]", b'{"pipeline":"p"}', b'{"seq":"one"}'])
def test_a_damaged_cursor_is_an_error_and_stays(path: Path, sink, sealed, lines, damage: bytes) -> None:
    sink().write(sealed(1))
    path.with_name(CURSOR).write_bytes(damage)
    with pytest.raises(
        StateError, match=r"fluxion: the cursor is damaged .*; put it back from a backup, or, to start over, remove"
    ):
        sink(epoch=2)
    assert (damage, lines(1)) == (path.with_name(CURSOR).read_bytes(), path.read_bytes())


def test_the_results_of_another_pipeline_are_an_error(path: Path, sink, sealed, context) -> None:
    sink().write(sealed(1))
    with pytest.raises(StateError, match="holds the results of pipeline 'p'; choose another path"):
        sink(context=attrs.evolve(context, pipeline_id="other"))


def test_the_directory_holds_nothing_but_results_and_cursor(path: Path, sink, sealed) -> None:
    opened = sink()
    for seq in (1, 2, 3):
        opened.write(sealed(seq))
    assert {"out.ndjson", CURSOR} == {entry.name for entry in path.parent.iterdir()}


# --- a file that is there already -------------------------------------------------------------------------------------


def test_a_file_that_is_not_ours_is_left_alone(path: Path, sink) -> None:
    path.write_bytes(b"precious\n")
    with pytest.raises(FatalError, match=r"is not empty, and no cursor .* set append: true to write behind its content"):
        sink()
    assert (b"precious\n", False) == (path.read_bytes(), path.with_name(CURSOR).exists())


@pytest.mark.parametrize("before", [b"precious\n", b"precious"])
def test_append_writes_behind_what_is_there(path: Path, sink, sealed, lines, before: bytes) -> None:
    path.write_bytes(before)
    opened = sink(append=True)
    for seq in (1, 2):
        opened.write(sealed(seq))
    assert b"precious\n" + lines(1, 2) == path.read_bytes()


def test_append_repeats_nothing_after_a_restart(path: Path, sink, sealed, lines) -> None:
    path.write_bytes(b"precious\n")
    sink(append=True).write(sealed(1))
    heir = sink(append=True, epoch=2)
    assert heir.write(sealed(1, epoch=2)).duplicate
    assert b"precious\n" + lines(1) == path.read_bytes()


def test_an_append_that_never_wrote_keeps_what_is_there(path: Path, sink, sealed, lines) -> None:
    """Opened and killed before the first batch, twice, with lines of somebody else in between."""
    path.write_bytes(b"one\n")
    sink(append=True)
    heir = sink(append=True, epoch=2)
    heir.write(sealed(1, epoch=2))
    assert b"one\n" + lines(1) == path.read_bytes()


# --- content ----------------------------------------------------------------------------------------------------------


def test_payloads_become_lines(path: Path, sink, sealed) -> None:
    sink().write(sealed(1, payload_column=[b"a", "ü".encode(), b""]))
    assert "a\nü\n\n".encode() == path.read_bytes()


def test_a_payload_with_a_newline_is_refused_and_tears_nothing(path: Path, sink, sealed) -> None:
    result = sink().write(sealed(1, payload_column=[b"a", b"b\nc", b"d"]))
    expected = [Refusal(1, "the payload holds a newline, which would tear it into two lines")]
    assert (expected, b"a\nd\n") == (list(result.refused), path.read_bytes())


def test_a_refusal_is_told_again_when_the_batch_comes_again(sink, sealed) -> None:
    """The first answer may have died with the process, and the refused record must not be lost."""
    opened = sink()
    batch = sealed(1, payload_column=[b"a", b"b\nc"])
    first, again = opened.write(batch), opened.write(batch)
    assert (list(first.refused), True) == (list(again.refused), again.duplicate)


def test_an_empty_batch_moves_the_cursor(path: Path, sink, sealed) -> None:
    opened = sink()
    opened.write(sealed(1, block=b""))
    opened.write(sealed(2, block=b""))
    assert (b"", 2) == (path.read_bytes(), mark_of(path)["seq"])


# --- a bad disk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1, 20, 30])
def test_a_full_disk_is_transient_and_leaves_no_half_batch(path: Path, sink, sealed, lines, disk, room: int) -> None:
    sink().write(sealed(1))
    disk.failing = {"out.ndjson": (room, errno.ENOSPC)}
    full = sink(epoch=2)
    with pytest.raises(TransientError, match=r"out\.ndjson: cannot be written just now \(.*\); free space on the disk"):
        full.write(sealed(2, epoch=2))
    assert lines(1) == path.read_bytes()
    disk.failing = {}
    free = sink(epoch=2)
    free.write(sealed(2, epoch=2))
    assert lines(1, 2) == path.read_bytes()


def test_a_disk_that_is_full_when_the_cursor_is_written(path: Path, sink, sealed, lines, disk) -> None:
    opened = sink()
    opened.write(sealed(1))
    disk.failing = {f"{CURSOR}.new": (3, errno.ENOSPC)}
    with pytest.raises(TransientError, match="cannot be written just now"):
        opened.write(sealed(2))
    disk.failing = {}
    opened.write(sealed(2))
    assert lines(1, 2) == path.read_bytes()


def test_a_sync_that_fails_is_no_success(path: Path, sink, sealed, lines, disk) -> None:
    opened = sink()
    opened.write(sealed(1))
    disk.sync_error = errno.EIO
    with pytest.raises(TransientError, match="cannot be written just now"):
        opened.write(sealed(2))
    disk.sync_error = None
    assert lines(1) == path.read_bytes()
    opened.write(sealed(2))
    assert (lines(1, 2), 2) == (path.read_bytes(), mark_of(path)["seq"])


def test_another_error_of_the_disk_is_fatal(sink, sealed, disk) -> None:
    disk.failing = {"out.ndjson": (0, errno.EROFS)}
    opened = sink()
    with pytest.raises(FatalError, match=r"out\.ndjson: cannot be written \(.*\); check the sink's path"):
        opened.write(sealed(1))


def test_a_missing_directory_is_fatal(context, tmp_path: Path) -> None:
    sink = FileSink(FileSinkOptions(path=tmp_path / "missing" / "out.ndjson"))
    with pytest.raises(FatalError, match=r"out\.ndjson: cannot be written \(No such file or directory\)"):
        sink.open(context)


def test_a_directory_is_no_file(path: Path, sink) -> None:
    path.mkdir()
    with pytest.raises(FatalError, match=r"cannot be written \(Is a directory\)"):
        sink()


def test_a_pipe_or_a_device_is_refused_before_anything_is_made(path: Path, sink) -> None:
    os.mkfifo(path)
    letter = f"{path} is a pipe, no regular file; use type: stdout, redirected with >"
    with pytest.raises(FatalError, match=f"^{letter}$"):
        sink()
    with pytest.raises(ConfigError, match=f"^sink.path: {letter}$"):
        FileSinkOptions.parse({"path": path}, where="sink")
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize(("name", "kind"), [("/dev/null", "a device"), ("/proc/self/fd/1", "")])
def test_streams_of_the_process_are_refused_wherever_they_lead(name: str, kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"^sink\.path: {name} is {kind}.*, no regular file; use type: stdout"):
        FileSinkOptions.parse({"path": name}, where="sink")


@pytest.mark.parametrize("relative", [True, False])
def test_a_link_to_what_is_not_there_yet_is_written_where_it_leads(
    path: Path, sink, sealed, lines, tmp_path: Path, *, relative: bool
) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    path.symlink_to(Path("there/target") if relative else target)
    sink().write(sealed(1))
    sink().write(sealed(2))
    assert (lines(1, 2), True) == (target.read_bytes(), path.is_symlink())


def test_a_file_that_somebody_else_is_writing_is_waited_for(path: Path, sink, sealed) -> None:
    opened = sink()
    with path.open("r+b") as other:
        fcntl.flock(other.fileno(), fcntl.LOCK_EX)
        with pytest.raises(TransientError, match="another process is writing to the file"):
            opened.write(sealed(1))
    assert not opened.write(sealed(1)).duplicate


def test_the_cursor_is_returned_by_open(sink, sealed) -> None:
    sink(epoch=7).write(sealed(1, epoch=7))
    heir = sink(epoch=8)
    assert Cursor("life", 7, 1) == heir.open(heir._context)


def test_a_sink_that_is_not_open_says_so(path: Path, sealed) -> None:
    with pytest.raises(ValueError, match="the sink is not open"):
        FileSink(FileSinkOptions(path=path)).write(sealed(1))
