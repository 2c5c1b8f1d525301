"""A segment that is written: its text, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.guesses import Path
from fluxion_core.language.values import MISSING

__all__ = ["Written", "row_class"]


class Written(msgspec.Struct, frozen=True):
    """The text of a segment and what it needs to run."""

    text: str
    paths: list[str]
    constants: dict[str, Any]
    loads: tuple[str, ...]
    """Top-level fields of the input that are read."""
    whole: bool
    """Whether the whole input document is used."""
    passes: bool
    """Whether what comes out is the input document, unchanged."""
    record: type[msgspec.Struct] | None
    """What documents are decoded into, if not into dicts."""
    row_form: Literal["dict", "struct", "columns"]
    row_fields: tuple[str, ...]
    """Names of the fields of each row, in order, if the rows are structs."""
    may_fail: bool
    counters: tuple[tuple[int, str], ...]
    """What the returned numbers count: (stage, ``dropped`` | ``added`` | ``passed``)."""
    asked: Mapping[Path, bool]
    """Where the class of a value would help, if it were known; and whether it would of an array."""
    demand: Demand | None
    """What is decoded of a document."""


def row_class(names: Sequence[str]) -> type:
    """Return the class of rows with fields *names*: what is missing is left out when a row is encoded."""
    fields = [(f"f{index}", Any, MISSING) for index in range(len(names))]
    return msgspec.defstruct("Row", fields, rename={f"f{index}": name for index, name in enumerate(names)}, gc=False)
