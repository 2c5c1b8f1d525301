"""Constants in the stages, variables and collections of a pipeline file: what JSON has no form for is written as Extended JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fluxion_core.codecs.ejson import read_value
from fluxion_core.errors import FluxionError, Problem

__all__ = ["NO_STAGE", "constant", "constants"]

NO_STAGE: Final[Mapping[str, Any]] = {"$match": {}}
"""What stands in for a stage that is not known, so that those behind it keep their places."""


def constant(value: Any, where: str, problems: list[Problem], instead: Any) -> Any:
    """Return *value* with the constants in it as Python values; *instead*, if one is written wrongly, which *problems* then tell."""
    try:
        return read_value(value, where)
    except FluxionError as error:
        path, _, letter = str(error).partition(": ")
        problems.append(Problem(path, letter))
        return instead


def constants(items: list[Any], where: str, problems: list[Problem], instead: Any) -> list[Any]:
    """Do the same for each of *items*."""
    return [constant(item, f"{where}[{index}]", problems, instead) for index, item in enumerate(items)]
