"""Requests about records: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler, code_of
from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.log import PartitionLog, read_header
from fluxion_connect_kafka.testing.broker.wire import Fields

__all__ = ["HANDLERS"]

_LATEST, _EARLIEST, _MAX_TIMESTAMP = -1, -2, -3


async def produce(cluster: Cluster, call: Call) -> Fields | None:
    """Append one batch to each named partition."""
    request = call.request
    answers = [
        {"name": topic.name, "partition_responses": [_produce(cluster, call, topic.name, p) for p in topic.partition_data]}
        for topic in request.topic_data
    ]
    await cluster.announce_growth()
    return {"responses": answers} if request.acks else None


def _produce(cluster: Cluster, call: Call, name: str, partition: Any) -> Fields:
    code, offset, start = Code.NONE, -1, -1
    try:
        call.check()
        cluster.topic_or_new(name)
        data = bytes(partition.records or b"")
        _check_transaction(cluster, call.request.transactional_id, (name, partition.index), data)
        offset = cluster.append(name, partition.index, data)
        start = cluster.topics.partition(name, partition.index).start
    except Refused as refused:
        code = refused.code
    return {
        "index": partition.index, "error_code": code, "base_offset": offset, "log_append_time_ms": -1,
        "log_start_offset": start,
    }  # fmt: skip


def _check_transaction(cluster: Cluster, transactional_id: str | None, where: tuple[str, int], data: bytes) -> None:
    if transactional_id is not None:
        cluster.transactions.check_produce(transactional_id, read_header(data).producer_epoch, where)


async def fetch(cluster: Cluster, call: Call) -> Fields:
    """Read from the named partitions, waiting for ``min_bytes`` as long as the client allows."""
    request = call.request
    deadline = time.monotonic() + request.max_wait_ms / 1000
    while True:
        answers, size, failed = _fetch_all(cluster, call)
        left = deadline - time.monotonic()
        if failed or size >= max(1, request.min_bytes) or left <= 0:
            return {"error_code": Code.NONE, "session_id": 0, "responses": answers}
        await _wait_for_growth(cluster, left)


async def _wait_for_growth(cluster: Cluster, seconds: float) -> None:
    async with cluster.grew:
        try:
            await asyncio.wait_for(cluster.grew.wait(), seconds)
        except TimeoutError:
            return


def _fetch_all(cluster: Cluster, call: Call) -> tuple[list[Fields], int, bool]:
    """Return the answers, how many bytes of records they hold, and whether one of them is an error."""
    size, failed, answers = 0, False, []
    for topic in call.request.topics:
        partitions = []
        for wanted in topic.partitions:
            room = call.request.max_bytes - size
            answer = _fetch(cluster, call, topic.topic, wanted, room)
            size += len(answer["records"])
            failed = failed or bool(answer["error_code"])
            partitions.append(answer)
        answers.append({"topic": topic.topic, "partitions": partitions})
    return answers, size, failed


def _fetch(cluster: Cluster, call: Call, name: str, wanted: Any, room: int) -> Fields:
    answer: Fields = {
        "partition_index": wanted.partition, "error_code": Code.NONE, "high_watermark": -1, "last_stable_offset": -1,
        "log_start_offset": -1, "aborted_transactions": None, "preferred_read_replica": -1, "records": b"",
    }  # fmt: skip
    try:
        call.check()
        log = cluster.topics.partition(name, wanted.partition)
        answer.update(high_watermark=log.end, last_stable_offset=log.stable_end, log_start_offset=log.start)
        answer.update(_read(cluster, call.request.isolation_level, log, wanted, room))
    except Refused as refused:
        answer["error_code"] = refused.code
    return answer


def _read(cluster: Cluster, isolation_level: int, log: PartitionLog, wanted: Any, room: int) -> Fields:
    if not log.start <= wanted.fetch_offset <= log.end:
        raise Refused(Code.OFFSET_OUT_OF_RANGE)
    upper = cluster.end_for(log, isolation_level)
    limit = min(wanted.partition_max_bytes, room)
    records = log.read(wanted.fetch_offset, max_bytes=limit, before=upper) if room > 0 else b""
    if not isolation_level:
        return {"records": records}
    aborted = [
        {"producer_id": gone.producer_id, "first_offset": gone.first_offset}
        for gone in log.aborted
        if gone.last_offset >= wanted.fetch_offset and gone.first_offset < upper
    ]
    return {"records": records, "aborted_transactions": aborted}


async def list_offsets(cluster: Cluster, call: Call) -> Fields:
    """Answer with the first, the last or a point of time's offset of each named partition."""
    answers = [
        {"name": topic.name, "partitions": [_list_offset(cluster, call, topic.name, wanted) for wanted in topic.partitions]}
        for topic in call.request.topics
    ]
    return {"topics": answers}


def _list_offset(cluster: Cluster, call: Call, name: str, wanted: Any) -> Fields:
    code, offset, timestamp = Code.NONE, -1, -1
    try:
        call.check()
        log = cluster.topics.partition(name, wanted.partition_index)
        offset, timestamp = _offset_at(cluster, call.request.isolation_level, log, wanted.timestamp)
    except Refused as refused:
        code = refused.code
    return {
        "partition_index": wanted.partition_index, "error_code": code, "timestamp": timestamp, "offset": offset,
        "leader_epoch": 0 if offset >= 0 else -1,
    }  # fmt: skip


def _offset_at(cluster: Cluster, isolation_level: int, log: PartitionLog, timestamp: int) -> tuple[int, int]:
    if timestamp == _LATEST:
        return cluster.end_for(log, isolation_level), -1
    if timestamp == _EARLIEST:
        return log.start, -1
    return log.latest_timestamp() if timestamp == _MAX_TIMESTAMP else log.first_since(timestamp)


async def offset_for_leader_epoch(cluster: Cluster, call: Call) -> Fields:
    """Answer that the only leader epoch there ever was reaches to the end of the log."""
    answers = [
        {"topic": topic.topic, "partitions": [_epoch_end(cluster, call, topic.topic, wanted) for wanted in topic.partitions]}
        for topic in call.request.topics
    ]
    return {"topics": answers}


def _epoch_end(cluster: Cluster, call: Call, name: str, wanted: Any) -> Fields:
    code, end = Code.NONE, -1
    try:
        call.check()
        end = cluster.topics.partition(name, wanted.partition).end
    except Refused as refused:
        code = refused.code
    return {"error_code": code, "partition": wanted.partition, "leader_epoch": 0, "end_offset": end}


async def delete_records(cluster: Cluster, call: Call) -> Fields:
    """Let the named partitions begin later."""
    answers = [
        {"name": topic.name, "partitions": [_delete(cluster, call, topic.name, wanted) for wanted in topic.partitions]}
        for topic in call.request.topics
    ]
    return {"topics": answers}


def _delete(cluster: Cluster, call: Call, name: str, wanted: Any) -> Fields:
    start = -1

    def delete() -> None:
        nonlocal start
        call.check()
        log = cluster.topics.partition(name, wanted.partition_index)
        if wanted.offset > log.end:
            raise Refused(Code.OFFSET_OUT_OF_RANGE)
        log.delete_before(wanted.offset)
        start = log.start

    code = code_of(delete)
    return {"partition_index": wanted.partition_index, "low_watermark": start, "error_code": code}


HANDLERS: Mapping[str, Handler] = {
    "Produce": produce,
    "Fetch": fetch,
    "ListOffsets": list_offsets,
    "OffsetForLeaderEpoch": offset_for_leader_epoch,
    "DeleteRecords": delete_records,
}
