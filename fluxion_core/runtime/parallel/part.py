"""What a worker makes of a piece of the input: the rows that left the head of the stages, and what became of every record."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from fluxion_core.language import decode_value, encode_value
from fluxion_core.runtime.error_policies import Fault
from fluxion_core.runtime.parallel.channel import Message
from fluxion_core.spi import Batch, Json

__all__ = ["Form", "Part", "kept_records", "pack_records"]

Form = Literal["block", "items", "columns", "dealt", "lines", "documents"]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The fates of *records* records (*refused* are documents that the sink's codec could not encode), and *rows* rows in *blobs*, in the form that *form* names.

    For the sink, ``block``: one blob, newline-ended JSON; or ``items``: one blob, a list of encoded documents. For the tail, ``columns``:
    a blob per column; ``lines``: one blob, the lines as they came; or ``documents``: one blob, a list of documents. *origins* (where there is a tail) tells the record of each row, as unsigned
    integers of the machine. ``dealt``: a blob with the shard of each row, and for every
    shard but the worker's own that some of them belong to, a blob per column. *counts* is what the part adds to the documents in, documents out and failures of each stage.
    *kept* holds the records themselves (see :func:`pack_records`) where they cannot be read again and the tail may ask for them.
    """

    records: int
    bytes_in: int
    passed: int
    filtered: int
    positions: Mapping[str, Json]
    faults: Sequence[Fault]
    refused: Sequence[Fault]
    form: Form
    rows: int
    blobs: Sequence[bytes]
    origins: bytes
    counts: Sequence[Sequence[int]]
    seconds: float
    dealt: Sequence[int] = ()
    """How many of the rows belong to each shard."""
    groups: Sequence[int] = ()
    """Of the worker's own shard: groups, changed groups, bytes of state."""
    lag: int | None = None
    kept: bytes | None = None

    def message(self, number: int) -> Message:
        """Return the part, numbered, on its way."""
        content = msgspec.structs.asdict(self)
        del content["blobs"]
        content["positions"] = dict(self.positions)
        for name in ("faults", "refused"):
            content[name] = [msgspec.structs.asdict(fault) for fault in content[name]]
        return Message("part", [number, content], self.blobs)

    @classmethod
    def of(cls, message: Message) -> tuple[int, Part]:
        """Return what *message* brings: the number and the part."""
        number, content = message.content
        for name in ("faults", "refused"):
            content[name] = [Fault(**fault) for fault in content[name]]
        return number, cls(blobs=message.blobs, **content)

    def row_origins(self) -> Sequence[int]:
        """Return *origins* as numbers."""
        found = array("I")
        found.frombytes(self.origins)
        return found


def pack_records(batch: Batch) -> bytes:
    """Return the records of *batch*, and where each stood, as bytes."""
    documents = None if batch.documents is None else encode_value(list(batch.documents))
    columns = [batch.splits, batch.record_positions, batch.payload_list()]
    return _encode([documents, *(None if column is None else list(column) for column in columns)])


def kept_records(packed: bytes, positions: Mapping[str, Json]) -> Batch:
    """Return a batch of the records that :func:`pack_records` was given."""
    documents, splits, record_positions, payloads = _decode(packed)
    return Batch(
        positions=positions,
        documents=None if documents is None else decode_value(documents),
        payloads=payloads,
        splits=splits,
        record_positions=record_positions,
    )
