"""The log of one partition: record batches in Kafka's format, kept as the bytes that came in."""

from __future__ import annotations

import bisect
import struct
import time
from collections import deque
from typing import NamedTuple

import attrs
from kafka.record import MemoryRecords
from kafka.record.util import calc_crc32c

from fluxion_connect_kafka.testing.broker.codes import Code, Refused

__all__ = ["AbortedTransaction", "BatchHeader", "PartitionLog", "read_header"]

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_OFFSET = 12
"""The field "length" counts the bytes behind itself, which are these fewer than the whole batch."""
_CRC_STARTS = 21
_MAGIC = 2
_TRANSACTIONAL, _CONTROL = 0x10, 0x20
_SEQUENCE_MASK = 0x7FFFFFFF
_REMEMBERED_BATCHES = 5
"""As many batches as a producer may have in flight are remembered, to know one that is sent again."""


class BatchHeader(NamedTuple):
    """The 61 bytes before the records of a batch."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    first_sequence: int
    record_count: int

    @property
    def transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Whether the batch holds a transaction marker instead of records."""
        return bool(self.attributes & _CONTROL)

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record."""
        return (self.first_sequence + self.last_offset_delta) & _SEQUENCE_MASK


def read_header(data: bytes) -> BatchHeader:
    """Return the header of the batch that *data* begins with.

    Raises:
        Refused: *data* is shorter than a header.
    """
    if len(data) < _HEADER.size:
        raise Refused(Code.CORRUPT_MESSAGE)
    return BatchHeader(*_HEADER.unpack_from(data))


class _StoredBatch(NamedTuple):
    first_offset: int
    last_offset: int
    header: BatchHeader
    data: bytes


class AbortedTransaction(NamedTuple):
    """A stretch of the log that readers of committed records must leave out."""

    producer_id: int
    first_offset: int
    last_offset: int


@attrs.define
class _Producer:
    """What the log knows of one idempotent producer."""

    epoch: int
    last_sequence: int
    recent: deque[tuple[int, int, int]] = attrs.field(factory=lambda: deque(maxlen=_REMEMBERED_BATCHES))

    def offset_of_repeat(self, header: BatchHeader) -> int | None:
        for first, last, offset in self.recent:
            if (first, last) == (header.first_sequence, header.last_sequence):
                return offset
        return None

    def note(self, header: BatchHeader, offset: int) -> None:
        self.last_sequence = header.last_sequence
        self.recent.append((header.first_sequence, header.last_sequence, offset))


class PartitionLog:
    """Append-only record batches with offsets, producers' sequence numbers and open transactions."""

    def __init__(self) -> None:
        """Begin empty, at offset 0."""
        self.start = 0
        self.end = 0
        self.aborted: list[AbortedTransaction] = []
        self._batches: list[_StoredBatch] = []
        self._producers: dict[int, _Producer] = {}
        self._open: dict[int, int] = {}

    @property
    def stable_end(self) -> int:
        """The offset before which no transaction is open (Kafka's last stable offset)."""
        return min(self._open.values(), default=self.end)

    def is_open(self, producer_id: int) -> bool:
        """Return whether *producer_id* has records of an open transaction here."""
        return producer_id in self._open

    def append(self, data: bytes, *, max_bytes: int) -> int:
        """Add the one batch in *data* and return the offset of its first record; a repeated one keeps its offset.

        Raises:
            Refused: the batch is damaged, too large, of an old format, or not the producer's next one.
        """
        header = read_header(data)
        self._verify(header, data, max_bytes)
        if header.producer_id >= 0:
            earlier = self._admit(header)
            if earlier is not None:
                return earlier
        return self._store(header, data)

    def _verify(self, header: BatchHeader, data: bytes, max_bytes: int) -> None:
        if header.magic != _MAGIC:
            raise Refused(Code.UNSUPPORTED_FOR_MESSAGE_FORMAT)
        if header.length + _LENGTH_OFFSET != len(data):
            raise Refused(Code.INVALID_RECORD)
        if len(data) > max_bytes:
            raise Refused(Code.MESSAGE_TOO_LARGE)
        if header.crc != calc_crc32c(data[_CRC_STARTS:]):
            raise Refused(Code.CORRUPT_MESSAGE)

    def _admit(self, header: BatchHeader) -> int | None:
        """Check the producer's epoch and sequence; return the old offset of a batch that comes again."""
        producer = self._producers.get(header.producer_id)
        if producer is None:
            return None
        if header.producer_epoch < producer.epoch:
            raise Refused(Code.INVALID_PRODUCER_EPOCH)
        if header.producer_epoch > producer.epoch:
            self._admit_new_epoch(header)
            return None
        earlier = producer.offset_of_repeat(header)
        if earlier is None and header.first_sequence != (producer.last_sequence + 1) & _SEQUENCE_MASK:
            raise Refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
        return earlier

    def _admit_new_epoch(self, header: BatchHeader) -> None:
        if header.first_sequence != 0:
            raise Refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
        del self._producers[header.producer_id]

    def _store(self, header: BatchHeader, data: bytes) -> int:
        first, last = self.end, self.end + header.last_offset_delta
        stored = bytearray(data)
        struct.pack_into(">q", stored, 0, first)
        struct.pack_into(">i", stored, _LENGTH_OFFSET, 0)
        self._batches.append(_StoredBatch(first, last, header, bytes(stored)))
        self.end = last + 1
        if header.producer_id >= 0 and not header.control:
            self._note_producer(header, first)
        return first

    def _note_producer(self, header: BatchHeader, first: int) -> None:
        fresh = _Producer(header.producer_epoch, -1)
        self._producers.setdefault(header.producer_id, fresh).note(header, first)
        if header.transactional:
            self._open.setdefault(header.producer_id, first)

    def end_transaction(self, producer_id: int, epoch: int, *, committed: bool) -> None:
        """Write the marker that ends the open transaction of *producer_id*; older epochs are fenced from then on."""
        first = self._open.pop(producer_id)
        if not committed:
            self.aborted.append(AbortedTransaction(producer_id, first, self.end))
        data = _marker(producer_id, epoch, committed=committed)
        self._store(read_header(data), data)
        producer = self._producers[producer_id]
        if epoch > producer.epoch:
            self._producers[producer_id] = _Producer(epoch, -1)

    def read(self, offset: int, *, max_bytes: int, before: int) -> bytes:
        """Return whole batches from the one that holds *offset*: the first whatever its size, all below *before*."""
        index = bisect.bisect_left(self._batches, offset, key=lambda batch: batch.last_offset)
        chosen: list[bytes] = []
        size = 0
        for batch in self._batches[index:]:
            if batch.first_offset >= before or (chosen and size + len(batch.data) > max_bytes):
                break
            chosen.append(batch.data)
            size += len(batch.data)
        return b"".join(chosen)

    def delete_before(self, offset: int) -> None:
        """Let the log begin at *offset*; -1 stands for the end."""
        self.start = self.end if offset < 0 else offset
        self._batches = [batch for batch in self._batches if batch.last_offset >= self.start]

    def latest_timestamp(self) -> tuple[int, int]:
        """Return offset and timestamp (milliseconds) of the batch with the newest timestamp; (-1, -1) when empty."""
        newest = max(self._batches, key=lambda batch: batch.header.max_timestamp, default=None)
        return (newest.last_offset, newest.header.max_timestamp) if newest else (-1, -1)

    def first_since(self, timestamp: int) -> tuple[int, int]:
        """Return offset and timestamp of the first record that is not older than *timestamp*; (-1, -1) if there is none."""
        for batch in self._batches:
            if batch.header.max_timestamp < timestamp or batch.header.control:
                continue
            for record in MemoryRecords(batch.data).next_batch():
                if record.timestamp >= timestamp and record.offset >= self.start:
                    return record.offset, record.timestamp
        return -1, -1


def _marker(producer_id: int, epoch: int, *, committed: bool) -> bytes:
    """Return a control batch of one record that says how a transaction ended."""
    now = int(time.time() * 1000)
    key = struct.pack(">hh", 0, int(committed))
    value = struct.pack(">hi", 0, 0)
    # varints (zigzag): attributes, timestamp delta, offset delta, key length, key, value length, value, header count
    record = bytes([0, 0, 0, len(key) << 1]) + key + bytes([len(value) << 1]) + value + b"\0"
    record = bytes([len(record) << 1]) + record
    length = _HEADER.size - _LENGTH_OFFSET + len(record)
    header = BatchHeader(0, length, 0, _MAGIC, 0, _TRANSACTIONAL | _CONTROL, 0, now, now, producer_id, epoch, -1, 1)
    batch = bytearray(_HEADER.pack(*header) + record)
    struct.pack_into(">I", batch, _CRC_STARTS - 4, calc_crc32c(bytes(batch[_CRC_STARTS:])))
    return bytes(batch)
