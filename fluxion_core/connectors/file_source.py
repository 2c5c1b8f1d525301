"""Source "file": the lines of a file, from any offset, to its end or for as long as it grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from os import SEEK_END
from pathlib import Path
from typing import IO, Any, ClassVar, Literal
from zlib import crc32

import attrs

from fluxion_core.connectors.file_pieces import end_of_last_line, lines_between, tail_at, whole_lines_bytes
from fluxion_core.connectors.lines import LineCutter, Lines
from fluxion_core.connectors.regular_files import no_regular_file
from fluxion_core.spi import (
    REQUIRED,
    Batch,
    Context,
    EndOfInput,
    FatalError,
    Json,
    Options,
    Source,
    Split,
    StateError,
    StreamDescriptor,
    TransientError,
    option,
)

__all__ = ["FileSource", "FileSourceOptions"]

_SPLIT = "0"
_HEAD_BYTES = 1024
_PIECES_LEFT = 8
"""A piece is no more than this part of what is left before the end, so that all processes end together, and no less than it of a whole one."""


@attrs.frozen
class FileSourceOptions(Options):
    """Which file, and whether it is still growing."""

    path: Path = option(REQUIRED, "The file to read: one record per line.", example="orders.ndjson", check=no_regular_file)
    follow: bool = option(
        False,
        "Whether to wait for more at the end of the file instead of ending there. One that is rotated or cut stops the pipeline.",
    )
    chunk_bytes: int = option(128 * 1024, "How much is read at a time.", minimum=1)
    piece_bytes: int = option(
        2 * 1024 * 1024, "With parallelism: how much of the file a process takes at a time; less towards its end.", minimum=1
    )
    look_again_seconds: float = option(0.02, "When following: how often to look whether the file has grown.", minimum=0.001)


class FileSource(Source[FileSourceOptions]):
    """Reads a file line by line, resuming at any line.

    A position is ``{"offset": bytes, "head": checksum, "tail": checksum}``; the checksums (CRC-32) are those of the file's first
    bytes and of the last bytes before the offset (1024 at most of each, and none behind the offset), so that another file under the
    same name is noticed, also one that begins with the same lines; a position from before there were tails is compared by its head.
    A change between the first 1024 bytes and the last is not noticed. Lines end with a newline, with or without a carriage return; empty lines are no records. The last line needs no newline, except in a file that is followed: there it is
    still being written. A line longer than the runtime's ``max_record_bytes`` arrives cut to a few bytes more, which the runtime
    refuses as too large; it never fills memory.
    """

    name: ClassVar[str] = "file"
    options: ClassVar[type[Options]] = FileSourceOptions
    prompt: ClassVar[bool] = True
    parallel: ClassVar[Literal["no", "pieces", "splits"]] = "pieces"

    def __init__(self, config: FileSourceOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._context = Context(pipeline_id="-")
        self._file: IO[Any] | None = None
        self._head = b""
        self._lines = LineCutter(0, 0)
        self._ended = False
        self._cut_to = 0  # where the next piece begins
        self._whole_to = 0  # before it, every line that is followed has its end
        self._tail = b""  # the last bytes before it, of a file that is followed
        self._stamp: tuple[int, ...] | None = None  # of the file when it was last found to be the same
        self._inode: tuple[int, ...] = ()  # of the file that is open

    @property
    def bounded(self) -> bool:
        """Whether the end of the file is the end of the input."""
        return not self.config.follow

    def splits(self, context: Context) -> Sequence[Split]:
        """Return the one split.

        Raises:
            FatalError: there is no such file, or it cannot be read.
        """
        self._open_file(context).close()
        return (Split(_SPLIT, str(self.config.path)),)

    def discover(self, context: Context) -> Sequence[StreamDescriptor]:
        """Return the file, if it is there."""
        files = context.host.files
        if not files.exists(self.config.path):
            return ()
        return (StreamDescriptor(str(self.config.path), {"bytes": files.size(self.config.path)}),)

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Stand at the position, after a look at whether it is still one of this file.

        Raises:
            FatalError: there is no such file, or it cannot be read.
            StateError: the file is shorter than the position, another one, or changed before it.
        """
        self.close()
        self._context = context
        position = positions.get(_SPLIT)
        offset = position["offset"] if isinstance(position, dict) else 0
        self._inode = (self._stamp_now() or ())[:2]  # before opening: if it is replaced meanwhile, it is opened once more
        self._file = self._open_file(context)
        self._head = _read(self._file, 0, min(_HEAD_BYTES, offset))
        tail = tail_at(self._file, offset)
        if offset:
            self._check(self._file, position, offset, tail)
        self._file.seek(offset)
        self._lines = LineCutter(offset, context.max_record_bytes, tail)
        self._ended = False
        self._stamp = None
        self._cut_to = self._whole_to = offset
        self._tail = tail

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return the next lines as one block.

        Raises:
            EndOfInput: the file is read to its end and not followed.
            StateError: the followed file became shorter than what was read, or was replaced.
            TransientError: the disk does not answer.
        """
        lines = self._next_lines(max_records)
        if lines is not None:
            return self._batch(lines)
        clock = self._context.host.clock
        deadline = clock.monotonic() + timeout_seconds
        while not self._context.stopping.is_set():
            if self._ended:
                raise EndOfInput
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            clock.wait(self._context.stopping, min(left, self.config.look_again_seconds))
            lines = self._next_lines(max_records)
            if lines is not None:
                return self._batch(lines)
        return Batch.empty()

    def next_piece(self, timeout_seconds: float) -> Json | None:
        """Return the next piece: the lines that start at byte ``from`` or behind it, and before byte ``to``.

        Of a file that is followed, only lines that are whole. No line is looked at, but for the last one of such a file. ``head`` is
        the checksum of the file's first bytes, as in a position.

        Raises:
            EndOfInput: the file has ended.
            FatalError: the file is not there any more.
            StateError: the file was cut or replaced.
        """
        clock = self._context.host.clock
        deadline = clock.monotonic() + timeout_seconds
        while (end := self._piece_end()) <= self._cut_to:
            if not self.config.follow:
                raise EndOfInput
            left = deadline - clock.monotonic()
            if left <= 0 or clock.wait(self._context.stopping, min(left, self.config.look_again_seconds)):
                return None
        start, self._cut_to = self._cut_to, end
        return {"from": start, "to": end, "head": crc32(self._head[:end])}

    def _piece_end(self) -> int:
        """Return where the next piece ends; no further than where it begins if nothing is waiting."""
        if self._cut_to >= self._whole_to and not self._ended:
            self._ended = not self.config.follow
            self._whole_to = self._whole_lines_end()
        left, most = self._whole_to - self._cut_to, self.config.piece_bytes
        if self._ended:
            most = min(most, max(left // _PIECES_LEFT, most // _PIECES_LEFT, 1))
        return self._cut_to + min(left, most)

    def _whole_lines_end(self) -> int:
        """Return the offset behind the last line that is whole by now."""
        if self.config.follow:
            self._check_growing(self._cut_to, self._cut_to, self._tail)
        with self._open_file(self._context) if self.config.follow else nullcontext(self._file) as file:
            if file is None:
                return self._cut_to
            if len(self._head) < _HEAD_BYTES:
                self._head = _read(file, 0, _HEAD_BYTES)
            size = int(file.seek(0, SEEK_END))
            if not self.config.follow:
                return size
            end = end_of_last_line(file, self._cut_to, size)
            self._tail = tail_at(file, end)
            return end

    def read_piece(self, context: Context, piece: Json) -> Iterator[Batch]:
        """Yield the lines of *piece*, a chunk as one block.

        Raises:
            FatalError: the file is not there, or cannot be read.
            StateError: the file is shorter than the piece, or another one.
            TransientError: reading failed for now.
        """
        if not isinstance(piece, dict):
            msg = f"{self.config.path}: {piece!r} is no piece of a file; expected from, to and head"
            raise TypeError(msg)
        start, end = piece["from"], piece["to"]
        self._context = context
        if self._file is None:
            self._file = self._open_file(context)
        try:
            size = int(self._file.seek(0, SEEK_END))
            if size < end and self.config.follow:  # another may have taken the name and grown, which next_piece has compared
                self.close()
                self._file = self._open_file(context)
                size = int(self._file.seek(0, SEEK_END))
            if size < end:
                raise StateError(self._shorter(size, end))
            if len(self._head) < _HEAD_BYTES:
                self._head = _read(self._file, 0, _HEAD_BYTES)
            if crc32(self._head[:end]) != piece["head"]:
                raise StateError(self._another(end))
            for lines in lines_between(self._file, start, end, context.max_record_bytes, self.config.chunk_bytes):
                yield self._batch(lines)
        except OSError as error:
            msg = f"{self.config.path}: reading at byte {start} or behind failed ({error.strerror})"
            raise TransientError(msg) from error

    def place(self, split: str, position: Json) -> str:
        """Return which byte of which file."""
        del split
        return f"byte {position} of {self.config.path}"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _next_lines(self, max_records: int) -> Lines | None:
        """Return the next lines that hold a record, or ``None`` at the end of what is there."""
        while not self._context.stopping.is_set():
            lines = self._lines.take(max_records)
            if lines is None and not self._fill():
                lines = self._at_end()
                if lines is None:
                    return None
            if lines is not None and lines.block:
                return lines
        return None

    def _fill(self) -> bool:
        """Read the next chunk; return whether there was one."""
        if self._ended or self._file is None:
            return False
        try:
            wanted = self._lines.wanted_bytes(self.config.chunk_bytes)
            if not self._lines.partial:
                wanted = whole_lines_bytes(self._file, self._lines.read_offset, wanted)
            chunk = self._file.read(wanted)
        except OSError as error:
            msg = f"{self.config.path}: reading at byte {self._lines.read_offset} failed ({error.strerror})"
            self._file.seek(self._lines.read_offset)
            raise TransientError(msg) from error
        if len(self._head) < _HEAD_BYTES:
            self._head = (self._head + chunk)[:_HEAD_BYTES]
        if chunk:
            self._lines.feed(chunk)
        return bool(chunk)

    def _at_end(self) -> Lines | None:
        if self.config.follow:
            self._check_growing(self._lines.read_offset, self._lines.offset, self._lines.tail)
            return None
        self._ended = True
        return self._lines.take_rest()

    def _batch(self, lines: Lines) -> Batch:
        return Batch(
            positions={_SPLIT: {"offset": lines.end, "head": crc32(self._head[: lines.end]), "tail": crc32(lines.tail)}},
            block=lines.block,
            record_positions=lines.offsets,
        )

    def _open_file(self, context: Context) -> IO[Any]:
        path = self.config.path
        if wrong := no_regular_file(path):  # before opening it, which would wait for the other end of a pipe
            raise FatalError(wrong)
        try:
            return context.host.files.open(path, "rb")
        except FileNotFoundError:
            msg = f"{path}: there is no such file; check the source's path (relative ones start at {context.base_dir})"
            raise FatalError(msg) from None
        except OSError as error:
            msg = f"{path}: the file cannot be read ({error.strerror}); check the source's path and its permissions"
            raise FatalError(msg) from error

    def _check(self, file: IO[Any], position: Json, offset: int, tail: bytes) -> None:
        """Refuse a position that is none of this file."""
        size = self._context.host.files.size(self.config.path)
        if size < offset:
            raise StateError(self._shorter(size, offset))
        if isinstance(position, dict) and position.get("head") != crc32(self._head):
            raise StateError(self._another(offset))
        if isinstance(position, dict) and position.get("tail", crc32(tail)) != crc32(tail):
            raise StateError(self._another_before(offset))
        before, here = tail[-1:], _read(file, offset, 1)
        if before != b"\n" and here not in (b"", b"\n", b"\r"):
            msg = (
                f"{self.config.path}: byte {offset}, where reading should go on, is in the middle of a line: the file was "
                "changed, or its last line was read before it was complete; put the file back, or start with new state"
            )
            raise StateError(msg)

    def _check_growing(self, offset: int, whole: int, tail: bytes) -> None:
        """Refuse to go on following a file that was read up to *offset*, and cut or replaced by one without *tail* before *whole*."""
        stamp = self._stamp_now()
        if stamp is not None and stamp == self._stamp:
            return
        with ExitStack() as closing:
            now = closing.enter_context(self._open_file(self._context))
            size = self._context.host.files.size(self.config.path)
            if size < offset:
                raise StateError(self._shorter(size, offset))
            if _read(now, 0, len(self._head)) != self._head:
                raise StateError(self._another(offset))
            if tail_at(now, whole) != tail:
                raise StateError(self._another_before(whole))
            if stamp is not None and stamp[:2] != self._inode:
                closing.pop_all()
                self._go_on_in(now, whole, tail)
                self._inode = stamp[:2]
        self._stamp = stamp

    def _go_on_in(self, file: IO[Any], whole: int, tail: bytes) -> None:
        """Read on in *file*, which has taken the name and holds the same up to *whole*, where the last whole line ends."""
        self.close()
        self._file = file
        self._file.seek(whole)
        self._head = self._head[:whole]
        self._lines = LineCutter(whole, self._context.max_record_bytes, tail)

    def _stamp_now(self) -> tuple[int, ...] | None:
        with suppress(OSError):  # opening the file tells what is wrong
            return self._context.host.files.stamp(self.config.path)
        return None

    def _shorter(self, size: int, offset: int) -> str:
        return (
            f"{self.config.path}: the file has {size} bytes, but was read up to byte {offset}: it was cut or replaced; "
            "put the file back, or start with new state"
        )

    def _another(self, offset: int) -> str:
        return (
            f"{self.config.path}: the file begins differently from the one that was read up to byte {offset}: it was replaced; "
            "put the file back, or start with new state"
        )

    def _another_before(self, offset: int) -> str:
        return (
            f"{self.config.path}: the bytes before byte {offset}, up to which the file was read, are others than those that were read: "
            "it was replaced; put the file back, or start with new state"
        )


def _read(file: IO[Any], offset: int, count: int) -> bytes:
    file.seek(offset)
    return bytes(file.read(count))
