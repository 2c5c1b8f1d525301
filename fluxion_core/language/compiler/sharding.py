"""Deals the groups of a ``$group`` out over processes: every key has one *shard*, which folds the rows of its keys in the order of the input.

What a group holds is therefore, to the last bit of a sum, what one process would make of it. Groups that were found in different shards
are told apart by their *ordinal*, which rises in the order in which one process would have met them.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from itertools import compress
from struct import pack
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from fluxion_core.language.encoding import decode_value
from fluxion_core.language.ordering import group_identity
from fluxion_core.language.values import MISSING

if TYPE_CHECKING:
    from fluxion_core.language.compiler.cut import TailRun

__all__ = ["MAX_SHARDS", "Dealt", "Delta", "Shard", "Sharding"]

_SPREAD: Final = 8191
"""A prime: numbers that have a factor in common, as ids often do, come to all shards."""
_PLAIN: Final = {str, int}
_ROW_BITS: Final = 32
MAX_SHARDS: Final = 256
"""The shard of a row is told in a byte."""

Columns: TypeAlias = "Sequence[Sequence[Any]]"


class Dealt(msgspec.Struct, frozen=True):
    """The *columns* of the rows of a part that belong to one shard; *owners* tells the shard of every row of the part, a byte each."""

    owners: bytes
    columns: Columns

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.columns[0])


class Delta(msgspec.Struct, frozen=True):
    """Changed rows of state: first those of groups that were sealed before, then the new ones, which *ordinals* belong to, eight bytes each."""

    keys: Sequence[bytes]
    contents: Sequence[bytes]
    ordinals: bytes


class Sharding(msgspec.Struct, frozen=True, kw_only=True):
    """Where the key stands in the rows: at their beginning, one value, or one for each of some *fields* of a key that is an object."""

    fields: Sequence[tuple[int, str]] | None
    """Place among the fields of the key, and name."""

    def deal(self, columns: Columns, shards: int) -> list[Dealt]:
        """Return the rows of *columns* by shard, of which there are :data:`MAX_SHARDS` at most."""
        owners = self.owners(columns, shards)
        marks = [_marks(owners, shard) for shard in range(shards)]
        return [Dealt(owners, [list(compress(column, marked)) for column in columns]) for marked in marks]

    def owners(self, columns: Columns, shards: int) -> bytes:
        """Return the shard of each row of *columns*, a byte each."""
        if self.fields is not None:
            parts = columns[: len(self.fields)]
            return _owners(zip(*(_identities(part, set(map(type, part))) for part in parts), strict=True), shards)
        keys = columns[0]
        classes = set(map(type, keys))
        if classes == {str}:  # all at once, by the last byte of the hash, which is no worse than others
            lowest = pack(f"<{len(keys)}q", *map(hash, keys))[::8]
            return lowest.translate(bytes(number % shards for number in range(256)))
        return _owners(_identities(keys, classes), shards)

    def shard_of(self, key: Any, shards: int) -> int:
        """Return which shard keeps the group with this *key*."""
        values = [key] if self.fields is None else [key.get(name, MISSING) for _, name in self.fields]
        return self.owners([[value] for value in values], shards)[0]


def _identities(values: Sequence[Any], classes: set[type]) -> Sequence[Hashable]:
    """Return what tells the groups of *values* apart, which are of *classes*."""
    return values if classes <= _PLAIN else list(map(group_identity, values))


def _owners(identities: Iterable[Hashable], shards: int) -> bytes:
    return bytes([(hash(found) & 255 if found.__class__ is str else hash(found) % _SPREAD) % shards for found in identities])


def _marks(owners: bytes, shard: int) -> bytes:
    """Return a byte for each of the *owners* of rows: 1 for *shard*, 0 for others."""
    return owners.translate(bytes(shard) + b"\1" + bytes(MAX_SHARDS - 1 - shard))


class Shard:
    """The groups of shard *number* of *shards*, which *run* folds, a run of the ``$group`` alone."""

    def __init__(self, sharding: Sharding, run: TailRun, number: int, shards: int) -> None:
        self._sharding = sharding
        self._run = run
        self._groups = run.groups
        self._number = number
        self._shards = shards
        self._sealed = 0  # ordinals from here on are of groups that no delta has told of

    def deal(self, columns: Columns) -> list[Dealt]:
        """Return the rows of *columns* by shard."""
        return self._sharding.deal(columns, self._shards)

    @property
    def counts(self) -> list[int]:
        """How many groups there are, how many of them changed since the last delta, and about how many bytes all take."""
        return [self._groups.count, self._groups.changed_keys, self._groups.state_bytes]

    def fold(self, part: int, dealt: Dealt) -> None:
        """Fold rows of the *part*-th part, counted from 1 in the order of the input."""
        first = part << _ROW_BITS
        numbers = range(first, first + len(dealt.owners))
        self._run.fold(dealt.columns, list(compress(numbers, _marks(dealt.owners, self._number))))

    def delta(self) -> Delta:
        """Return the rows of state that changed since the last call."""
        groups = self._groups.unsealed()
        fresh = [group for group in groups if group.ordinal >= self._sealed]
        old = [group for group in groups if group.ordinal < self._sealed] if len(fresh) < len(groups) else []
        keys, contents = self._groups.packed([*old, *fresh])
        ordinals = array("Q", [group.ordinal for group in fresh])
        self._sealed = max(self._sealed, *ordinals) + 1 if ordinals else self._sealed
        return Delta(keys, contents, ordinals.tobytes())

    def rows(self, *, changed: bool = False) -> tuple[list[dict[str, Any]], array[int]]:
        """Return every group as a document, or those that *changed* since this was last asked, and their ordinals."""
        groups = self._groups.take_touched() if changed else self._groups.groups.values()
        return self._groups.rows_of(groups), array("Q", [group.ordinal for group in groups])

    def restore(self, keys: Sequence[bytes], contents: Sequence[bytes]) -> None:
        """Take back those of all rows of state that belong here."""
        ours = {}
        ordinals = []
        for ordinal, (key, content) in enumerate(zip(keys, contents, strict=True)):
            if self._sharding.shard_of(decode_value(key), self._shards) == self._number:
                ours[key] = content
                ordinals.append(ordinal)
        self._groups.restore(ours)
        for ordinal, group in zip(ordinals, self._groups.groups.values(), strict=True):
            group.ordinal = ordinal
        self._sealed = 1 << _ROW_BITS
