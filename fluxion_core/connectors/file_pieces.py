"""Lines of a part of a file, wherever it is cut: a line belongs to the part in which it starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO, Any, Final

from fluxion_core.connectors.lines import LineCutter, Lines

__all__ = ["end_of_last_line", "lines_between"]

_STEP_BYTES: Final = 64 * 1024


def lines_between(file: IO[Any], start: int, end: int, max_line_bytes: int, chunk_bytes: int) -> Iterator[Lines]:
    """Yield the lines that start at byte *start* or behind it and before byte *end*, about *chunk_bytes* at a time."""
    first = start if start == 0 else _after_newline(file, start - 1)
    if first >= end:
        return
    cutter = LineCutter(first, max_line_bytes)
    file.seek(first)
    while cutter.read_offset < end and (chunk := file.read(min(chunk_bytes, end - cutter.read_offset))):
        cutter.feed(chunk)
        lines = cutter.take(sys.maxsize)
        if lines is not None and lines.block:
            yield lines
    last = _last_line(file, cutter)
    if last is not None and last.block:
        yield last


def _last_line(file: IO[Any], cutter: LineCutter) -> Lines | None:
    """Return the line that has begun and goes on where *file* stands."""
    while cutter.partial:
        chunk = file.read(cutter.wanted_bytes(_STEP_BYTES))
        if not chunk:
            return cutter.take_rest()
        cutter.feed(chunk)
        lines = cutter.take(1)
        if lines is not None:
            return lines
    return None


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
    while chunk := file.read(_STEP_BYTES):
        found = chunk.find(b"\n")
        if found >= 0:
            return offset + int(found) + 1
        offset += len(chunk)
    return offset
