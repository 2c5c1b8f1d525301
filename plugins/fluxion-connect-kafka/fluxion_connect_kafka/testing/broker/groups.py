"""Consumer groups: members, generations, assignments and committed offsets (Kafka's classic protocol)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import attrs

from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.wire import Fields

__all__ = ["Group", "GroupState", "Groups", "Member", "Offset"]


class GroupState(StrEnum):
    """Where a group stands, in the words that DescribeGroups answers with."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


class Offset(NamedTuple):
    """A committed offset."""

    offset: int
    leader_epoch: int
    metadata: str | None


@attrs.define(eq=False)
class Member:
    """One consumer of a group; *joining* and *syncing* hold its request while the others are waited for."""

    id: str
    instance_id: str | None
    protocols: list[tuple[str, bytes]]
    session_timeout: float
    rebalance_timeout: float
    assignment: bytes = b""
    last_seen: float = attrs.field(factory=time.monotonic)
    joining: asyncio.Future[Fields] | None = None
    syncing: asyncio.Future[bytes] | None = None

    @property
    def waits_to_join(self) -> bool:
        """Whether a JoinGroup request of this member waits for its answer."""
        return self.joining is not None and not self.joining.done()

    def seen(self) -> None:
        """Note that the member lives."""
        self.last_seen = time.monotonic()

    def expired(self, now: float) -> bool:
        """Whether nothing was heard for the session timeout, other than a request that we keep waiting ourselves."""
        waits = self.waits_to_join or (self.syncing is not None and not self.syncing.done())
        return not waits and now - self.last_seen > self.session_timeout

    def answer_join(self, fields: Fields) -> None:
        """Answer the waiting JoinGroup request, if its client still listens."""
        if self.waits_to_join and self.joining is not None:
            self.joining.set_result(fields)
        self.joining = None

    def answer_sync(self, answer: bytes | Refused) -> None:
        """Answer the waiting SyncGroup request, if its client still listens."""
        if self.syncing is not None and not self.syncing.done():
            if isinstance(answer, Refused):
                self.syncing.set_exception(answer)
            else:
                self.syncing.set_result(answer)
        self.syncing = None


def join_refused(code: Code, member_id: str = "") -> Fields:
    """Return the JoinGroup answer that says no."""
    return {
        "error_code": code, "generation_id": -1, "protocol_type": None, "protocol_name": "", "leader": "",
        "member_id": member_id, "members": [],
    }  # fmt: skip


class Group:
    """The state machine of one group."""

    def __init__(self, group_id: str, initial_delay: float) -> None:
        """Begin empty; the first rebalance waits *initial_delay* seconds for more members."""
        self.id = group_id
        self.state = GroupState.EMPTY
        self.generation = 0
        self.members: dict[str, Member] = {}
        self.leader: str | None = None
        self.protocol: str | None = None
        self.protocol_type = "consumer"
        self.offsets: dict[tuple[str, int], Offset] = {}
        self.pending_offsets: dict[int, dict[tuple[str, int], Offset]] = {}
        self._announced: set[str] = set()
        self._initial_delay = initial_delay
        self._first_rebalance = False
        self._timer: asyncio.TimerHandle | None = None

    # -- joining -------------------------------------------------------------------------------------------------------

    async def join(self, request: Any, version: int) -> Fields:
        """Take a JoinGroup request; the answer comes when every member has joined the new generation."""
        member_id: str = request.member_id
        instance_id = request.group_instance_id if version >= 5 else None  # the version that added it
        self.protocol_type = request.protocol_type
        if instance_id is not None and not member_id:
            predecessor = self._by_instance(instance_id)
            if predecessor is not None:
                return self._rejoin_static(predecessor, request)
        if not member_id:
            if instance_id is None and version >= 4:  # since then a client joins in two steps
                return self._announce()
            member_id = _new_member_id(instance_id)
        elif member_id not in self.members and member_id not in self._announced:
            return join_refused(Code.UNKNOWN_MEMBER_ID, member_id)
        return await self._join_as(member_id, instance_id, request)

    async def _join_as(self, member_id: str, instance_id: str | None, request: Any) -> Fields:
        known = self.members.get(member_id)
        if known is not None and self._unchanged(known, request):
            known.seen()
            return self._joined(known)
        member = _member(member_id, instance_id, request)
        if known is not None:
            known.answer_join(join_refused(Code.REBALANCE_IN_PROGRESS, member_id))
            member.assignment = known.assignment
        self._announced.discard(member_id)
        self.members[member_id] = member
        member.joining = asyncio.get_running_loop().create_future()
        waiting = member.joining
        self._rebalance()
        return await waiting

    def _announce(self) -> Fields:
        member_id = _new_member_id(None)
        self._announced.add(member_id)
        return join_refused(Code.MEMBER_ID_REQUIRED, member_id)

    def _unchanged(self, member: Member, request: Any) -> bool:
        """Whether a member joins again without news, so that the present generation answers it."""
        if member.protocols != _protocols(request):
            return False
        follower = member.id != self.leader
        return self.state is GroupState.COMPLETING or (self.state is GroupState.STABLE and follower)

    def _by_instance(self, instance_id: str) -> Member | None:
        return next((member for member in self.members.values() if member.instance_id == instance_id), None)

    def _rejoin_static(self, predecessor: Member, request: Any) -> Fields:
        """Let a static member come back under a new id: in a stable group it keeps assignment and generation (KIP-345)."""
        predecessor.answer_join(join_refused(Code.FENCED_INSTANCE_ID, predecessor.id))
        predecessor.answer_sync(Refused(Code.FENCED_INSTANCE_ID))
        del self.members[predecessor.id]
        member = _member(_new_member_id(predecessor.instance_id), predecessor.instance_id, request)
        member.assignment = predecessor.assignment
        self.members[member.id] = member
        if self.leader == predecessor.id:
            self.leader = member.id
        return self._joined(member)

    def _joined(self, member: Member) -> Fields:
        return {
            "error_code": Code.NONE, "generation_id": self.generation, "protocol_type": self.protocol_type,
            "protocol_name": self.protocol, "leader": self.leader, "skip_assignment": False, "member_id": member.id,
            "members": self._metadata() if member.id == self.leader else [],
        }  # fmt: skip

    def _metadata(self) -> list[Fields]:
        return [
            {
                "member_id": member.id,
                "group_instance_id": member.instance_id,
                "metadata": dict(member.protocols).get(self.protocol or "", b""),
            }
            for member in self.members.values()
        ]

    # -- rebalancing ---------------------------------------------------------------------------------------------------

    def _rebalance(self) -> None:
        """Begin a new generation, or go on with the one that is being prepared."""
        for member in self.members.values():
            member.answer_sync(Refused(Code.REBALANCE_IN_PROGRESS))
        if self.state is not GroupState.PREPARING:
            self._prepare()
        self._complete_if_ready()

    def _prepare(self) -> None:
        self._first_rebalance = self.state is GroupState.EMPTY
        self.state = GroupState.PREPARING
        longest = max((member.rebalance_timeout for member in self.members.values()), default=0.0)
        delay = self._initial_delay if self._first_rebalance else longest
        self._timer = asyncio.get_running_loop().call_later(delay, self._complete)

    def _complete_if_ready(self) -> None:
        if self._first_rebalance and self.members:
            return
        if self._timer is not None and all(member.waits_to_join for member in self.members.values()):
            self._timer.cancel()
            self._complete()

    def _complete(self) -> None:
        """Close the door: whoever has not joined is out, and the others learn their generation."""
        self._timer = None
        self._first_rebalance = False
        self.members = {member.id: member for member in self.members.values() if member.waits_to_join}
        self.generation += 1
        if not self.members:
            self.state, self.leader = GroupState.EMPTY, None
            return
        self.state = GroupState.COMPLETING
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        self.protocol = self._vote()
        for member in self.members.values():
            member.seen()
            member.assignment = b""
            member.answer_join(self._joined(member))

    def _vote(self) -> str:
        """Return the protocol that most members prefer among those that all of them know."""
        members = self.members.values()
        common = set.intersection(*({name for name, _ in member.protocols} for member in members))
        votes = Counter(next(name for name, _ in member.protocols if name in common) for member in members)
        return votes.most_common(1)[0][0]

    async def sync(self, request: Any) -> bytes:
        """Take a SyncGroup request and return the member's assignment once the leader has handed it in.

        Raises:
            Refused: the member is unknown or of an old generation, or the group rebalances again.
        """
        member = self.check(request.member_id, request.generation_id)
        if self.state is GroupState.PREPARING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)
        if self.state is GroupState.COMPLETING and member.id != self.leader:
            member.syncing = asyncio.get_running_loop().create_future()
            assignment = await member.syncing
            member.seen()
            return assignment
        if self.state is GroupState.COMPLETING:
            self._assign({item.member_id: bytes(item.assignment) for item in request.assignments})
        return member.assignment

    def _assign(self, assignments: dict[str, bytes]) -> None:
        self.state = GroupState.STABLE
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            member.answer_sync(member.assignment)

    # -- living and leaving --------------------------------------------------------------------------------------------

    def check(self, member_id: str, generation: int) -> Member:
        """Return the member, and note that it lives.

        Raises:
            Refused: it is not known, or speaks of another generation.
        """
        member = self.members.get(member_id)
        if member is None:
            raise Refused(Code.UNKNOWN_MEMBER_ID)
        if generation != self.generation:
            raise Refused(Code.ILLEGAL_GENERATION)
        member.seen()
        return member

    def heartbeat(self, member_id: str, generation: int) -> None:
        """Take a Heartbeat request.

        Raises:
            Refused: as in :meth:`check`, or a rebalance waits for this member.
        """
        self.check(member_id, generation)
        if self.state is GroupState.PREPARING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)

    def leave(self, member_id: str, instance_id: str | None) -> None:
        """Remove a member, which begins a new generation.

        Raises:
            Refused: it is not known.
        """
        by_instance = self._by_instance(instance_id) if instance_id is not None else None
        member = by_instance or self.members.get(member_id)
        if member is None:
            raise Refused(Code.UNKNOWN_MEMBER_ID)
        self._remove([member])

    def expire(self, now: float) -> None:
        """Remove the members that were not heard of for their session timeout."""
        expired = [member for member in self.members.values() if member.expired(now)]
        if expired:
            self._remove(expired)

    def _remove(self, members: list[Member]) -> None:
        for member in members:
            del self.members[member.id]
            member.answer_join(join_refused(Code.UNKNOWN_MEMBER_ID, member.id))
            member.answer_sync(Refused(Code.UNKNOWN_MEMBER_ID))
        self._rebalance()

    # -- offsets -------------------------------------------------------------------------------------------------------

    def check_commit(self, member_id: str, generation: int) -> None:
        """Refuse an offset commit of somebody who is not (any more) entitled to it.

        Raises:
            Refused: the group has members and this is none of them, or not of this generation.
        """
        if generation < 0 and not self.members:
            return
        self.check(member_id, generation)
        if self.state is GroupState.COMPLETING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)

    def unstable(self, topic_partition: tuple[str, int]) -> bool:
        """Return whether an open transaction holds an offset for that partition."""
        return any(topic_partition in pending for pending in self.pending_offsets.values())

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """Apply, or forget, the offsets that a transaction brought."""
        offsets = self.pending_offsets.pop(producer_id, {})
        if committed:
            self.offsets.update(offsets)


def _new_member_id(instance_id: str | None) -> str:
    return f"{instance_id or 'member'}-{uuid.uuid4()}"


def _protocols(request: Any) -> list[tuple[str, bytes]]:
    return [(protocol.name, bytes(protocol.metadata)) for protocol in request.protocols]


def _member(member_id: str, instance_id: str | None, request: Any) -> Member:
    session_timeout = request.session_timeout_ms / 1000
    rebalance_timeout = request.rebalance_timeout_ms / 1000
    return Member(
        id=member_id,
        instance_id=instance_id,
        protocols=_protocols(request),
        session_timeout=session_timeout,
        rebalance_timeout=rebalance_timeout if rebalance_timeout > 0 else session_timeout,
    )


class Groups:
    """Every group of the broker."""

    def __init__(self, initial_delay: float) -> None:
        """Begin without groups."""
        self._initial_delay = initial_delay
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        """Iterate over the groups."""
        return iter(tuple(self._groups.values()))

    def get(self, group_id: str) -> Group:
        """Return the group, which comes into being when it is first asked for."""
        return self._groups.setdefault(group_id, Group(group_id, self._initial_delay))

    def delete(self, group_id: str) -> None:
        """Forget a group without members.

        Raises:
            Refused: there is no such group, or it has members.
        """
        group = self._groups.get(group_id)
        if group is None:
            raise Refused(Code.GROUP_ID_NOT_FOUND)
        if group.members:
            raise Refused(Code.NON_EMPTY_GROUP)
        del self._groups[group_id]

    def expire(self) -> None:
        """Remove silent members from every group."""
        now = time.monotonic()
        for group in self:
            group.expire(now)
