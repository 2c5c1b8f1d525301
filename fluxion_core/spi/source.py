"""The contract of a source: where records come from.

A minimal source is a class with a ``name``, an :class:`~fluxion_core.spi.options.Options` class and two methods
(:meth:`Source.open`, :meth:`Source.poll`); ``docs/how-to/write-a-source.md`` builds one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Generic, Literal, TypeVar

import attrs

from fluxion_core.spi.batch import Batch, Json, Split
from fluxion_core.spi.context import Context
from fluxion_core.spi.options import Options

__all__ = ["Source", "StreamDescriptor"]

O = TypeVar("O", bound=Options)  # the customary letter would read worse


@attrs.frozen
class StreamDescriptor:
    """A stream that a source could read: a topic, a table, a file."""

    name: str
    details: Mapping[str, Json] = attrs.field(factory=dict)


class Source(ABC, Generic[O]):
    """Where records come from.

    The runtime calls ``splits``, ``open``, then ``poll`` and ``commit`` in turns, then ``close``, all from one thread;
    ``lag`` may be called from another. It keeps the positions that ``poll`` reported, seals them together with everything
    that the records caused, and hands them back to ``open`` after a restart. A source keeps no offsets of its own.
    """

    name: ClassVar[str]
    """What ``type:`` in a pipeline file says; ``[a-z0-9]+([_-][a-z0-9]+)*``."""
    options: ClassVar[type[Options]] = Options
    codec: ClassVar[str] = "json"
    """The codec that decodes the payloads where the pipeline file names none."""
    replayable: ClassVar[bool] = True
    """Whether ``open`` can resume at any position that ``poll`` reported. Exactly-once needs it."""
    ranges: ClassVar[bool] = False
    """Whether reading again from position a to b yields exactly the same records, for ever."""
    prompt: ClassVar[bool] = False
    """Whether ``poll`` with a timeout of 0 returns at once whatever the outside does, as for a file or a list. The thread that runs the
    stages then polls by itself, which saves handing every batch over; another source has a thread of its own."""
    parallel: ClassVar[Literal["no", "pieces", "splits"]] = "no"
    """How several processes may read at once, each with an object of its own (``runtime: {parallelism: N}``).

    ``pieces``: one object, open, cuts the input with :meth:`next_piece`; the others :meth:`read_piece`.
    ``splits``: each object is opened with some of the splits, and then reads just those.
    """

    def __init__(self, config: O) -> None:
        """Keep the parsed options; reach nothing outside yet (linting makes sources too)."""
        self.config = config

    @property
    def bounded(self) -> bool:
        """Whether the input ends, known before opening; ``poll`` raises ``EndOfInput`` there. A stream does not end."""
        return False

    def splits(self, context: Context) -> Sequence[Split]:
        """Return the parts that have positions of their own. Called once before ``open``; may block for the network.

        Raises:
            TransientError: the outside cannot be asked just now; the runtime tries again.
            FatalError: it never will (no such topic, no such file).
        """
        del context
        return (Split("0"),)

    @abstractmethod
    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Make ready to read each split from its position; ``None`` means from where the options say a first run starts.

        Called once per start, and again after a ``TransientError`` from ``poll`` said that the connection was lost. The splits in
        *positions* may be a part of what ``splits`` returns: then other processes read the rest, and this object reads these only
        and leaves splits that appear later to the next start. With all of them it takes up new ones as they appear.

        Raises:
            TransientError: not reachable just now.
            FatalError: never reachable with these options.
            StateError: the position is gone on the other side (retention, a truncated file): resuming would lose records.
        """

    @abstractmethod
    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return up to *max_records* records, waiting at most *timeout_seconds* for the first.

        It may return fewer at any time; an empty batch means that nothing is waiting now. The positions in the batch are
        where to resume after it. It must not wait for a full batch, drop what it cannot decode, or commit anything.
        A new split that appeared since ``splits`` simply appears in the positions, where ``open`` was given all of them.

        Raises:
            EndOfInput: a bounded source has handed out everything.
            TransientError: reading failed for now; records are not lost, positions do not move.
            FatalError: reading can never succeed.
        """

    def next_piece(self, timeout_seconds: float) -> Json | None:
        """Return the next piece of the input that no earlier call returned, or ``None``: nothing is waiting now.

        Called in place of ``poll``, on an open source that declares ``parallel = "pieces"``. A piece is a small JSON value that only
        the source reads; the pieces, in their order, hold exactly the records that ``poll`` would return. May wait at most
        *timeout_seconds*.

        Raises:
            EndOfInput: a bounded source has cut up everything.
            TransientError: not possible for now; the next call goes on where this one could not.
            FatalError: it never will be.
            StateError: what was cut before is not there any more.
        """
        raise NotImplementedError

    def read_piece(self, context: Context, piece: Json) -> Iterable[Batch]:
        """Return the records of *piece*, in any number of batches; their positions are where to resume, as ``poll`` reports them.

        Called on objects that were never opened, in any process, in any order, and again for the same piece, with the same answer.

        Raises:
            TransientError: reading failed for now; the piece is asked for again.
            FatalError: reading can never succeed.
            StateError: the piece is not there any more.
        """
        raise NotImplementedError

    def commit(self, positions: Mapping[str, Json]) -> None:
        """Learn that everything before *positions* is sealed. Advisory: for lag tools and for queues that delete on success.

        Called after the seal, not for every batch. It must not block for long; a failure is logged and nothing else.
        """

    def lag(self) -> int | None:
        """Return how many records wait behind the last poll, or ``None`` where that is unknown. Must not block; a failure is only logged."""
        return None

    def place(self, split: str, position: Json) -> str:
        """Return in words where the record at *position* of *split* stands, as ``poll`` told it; for messages. Never raises."""
        return f"split {split} at {position}"

    def discover(self, context: Context) -> Sequence[StreamDescriptor]:
        """Return the streams that could be read with these options; called by tools, without ``open``."""
        del context
        return ()

    def close(self) -> None:
        """Let go of everything. May be called without ``open``, may be called twice, and may never be called (SIGKILL)."""
