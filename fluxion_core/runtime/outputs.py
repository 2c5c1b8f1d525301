"""Sealed output as bytes: how it is cut into batches for a sink, packed for the state store, and unpacked for delivery.

The packed form of newline-ended JSON is the text itself: it is most of what is sealed, and not copied once more to mark it. Of
other content it is one letter for the kind, with which no object in JSON begins, then the content: ``P`` a list of payloads in MessagePack,
``D`` documents with their types in the language's own encoding. What comes out is, byte for byte, what went in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fluxion_core.errors import StateError
from fluxion_core.language import Output, decode_value, encode_value
from fluxion_core.runtime.bugs import wrong_answer
from fluxion_core.spi import Codec, Document, RecordError, Sink

__all__ = ["OutputBuffer", "Packed", "content_bytes", "unpack"]

_OPENS_JSON = frozenset({b"{", b" ", b"\t", b"\r"})
_pack_list = msgspec.msgpack.Encoder().encode
_unpack_list = msgspec.msgpack.Decoder(list[bytes]).decode


class Packed(msgspec.Struct, frozen=True):
    """Content for one sealed batch."""

    count: int
    data: bytes


class OutputBuffer:
    """Gathers the output for one sink between two seals, in the form that the sink accepts.

    *limit_bytes*: a longer document is refused, for what a pipeline makes may be no larger than what it may be given.
    """

    def __init__(self, sink: Sink[Any], codec: Codec[Any], limit_bytes: int | None = None) -> None:
        self._sink = sink
        self._codec = codec
        self._encode = codec.encode if codec.json_text else self._as_bytes  # a twentieth of the time of JSON
        self._limit_bytes = limit_bytes if limit_bytes is not None else sys.maxsize
        self._blocks: list[tuple[int, bytes]] = []
        self._items: list[Any] = []
        self.count = 0
        self.size_bytes = 0

    @property
    def wants_blocks(self) -> bool:
        """Whether :meth:`add_block` is the form to add (a sink of JSON payloads)."""
        return self._sink.accepts == "payloads" and self._codec.json_text

    def block_of(self, output: Output) -> tuple[int, bytes, list[tuple[Document, RecordError]]]:
        """Return the rows of *output* as :meth:`add_block` takes them, and those that are too large."""
        block = output.json_lines()
        if len(block) <= self._limit_bytes:
            return output.count, block, []
        lines = block.split(b"\n")[:-1]
        large = [place for place, line in enumerate(lines) if len(line) > self._limit_bytes]
        if not large:
            return output.count, block, []
        documents = output.documents
        refused = [(documents[place], self._too_large()) for place in large]
        kept = [line + b"\n" for line in lines if len(line) <= self._limit_bytes]
        return len(kept), b"".join(kept), refused

    def _too_large(self) -> RecordError:
        return RecordError(
            f"the document that the stages made is larger than {self._limit_bytes} bytes; raise max_record_bytes"
        )

    def add_block(self, count: int, block: bytes) -> None:
        """Add *count* newline-ended JSON documents."""
        self._blocks.append((count, block))
        self.count += count
        self.size_bytes += len(block)

    def add_documents(self, documents: Sequence[Document]) -> list[tuple[Document, RecordError]]:
        """Add documents, encoded by the codec unless the sink wants them as they are; return those that have no such form."""
        items, refused = self.encoded(documents)
        if self.wants_blocks:
            self.add_block(len(items), b"".join([item + b"\n" for item in items]))
        else:
            self.add_items(items)
        return refused

    def encoded(self, documents: Sequence[Document]) -> tuple[list[bytes], list[tuple[Document, RecordError]]]:
        """Return *documents* as :meth:`add_items` takes them, and those that have no such form."""
        encode = encode_value if self._sink.accepts == "documents" else self._encode
        items: list[bytes] = []
        refused: list[tuple[Document, RecordError]] = []
        for document in documents:
            try:
                item = encode(document)
            except RecordError as error:
                refused.append((document, error))
                continue
            if len(item) > self._limit_bytes:
                refused.append((document, self._too_large()))
            else:
                items.append(item)
        return items, refused

    def _as_bytes(self, document: Document) -> bytes:
        """Return what the codec makes of *document*, and refuse what is no bytes before it is sealed."""
        item: object = self._codec.encode(document)
        if isinstance(item, bytes):
            return item
        raise wrong_answer(f"codec '{self._codec.name}': encode()", item, "bytes")

    def add_items(self, items: Sequence[bytes]) -> None:
        """Add documents that are encoded."""
        self._items += items
        self.count += len(items)
        self.size_bytes += sum(map(len, items))

    def drain(self) -> list[Packed]:
        """Return what was gathered as batches within the sink's limits, and forget it."""
        packed = list(self._pack_blocks() if self._blocks else self._pack_items())
        self._blocks, self._items, self.count, self.size_bytes = [], [], 0, 0
        return packed

    def _pack_blocks(self) -> Iterator[Packed]:
        limit = self._sink.max_batch_records
        blocks = self._blocks if limit is None else list(_split(self._blocks, limit))
        for group in _grouped(blocks, limit, self._sink.max_batch_bytes):
            yield Packed(sum(count for count, _ in group), b"".join([block for _, block in group]))

    def _pack_items(self) -> Iterator[Packed]:
        kind = b"D" if self._sink.accepts == "documents" else b"P"
        pairs = [(1, item) for item in self._items]
        for group in _grouped(pairs, self._sink.max_batch_records, self._sink.max_batch_bytes):
            yield Packed(len(group), kind + _pack_list([item for _, item in group]))


def _split(blocks: Sequence[tuple[int, bytes]], limit: int) -> Iterator[tuple[int, bytes]]:
    for count, block in blocks:
        if count <= limit:
            yield count, block
            continue
        lines = [line + b"\n" for line in block.split(b"\n")[:-1]]
        for start in range(0, count, limit):
            part = lines[start : start + limit]
            yield len(part), b"".join(part)


def _grouped(pairs: Sequence[tuple[int, bytes]], limit: int | None, limit_bytes: int) -> Iterator[list[tuple[int, bytes]]]:
    group: list[tuple[int, bytes]] = []
    records = size = 0
    for count, data in pairs:
        if group and ((limit is not None and records + count > limit) or size + len(data) > limit_bytes):
            yield group
            group, records, size = [], 0, 0
        group.append((count, data))
        records += count
        size += len(data)
    if group:
        yield group


def content_bytes(data: bytes) -> int:
    """Return how many bytes the content of a packed batch takes."""
    return len(data) - (data[:1] not in _OPENS_JSON)


def unpack(data: bytes) -> dict[str, Any]:
    """Return the content of a packed batch as keyword arguments for a ``SealedBatch``.

    Raises:
        StateError: the stored bytes are of a kind that this version does not know.
    """
    kind = data[:1]
    if kind in _OPENS_JSON:
        return {"block": data}
    if kind == b"P":
        return {"payload_column": _unpack_list(memoryview(data)[1:])}
    if kind == b"D":
        return {"documents": [decode_value(item) for item in _unpack_list(memoryview(data)[1:])]}
    msg = f"state: a sealed batch of unknown kind {kind!r}; it was written by another version of fluxion-core"
    raise StateError(msg)
