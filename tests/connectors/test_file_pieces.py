"""A file in pieces: wherever it is cut, the pieces hold the records that polling returns, and the same positions."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import pytest

from fluxion_core.connectors import FileSource
from fluxion_core.connectors.file_source import FileSourceOptions
from fluxion_core.spi import Context, EndOfInput, StateError, TransientError

CONTENTS = {
    "lines": b"".join(b'{"n":%d}\n' % n for n in range(50)),
    "no newline at the end": b'{"n":1}\n{"n":2}\n{"n":3}',
    "blank lines and carriage returns": b'\n\r\n{"n":1}\r\n\n\n{"n":2}\r\n{"n":3}\n',
    "a byte order mark": b'\xef\xbb\xbf{"n":1}\n{"n":2}\n',
    "a long line": b'{"n":1}\n{"n":"' + b"x" * 300 + b'"}\n{"n":2}\n',
    "a long line at the end": b'{"n":1}\n{"n":"' + b"x" * 300 + b'"}',
    "nothing": b"",
    "only blank lines": b"\n\n\n",
    "of many lengths": b"".join(b"%s\n" % (b"y" * Random(3 * n).randrange(40)) for n in range(100)),
}


def polled(made: FileSource) -> tuple[list[bytes], list[Any], Any]:
    """Return payloads, the place of each, and the last position."""
    payloads: list[bytes] = []
    places: list[Any] = []
    position: Any = None
    while True:
        try:
            batch = made.poll(1000, 0)
        except EndOfInput:
            return payloads, places, position
        payloads += batch.payload_list() or ()
        places += batch.record_positions or ()
        position = batch.positions.get("0", position)


def in_pieces(made: FileSource, context: Context) -> tuple[list[bytes], list[Any], Any]:
    """Return the same, read piece by piece by another object, the last piece first."""
    pieces = []
    while (piece := next_piece(made)) is not None:
        pieces.append(piece)
    reader = FileSource(made.config)
    read = [list(reader.read_piece(context, piece)) for piece in reversed(pieces)]
    reader.close()
    batches = [batch for piece in reversed(read) for batch in piece]
    payloads = [payload for batch in batches for payload in batch.payload_list() or ()]
    places = [place for batch in batches for place in batch.record_positions or ()]
    return payloads, places, batches[-1].positions["0"] if batches else None


def next_piece(made: FileSource) -> Any:
    try:
        return made.next_piece(0)
    except EndOfInput:
        return None


def bounds(piece: Any) -> list[int]:
    return [piece["from"], piece["to"]]


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 20, 64, 1000])
@pytest.mark.parametrize("name", CONTENTS)
def test_pieces_hold_what_polling_returns(source, context, tmp_path: Path, name: str, piece_bytes: int) -> None:
    (tmp_path / "in.ndjson").write_bytes(CONTENTS[name])
    options = {"piece_bytes": piece_bytes, "chunk_bytes": 16}
    assert polled(source(**options)) == in_pieces(source(**options), context)


@pytest.mark.parametrize("records_before", [1, 2, 17, 49])
def test_they_go_on_at_any_position(source, context, tmp_path: Path, records_before: int) -> None:
    (tmp_path / "in.ndjson").write_bytes(CONTENTS["lines"])
    begun = source()
    position = begun.poll(records_before, 0).positions["0"]
    assert polled(begun) == in_pieces(source(position, piece_bytes=11), context)


def test_a_line_that_is_too_long_is_cut(source, context, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(b'{"n":1}\n' + b"x" * 500_000 + b'\n{"n":2}\n')
    piece = {"from": 0, "to": 20, "head": crc32(b'{"n":1}\n' + b"x" * 12)}
    small = Context(pipeline_id="p", host=context.host, base_dir=tmp_path, max_record_bytes=100)
    payloads = [payload for batch in source().read_piece(small, piece) for payload in batch.payload_list() or ()]
    assert (2, True) == (len(payloads), 100 < len(payloads[1]) < 100_000)


def test_a_followed_file_gives_whole_lines_only(source, context, tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"n":1}\n{"n":2}\n{"n":')
    made = source(follow=True)
    assert ([0, 16], None) == (bounds(made.next_piece(0)), made.next_piece(0))
    with path.open("ab") as file:
        file.write(b'3}\n{"n":4}\n{"n"')
    assert ([16, 32], None) == (bounds(made.next_piece(0)), made.next_piece(0))


def test_pieces_of_a_followed_file_that_was_written_anew_with_the_same_content_and_more_are_read(
    source, context, tmp_path: Path
) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"n":1}\n')
    made, reader = source(follow=True), FileSource(FileSourceOptions(path=path, follow=True))
    payloads = []
    for content in (b'{"n":1}\n', b'{"n":1}\n{"n":2}\n'):
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").replace(path)
        for batch in reader.read_piece(context, made.next_piece(0)):
            payloads += batch.payload_list() or ()
    reader.close()
    assert [b'{"n":1}', b'{"n":2}'] == payloads


def test_a_followed_file_is_cut_up_when_much_of_it_is_there(source, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(b"0123456789\n" * 10 + b"rest")
    made = source(follow=True, piece_bytes=50)
    assert [[0, 50], [50, 100], [100, 110]] == [bounds(made.next_piece(0)) for _ in range(3)]
    assert made.next_piece(0) is None


def test_pieces_become_smaller_towards_the_end(source, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(b"0123456789\n" * 100)
    made = source(piece_bytes=80)
    sizes = [piece["to"] - piece["from"] for piece in iter(lambda: next_piece(made), None)]
    assert (1100, [80] * 6, sorted(sizes, reverse=True)) == (sum(sizes), sizes[:6], sizes)
    assert {10} == set(sizes[-9:-1])


def test_a_followed_file_that_was_replaced_by_one_that_begins_with_the_same_lines_is_told(source, tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"same\n" * 1000 + b"half a")
    made = source(follow=True)
    made.next_piece(0)
    path.write_bytes(b"same\n" * 500 + b"else\n" * 1000)
    with pytest.raises(StateError, match=r"the bytes before byte 5000, .* are others"):
        made.next_piece(0)


@pytest.mark.parametrize("content", [b"", b'{"m":1}\n{"n":2}\n{"n":3}\n{"n":4}\n'])
def test_a_followed_file_that_was_cut_or_replaced_is_told(source, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"n":1}\n{"n":2}\n')
    made = source(follow=True)
    made.next_piece(0)
    path.write_bytes(content)
    with pytest.raises(StateError, match="replaced"):
        made.next_piece(0)


def test_a_piece_that_is_not_there_any_more_is_told(source, context, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(b'{"n":1}\n')
    with pytest.raises(StateError, match="the file has 8 bytes, but was read up to byte 100"):
        list(source().read_piece(context, {"from": 0, "to": 100, "head": 0}))


def test_a_piece_of_another_file_is_told(source, context, tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"n":1}\n')
    piece = source().next_piece(0)
    path.write_bytes(b'{"m":1}\n')
    with pytest.raises(StateError, match="begins differently"):
        list(source().read_piece(context, piece))


def test_a_read_that_fails_is_transient(context, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "in.ndjson").write_bytes(b'{"n":1}\n')
    made = FileSource(FileSourceOptions(path=tmp_path / "in.ndjson"))

    class Failing:
        def seek(self, offset: int, whence: int = 0) -> None:
            raise OSError(5, "the disk is away")

        def close(self) -> None:
            return

    monkeypatch.setattr(context.host.files, "open", lambda path, mode: Failing())
    with pytest.raises(TransientError, match="at byte 0 or behind failed"):
        list(made.read_piece(context, {"from": 0, "to": 8, "head": 0}))
