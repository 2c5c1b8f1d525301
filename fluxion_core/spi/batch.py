"""Records on the wire: what a source hands in (:class:`Batch`) and what a sink receives (:class:`SealedBatch`).

Both are columnar: one list per property, the i-th entry of each belonging to the i-th record. Payloads stay bytes until the
core decodes them, because the compiled program knows which fields the pipeline needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

__all__ = ["Batch", "Document", "Headers", "Json", "Refusal", "SealedBatch", "Split", "WriteResult"]

Json: TypeAlias = "bool | int | float | str | list[Any] | dict[str, Any] | None"
"""A value that survives a round trip through JSON: the shape of every position."""

Document: TypeAlias = "dict[str, Any]"
"""A document of the aggregation language: plain Python values under string keys."""

Headers: TypeAlias = "Sequence[tuple[str, bytes | None]]"
"""Record headers in the order they were sent; names may repeat."""


@attrs.frozen
class Split:
    """A part of a source that is read in order and has a position of its own: a Kafka partition, a file, a socket.

    *id* is stable over restarts: the state store keeps the position under it.
    """

    id: str
    description: str = ""


@attrs.frozen(kw_only=True)
class Batch:
    """Records that a source hands to the runtime, in order.

    Exactly one of the three forms of content is given:

    * ``payloads``: one ``bytes`` per record, undecoded;
    * ``block``: the same as one piece of bytes, each record ended by a newline and holding none (NDJSON); the fastest form. A line
      without a byte is no record;
    * ``documents``: decoded documents, for sources that never had bytes. The runtime does not mutate them.

    ``positions`` holds, for each split that the batch touched, where reading resumes *after* the whole batch.
    ``record_positions[i]`` is where record *i* itself stands (for dead letters); ``splits[i]`` the split that it came from.
    Optional columns are ``None`` when the source has no such property.
    """

    positions: Mapping[str, Json]
    payloads: Sequence[bytes] | None = None
    block: bytes | None = None
    documents: Sequence[Document] | None = None
    splits: Sequence[str] | None = None
    record_positions: Sequence[Json] | None = None
    keys: Sequence[bytes | None] | None = None
    timestamps: Sequence[float | None] | None = None
    """Seconds since the epoch, as the source recorded them."""
    headers: Sequence[Headers] | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a batch that has no content, or two kinds of it.

        Raises:
            ValueError: not exactly one of payloads, block and documents is given.
        """
        if (self.payloads is None) + (self.block is None) + (self.documents is None) != 2:
            msg = "a Batch holds exactly one of payloads, block and documents"
            raise ValueError(msg)

    def __len__(self) -> int:
        """Return the number of records; those of a block are counted."""
        return len((self.payload_list() if self.documents is None else self.documents) or ())

    def __bool__(self) -> bool:
        """Return whether anything came, without counting it."""
        return bool(self.block or self.payloads or self.documents)

    @classmethod
    def empty(cls) -> Batch:
        """Return a batch without records: nothing is waiting just now."""
        return cls(positions={}, payloads=())

    def payload_list(self) -> Sequence[bytes] | None:
        """Return one ``bytes`` per record, splitting a block; ``None`` for a batch of documents."""
        if self.block is not None:
            return [line for line in self.block.split(b"\n") if line]
        return self.payloads


@attrs.frozen(kw_only=True)
class SealedBatch:
    """Output that is durable in the state store and now goes to a sink; a redelivery holds the same bytes.

    *seq* counts from 1 without gaps per pipeline and sink. *epoch* rises with every start of the pipeline and tells an old
    owner from the new one; *incarnation* names the life of the state (a new one starts counting from 1 again).
    The content is ``block`` (newline-ended payloads) for sinks that accept JSON payloads, ``payloads`` for other codecs, or
    ``documents`` for sinks that declare ``accepts = "documents"``.
    """

    pipeline_id: str
    incarnation: str
    epoch: int
    seq: int
    count: int
    block: bytes | None = None
    payload_column: Sequence[bytes] | None = None
    documents: Sequence[Document] | None = None

    @property
    def payloads(self) -> Sequence[bytes]:
        """The records as bytes, one each, without the newline that ends them in a block."""
        if self.block is not None:
            return self.block.split(b"\n")[:-1]
        return self.payload_column or ()

    @property
    def key(self) -> str:
        """A key that names this batch for ever, the same on every redelivery (an HTTP ``Idempotency-Key``)."""
        return f"{self.pipeline_id}:{self.incarnation}:{self.seq}"

    def record_key(self, index: int) -> str:
        """Return a key that names the record at *index* (from 0) for ever: ``incarnation:seq:index``."""
        return f"{self.incarnation}:{self.seq}:{index}"


@attrs.frozen
class Refusal:
    """One record of a batch that the sink's other side refused for what it is (not for being down)."""

    index: int
    reason: str


@attrs.frozen
class WriteResult:
    """What became of a write that returned: every record is durable but the refused ones.

    *refused* records go to the error policy (skip, dead letter, stop), never to a retry. *duplicate* says that the batch had
    been written before and nothing changed.
    """

    refused: Sequence[Refusal] = ()
    duplicate: bool = False
