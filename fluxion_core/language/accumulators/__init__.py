"""Accumulators of ``$group`` and of windows, one file per family; each file ends with its table ``ACCUMULATORS``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from fluxion_core.language.operators import Accumulator

__all__ = ["ACCUMULATORS", "FAMILIES"]

FAMILIES: Final = tuple(
    name for name in ("sums", "extremes", "ends", "collections", "percentiles") if find_spec(f"{__name__}.{name}") is not None
)
ACCUMULATORS: Final[Mapping[str, Accumulator]] = MappingProxyType(
    {
        accumulator.name: accumulator
        for family in FAMILIES
        for accumulator in importlib.import_module(f"{__name__}.{family}").ACCUMULATORS
    }
)
"""Every accumulator of the language by its name."""
