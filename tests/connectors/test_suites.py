"""The built-in sources and sinks under the suites that every third party can use."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxion_core.connectors import FileSink, FileSource, GeneratorSource, MemorySink, MemorySource, StdinSource, StdoutSink
from fluxion_core.connectors.file_sink import FileSinkOptions
from fluxion_core.connectors.file_source import FileSourceOptions
from fluxion_core.connectors.generator import GeneratorOptions
from fluxion_core.connectors.memory import MemorySinkOptions, MemorySourceOptions
from fluxion_core.connectors.stdio import StdinSourceOptions
from fluxion_core.spi import Document, Options
from fluxion_core.testing.suites import SinkCase, SinkSuite, SourceCase, SourceSuite

LINES = [b'{"n":1}', '{"name":"Jürgen"}'.encode(), b"not json", b'{"n":4}', b'{"n":5}']
DOCUMENTS = [{"n": number} for number in range(5)]


class TestFileSource(SourceSuite):
    """A file that ends with a newline."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        """Five lines."""
        path = tmp_path / "in.ndjson"
        path.write_bytes(b"".join(line + b"\n" for line in LINES))
        return SourceCase(make=lambda: FileSource(FileSourceOptions(path=path)), payloads=LINES)


class TestFileSourceInSmallChunks(SourceSuite):
    """The same, read three bytes at a time and in pieces of five, with carriage returns, empty lines and no newline at the end."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        """Five lines among empty ones."""
        path = tmp_path / "in.ndjson"
        path.write_bytes(b"\r\n\n" + b"\r\n\r\n".join(LINES))
        return SourceCase(make=lambda: FileSource(FileSourceOptions(path=path, chunk_bytes=3, piece_bytes=5)), payloads=LINES)


class TestFollowedFileSource(SourceSuite):
    """A file that may grow."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        """Five lines, and the beginning of a sixth."""
        path = tmp_path / "in.ndjson"
        path.write_bytes(b"".join(line + b"\n" for line in LINES) + b'{"n":')
        return SourceCase(make=lambda: FileSource(FileSourceOptions(path=path, follow=True)), payloads=LINES)


class TestMemorySourceOfDocuments(SourceSuite):
    """A list of documents."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Five documents."""
        options = MemorySourceOptions(documents=DOCUMENTS)
        return SourceCase(make=lambda: MemorySource(options), documents=DOCUMENTS)


class TestMemorySourceOfPayloads(SourceSuite):
    """A list of payloads."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Five payloads, one of them text."""
        options = MemorySourceOptions(payloads=[LINES[0].decode(), *LINES[1:]])
        return SourceCase(make=lambda: MemorySource(options), payloads=LINES)


class TestGeneratorSource(SourceSuite):
    """A bounded generator."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Five counters."""
        return SourceCase(make=lambda: GeneratorSource(GeneratorOptions(count=5)), documents=DOCUMENTS)


class TestStdinSource(SourceSuite):
    """A pipe that ends."""

    @pytest.fixture
    def case(self) -> Iterator[SourceCase]:
        """Five lines in a pipe, for each source anew."""
        descriptors: list[int] = []

        def make() -> StdinSource:
            reader, writer = os.pipe()
            descriptors.append(reader)
            os.write(writer, b"".join(line + b"\n" for line in LINES))
            os.close(writer)
            return StdinSource(StdinSourceOptions(), reader)

        yield SourceCase(make=make, payloads=LINES)
        for descriptor in descriptors:
            os.close(descriptor)


class TestFileSink(SinkSuite):
    """The file sink promises exactly once."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        """A file in an empty directory."""
        path = tmp_path / "out.ndjson"
        return SinkCase(make=lambda: FileSink(FileSinkOptions(path=path)), read=lambda: _documents_in(path))


class TestFileSinkBehindOtherContent(SinkSuite):
    """The same behind lines that were there before."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        """A file with a line that no newline ends."""
        path = tmp_path / "out.ndjson"
        path.write_bytes(b'{"before":"us"}')
        options = FileSinkOptions(path=path, append=True)
        return SinkCase(make=lambda: FileSink(options), read=lambda: _without_first(_documents_in(path)))


class TestMemorySinkWithAPlace(SinkSuite):
    """The list is asked for by name."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        """A place of this test's own."""
        place = str(tmp_path)
        return SinkCase(make=lambda: MemorySink(MemorySinkOptions(place=place)), read=lambda: MemorySink.results(place))


class TestMemorySinkWithAList(SinkSuite):
    """The list is the caller's."""

    @pytest.fixture
    def case(self) -> SinkCase:
        """A list of this test's own."""
        into: list[Document] = []
        return SinkCase(make=lambda: MemorySink(MemorySinkOptions(into=into)), read=lambda: into)


class TestStdoutSink(SinkSuite):
    """Standard output promises nothing but order."""

    @pytest.fixture
    def case(self, capsysbinary: pytest.CaptureFixture[bytes]) -> SinkCase:
        """What pytest catches."""
        written = bytearray()

        def read() -> list[Document]:
            written.extend(capsysbinary.readouterr().out)
            return [json.loads(line) for line in written.splitlines()]

        return SinkCase(make=lambda: StdoutSink(Options()), read=read)


def _documents_in(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _without_first(documents: list[Any]) -> list[Any]:
    return documents[1:]
