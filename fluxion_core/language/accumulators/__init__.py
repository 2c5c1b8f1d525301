"""Accumulators of ``$group`` and of windows, one file per family; each file ends with its table ``ACCUMULATORS``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fluxion_core.language.accumulators import collections, ends, extremes, percentiles, sums
from fluxion_core.language.operators import Accumulator

__all__ = ["ACCUMULATORS", "FAMILIES"]

FAMILIES: Final = (sums, extremes, ends, collections, percentiles)
ACCUMULATORS: Final[Mapping[str, Accumulator]] = MappingProxyType(
    {accumulator.name: accumulator for family in FAMILIES for accumulator in family.ACCUMULATORS}
)
"""Every accumulator of the language by its name."""
