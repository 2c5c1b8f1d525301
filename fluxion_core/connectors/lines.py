"""Cuts a stream of bytes into lines, a block of many at a time, in memory that a single endless line cannot fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import msgspec

__all__ = ["TAIL_BYTES", "LineCutter", "LineOffsets", "Lines"]

TAIL_BYTES = 1024
"""How much of the stream is known at every place where lines end, to tell whether it is still the same stream."""
_MOST_WANTED_BYTES = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines(msgspec.Struct, frozen=True):
    """Whole lines: *block* as a batch wants it, empty if there is no record, the offset behind them, and where each record begins.

    *tail* are the last bytes of the stream before that offset, ``TAIL_BYTES`` of them or as many as there are.
    """

    block: bytes
    end: int
    offsets: LineOffsets
    tail: bytes


class LineOffsets(Sequence[int]):
    """Where each record of a piece of the stream begins, worked out when first asked: only dead letters want to know."""

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw = raw
        self._start = start
        self._offsets: list[int] | None = None

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        """Return the offset of the record at *index*."""
        return self._all()[index]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._all())

    def _all(self) -> list[int]:
        if self._offsets is None:
            self._offsets = list(_record_offsets(self._raw, self._start))
        return self._offsets


def _record_offsets(raw: bytes, start: int) -> Iterator[int]:
    for line in raw.split(b"\n"):
        content = line.removeprefix(_BYTE_ORDER_MARK) if start == 0 else line
        if content.removesuffix(b"\r"):
            yield start
        start += len(line) + 1


class LineCutter:
    """Takes bytes in the order of the stream (:meth:`feed`) and gives back blocks of whole lines (:meth:`take`).

    Empty lines are no records, though they may stay in a block: looking for them would cost as much as reading. A carriage return
    before the newline vanishes, and so does a byte order mark at the start. Of a line longer than *max_line_bytes* only a few bytes
    more than that are kept and handed over: enough for the runtime to see that the record is too large, little enough for memory.
    *tail* are the last bytes before *offset*, where anybody wants to know the tail of what is cut.
    """

    def __init__(self, offset: int, max_line_bytes: int, tail: bytes = b"") -> None:
        self.offset = offset
        """Where what :meth:`take` returns next begins."""
        self.tail = tail
        """The last bytes before that."""
        self._waiting = b""
        self._fresh = b""  # what follows it: joined with it only as far as whole lines reach, which saves a copy of every byte
        self._unsearched = 0  # before this, there is no newline in _waiting
        self._kept_bytes = max_line_bytes + len(_BYTE_ORDER_MARK) + len(b"\r") + 1  # more than the limit without those two
        self._dropped = 0  # bytes of the line at _offset that are not kept any more
        self._dropped_tail = b""  # the last of them

    @property
    def read_offset(self) -> int:
        """Where the bytes that :meth:`feed` wants next stand in the stream."""
        return self.offset + len(self._waiting) + len(self._fresh) + self._dropped

    @property
    def partial(self) -> bool:
        """Whether the beginning of a line waits for its end."""
        return bool(self._waiting or self._fresh)

    def wanted_bytes(self, chunk_bytes: int) -> int:
        """Return how much to feed next: more for a long line, so that gathering it stays linear."""
        return max(chunk_bytes, min(len(self._waiting), _MOST_WANTED_BYTES))

    def feed(self, chunk: bytes) -> None:
        """Add the next bytes of the stream, after :meth:`take` has found no whole line in the earlier ones."""
        if len(self._waiting) >= self._kept_bytes:
            chunk = self._without_rest_of_line(chunk)
        self._fresh = chunk

    def _without_rest_of_line(self, chunk: bytes) -> bytes:
        keep = self._kept_bytes
        end = chunk.find(b"\n")
        end, left = (len(chunk), b"") if end < 0 else (end, chunk[end:])
        self._dropped += len(self._waiting) - keep + end
        self._dropped_tail = _last(_last(self._dropped_tail, self._waiting[keep:]), chunk[max(0, end - TAIL_BYTES) : end])
        self._waiting = self._waiting[:keep]
        self._unsearched = min(self._unsearched, keep)
        return left

    def take(self, max_records: int) -> Lines | None:
        """Return up to *max_records* whole lines, or ``None`` if no line is whole."""
        if self._fresh:
            fresh, self._fresh = self._fresh, b""
            end = fresh.rfind(b"\n") + 1
            if end and not self._dropped and self._unsearched == len(self._waiting):
                raw = b"".join((self._waiting, memoryview(fresh)[:end])) if self._waiting or end < len(fresh) else fresh
                return self._cut(raw, fresh[end:], max_records)
            self._waiting += fresh
        end = self._waiting.rfind(b"\n", self._unsearched) + 1
        if not end:
            self._unsearched = len(self._waiting)
            return None
        if self._dropped:
            end = self._waiting.index(b"\n") + 1
        return self._take(end, max_records)

    def take_rest(self) -> Lines | None:
        """Return the last line, which no newline ends, or ``None`` if there is none. The stream must have ended."""
        return self._take(len(self._waiting), 1) if self._waiting else None

    def _take(self, end: int, max_records: int) -> Lines:
        return self._cut(self._waiting[:end], self._waiting[end:], max_records)

    def _cut(self, raw: bytes, rest: bytes, max_records: int) -> Lines:
        """Return *max_records* lines of *raw* and keep the others, with *rest*, for the next time."""
        start = self.offset
        # A newline ends it still once that many were replaced: five times as fast as bytes.count.
        if len(raw) > max_records and raw.replace(b"\n", b"\r", max_records).endswith(b"\n"):
            end = len(b"\n".join(raw.split(b"\n", max_records)[:max_records])) + 1
            raw, rest = raw[:end], raw[end:] + rest
        self._waiting, self._unsearched = rest, 0
        self.offset += len(raw) + self._dropped
        if self._dropped:
            kept = raw.removesuffix(b"\n")
            self.tail = _last(_last(_last(self.tail, kept), self._dropped_tail), raw[len(kept) :])
            self._dropped, self._dropped_tail = 0, b""
        else:
            self.tail = _last(self.tail, raw)
        return Lines(_block(raw, first=start == 0), self.offset, LineOffsets(raw, start), self.tail)


def _last(earlier: bytes, later: bytes) -> bytes:
    """Return the tail of two pieces that follow each other."""
    return later[-TAIL_BYTES:] if len(later) >= TAIL_BYTES else (earlier + later)[-TAIL_BYTES:]


def _block(raw: bytes, *, first: bool) -> bytes:
    """Return *raw* as a batch wants it: a newline behind every record, and nothing if there is none."""
    if first and raw.startswith(_BYTE_ORDER_MARK):
        raw = raw[len(_BYTE_ORDER_MARK) :]
    if not raw.endswith(b"\n"):
        raw += b"\n"
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
    return raw.lstrip(b"\n")
