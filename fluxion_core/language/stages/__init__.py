"""Stages, one file per family: each says how it is parsed, what it needs and how it runs; each file ends with its table ``STAGES``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fluxion_core.language.compiler.parts import StageForm
from fluxion_core.language.stages import (
    bucket,
    facet,
    fill,
    group,
    lookup,
    match,
    paging,
    project,
    replace,
    set_window_fields,
    sort,
    sub_pipeline,
    unwind,
    write,
)

__all__ = ["FAMILIES", "STAGES"]

FAMILIES: Final = (
    match,
    project,
    group,
    sort,
    paging,
    unwind,
    replace,
    lookup,
    bucket,
    facet,
    fill,
    set_window_fields,
    sub_pipeline,
    write,
)
STAGES: Final[Mapping[str, StageForm]] = MappingProxyType({form.name: form for family in FAMILIES for form in family.STAGES})
"""Every stage of the language by its name."""
