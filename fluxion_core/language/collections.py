"""Collections that a pipeline reads beside its input: what ``$lookup``, ``$graphLookup`` and ``$unionWith`` join with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import did_you_mean
from fluxion_core.language.values import is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["NONE_GIVEN", "collection_named", "names_collection"]

NONE_GIVEN: Final[dict[str, Any]] = {}
"""What ``aggregate`` has where it was given none: every collection is empty, as in MongoDB, and nobody would see what was written."""


def names_collection(name: Any) -> bool:
    """Whether MongoDB lets a collection be called *name*."""
    return is_string(name) and name != "" and name[0] != "." and "$" not in name and "\0" not in name


def collection_named(parser: Parser, name: Any, where: str) -> list[dict[str, Any]]:
    """Return the documents of a collection; one that nobody has written to is empty, as in MongoDB.

    Where no collections were given at all, naming one is a problem, and so is a name that is not in a mapping that cannot grow.
    A list is returned as it is, so that it may be filled later, before the program starts.
    """
    if not names_collection(name):
        parser.problem(
            where, f"the name of a collection was expected, not {shown(name)}", "without '$', and no '.' at the beginning"
        )
        return []
    if parser.collections is None:
        parser.problem(
            where,
            f"no collection is called '{name}': this pipeline was given none",
            "pass collections={name: documents}, or name it in the pipeline's collections:",
        )
        return []
    if name not in parser.collections and not isinstance(parser.collections, MutableMapping):
        hint = did_you_mean(name, parser.collections) or f"there are {', '.join(sorted(parser.collections))}"
        parser.problem(where, f"no collection is called '{name}'", hint)
    return _documents(parser.collections, name)


def _documents(collections: Mapping[str, Iterable[dict[str, Any]]], name: str) -> list[dict[str, Any]]:
    found = collections.get(name, ())
    return found if isinstance(found, list) else list(found)
