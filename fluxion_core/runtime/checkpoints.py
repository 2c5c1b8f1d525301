"""Step 5 of the loop: what has gathered since the last seal, and whether what was sealed before fits this pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fluxion_core.errors import PluginError, StateError
from fluxion_core.runtime.binding import BoundPipeline
from fluxion_core.spi import Checkpoint, Json, Split

__all__ = ["Gathered", "check_fits", "check_names", "check_splits", "meta_of"]

FORMAT = 1


class Gathered(msgspec.Struct):
    """What the next seal will make durable, apart from the output itself."""

    positions: dict[str, Json] = msgspec.field(default_factory=dict)
    records: int = 0
    delivered: int = 0
    filtered: int = 0
    skipped: int = 0
    dead_lettered: int = 0
    refused: int = 0
    """Documents that the sink's codec has no form for."""
    marks: dict[str, int] = msgspec.field(default_factory=dict)
    urgent: bool = False
    """Whether something waits for the seal that no further record will bring (dead letters from a sink's refusals)."""

    @property
    def empty(self) -> bool:
        """Whether a seal would change nothing but delivery marks."""
        return not self.records and not self.positions and not self.urgent


def meta_of(bound: BoundPipeline, *, finished: bool) -> dict[str, Any]:
    """Return what a later run must know to tell whether it may continue from this state."""
    return {
        "format": FORMAT,
        "source": bound.definition.source.type,
        "fingerprints": bound.program.fingerprints,
        "finished": finished,
    }


def check_fits(bound: BoundPipeline, checkpoint: Checkpoint) -> None:
    """Refuse a state that this pipeline must not continue from.

    Raises:
        StateError: it was made with another source, or with stateful stages that differ from today's.
    """
    meta = checkpoint.meta
    if not meta:
        return
    if meta.get("format") != FORMAT:
        _refuse(
            bound,
            f"was sealed in format {meta.get('format')}, this version reads format {FORMAT}",
            "use the version that made it",
        )
    if meta["source"] != bound.definition.source.type:
        _refuse(bound, f"was made with source '{meta['source']}', the pipeline now has '{bound.definition.source.type}'")
    changed = _changed(meta["fingerprints"], bound.program.fingerprints)
    if changed:
        _refuse(bound, f"does not fit the stages any more: {', '.join(changed)} changed, was added or was removed")


def check_names(bound: BoundPipeline, call: str, names: Iterable[object]) -> None:
    """Refuse splits that *call* of the source names by anything but text: the state would give them back under other names.

    Raises:
        PluginError: a name is a number, or something else.
    """
    for name in names:
        if not isinstance(name, str):
            found = f"names a split {name!r}, of type {type(name).__name__}"
            msg = f"source '{bound.source.name}': {call}() {found}; the contract says text, such as '0'"
            raise PluginError(msg)


def check_splits(bound: BoundPipeline, positions: Mapping[str, Json], splits: Sequence[Split]) -> None:
    """Refuse to read a source none of whose splits the state knows, although it knows others.

    Raises:
        PluginError: the name of a split is no text.
        StateError: the source is another one (another topic, another file) under the same pipeline id.
    """
    ids = [split.id for split in splits]
    check_names(bound, "splits", ids)
    if positions and ids and not set(positions) & set(ids):
        _refuse(bound, f"belongs to {', '.join(sorted(positions)[:3])}, the source now has {', '.join(ids[:3])}")


def _changed(stored: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*stored, *current} if stored.get(name) != current.get(name))


def _refuse(bound: BoundPipeline, finding: str, advice: str = "") -> None:
    advice = advice or "bring back what it was made with, give the pipeline another id, or remove the state to start over"
    msg = f"state of pipeline '{bound.definition.id}' {finding}; {advice}"
    raise StateError(msg)
