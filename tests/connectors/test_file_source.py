from __future__ import annotations

import json
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import attrs
import pytest

from fluxion_core.connectors import FileSource
from fluxion_core.connectors.file_source import FileSourceOptions
from fluxion_core.errors import ConfigError
from fluxion_core.spi import Context, EndOfInput, FatalError, StateError, TransientError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that ``source`` reads."""
    return tmp_path / "in.ndjson"


def read_all(source: FileSource, max_records: int = 1000) -> tuple[list[bytes], Any]:
    """Return the records up to the end, or to where nothing is waiting, and the last position."""
    records: list[bytes] = []
    position = None
    while True:
        try:
            batch = source.poll(max_records, 0)
        except EndOfInput:
            return records, position
        if not len(batch):
            return records, position
        records += batch.payload_list() or ()
        position = batch.positions["0"]


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"", []),
        (b"\n", []),
        (b"\n\r\n\n", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\r\nb", [b"a", b"b"]),
        (b"\n\na\n\n\nb\n\n", [b"a", b"b"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"\xef\xbb\xbfa\nb\n", [b"a", b"b"]),
        (b"\xef\xbb\xbf\na\n", [b"a"]),
        (b"a\n\xef\xbb\xbfb\n", [b"a", b"\xef\xbb\xbfb"]),
        ("ü\n😀\n".encode(), ["ü".encode(), "😀".encode()]),
        (b"\xff\xfe\n\x00\n", [b"\xff\xfe", b"\x00"]),
        (b" \n", [b" "]),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 65536])
def test_lines_are_records(path: Path, source, content: bytes, records: list[bytes], chunk_bytes: int) -> None:
    path.write_bytes(content)
    assert records == read_all(source(chunk_bytes=chunk_bytes))[0]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("chunk_bytes", [2048, 4096, 5000])
def test_lines_shorter_and_longer_than_what_is_looked_back_at_are_records(
    path: Path, source, chunk_bytes: int, ending: bytes
) -> None:
    records = [
        b"%d" % length * (length // 4 + 1) for length in [*range(0, 9000, 500), *range(40), 1023, 1024, 1025, *range(300)]
    ]
    path.write_bytes(ending.join(records))
    assert records == read_all(source(chunk_bytes=chunk_bytes))[0]


def test_what_is_read_ends_with_a_line_where_lines_are_short(path: Path, source) -> None:
    path.write_bytes(b"a line\n" * 1000)
    opened = source(chunk_bytes=4096)
    batch = opened.poll(1000, 0)
    assert (585, 585 * 7) == (len(batch), batch.positions["0"]["offset"])
    assert batch.positions["0"]["offset"] == opened._file.tell()


@pytest.mark.parametrize("chunk_bytes", [1, 3, 65536])
@pytest.mark.parametrize("max_records", [1, 2, 1000])
def test_every_record_knows_the_offset_of_its_line(path: Path, source, chunk_bytes: int, max_records: int) -> None:
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n\ntwo\nthree")
    opened, offsets = source(chunk_bytes=chunk_bytes), []
    for _ in range(3):
        try:
            offsets += opened.poll(max_records, 0).record_positions
        except EndOfInput:
            break
    assert [0, 11, 15] == offsets


def test_a_torn_last_line_is_a_record_like_any_other(path: Path, source) -> None:
    path.write_bytes(b'{"n":1}\n{"n":')
    assert [b'{"n":1}', b'{"n":'] == read_all(source())[0]


def test_positions_move_over_empty_lines_with_the_records_before_them(path: Path, source) -> None:
    path.write_bytes(b"a\n\n\n\nb\n")
    opened = source()
    assert 2 == opened.poll(1, 0).positions["0"]["offset"]
    assert 7 == opened.poll(1, 0).positions["0"]["offset"]


# --- resuming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"a\nbb\nccc\n", b"a\r\nbb\r\nccc", b"\n\na\n\nbb\nccc\n\n"])
@pytest.mark.parametrize("chunk_bytes", [1, 4, 65536])
def test_reading_resumes_behind_every_record(path: Path, source, content: bytes, chunk_bytes: int) -> None:
    path.write_bytes(content)
    opened, before = source(chunk_bytes=chunk_bytes), []
    for _ in range(3):
        batch = opened.poll(1, 0)
        before += batch.payload_list()
        position = json.loads(json.dumps(batch.positions["0"]))
        assert [b"a", b"bb", b"ccc"] == before + read_all(source(position))[0]


def test_a_file_that_grew_since_its_end_was_read_goes_on(path: Path, source) -> None:
    path.write_bytes(b"a\n")
    _, position = read_all(source())
    with path.open("ab") as file:
        file.write(b"b\n")
    assert [b"b"] == read_all(source(position))[0]


def test_a_file_whose_last_line_got_its_newline_later_goes_on(path: Path, source) -> None:
    path.write_bytes(b"a\nb")
    _, position = read_all(source())
    with path.open("ab") as file:
        file.write(b"\r\nc\n")
    assert [b"c"] == read_all(source(position))[0]


def test_a_last_line_that_grew_after_it_was_read_is_an_error(path: Path, source) -> None:
    path.write_bytes(b'a\n{"n":1')
    _, position = read_all(source())
    with path.open("ab") as file:
        file.write(b"2}\n")
    with pytest.raises(StateError, match=r"byte 8, where reading should go on, is in the middle of a line"):
        source(position)


def test_a_file_that_became_shorter_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"a\nb\nc\n")
    _, position = read_all(source())
    path.write_bytes(b"a\n")
    with pytest.raises(StateError, match=r"has 2 bytes, but was read up to byte 6: .*; put the file back"):
        source(position)


def test_another_file_under_the_same_name_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"a\nb\n")
    _, position = read_all(source())
    path.write_bytes(b"x\ny\nz\n")
    with pytest.raises(StateError, match="begins differently from the one that was read up to byte 4"):
        source(position)


def test_another_file_that_begins_with_the_same_lines_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"".join(b"line %04d\n" % n for n in range(1000)))
    _, position = read_all(source())
    path.write_bytes(b"".join(b"line %04d\n" % (n if n < 500 else n + 5000) for n in range(2000)))
    with pytest.raises(
        StateError, match=r"the bytes before byte 10000, .* are others than those that were read: it was replaced"
    ):
        source(position)


def test_a_position_from_before_there_were_tails_is_still_one(path: Path, source) -> None:
    path.write_bytes(b"a\nb\nc\n")
    position = source().poll(2, 0).positions["0"]
    del position["tail"]
    assert [b"c"] == read_all(source(position))[0]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100, 65536])
@pytest.mark.parametrize("max_records", [1, 3, 1000])
def test_a_position_has_the_checksum_of_the_bytes_before_it(
    path: Path, source, context: Context, chunk_bytes: int, max_records: int
) -> None:
    content = b"\xef\xbb\xbfa\r\n\n" + b"bc\n" * 500 + b"d" * 3000 + b"\n" + b"e" * 200 + b"\r\n\n\nf\n" + b"g" * 150
    path.write_bytes(content)
    opened, found = source(context=attrs.evolve(context, max_record_bytes=100), chunk_bytes=chunk_bytes), []
    with suppress(EndOfInput):
        while True:
            found.append(opened.poll(max_records, 0).positions["0"])
    offsets = [position["offset"] for position in found]
    assert len(content) == offsets[-1]
    assert [crc32(content[max(0, end - 1024) : end]) for end in offsets] == [position["tail"] for position in found]


def test_a_change_behind_what_was_read_is_none(path: Path, source) -> None:
    path.write_bytes(b"a\nold\n")
    position = source().poll(1, 0).positions["0"]
    path.write_bytes(b"a\nnew\n")
    assert [b"new"] == read_all(source(position))[0]


def test_a_large_file_is_known_by_its_first_bytes(path: Path, source) -> None:
    path.write_bytes(b"x" * 5000 + b"\nb\nc\n")
    position = source().poll(2, 0).positions["0"]
    assert [b"c"] == read_all(source(position))[0]


# --- following --------------------------------------------------------------------------------------------------------


def test_a_followed_file_is_read_as_it_grows(path: Path, source) -> None:
    path.write_bytes(b"a\n")
    opened = source(follow=True)
    with path.open("ab", buffering=0) as file:
        assert [b"a"] == opened.poll(10, 0).payload_list()
        assert 0 == len(opened.poll(10, 0))
        file.write(b"b\nc\n")
        assert [b"b", b"c"] == opened.poll(10, 0).payload_list()


def test_a_line_that_is_being_written_is_waited_for(path: Path, source) -> None:
    path.write_bytes(b"a\n{half")
    opened = source(follow=True)
    assert [b"a"] == read_all(opened)[0]
    with path.open("ab", buffering=0) as file:
        file.write(b" and half")
        assert 0 == len(opened.poll(10, 0))
        file.write(b"}\n")
    assert [b"{half and half}"] == opened.poll(10, 0).payload_list()


def test_a_line_that_is_being_written_behind_many_is_waited_for(path: Path, source) -> None:
    path.write_bytes(b"a line\n" * 600 + b"beg")
    opened = source(follow=True, chunk_bytes=4096)
    assert [b"a line"] * 600 == read_all(opened)[0]
    with path.open("ab") as file:
        file.write(b"un\n" + b"another\n" * 600)
    assert [b"begun", *[b"another"] * 600] == read_all(opened)[0]


def test_the_position_of_a_followed_file_is_never_inside_a_line(path: Path, source) -> None:
    path.write_bytes(b"a\n{half")
    _, position = read_all(source(follow=True))
    assert 2 == position["offset"]


def test_a_followed_file_is_unbounded(path: Path) -> None:
    assert (True, False) == tuple(FileSource(FileSourceOptions(path=path, follow=follow)).bounded for follow in (False, True))


def test_a_followed_file_that_is_cut_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"a\nb\n")
    opened = source(follow=True)
    read_all(opened)
    os.truncate(path, 2)
    with pytest.raises(StateError, match="cut or replaced"):
        opened.poll(10, 0)


def test_a_followed_file_that_is_replaced_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"a\nb\n")
    opened = source(follow=True)
    read_all(opened)
    other = path.with_name("other")
    other.write_bytes(b"x\ny\nz\n")
    other.replace(path)
    with pytest.raises(StateError, match="it was replaced"):
        opened.poll(10, 0)


def test_a_followed_file_that_is_replaced_by_one_that_begins_with_the_same_lines_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"same\n" * 1000 + b"half a")
    opened = source(follow=True)
    read_all(opened)
    other = path.with_name("other")
    other.write_bytes(b"same\n" * 500 + b"else\n" * 1000)
    other.replace(path)
    with pytest.raises(StateError, match=r"the bytes before byte 5000, .* are others"):
        opened.poll(10, 0)


def test_a_followed_file_that_was_written_anew_with_the_same_content_and_more_goes_on(path: Path, source) -> None:
    """As an editor or rsync does it: the file that is open does not grow any more."""
    path.write_bytes(b"a\nbe")
    opened, records = source(follow=True), []
    for content in (
        b"a\nbe",
        b"a\nbegun\nc\nd",
        b"a\nbegun\nc\nd\n" + b"e\n" * 2000,
        b"a\nbegun\nc\nd\n" + b"e\n" * 2000 + b"f\n",
    ):
        other = path.with_name("other")
        other.write_bytes(content)
        other.replace(path)
        records += read_all(opened)[0] + read_all(opened)[0]
    assert [b"a", b"begun", b"c", b"d", *[b"e"] * 2000, b"f"] == records
    assert [] == read_all(source(read_all(source(follow=True))[1]))[0]


def test_a_followed_file_that_is_gone_is_an_error(path: Path, source) -> None:
    path.write_bytes(b"a\n")
    opened = source(follow=True)
    read_all(opened)
    path.unlink()
    with pytest.raises(FatalError, match="there is no such file"):
        opened.poll(10, 0)


def test_an_empty_file_can_be_followed(path: Path, source) -> None:
    path.touch()
    opened = source(follow=True)
    assert 0 == len(opened.poll(10, 0))
    path.write_bytes(b"a\n")
    assert [b"a"] == opened.poll(10, 0).payload_list()


# --- long lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [1, 64, 100_000])
def test_a_line_that_is_too_long_arrives_cut_and_the_next_one_whole(
    path: Path, source, context: Context, chunk_bytes: int
) -> None:

    path.write_bytes(b"a\n" + b"x" * 20_000 + b"\nb\n")
    opened = source(context=attrs.evolve(context, max_record_bytes=100), chunk_bytes=chunk_bytes)
    records, position = read_all(opened)
    # a chunk that holds the whole line costs no more memory when it is not cut
    assert [b"a", b"b"] == [record for record in records if len(record) < 100]
    assert 3 == len(records)
    assert len(records[1]) > 100
    assert 20_005 == position["offset"]


def test_one_endless_line_does_not_fill_memory(path: Path, source, context: Context) -> None:

    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)  # a hole: 64 MB of zeros and no newline
    opened = source(context=attrs.evolve(context, max_record_bytes=1024 * 1024))
    tracemalloc.start()
    try:
        records, position = read_all(opened)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [1024 * 1024 + 5] == list(map(len, records))
    assert 64 * 1024 * 1024 == position["offset"]
    assert peak < 16 * 1024 * 1024


def test_reading_resumes_behind_a_line_that_was_cut(path: Path, source, context: Context) -> None:

    path.write_bytes(b"x" * 1000 + b"\nb\n")
    small = attrs.evolve(context, max_record_bytes=10)
    position = source(context=small, chunk_bytes=7).poll(1, 0).positions["0"]
    assert [b"b"] == read_all(source(position, context=small))[0]


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_told_with_where_relative_paths_start(path: Path, source, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=f"in.ndjson: there is no such file; .* start at {tmp_path}"):
        source()


def test_a_missing_file_is_told_before_anything_opens(path: Path, context: Context) -> None:
    with pytest.raises(FatalError, match="there is no such file"):
        FileSource(FileSourceOptions(path=path)).splits(context)


def test_a_directory_is_no_file(path: Path, source) -> None:
    path.mkdir()
    with pytest.raises(FatalError, match=r"the file cannot be read \(Is a directory\)"):
        source()


def test_a_pipe_is_no_regular_file(path: Path, context: Context) -> None:
    os.mkfifo(path)
    letter = f"{path} is a pipe, no regular file; use type: stdin, redirected with <"
    with pytest.raises(FatalError, match=f"^{letter}$"):
        FileSource(FileSourceOptions(path=path)).splits(context)
    with pytest.raises(ConfigError, match=f"^source.path: {letter}$"):
        FileSourceOptions.parse({"path": path}, where="source")


def test_an_empty_path_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"source.path: '' \(text\) does not fit; expected a path"):
        FileSourceOptions.parse({"path": ""}, where="source")


def test_a_read_that_fails_is_transient_and_loses_nothing(path: Path, source, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"a\nb\n")
    opened = source(chunk_bytes=2)
    assert [b"a"] == opened.poll(1, 0).payload_list()
    whole = opened._file

    class Failing:
        """Fails to read once."""

        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def read(self, _: int) -> bytes:
            """Fail, and be whole again."""
            opened._file = whole
            whole.seek(0)  # a failed read may leave the file anywhere
            raise OSError(5, "Input/output error")

    opened._file = Failing()
    with pytest.raises(TransientError, match=r"reading at byte 2 failed \(Input/output error\)"):
        opened.poll(1, 0)
    assert [b"b"] == read_all(opened)[0]


def test_discovery_finds_the_file(path: Path, context: Context) -> None:
    source = FileSource(FileSourceOptions(path=path))
    assert () == source.discover(context)
    path.write_bytes(b"abc")
    assert [(str(path), {"bytes": 3})] == [(stream.name, stream.details) for stream in source.discover(context)]
