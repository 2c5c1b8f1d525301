"""What MongoDB knows beside a document: ``$meta``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import did_you_mean
from fluxion_core.language.compiler.known import REASONS
from fluxion_core.language.compiler.nodes import Constant, Node
from fluxion_core.language.operators import Example, Form
from fluxion_core.language.values import MISSING, is_string, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["OPERATORS"]

_ABSENT: Final = (
    "indexKey",
    "randVal",
    "recordId",
    "searchHighlights",
    "searchRootDocumentId",
    "searchScore",
    "searchScoreDetails",
    "searchSequenceToken",
    "sortKey",
    "vectorSearchScore",
)
"""Keywords that MongoDB takes of any document; of one that came without an index or a search there is nothing to tell."""
_NEEDED: Final = {
    "textScore": "a $text search",
    "geoNearDistance": "$geoNear",
    "geoNearPoint": "$geoNear",
    "score": "a stage that scores",
    "scoreDetails": "a stage that scores",
}
"""Keywords that MongoDB refuses in a pipeline without the stage from which they come."""


def _meta(parser: Parser, spec: Any, where: str) -> Node:
    """Source: MongoDB manual, "$meta"; for what is missing and what is an error, the server's ``ExpressionMeta`` and ``DepsTracker``."""
    if not is_string(spec):
        return parser.problem(where, f"$meta needs a keyword as a string, not {type_name(spec)}")
    if spec in _ABSENT:
        return Constant(where, MISSING)
    if spec in _NEEDED:
        return parser.problem(where, f"{spec!r} comes from {_NEEDED[spec]} before it, which a stream does not have")
    if spec == "stream" or spec.startswith("stream."):
        return parser.problem(where, REASONS["$setStreamMeta"])
    return parser.problem(where, f"{spec!r} is no keyword of $meta", did_you_mean(spec, [*_ABSENT, *_NEEDED]))


OPERATORS = (
    Form(
        name="$meta",
        parse=_meta,
        family="text",
        examples=[Example({"$type": {"$meta": "indexKey"}}, "missing")],
    ),
)
