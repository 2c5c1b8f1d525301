"""Requests about consumer groups: membership, committed offsets, administration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler, code_of
from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.groups import Group, Member, Offset, join_refused
from fluxion_connect_kafka.testing.broker.wire import Fields

__all__ = ["HANDLERS", "read_offsets"]

_BATCHED_LEAVE = 3
_BATCHED_OFFSET_FETCH = 8
_STABLE_OFFSET_FETCH = 7


async def join_group(cluster: Cluster, call: Call) -> Fields:
    """Join a group; the answer waits for the other members."""
    if call.error:
        return join_refused(call.error, call.request.member_id)
    return await cluster.groups.get(call.request.group_id).join(call.request, call.version)


async def sync_group(cluster: Cluster, call: Call) -> Fields:
    """Hand in the leader's assignments, or wait for one's own."""
    group = cluster.groups.get(call.request.group_id)
    code, assignment = Code.NONE, b""
    try:
        call.check()
        assignment = await group.sync(call.request)
    except Refused as refused:
        code = refused.code
    return {
        "error_code": code, "protocol_type": group.protocol_type, "protocol_name": group.protocol, "assignment": assignment,
    }  # fmt: skip


async def heartbeat(cluster: Cluster, call: Call) -> Fields:
    """Note that a member lives, and tell it of a rebalance."""
    group = cluster.groups.get(call.request.group_id)
    code = call.error or code_of(lambda: group.heartbeat(call.request.member_id, call.request.generation_id))
    return {"error_code": code}


async def leave_group(cluster: Cluster, call: Call) -> Fields:
    """Remove members."""
    group = cluster.groups.get(call.request.group_id)
    if call.version < _BATCHED_LEAVE:
        return {"error_code": call.error or code_of(lambda: group.leave(call.request.member_id, None))}
    return {"error_code": call.error, "members": [_leave(group, call, member) for member in call.request.members]}


def _leave(group: Group, call: Call, member: Any) -> Fields:
    code = call.error or code_of(lambda: group.leave(member.member_id, member.group_instance_id))
    return {"member_id": member.member_id, "group_instance_id": member.group_instance_id, "error_code": code}


def read_offsets(request: Any) -> dict[tuple[str, int], Offset]:
    """Return the offsets in an OffsetCommit or TxnOffsetCommit request."""
    return {
        (topic.name, part.partition_index): Offset(part.committed_offset, part.committed_leader_epoch, part.committed_metadata)
        for topic in request.topics
        for part in topic.partitions
    }


async def offset_commit(cluster: Cluster, call: Call) -> Fields:
    """Store offsets, unless the one who asks is not entitled to it."""
    request = call.request
    group = cluster.groups.get(request.group_id)
    generation = request.generation_id_or_member_epoch
    code = call.error or code_of(lambda: group.check_commit(request.member_id, generation))
    if not code:
        group.offsets.update(read_offsets(request))
    return {"topics": _per_partition(request, code)}


def _per_partition(request: Any, code: Code) -> list[Fields]:
    return [
        {
            "name": topic.name,
            "partitions": [{"partition_index": part.partition_index, "error_code": code} for part in topic.partitions],
        }
        for topic in request.topics
    ]


async def offset_fetch(cluster: Cluster, call: Call) -> Fields:
    """Answer with committed offsets."""
    request = call.request
    if call.version < _BATCHED_OFFSET_FETCH:
        group = cluster.groups.get(request.group_id)
        return {"topics": _committed(group, request.topics, call), "error_code": call.error}
    groups = [
        {
            "group_id": wanted.group_id,
            "topics": _committed(cluster.groups.get(wanted.group_id), wanted.topics, call),
            "error_code": call.error,
        }
        for wanted in request.groups
    ]
    return {"groups": groups}


def _committed(group: Group, topics: Any, call: Call) -> list[Fields]:
    wanted = group.offsets if topics is None else [(topic.name, index) for topic in topics for index in topic.partition_indexes]
    stable_only = call.version >= _STABLE_OFFSET_FETCH and call.request.require_stable
    answers: defaultdict[str, list[Fields]] = defaultdict(list)
    for name, index in wanted:
        unstable = stable_only and group.unstable((name, index))
        answers[name].append(_committed_one(group, (name, index), unstable=unstable))
    return [{"name": name, "partitions": partitions} for name, partitions in answers.items()]


def _committed_one(group: Group, where: tuple[str, int], *, unstable: bool) -> Fields:
    offset = group.offsets.get(where, Offset(-1, -1, ""))
    return {
        "partition_index": where[1],
        "committed_offset": -1 if unstable else offset.offset,
        "committed_leader_epoch": offset.leader_epoch,
        "metadata": offset.metadata or "",
        "error_code": Code.UNSTABLE_OFFSET_COMMIT if unstable else Code.NONE,
    }


async def list_groups(cluster: Cluster, call: Call) -> Fields:
    """List every group."""
    groups = [
        {"group_id": group.id, "protocol_type": group.protocol_type, "group_state": group.state.value}
        for group in cluster.groups
    ]
    return {"error_code": call.error, "groups": groups}


async def describe_groups(cluster: Cluster, call: Call) -> Fields:
    """Describe the named groups with their members."""
    groups = [cluster.groups.get(group_id) for group_id in call.request.groups]
    return {"groups": [_describe(group, call.error) for group in groups]}


def _describe(group: Group, error: Code) -> Fields:
    return {
        "error_code": error, "group_id": group.id, "group_state": group.state.value, "protocol_type": group.protocol_type,
        "protocol_data": group.protocol or "", "members": [_member(group, member) for member in group.members.values()],
    }  # fmt: skip


def _member(group: Group, member: Member) -> Fields:
    return {
        "member_id": member.id, "group_instance_id": member.instance_id, "client_id": "", "client_host": "127.0.0.1",
        "member_metadata": dict(member.protocols).get(group.protocol or "", b""), "member_assignment": member.assignment,
    }  # fmt: skip


async def delete_groups(cluster: Cluster, call: Call) -> Fields:
    """Forget the named groups."""
    results = []
    for group_id in call.request.groups_names:
        code = call.error or _delete(cluster, group_id)
        results.append({"group_id": group_id, "error_code": code})
    return {"results": results}


def _delete(cluster: Cluster, group_id: str) -> Code:
    return code_of(lambda: cluster.groups.delete(group_id))


HANDLERS: Mapping[str, Handler] = {
    "JoinGroup": join_group,
    "SyncGroup": sync_group,
    "Heartbeat": heartbeat,
    "LeaveGroup": leave_group,
    "OffsetCommit": offset_commit,
    "OffsetFetch": offset_fetch,
    "ListGroups": list_groups,
    "DescribeGroups": describe_groups,
    "DeleteGroups": delete_groups,
}
