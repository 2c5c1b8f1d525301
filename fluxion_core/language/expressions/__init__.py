"""Expression operators, one file per family of MongoDB's manual; each file ends with its table ``OPERATORS``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from fluxion_core.language.operators import Form, Operator

__all__ = ["FAMILIES", "OPERATORS"]

FAMILIES: Final = tuple(
    name
    for name in (
        "arithmetic",
        "arrays",
        "array_forms",
        "bitwise",
        "booleans",
        "comparison",
        "conditionals",
        "date_parts",
        "dates",
        "miscellaneous",
        "objects",
        "regular_expressions",
        "sets",
        "strings",
        "trigonometry",
        "types",
        "variables",
        "accumulators",
    )
    if find_spec(f"{__name__}.{name}") is not None
)
OPERATORS: Final[Mapping[str, Operator | Form]] = MappingProxyType(
    {operator.name: operator for family in FAMILIES for operator in importlib.import_module(f"{__name__}.{family}").OPERATORS}
)
"""Every operator of the language by its name."""
