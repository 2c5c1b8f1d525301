"""What a group keeps: the accumulators of a ``$group``, and their places in the class of its groups."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fluxion_core.language.compiler.folds import Fold, fold_of
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.compiler.parts import Folding
from fluxion_core.language.compiler.writer import Writer
from fluxion_core.language.operators import Accumulator

__all__ = ["Column", "columns_of", "group_class"]


class Column(msgspec.Struct, frozen=True):
    """One accumulator of a ``$group``: its name in the rows, its place in a group, and how it is written out, if it is."""

    name: str
    slot: str
    accumulator: Accumulator
    parameters: Sequence[Node]
    values: Sequence[Node]
    fold: Fold | None
    where: str

    @property
    def places(self) -> list[str]:
        """The places of the state in a group, if it is spread over some."""
        return self.fold.places(self.slot) if self.fold is not None else []

    def set(self, starts: Sequence[str]) -> list[str]:
        """Return the texts that set its places, or its slot, to *starts*."""
        return [f"{place} = {start}" for place, start in zip(self.places or [self.slot], starts, strict=True)]

    def state(self, writer: Writer) -> str:
        """Return the text of the state as the accumulator's functions know it."""
        if self.fold is None or not self.places:
            return self.slot
        return self.fold.state(self.slot, writer.constant(self.accumulator.step))


def columns_of(folding: Folding, group: str) -> list[Column]:
    """Return the accumulators of *folding*; *group*: the text that stands ahead of the places in a group."""
    return [
        Column(
            name,
            f"{group}s{slot}",
            accumulator,
            parameters,
            values,
            fold_of(accumulator, values),
            f"{folding.where}.{name}.{accumulator.name}",
        )
        for slot, (name, accumulator, parameters, values) in enumerate(folding.fields)
    ]


def group_class(folding: Folding) -> type:
    """Return the class of a group's state: its key, the last batch that touched it, its ordinal if it is kept in a shard, and the places of each accumulator.

    A class with slots and no msgspec.Struct: writing to an attribute takes a seventh of the time.
    """
    places = [place for column in columns_of(folding, "") for place in column.places or [column.slot]]
    return type("Group", (), {"__slots__": ("key", "epoch", "ordinal", *places)})
