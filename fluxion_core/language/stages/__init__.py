"""Stages, one file per family: each says how it is parsed, what it needs and how it runs; each file ends with its table ``STAGES``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fluxion_core.language.tables import LazyTable

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parts import StageForm

__all__ = ["FAMILIES", "STAGES"]

FAMILIES: Final = {
    "match": "$match $validate",
    "project": "$project $addFields $set $unset",
    "group": "$group $count $sortByCount",
    "sort": "$sort",
    "paging": "$limit $skip",
    "unwind": "$unwind",
    "replace": "$replaceRoot $replaceWith",
    "lookup": "$lookup $graphLookup $unionWith $documents",
    "bucket": "$bucket $bucketAuto",
    "facet": "$facet $sample $redact",
    "fill": "$fill $densify",
    "set_window_fields": "$setWindowFields",
    "sub_pipeline": "$subPipeline",
    "write": "$out $merge",
}
"""For every file the stages in its table, in the order of the table."""

STAGES: Final[Mapping[str, StageForm]] = LazyTable(__name__, "STAGES", FAMILIES)
"""Every stage of the language by its name."""
