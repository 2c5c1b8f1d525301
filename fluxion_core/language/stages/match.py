"""``$match``: keeps the documents that meet a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from fluxion_core.language.compiler.nodes import Logic, Node
from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.operators import Example
from fluxion_core.language.query import query_node

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Match"]


@attrs.define(kw_only=True)
class Match(PerDocument):
    """Drops every document for which *query* is not true."""

    query: Node

    def nodes(self) -> Iterable[Node]:
        """Return the query."""
        return (self.query,)

    def write(self, segment: SegmentWriter) -> None:
        """Test one condition after the other, so that what follows a false one is not loaded."""
        query = self.query
        conditions = query.arguments if isinstance(query, Logic) and query.every else (query,)
        for condition in conditions:
            segment.keep_if(segment.emitter.truth(condition))


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Match]:
    return [Match(where=where, query=query_node(parser, spec, where))]


STAGES = (
    StageForm(
        name="$match",
        parse=_parse,
        kind="stateless",
        examples=[
            Example([{"$match": {"status": "PAID"}}], [{"status": "PAID"}], documents=[{"status": "PAID"}, {"status": "OPEN"}])
        ],
    ),
)
