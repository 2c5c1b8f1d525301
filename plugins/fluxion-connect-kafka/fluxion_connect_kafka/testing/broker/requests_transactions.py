"""Requests of idempotent and transactional producers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler, code_of
from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.requests_groups import read_offsets
from fluxion_connect_kafka.testing.broker.transactions import Transaction
from fluxion_connect_kafka.testing.broker.wire import Fields

__all__ = ["HANDLERS"]

_INIT_KNOWS_FENCED = 4
_OTHERS_KNOW_FENCED = 2
_COMMIT_KNOWS_MEMBERS = 3


async def init_producer_id(cluster: Cluster, call: Call) -> Fields:
    """Hand out a producer id, and fence earlier owners of a transactional one."""
    producer_id, epoch = -1, -1

    def initialise() -> None:
        nonlocal producer_id, epoch
        call.check()
        request = call.request
        if request.transactional_id is None:
            producer_id, epoch = cluster.transactions.new_producer()
        else:
            producer_id, epoch = cluster.transactions.initialise(
                request.transactional_id, request.producer_id, request.producer_epoch
            )

    code = _in_words_of(call.version, _INIT_KNOWS_FENCED, code_of(initialise))
    await cluster.announce_growth()
    return {"error_code": code, "producer_id": producer_id, "producer_epoch": epoch}


def _in_words_of(version: int, knows_fenced: int, code: Code) -> Code:
    """Older clients know a fenced producer under another code."""
    return Code.INVALID_PRODUCER_EPOCH if code is Code.PRODUCER_FENCED and version < knows_fenced else code


def _in_transaction(cluster: Cluster, call: Call, producer: tuple[str, int, int], act: Callable[[Transaction], None]) -> Code:
    """Let *act* work on the transaction of *producer* (transactional id, id, epoch) and return the code of the answer."""

    def work() -> None:
        call.check()
        act(cluster.transactions.find(*producer))

    return _in_words_of(call.version, _OTHERS_KNOW_FENCED, code_of(work))


async def add_partitions(cluster: Cluster, call: Call) -> Fields:
    """Note which partitions the open transaction writes to."""
    request = call.request
    topics = request.v3_and_below_topics
    wanted = {(topic.name, index) for topic in topics for index in topic.partitions}
    producer = (
        request.v3_and_below_transactional_id,
        request.v3_and_below_producer_id,
        request.v3_and_below_producer_epoch,
    )

    def add(transaction: Transaction) -> None:
        for name, index in wanted:
            cluster.topics.partition(name, index)
        transaction.partitions.update(wanted)

    code = _in_transaction(cluster, call, producer, add)
    results = [
        {
            "name": topic.name,
            "results_by_partition": [{"partition_index": index, "partition_error_code": code} for index in topic.partitions],
        }
        for topic in topics
    ]
    return {"results_by_topic_v3_and_below": results}


async def add_offsets(cluster: Cluster, call: Call) -> Fields:
    """Note that the open transaction brings offsets of a group."""
    request = call.request
    producer = (request.transactional_id, request.producer_id, request.producer_epoch)
    return {"error_code": _in_transaction(cluster, call, producer, lambda open_: open_.groups.add(request.group_id))}


async def commit_offsets(cluster: Cluster, call: Call) -> Fields:
    """Keep a group's offsets until the transaction ends."""
    request = call.request
    producer = (request.transactional_id, request.producer_id, request.producer_epoch)
    group = cluster.groups.get(request.group_id)

    def keep(transaction: Transaction) -> None:
        if request.group_id not in transaction.groups:
            raise Refused(Code.INVALID_TXN_STATE)
        if call.version >= _COMMIT_KNOWS_MEMBERS and (request.member_id or request.generation_id >= 0):
            group.check(request.member_id, request.generation_id)
        group.pending_offsets.setdefault(transaction.producer_id, {}).update(read_offsets(request))

    code = _in_transaction(cluster, call, producer, keep)
    topics = [
        {"name": t.name, "partitions": [{"partition_index": p.partition_index, "error_code": code} for p in t.partitions]}
        for t in request.topics
    ]
    return {"topics": topics}


async def end_transaction(cluster: Cluster, call: Call) -> Fields:
    """Commit or abort the open transaction."""
    request = call.request

    def end() -> None:
        call.check()
        cluster.transactions.end(
            request.transactional_id, request.producer_id, request.producer_epoch, committed=request.committed
        )

    code = _in_words_of(call.version, _OTHERS_KNOW_FENCED, code_of(end))
    await cluster.announce_growth()
    return {"error_code": code}


HANDLERS: Mapping[str, Handler] = {
    "InitProducerId": init_producer_id,
    "AddPartitionsToTxn": add_partitions,
    "AddOffsetsToTxn": add_offsets,
    "TxnOffsetCommit": commit_offsets,
    "EndTxn": end_transaction,
}
