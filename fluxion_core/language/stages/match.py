"""``$match $validate``: the documents that meet a query go on; the others are dropped, or are records at fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import did_you_mean
from fluxion_core.language.compiler.nodes import Logic, Node, Predicate
from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.operators import Example
from fluxion_core.language.query import query_node
from fluxion_core.language.values import shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Match", "Validate"]


class Match(PerDocument, kw_only=True, eq=False):
    """Drops every document for which *query* is not true."""

    query: Node

    def nodes(self) -> Iterable[Node]:
        """Return the query."""
        return (self.query,)

    def write(self, segment: SegmentWriter) -> None:
        """Test one condition after the other, so that what follows a false one is not loaded."""
        for condition in _conditions(self.query):
            segment.keep_if(segment.emitter.truth(condition))


def _conditions(query: Node) -> Sequence[Node]:
    """Return the conditions that must all hold for *query* to be true."""
    return query.arguments if isinstance(query, Logic) and query.every else (query,)


class Validate(PerDocument, kw_only=True, eq=False):
    """Makes every document for which *validator* is not true a record at fault."""

    validator: Node

    def nodes(self) -> Iterable[Node]:
        """Return the validator."""
        return (self.validator,)

    def write(self, segment: SegmentWriter) -> None:
        """Test one condition after the other, so that the error names the one that does not hold."""
        writer = segment.writer
        for condition in _conditions(self.validator):
            test = segment.emitter.truth(condition)
            if test != "True":
                with writer.block(f"if not ({test}):"), segment.emitter.branch():
                    writer.line(f"raise EvaluationError({_message(segment, condition)})", condition.where)


def _message(segment: SegmentWriter, condition: Node) -> str:
    """Return the text of what is said where *condition* does not hold."""
    text = segment.writer.constant(_INVALID)
    if not isinstance(condition, Predicate) or condition.failure is None:
        return text
    return f"{text} + {segment.writer.constant(condition.failure)}({segment.emitter.value(condition.source).text})"


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Match]:
    return [Match(where=where, query=query_node(parser, spec, where))]


_INVALID: Final = "the document does not meet this condition of $validate"
_ACTIONS: Final = ("discard", "dlq", "error")


def _parse_validate(parser: Parser, spec: Any, where: str) -> Sequence[PerDocument]:
    members = parser.members(spec, where, ("validator",), ("validationAction",))
    action = members.get("validationAction", "discard")
    if action not in _ACTIONS:
        hint = did_you_mean(str(action), _ACTIONS) or f"one of {', '.join(_ACTIONS)}"
        parser.problem(f"{where}.validationAction", f"unknown action {shown(action)}", hint)
    query = query_node(parser, members.get("validator", {}), f"{where}.validator")
    return [Match(where=where, query=query) if action == "discard" else Validate(where=where, validator=query)]


STAGES = (
    StageForm(
        name="$match",
        parse=_parse,
        kind="stateless",
        examples=[
            Example([{"$match": {"status": "PAID"}}], [{"status": "PAID"}], documents=[{"status": "PAID"}, {"status": "OPEN"}])
        ],
    ),
    StageForm(
        name="$validate",
        parse=_parse_validate,
        kind="stateless",
        examples=[
            Example(
                [{"$validate": {"validator": {"$jsonSchema": {"required": ["total"]}}}}],
                [{"total": 5}],
                documents=[{"total": 5}, {"sum": 5}],
            )
        ],
    ),
)
