"""``$replaceRoot $replaceWith``: another document in place of the current one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nodes import Node, ObjectOf
from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.operators import Example
from fluxion_core.language.values import type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Replace"]


def no_document(value: Any) -> Any:
    """Return *value* if it is a document.

    Raises:
        EvaluationError: it is none.
    """
    if isinstance(value, dict):
        return value
    msg = f"the new document must be an object, not {type_name(value)}"
    raise EvaluationError(msg)


class Replace(PerDocument, kw_only=True, eq=False):
    """Goes on with the value of *root*, which must be a document."""

    root: Node

    def nodes(self) -> Iterable[Node]:
        """Return the expression."""
        return (self.root,)

    def write(self, segment: SegmentWriter) -> None:
        """Replace the shape: by known fields, or by a document that is checked."""
        if isinstance(self.root, ObjectOf):
            segment.shape.replace({name: segment.result(node) for name, node in self.root.fields})
            return
        writer = segment.writer
        value = segment.result(self.root).text
        name = writer.assign(
            f"{value} if {value}.__class__ is dict else {writer.constant(no_document)}({value})", self.where, letter="o"
        )
        segment.shape.rebase(name)


def _parse_root(parser: Parser, spec: Any, where: str) -> Sequence[Replace]:
    members = parser.members(spec, where, ("newRoot",))
    if "newRoot" not in members:
        return []
    return [Replace(where=f"{where}.newRoot", root=parser.expression(members["newRoot"], f"{where}.newRoot"))]


def _parse_with(parser: Parser, spec: Any, where: str) -> Sequence[Replace]:
    return [Replace(where=where, root=parser.expression(spec, where))]


STAGES = (
    StageForm(
        name="$replaceRoot",
        parse=_parse_root,
        kind="stateless",
        examples=[Example([{"$replaceRoot": {"newRoot": "$a"}}], [{"b": 1}], documents=[{"a": {"b": 1}}])],
    ),
    StageForm(
        name="$replaceWith",
        parse=_parse_with,
        kind="stateless",
        examples=[Example([{"$replaceWith": {"c": "$a.b"}}], [{"c": 1}], documents=[{"a": {"b": 1}}])],
    ),
)
