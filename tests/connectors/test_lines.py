"""Lines cut from any stream, in any chunks, compared with the plain way of splitting it."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from fluxion_core.connectors.lines import LineCutter

STREAMS = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b"\n\n", b"\xef\xbb\xbf", b"x" * 30]), max_size=25).map(
    b"".join
)


def plainly(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield offset and content of every record."""
    offset = 0
    for line in stream.split(b"\n"):
        content = line.removeprefix(b"\xef\xbb\xbf") if offset == 0 else line
        content = content.removesuffix(b"\r")
        if content:
            yield offset, content
        offset += len(line) + 1


def cut(
    stream: bytes, start: int, chunk_bytes: int, max_records: int, max_line_bytes: int
) -> Iterator[tuple[int, list[tuple[int, bytes]]]]:
    """Yield, for each take, where reading would resume, and offset and content of its records."""
    cutter = LineCutter(start, max_line_bytes)
    while True:
        lines = cutter.take(max_records)
        if lines is None:
            chunk = stream[cutter.read_offset : cutter.read_offset + chunk_bytes]
            if chunk:
                cutter.feed(chunk)
                continue
            lines = cutter.take_rest()
        if lines is None:
            return
        records = [line for line in lines.block.split(b"\n") if line]
        assert bool(records) == bool(lines.block)
        assert len(records) == len(lines.offsets) <= max_records
        yield lines.end, list(zip(lines.offsets, records, strict=True))


@given(stream=STREAMS, chunk_bytes=st.integers(1, 40), max_records=st.integers(1, 5))
@example(stream=b"\xef\xbb\xbf\r\n", chunk_bytes=1, max_records=1)
@example(stream=b"a\r", chunk_bytes=1, max_records=1)
@example(stream=b"a\r\r\n", chunk_bytes=2, max_records=1)
def test_records_and_offsets_do_not_depend_on_the_chunks(stream: bytes, chunk_bytes: int, max_records: int) -> None:
    found = [record for _, records in cut(stream, 0, chunk_bytes, max_records, 1000) for record in records]
    assert list(plainly(stream)) == found


@given(stream=STREAMS, chunk_bytes=st.integers(1, 40), max_records=st.integers(1, 3), other_bytes=st.integers(1, 40))
def test_reading_resumes_at_every_offset(stream: bytes, chunk_bytes: int, max_records: int, other_bytes: int) -> None:
    before: list[tuple[int, bytes]] = []
    for end, records in cut(stream, 0, chunk_bytes, max_records, 1000):
        before += records
        after = [record for _, part in cut(stream, end, other_bytes, 2, 1000) for record in part]
        assert list(plainly(stream)) == before + after


@given(stream=STREAMS, chunk_bytes=st.integers(1, 40), max_records=st.integers(1, 3), most=st.integers(1, 40))
@example(stream=b"\xef\xbb\xbf\ra", chunk_bytes=1, max_records=1, most=3)
@example(stream=b"xx\ry", chunk_bytes=1, max_records=1, most=2)
def test_a_long_line_is_cut_but_stays_too_long_and_moves_nothing(
    stream: bytes, chunk_bytes: int, max_records: int, most: int
) -> None:
    """A line that was cut must never pass for a whole one, whatever byte the cut falls on."""
    found = [record for _, records in cut(stream, 0, chunk_bytes, max_records, most) for record in records]
    expected = list(plainly(stream))
    assert [offset for offset, _ in expected] == [offset for offset, _ in found]
    for (_, whole), (_, got) in zip(expected, found, strict=True):
        assert whole == got or (len(got) > most and whole.startswith(got))


@given(stream=STREAMS, chunk_bytes=st.integers(1, 40), most=st.integers(1, 40))
def test_what_is_kept_of_a_long_line_is_bounded(stream: bytes, chunk_bytes: int, most: int) -> None:
    cutter = LineCutter(0, most)
    for start in range(0, len(stream), chunk_bytes):
        while cutter.take(1) is not None:
            pass
        cutter.feed(stream[start : start + chunk_bytes])
        assert len(cutter._waiting) <= most + 5 + chunk_bytes
