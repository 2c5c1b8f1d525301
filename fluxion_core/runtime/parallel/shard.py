"""A worker's side of the exchange: the groups of its share of the keys, and the rows of its own parts that wait to be folded.

The other side says which part is next; only so are rows of all workers folded in the order of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fluxion_core.language import (
    Cut,
    Dealt,
    Shard,
    encode_documents,
    encode_json_lines,
    lines_within,
    pack_columns,
    unpack_columns,
)
from fluxion_core.runtime.parallel.channel import Channel, Message, pack_list, unpack_list
from fluxion_core.spi import Clock

__all__ = ["KeptShard"]


class KeptShard:
    """Shard *number* of *shards* for *cut*; orders about it come over *channel*."""

    def __init__(self, channel: Channel, cut: Cut, number: int, shards: int, clock: Clock) -> None:
        self.channel = channel
        self._shard: Shard = cut.start_shard(number, shards)
        self._number = number
        self._clock = clock
        self._waiting: dict[int, Dealt] = {}
        self._seconds = 0.0
        self._orders: Mapping[str, Callable[[Message], Message | None]] = {
            "fold": self._fold,
            "delta": self._delta,
            "rows": self._rows,
            "lines": self._lines,
            "changed": self._rows,
            "restore": self._restore,
        }

    def deal(self, part: int, columns: Sequence[Sequence[Any]]) -> tuple[list[int], list[bytes]]:
        """Deal out the rows of a part; return how many belong to each shard, and the blobs for the others."""
        dealt = self._shard.deal(columns)
        if dealt[self._number].count:
            self._waiting[part] = dealt[self._number]
        others = [share.columns for number, share in enumerate(dealt) if number != self._number and share.count]
        packed = [blob for other in others for blob in pack_columns(other)]
        return [share.count for share in dealt], [dealt[self._number].owners, *packed]

    @property
    def counts(self) -> list[int]:
        """How many groups there are, how many of them changed since the last delta, and about how many bytes all take."""
        return self._shard.counts

    def seconds(self) -> float:
        """Return how long folding took since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def obey(self) -> None:
        """Take the next order, and answer it if it is a question.

        Raises:
            Closed: the other side is gone.
        """
        order = self.channel.receive()
        answer = self._orders[order.kind](order)
        if answer is not None:
            self.channel.send(answer)

    def _fold(self, order: Message) -> None:
        began = self._clock.monotonic()
        turn, own = order.content
        dealt = self._waiting.pop(own) if own is not None else Dealt(order.blobs[0], unpack_columns(order.blobs[1:]))
        self._shard.fold(turn, dealt)
        self._seconds += self._clock.monotonic() - began

    def _delta(self, order: Message) -> Message:
        delta = self._shard.delta()
        blobs = [pack_list(delta.keys), pack_list(delta.contents), delta.ordinals]
        return Message(order.kind, self.counts, blobs)

    def _rows(self, order: Message) -> Message:
        rows, ordinals = self._shard.rows(changed=order.kind == "changed")
        return Message(order.kind, None, [encode_documents(rows), ordinals.tobytes()])

    def _lines(self, order: Message) -> Message:
        """Answer with every group as a line of JSON; with nothing, if one is longer than what was ordered."""
        rows, ordinals = self._shard.rows()
        lines = encode_json_lines(rows)
        if not lines_within(lines, order.content):
            return Message(order.kind)
        return Message(order.kind, None, [lines, ordinals.tobytes()])

    def _restore(self, order: Message) -> Message:
        self._shard.restore(*map(unpack_list, order.blobs))
        return Message(order.kind, self.counts)
