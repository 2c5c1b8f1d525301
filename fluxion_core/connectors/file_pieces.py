"""Lines of a part of a file, wherever it is cut: a line belongs to the part in which it starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO, Any, Final

from fluxion_core.connectors.lines import TAIL_BYTES, LineCutter, Lines

__all__ = ["end_of_last_line", "lines_between", "tail_at", "whole_lines_bytes"]

_STEP_BYTES: Final = 64 * 1024
_NEAR_BYTES: Final = 1024
"""Within so many bytes a line mostly ends."""


def lines_between(file: IO[Any], start: int, end: int, max_line_bytes: int, chunk_bytes: int) -> Iterator[Lines]:
    """Yield the lines that start at byte *start* or behind it and before byte *end*, about *chunk_bytes* at a time."""
    first = start if start == 0 else _after_newline(file, start - 1)
    if first >= end:
        return
    last = _after_newline(file, end - 1)
    cutter = LineCutter(first, max_line_bytes, tail_at(file, first))
    file.seek(first)
    while cutter.read_offset < last:
        wanted = min(cutter.wanted_bytes(chunk_bytes), last - cutter.read_offset)
        if cutter.read_offset + wanted < last and not cutter.partial:
            wanted = whole_lines_bytes(file, cutter.read_offset, wanted)
        chunk = file.read(wanted)
        if not chunk:
            break
        cutter.feed(chunk)
        while (lines := cutter.take(sys.maxsize)) is not None:
            if lines.block:
                yield lines
    rest = cutter.take_rest()
    if rest is not None and rest.block:
        yield rest


def tail_at(file: IO[Any], offset: int) -> bytes:
    """Return the last bytes before *offset*: ``TAIL_BYTES``, or as many as there are."""
    start = max(0, offset - TAIL_BYTES)
    file.seek(start)
    return bytes(file.read(offset - start))


def whole_lines_bytes(file: IO[Any], start: int, wanted: int) -> int:
    """Return how much to read at byte *start*, where *file* stands: as far as a line ends, if one does near where *wanted* bytes do.

    What is cut within a line has to be copied.
    """
    if wanted < 2 * _NEAR_BYTES:
        return wanted
    file.seek(start + wanted - _NEAR_BYTES)
    tail = bytes(file.read(_NEAR_BYTES))
    file.seek(start)
    return wanted - _NEAR_BYTES + tail.rfind(b"\n") + 1 if b"\n" in tail else wanted


def end_of_last_line(file: IO[Any], start: int, size: int) -> int:
    """Return the offset behind the last newline in bytes *start* to *size*, or *start* if there is none."""
    at = size
    while at > start:
        begin = max(start, at - _STEP_BYTES)
        file.seek(begin)
        found = file.read(at - begin).rfind(b"\n")
        if found >= 0:
            return begin + int(found) + 1
        at = begin
    return start


def _after_newline(file: IO[Any], offset: int) -> int:
    """Return the offset behind the first newline at *offset* or behind it; that of the end if there is none."""
    file.seek(offset)
    step = _NEAR_BYTES
    while chunk := file.read(step):
        found = chunk.find(b"\n")
        if found >= 0:
            return offset + int(found) + 1
        offset += len(chunk)
        step = _STEP_BYTES
    return offset
