"""Expression operators, one file per family of MongoDB's manual; each file ends with its table ``OPERATORS``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fluxion_core.language import registered
from fluxion_core.language.expressions import (
    accumulators,
    arithmetic,
    array_forms,
    arrays,
    bitwise,
    booleans,
    comparison,
    conditionals,
    date_parts,
    dates,
    miscellaneous,
    objects,
    regular_expressions,
    sets,
    strings,
    trigonometry,
    types,
    variables,
    vectors,
)
from fluxion_core.language.operators import Form, Operator

__all__ = ["FAMILIES", "OPERATORS"]

FAMILIES: Final = (
    arithmetic,
    arrays,
    array_forms,
    bitwise,
    booleans,
    comparison,
    conditionals,
    dates,
    date_parts,
    miscellaneous,
    objects,
    regular_expressions,
    sets,
    strings,
    trigonometry,
    types,
    variables,
    vectors,
    accumulators,
    registered,
)
OPERATORS: Final[Mapping[str, Operator | Form]] = MappingProxyType(
    {operator.name: operator for family in FAMILIES for operator in family.OPERATORS}
)
"""Every operator of the language by its name."""
