"""``$limit $skip``: counts that hold over the whole input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from fluxion_core.language.compiler.parts import PerDocument, StageForm
from fluxion_core.language.operators import Example
from fluxion_core.language.values import INT64_MAX, is_whole, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.segment import SegmentWriter

__all__ = ["STAGES", "Limit", "Skip"]


class Limit(PerDocument, kw_only=True, eq=False):
    """Lets the first *count* documents through."""

    kind: ClassVar[str] = "counter"
    count: int

    def counter(self) -> tuple[int, bool]:
        """Return the limit, and that reaching it ends the input."""
        return self.count, True

    def write(self, segment: SegmentWriter) -> None:
        """Count what passes."""
        counter = segment.writer.assign(f"env.counters[{self.id!r}]", letter="q")
        segment.keep_if(f"{counter}.seen < {counter}.limit")
        segment.writer.line(f"{counter}.seen += 1")


class Skip(PerDocument, kw_only=True, eq=False):
    """Drops the first *count* documents."""

    kind: ClassVar[str] = "counter"
    count: int

    def counter(self) -> tuple[int, bool]:
        """Return the count, and that reaching it ends nothing."""
        return self.count, False

    def write(self, segment: SegmentWriter) -> None:
        """Count what is dropped."""
        writer = segment.writer
        counter = writer.assign(f"env.counters[{self.id!r}]", letter="q")
        with writer.block(f"if {counter}.seen < {counter}.limit:"):
            writer.line(f"{counter}.seen += 1")
            segment.drop()


def _whole(parser: Parser, spec: Any, where: str, least: int) -> int | None:
    if is_whole(spec) and least <= spec <= INT64_MAX:
        return int(spec)
    parser.problem(where, f"a whole number of at least {least} was expected, not {shown(spec)}")
    return None


def _parse_limit(parser: Parser, spec: Any, where: str) -> Sequence[Limit]:
    count = _whole(parser, spec, where, 1)
    return [] if count is None else [Limit(where=where, count=count)]


def _parse_skip(parser: Parser, spec: Any, where: str) -> Sequence[Skip]:
    count = _whole(parser, spec, where, 0)
    return [] if count is None else [Skip(where=where, count=count)]


_NUMBERS = ({"n": 1}, {"n": 2}, {"n": 3})
STAGES = (
    StageForm(
        name="$limit",
        parse=_parse_limit,
        kind="counter",
        note="ends the stream when it is full",
        examples=[Example([{"$limit": 2}], [{"n": 1}, {"n": 2}], documents=_NUMBERS)],
    ),
    StageForm(
        name="$skip",
        parse=_parse_skip,
        kind="counter",
        note="drops the first documents of the stream",
        examples=[Example([{"$skip": 2}], [{"n": 3}], documents=_NUMBERS)],
    ),
)
