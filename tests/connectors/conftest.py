"""Sealed batches to write, sources and sinks that are open, and a disk that fails on command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Any, Self

import attrs
import pytest

from fluxion_core.connectors import FileSink, FileSource
from fluxion_core.connectors.file_sink import FileSinkOptions
from fluxion_core.connectors.file_source import FileSourceOptions
from fluxion_core.spi import Context, Files, Host, KillPoints, SealedBatch


class Crash(BaseException):  # it stands for SIGKILL
    """The process is gone."""


class CrashAt(KillPoints):
    """Raises ``Crash`` at a kill point."""

    def fire(self, name: str) -> None:
        """Die."""
        raise Crash(name)


class FailingFile:
    """A file whose writes take *room* bytes and then fail with *error*."""

    def __init__(self, file: IO[Any], room: int, error: int) -> None:
        self._file, self._room, self._error = file, room, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: memoryview) -> int:
        """Write what there is room for."""
        part = data[: self._room]
        self._room -= len(part)
        if not part:
            raise OSError(self._error, "scripted failure")
        return self._file.write(part)


class FailingFiles(Files):
    """The real files; ``fail(name, error, room)`` makes writes to a file of that name fail, ``fail_sync`` syncing."""

    def __init__(self) -> None:
        self.failing: dict[str, tuple[int, int]] = {}
        self.sync_error: int | None = None

    def open(self, path: Path, mode: str) -> Any:
        """Open the file, failing or not."""
        file = super().open(path, mode)
        room_and_error = self.failing.get(path.name)
        return FailingFile(file, *room_and_error) if room_and_error else file

    def sync(self, file: Any) -> None:
        """Sync, or fail to."""
        if self.sync_error is not None:
            raise OSError(self.sync_error, "scripted failure")
        super().sync(file)


@pytest.fixture
def disk() -> FailingFiles:
    """A disk that works until it is told otherwise."""
    return FailingFiles()


@pytest.fixture
def context(disk: FailingFiles, tmp_path: Path) -> Context:
    """What components are opened with."""
    return Context(pipeline_id="p", incarnation="life", epoch=1, host=Host(files=disk), base_dir=tmp_path)


@pytest.fixture
def crashing(context: Context) -> Callable[[str], Context]:
    """Make a context in which the process dies at a kill point."""

    def crashing(point: str) -> Context:
        return attrs.evolve(context, host=Host(files=context.host.files, kill_points=CrashAt(point)))

    return crashing


@pytest.fixture
def closing_all() -> Iterator[ExitStack]:
    """Closes what the fixtures below opened."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def source(context: Context, tmp_path: Path, closing_all: ExitStack) -> Callable[..., FileSource]:
    """Make a file source over ``in.ndjson``, open at a position."""

    def source(position: Any = None, *, context: Context = context, **options: Any) -> FileSource:
        made = FileSource(FileSourceOptions(path=tmp_path / "in.ndjson", **options))
        closing_all.enter_context(closing(made))
        made.open(context, {"0": position})
        return made

    return source


@pytest.fixture
def sink(context: Context, tmp_path: Path, closing_all: ExitStack) -> Callable[..., FileSink]:
    """Make a file sink over ``out.ndjson``, open."""

    def sink(*, context: Context = context, epoch: int = 1, incarnation: str = "life", **options: Any) -> FileSink:
        made = FileSink(FileSinkOptions(path=tmp_path / "out.ndjson", **options))
        closing_all.enter_context(closing(made))
        made.open(attrs.evolve(context, epoch=epoch, incarnation=incarnation))
        return made

    return sink


@pytest.fixture
def sealed() -> Callable[..., SealedBatch]:
    """Make the sealed batch numbered *seq*: two lines that follow from the number."""

    def sealed(seq: int, *, epoch: int = 1, incarnation: str = "life", **content: Any) -> SealedBatch:
        content = content or {"block": lines(seq)}
        return SealedBatch(pipeline_id="p", incarnation=incarnation, epoch=epoch, seq=seq, count=2, **content)

    return sealed


def lines(*seqs: int) -> bytes:
    """Return what the batches numbered *seqs* leave in a file."""
    return b"".join(b'{"batch":%d,"line":%d}\n' % (seq, line) for seq in seqs for line in (1, 2))


@pytest.fixture(name="lines")
def lines_fixture() -> Callable[..., bytes]:
    """What batches leave in a file."""
    return lines
