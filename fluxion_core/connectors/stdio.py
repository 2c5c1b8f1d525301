"""Source "stdin" and sink "stdout": lines from and to other programs."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping
from typing import BinaryIO, ClassVar

import attrs

from fluxion_core.connectors.lines import LineCutter
from fluxion_core.spi import (
    Batch,
    Context,
    Cursor,
    EndOfInput,
    FatalError,
    Json,
    Options,
    SealedBatch,
    Sink,
    Source,
    WriteResult,
    option,
)

__all__ = ["StdinSource", "StdinSourceOptions", "StdoutSink"]

_CHUNK_BYTES = 64 * 1024


@attrs.frozen
class StdinSourceOptions(Options):
    """Whether the input ends."""

    follow: bool = option(False, "Whether the input may go on for ever, so that results cannot wait for its end.")


class StdinSource(Source[StdinSourceOptions]):
    """Reads lines from standard input. What was read and not sealed when the process dies is gone: nothing can be read twice.

    A position is the number of bytes read in this run; it serves dead letters, not resuming.
    """

    name: ClassVar[str] = "stdin"
    options: ClassVar[type[Options]] = StdinSourceOptions
    replayable: ClassVar[bool] = False

    def __init__(self, config: StdinSourceOptions, descriptor: int | None = None) -> None:
        """Keep the options; *descriptor* is read in place of standard input."""
        super().__init__(config)
        self._descriptor = descriptor
        self._context = Context(pipeline_id="-")
        self._lines = LineCutter(0, self._context.max_record_bytes)
        self._ended = False

    @property
    def bounded(self) -> bool:
        """Whether the input is said to end."""
        return not self.config.follow

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Begin to read; *positions* of an earlier run cannot be returned to.

        Raises:
            FatalError: this process has no standard input.
        """
        del positions
        self._context = context
        self._lines = LineCutter(0, context.max_record_bytes)
        if self._descriptor is None:
            try:
                self._descriptor = sys.stdin.fileno()
            except (AttributeError, OSError, ValueError) as error:
                msg = "source stdin: this process has no standard input; pipe something into it"
                raise FatalError(msg) from error

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return the lines that are there, waiting for the first.

        Raises:
            EndOfInput: the other end was closed.
        """
        deadline = self._context.host.clock.monotonic() + timeout_seconds
        while not self._context.stopping.is_set():
            lines = self._lines.take(max_records) or (self._lines.take_rest() if self._ended else None)
            if lines is not None:
                if not lines.block:
                    continue
                return Batch(positions={"0": lines.end}, block=lines.block, record_positions=lines.offsets)
            if self._ended:
                raise EndOfInput
            if not self._fill(max(0.0, deadline - self._context.host.clock.monotonic())):
                break
        return Batch.empty()

    def place(self, split: str, position: Json) -> str:
        """Return which byte it was."""
        del split
        return f"byte {position} of standard input"

    def _fill(self, timeout_seconds: float) -> bool:
        """Read what is there, waiting for it; return whether anything (or the end) came."""
        assert self._descriptor is not None
        ready, _, _ = select.select([self._descriptor], [], [], timeout_seconds)
        if not ready:
            return False
        chunk = os.read(self._descriptor, _CHUNK_BYTES)
        self._ended = not chunk
        self._lines.feed(chunk)
        return True


class StdoutSink(Sink[Options]):
    """Writes one line per document to standard output. A batch that was being written when the process died comes again."""

    name: ClassVar[str] = "stdout"

    def __init__(self, config: Options) -> None:
        """Keep the options."""
        super().__init__(config)
        self._stream: BinaryIO | None = None

    def open(self, context: Context) -> Cursor | None:
        """Take standard output as it is now.

        Raises:
            FatalError: this process has no standard output.
        """
        del context
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            msg = "sink stdout: this process has no standard output for bytes; choose another sink"
            raise FatalError(msg)
        sys.stdout.flush()
        self._stream = stream
        return None

    def write(self, batch: SealedBatch) -> WriteResult:
        """Write and flush *batch*.

        Raises:
            FatalError: nobody reads any more.
        """
        data = batch.block if batch.block is not None else b"".join(payload + b"\n" for payload in batch.payloads)
        if self._stream is None:
            msg = "the sink is not open"
            raise ValueError(msg)
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            msg = f"sink stdout: cannot be written ({error.strerror}): its reader has gone, or its disk is full"
            raise FatalError(msg) from error
        return WriteResult()
