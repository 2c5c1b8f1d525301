"""Sink "file": one line per document, exactly once over any number of crashes.

Beside the results lies a cursor, ``<path>.fluxion``: which batch was written last, and how long the results were then. A batch
is written behind that length and synced; then the cursor is replaced in one step. Whatever a crash leaves behind the length is
cut off by the next write. So every batch is in the file as a whole or not at all, whenever the process dies.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, ClassVar

import attrs
import msgspec

from fluxion_core.connectors.regular_files import no_place_to_write
from fluxion_core.spi import (
    REQUIRED,
    Context,
    Cursor,
    FatalError,
    Options,
    Refusal,
    SealedBatch,
    Sink,
    StateError,
    TransientError,
    WriteResult,
    is_duplicate,
    option,
)

__all__ = ["FileSink", "FileSinkOptions"]

_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EAGAIN, errno.EINTR)
_ALL_THREE = "the results, their cursor and the pipeline's state"


@attrs.frozen
class FileSinkOptions(Options):
    """Which file, and what becomes of one that is there already."""

    path: Path = option(
        REQUIRED, "The file to write: one line per document.", example="results.ndjson", check=no_place_to_write
    )
    append: bool = option(False, "Whether to write behind what a file that Fluxion did not write already holds.")


class _Mark(msgspec.Struct, forbid_unknown_fields=True):
    """The content of the cursor file: *length* is that of the results up to and including batch *seq*."""

    pipeline: str
    incarnation: str
    epoch: int
    seq: int
    length: int

    def cursor(self) -> Cursor | None:
        """Return what of this the runtime compares, ``None`` if no batch was written."""
        return Cursor(self.incarnation, self.epoch, self.seq) if self.seq else None


class FileSink(Sink[FileSinkOptions]):
    """Writes one line per document, in order; after any number of crashes and restarts no line is missing, repeated or torn.

    A cursor file, ``<path>.fluxion``, lies beside the results and belongs to them: move, copy or remove both together. The
    results may be read at any time; lines behind the cursor's length belong to a batch that is being written.
    """

    name: ClassVar[str] = "file"
    options: ClassVar[type[Options]] = FileSinkOptions
    dedupe = "batch"

    def __init__(self, config: FileSinkOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._cursor_path = config.path.with_name(f"{config.path.name}.fluxion")
        self._context = Context(pipeline_id="-")
        self._file: IO[Any] | None = None

    def open(self, context: Context) -> Cursor | None:
        """Open or make the results, cut off what an interrupted write left, and return what they hold.

        Raises:
            StateError: the results are shorter than the cursor says, the cursor is damaged, or both are another pipeline's.
            FatalError: the file cannot be written, or holds something that Fluxion did not write and *append* is not set.
            TransientError: the disk is full, or another process is writing.
        """
        self.close()
        self._context = context
        if wrong := no_place_to_write(self.config.path):
            raise FatalError(wrong)
        with self._letters():
            self._file = self._open_results()
            with self._locked(self._file):
                mark = self._read_mark() or self._begin(self._file)
                self._cut(self._file, mark)
        return mark.cursor()

    def write(self, batch: SealedBatch) -> WriteResult:
        """Write *batch* and its cursor durably.

        Raises:
            FencedError: a newer owner has written.
            StateError: the batch does not follow the last one, or results and cursor do not belong together.
            TransientError: the disk is full, or another process is writing; the batch was not written.
            FatalError: the file cannot be written.
        """
        data, refused = _lines(batch)
        if self._file is None:
            msg = "the sink is not open"
            raise ValueError(msg)
        with self._letters(), self._locked(self._file):
            mark = self._read_mark() or self._begin(self._file)
            duplicate = is_duplicate(mark.cursor(), batch, str(self.config.path))
            if not duplicate:
                self._cut(self._file, mark)
                self._append(self._file, mark.length, data)
                self._write_mark(_Mark(batch.pipeline_id, batch.incarnation, batch.epoch, batch.seq, mark.length + len(data)))
        return WriteResult(refused, duplicate)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_results(self) -> IO[Any]:
        files, path, cursor = self._context.host.files, self.config.path, self._cursor_path
        if files.exists(path):
            return files.open(path, "r+b")
        if files.exists(cursor):
            msg = (
                f"{path}: the results are gone, but their cursor {cursor.name} is there; put them back, or, to start over, "
                "remove the cursor and the pipeline's state too"
            )
            raise StateError(msg)
        target = Path(os.path.realpath(path))  # a link may lead to what is not there yet
        file = files.open(target, "x+b")
        files.sync_directory(target.parent)
        return file

    def _begin(self, file: IO[Any]) -> _Mark:
        """Write the first cursor, behind what the file holds already."""
        path = self.config.path
        length = self._context.host.files.size(path)
        if length and not self.config.append:
            msg = (
                f"{path}: the file is not empty, and no cursor {self._cursor_path.name} says that Fluxion wrote it; "
                "choose another path, move the file away, or set append: true to write behind its content"
            )
            raise FatalError(msg)
        if length and _byte_at(file, length - 1) != b"\n":
            _write_all(file, length, b"\n")
            self._context.host.files.sync(file)
            length += 1
        mark = _Mark(self._context.pipeline_id, self._context.incarnation, self._context.epoch, 0, length)
        self._write_mark(mark)
        return mark

    def _read_mark(self) -> _Mark | None:
        """Return the content of the cursor file; ``None`` if there is none, or none that counts."""
        try:
            with self._context.host.files.open(self._cursor_path, "rb") as file:
                mark = msgspec.json.decode(file.read(), type=_Mark)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            where = self._cursor_path
            msg = f"{where}: the cursor is damaged ({error}); put it back from a backup, or, to start over, remove {_ALL_THREE}"
            raise StateError(msg) from error
        if mark.seq and mark.pipeline != self._context.pipeline_id:
            msg = f"{self.config.path}: holds the results of pipeline '{mark.pipeline}'; choose another path, or move it away"
            raise StateError(msg)
        return mark

    def _write_mark(self, mark: _Mark) -> None:
        files = self._context.host.files
        draft = self._cursor_path.with_name(f"{self._cursor_path.name}.new")
        with files.open(draft, "wb") as file:
            _write_all(file, 0, msgspec.json.encode(mark) + b"\n")
            files.sync(file)
        files.replace(draft, self._cursor_path)

    def _cut(self, file: IO[Any], mark: _Mark) -> None:
        """Cut off what lies behind the cursor's length: the traces of a write that did not end."""
        length = self._context.host.files.size(self.config.path)
        if length < mark.length:
            msg = (
                f"{self.config.path}: the file has {length} bytes, its cursor {self._cursor_path.name} says {mark.length}: "
                f"results were removed; put them back, or, to start over, remove {_ALL_THREE}"
            )
            raise StateError(msg)
        if length > mark.length:
            file.truncate(mark.length)

    def _append(self, file: IO[Any], length: int, data: bytes) -> None:
        half, view = len(data) // 2, memoryview(data)  # whose parts are no copies
        try:
            _write_all(file, length, view[:half])
            self._context.host.reach("written-half")
            _write_all(file, length + half, view[half:])
            self._context.host.files.sync(file)
        except OSError:
            with suppress(OSError):  # the next write cuts it off if this cannot
                file.truncate(length)
            raise

    @contextmanager
    def _locked(self, file: IO[Any]) -> Iterator[None]:
        files = self._context.host.files
        if not files.try_lock(file):
            msg = f"{self.config.path}: another process is writing to the file; one pipeline at a time can"
            raise TransientError(msg)
        try:
            yield
        finally:
            files.unlock(file)

    @contextmanager
    def _letters(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where, what = self.config.path, error.strerror or error
            if error.errno in _PASSING:
                msg = f"{where}: cannot be written just now ({what}); free space on the disk, or check it"
                raise TransientError(msg) from error
            msg = f"{where}: cannot be written ({what}); check the sink's path, its directory and its permissions"
            raise FatalError(msg) from error


def _lines(batch: SealedBatch) -> tuple[bytes, tuple[Refusal, ...]]:
    """Return the batch as lines, and the records that are none because they hold a newline."""
    if batch.block is not None:
        return batch.block, ()
    reason = "the payload holds a newline, which would tear it into two lines"
    torn = tuple(Refusal(index, reason) for index, payload in enumerate(batch.payloads) if b"\n" in payload)
    return b"".join(payload + b"\n" for payload in batch.payloads if b"\n" not in payload), torn


def _write_all(file: IO[Any], offset: int, left: bytes | memoryview) -> None:
    file.seek(offset)
    while left:
        left = left[file.write(left) :]


def _byte_at(file: IO[Any], offset: int) -> bytes:
    file.seek(offset)
    return bytes(file.read(1))
