"""Accumulators of ``$group`` and of windows, one file per family; each file ends with its table ``ACCUMULATORS``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fluxion_core.language.accumulators import collections, ends, extremes, percentiles, sums
from fluxion_core.language.operators import Accumulator

__all__ = ["ACCUMULATORS", "FAMILIES", "OF_BOUNDED_WINDOWS"]

FAMILIES: Final = (sums, extremes, ends, collections, percentiles)
ACCUMULATORS: Final[Mapping[str, Accumulator]] = MappingProxyType(
    {accumulator.name: accumulator for family in FAMILIES for accumulator in family.ACCUMULATORS}
)
"""Every accumulator of the language by its name."""
OF_BOUNDED_WINDOWS: Final[Mapping[str, Accumulator]] = MappingProxyType(
    collections.OF_BOUNDED_WINDOWS | ends.OF_BOUNDED_WINDOWS
)
"""What takes the place of an accumulator where a window has a lower bound, because MongoDB then answers otherwise."""
