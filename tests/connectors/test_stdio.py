from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from fluxion_core.connectors import StdinSource, StdoutSink
from fluxion_core.connectors.stdio import StdinSourceOptions
from fluxion_core.spi import Context, EndOfInput, FatalError, Options, SealedBatch


@pytest.fixture
def pipe() -> Iterator[tuple[int, Any]]:
    """A pipe: the descriptor to read, the file to write."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as file:
        yield reader, file
    os.close(reader)


@pytest.fixture
def stdin(pipe: Any, context: Context) -> StdinSource:
    """The source, open on the pipe."""
    source = StdinSource(StdinSourceOptions(), pipe[0])
    source.open(context, {"0": None})
    return source


def test_lines_are_handed_out_as_they_come(stdin: StdinSource, pipe: Any) -> None:
    pipe[1].write(b"a\nb\nhalf")
    assert [b"a", b"b"] == stdin.poll(10, 5.0).payload_list()
    assert 0 == len(stdin.poll(10, 0))
    pipe[1].write(b" done\n")
    assert [b"half done"] == stdin.poll(10, 5.0).payload_list()


def test_the_last_line_needs_no_newline(stdin: StdinSource, pipe: Any) -> None:
    pipe[1].write(b"a\r\n\nlast")
    pipe[1].close()
    assert [b"a"] == stdin.poll(10, 5.0).payload_list()
    assert [b"last"] == stdin.poll(10, 5.0).payload_list()
    with pytest.raises(EndOfInput):
        stdin.poll(10, 5.0)


def test_a_line_longer_than_a_chunk_comes_whole(stdin: StdinSource) -> None:
    """The pipe is filled by a process of its own, since it holds less than the line."""
    script = "import sys; sys.stdout.write('x' * 1000000 + '\\nb\\n')"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        source = StdinSource(StdinSourceOptions(), process.stdout.fileno())
        source.open(stdin._context, {})
        records: list[bytes] = []
        while len(records) < 2:
            records += source.poll(10, 30.0).payload_list() or ()
    assert [1_000_000, 1] == list(map(len, records))


def test_a_line_over_the_limit_arrives_cut(pipe: Any, context: Context) -> None:
    source = StdinSource(StdinSourceOptions(), pipe[0])
    source.open(attrs.evolve(context, max_record_bytes=10), {})
    pipe[1].write(b"x" * 15)
    assert 0 == len(source.poll(10, 0))
    pipe[1].write(b"y" * 1000)
    assert 0 == len(source.poll(10, 0))
    pipe[1].write(b"z\nb\n")
    records = [*source.poll(10, 5.0).payload_list(), *source.poll(10, 5.0).payload_list()]
    assert [b"x" * 15, b"b"] == records


def test_it_cannot_be_read_twice() -> None:
    assert not StdinSource.replayable


def test_it_is_bounded_unless_it_is_followed() -> None:
    assert (True, False) == tuple(StdinSource(StdinSourceOptions(follow=follow)).bounded for follow in (False, True))


def test_a_process_without_standard_input_is_told(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(FatalError, match="source stdin: this process has no standard input; pipe something into it"):
        StdinSource(StdinSourceOptions()).open(context, {})


def test_payloads_become_lines(capsysbinary: pytest.CaptureFixture[bytes], context: Context) -> None:
    sink = StdoutSink(Options())
    sink.open(context)
    sink.write(SealedBatch(pipeline_id="p", incarnation="i", epoch=1, seq=1, count=2, payload_column=[b"a", b"b"]))
    assert b"a\nb\n" == capsysbinary.readouterr().out


def test_a_process_without_standard_output_is_told(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(FatalError, match="sink stdout: this process has no standard output for bytes"):
        StdoutSink(Options()).open(context)


def test_a_reader_that_has_gone_stops_the_pipeline(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    monkeypatch.setattr("sys.stdout", stream)
    sink = StdoutSink(Options())
    sink.open(context)
    with pytest.raises(FatalError, match=r"cannot be written \(Broken pipe\): its reader has gone"):
        sink.write(SealedBatch(pipeline_id="p", incarnation="i", epoch=1, seq=1, count=1, block=b"a\n"))
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        stream.close()  # Python's own buffer tries once more
