"""The contract of a sink: where results go, exactly once where the sink can promise it.

``docs/how-to/write-a-sink.md`` builds one; ``docs/explanation/sealed-loop.md`` tells why the five rules below suffice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Literal, TypeAlias, TypeVar

import attrs

from fluxion_core.errors import FencedError, StateError
from fluxion_core.spi.batch import SealedBatch, WriteResult
from fluxion_core.spi.context import Context
from fluxion_core.spi.options import Options

__all__ = ["Accepts", "Cursor", "Dedupe", "Sink", "is_duplicate"]

O = TypeVar("O", bound=Options)  # the customary letter would read worse

Dedupe: TypeAlias = Literal["none", "batch", "record"]
Accepts: TypeAlias = Literal["payloads", "documents"]


@attrs.frozen
class Cursor:
    """What the other side of a sink already holds: the last batch, of which life of the state, written by which owner."""

    incarnation: str
    epoch: int
    seq: int


def is_duplicate(cursor: Cursor | None, batch: SealedBatch, where: str) -> bool:
    """Return whether *batch* is already behind *cursor* (rule 1 of :class:`Sink`); ``None`` stands for an empty place.

    *where* names the place in messages.

    Raises:
        FencedError: a newer owner has written (rule 3).
        StateError: batches are missing in between (rule 4), or the cursor is of another life of the state (rule 5).
    """
    if cursor is None:
        cursor = Cursor(batch.incarnation, 0, 0)
    if cursor.incarnation != batch.incarnation:
        msg = (
            f"{where}: holds results of another life of the state ({cursor.incarnation}, this is {batch.incarnation}); "
            "put the old state back, or move the results away"
        )
        raise StateError(msg)
    if cursor.epoch > batch.epoch:
        msg = f"{where}: a newer owner of the pipeline has written (epoch {cursor.epoch}, this is {batch.epoch}); this one ends"
        raise FencedError(msg)
    if batch.seq > cursor.seq + 1:
        msg = f"{where}: holds the batches up to {cursor.seq}, and now comes {batch.seq}; expected {cursor.seq + 1}"
        raise StateError(msg)
    return batch.seq <= cursor.seq


class Sink(ABC, Generic[O]):
    """Where results go.

    The runtime calls ``open``, then ``write`` for one sealed batch after another in the order of ``seq``, then ``close``,
    all from one thread. A batch is durable in the state store before ``write`` sees it, and is handed over again, byte for
    byte, until a ``write`` has returned.

    A sink that declares ``dedupe = "batch"`` keeps five rules (a test suite in :mod:`fluxion_core.testing` holds it to them):

    1. a *seq* at or below its cursor's changes nothing and succeeds (``WriteResult(duplicate=True)``);
    2. records and cursor become durable together;
    3. an older *epoch* than the cursor's raises ``FencedError``;
    4. a *seq* more than one above the cursor's is an error (``StateError``);
    5. another *incarnation* than the cursor's is an error (``StateError``).

    :func:`is_duplicate` compares a cursor with a batch by rules 1, 3, 4 and 5; rule 2 is the sink's own, and so is reading the
    cursor from where it is durable at every write: another process may have moved it.
    """

    name: ClassVar[str]
    options: ClassVar[type[Options]] = Options
    codec: ClassVar[str] = "json"
    """The codec that encodes the results where the pipeline file names none."""
    accepts: ClassVar[Accepts] = "payloads"
    """Whether ``write`` wants encoded payloads or documents with their types."""
    dedupe: ClassVar[Dedupe] = "none"
    """What makes a redelivery harmless: nothing, the batch's *seq*, or each record's key (an upsert)."""
    durable: ClassVar[bool] = True
    """Whether what was written outlives the process."""
    ordered: ClassVar[bool] = True
    """Whether readers see the records in the order of delivery."""

    def __init__(self, config: O) -> None:
        """Keep the parsed options; reach nothing outside yet."""
        self.config = config

    @property
    def max_batch_records(self) -> int | None:
        """The most records that one sealed batch for this sink may hold; ``None`` for as many as a seal brings."""
        return None

    @property
    def max_batch_bytes(self) -> int:
        """About how many bytes of payload one sealed batch for this sink may hold (one larger record may exceed it)."""
        return 4 * 1024 * 1024

    @abstractmethod
    def open(self, context: Context) -> Cursor | None:
        """Make ready to write and return what the other side already holds; ``None`` if it keeps no cursor or holds nothing.

        Called once per start, and again after ``write`` raised ``TransientError``. Leftovers of an interrupted write are
        undone here.

        Raises:
            TransientError: not reachable just now; the runtime backs off and tries again.
            FatalError: never reachable with these options.
            StateError: the other side's cursor is damaged.
        """

    @abstractmethod
    def write(self, batch: SealedBatch) -> WriteResult:
        """Write *batch* and return only when it is durable. May block; should give up in bounded time.

        Raises:
            TransientError: the outcome is "not written" or unknown; the same batch comes again.
            FatalError: no batch can ever be written.
            FencedError: a newer owner has written.
        """

    def close(self) -> None:
        """Let go of everything. May be called without ``open``, may be called twice, and may never be called (SIGKILL)."""
