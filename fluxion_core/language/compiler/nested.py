"""Pipelines and expressions inside a stage: compiled with the pipeline around them, run by the stage itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.frame import Frame
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.compiler.output import Output
from fluxion_core.language.compiler.parse import Parser
from fluxion_core.language.compiler.parts import Folding, Part, PerDocument
from fluxion_core.language.compiler.program import Program
from fluxion_core.language.compiler.run import Run
from fluxion_core.language.compiler.segment import Segment, SegmentWriter
from fluxion_core.language.compiler.writer import Value

__all__ = ["WRITERS", "Evaluator", "Nested", "nested_group", "parse_nested"]

WRITERS: Final = ("$out", "$merge")
"""The stages that write: they end a whole pipeline and stand in none within it."""
SLICE: Final = 64
"""So many documents are fed at a time: after a failure no more of them are looked at."""


class Nested(msgspec.Struct):
    """A pipeline within a stage: planned when it is first run, when there are no problems any more."""

    parser: Parser
    parts: Sequence[Part]
    names: tuple[str, ...]
    where: str
    _program: Program | None = None

    @property
    def program(self) -> Program:
        """The compiled pipeline."""
        if self._program is None:
            from fluxion_core.language.compiler.plan import plan_program

            self._program = plan_program(self.parser, self.parts, self.names, self.where)
        return self._program

    def run(
        self, documents: Sequence[dict[str, Any]], outer: Mapping[str, Any] | None = None, parent: Run | None = None
    ) -> list[dict[str, Any]]:
        """Return the result over *documents*.

        Raises:
            EvaluationError: a document does not fit.
        """
        run = self.program.start()
        if parent is not None:
            run.now, run.random = parent.now, parent.random
            run.outer = parent.outer
        if outer is not None:
            run.outer = {**run.outer, **outer}
        rows: list[dict[str, Any]] = []
        for start in range(0, len(documents), SLICE):
            rows += _documents(run.feed(documents=documents[start : start + SLICE]))
        return rows + _documents(run.finish())


def _documents(output: Output) -> list[dict[str, Any]]:
    if output.failures:
        raise output.failures[0].error
    return output.documents


def parse_nested(parser: Parser, stages: Any, where: str, outer: Iterable[str] = ()) -> Nested:
    """Return the pipeline *stages* within a stage; problems are kept by *parser*."""
    from fluxion_core.language.compiler.plan import parse_stages, stage_names

    with parser.deeper(where) as fits, parser.inside(outer), parser.refusing(WRITERS, "a stage"):
        parts = parse_stages(parser, stages, parser.forms, where) if fits else []
    return Nested(parser, parts, stage_names(stages), where)


def nested_group(parser: Parser, folding: Folding) -> Nested:
    """Return a pipeline that is nothing but *folding*."""
    folding.stage = 0
    return Nested(parser, [folding], ("$group",), folding.where)


class _Values(PerDocument, kw_only=True, eq=False):
    """Goes on with the values of expressions alone, what is missing kept apart from null."""

    expressions: tuple[Node, ...]
    stage: int = 0

    def nodes(self) -> Iterable[Node]:
        """Return the expressions."""
        return self.expressions

    def write(self, segment: SegmentWriter) -> None:
        """Evaluate and pack."""
        values = [segment.emitter.value(node).text for node in self.expressions]
        packed = segment.writer.assign(f"({''.join(value + ', ' for value in values)})")
        segment.shape.replace({"_": Value(packed, may_miss=False)})


class _Raising(Frame):
    """A frame in which a failing document ends everything."""

    def fail(self, origin: int | None, document: Any, fault: BaseException) -> None:
        """Raise *fault*, with its path."""
        del origin, document
        raise self.error_of(fault) from None

    def fail_at(self, position: int, document: Any, fault: BaseException) -> None:
        """Raise *fault*, with its path."""
        self.fail(position, document, fault)


class Evaluator:
    """Evaluates expressions on documents, for a stage that runs as a step."""

    def __init__(self, *expressions: Node) -> None:
        where = expressions[0].where if expressions else ""
        part = _Values(where=where, expressions=expressions)
        self._step = SegmentStep(segment=Segment(parts=(part,)), name=where)

    def rows(self, run: Run, documents: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
        """Return the values of the expressions for every document.

        Raises:
            EvaluationError: a document does not fit.
        """
        code = self._step.load()
        made: list[Any] = []
        code.function(documents, range(len(documents)), None, _Raising(run, code, None), made, [], None)
        return [row["_"] for row in made]

    def row(self, run: Run, document: dict[str, Any]) -> tuple[Any, ...]:
        """Return the values for one document.

        Raises:
            EvaluationError: the document does not fit.
        """
        return self.rows(run, [document])[0]
