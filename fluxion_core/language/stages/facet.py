"""``$facet $sample $redact``: several pipelines over one input, a random part of it, and documents cut back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.compiler.nested import Nested, parse_nested
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.compiler.parts import EachStep, StageForm, Step, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.stages.held import Held
from fluxion_core.language.stages.joined import check_rows
from fluxion_core.language.values import INT64_MAX, is_finite, is_nan, is_number, is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES"]

_REFUSED: Final = ("$facet", "$documents")
"""What may not stand in its pipelines, nor in those of the joins there."""


class Facet(StepPart, kw_only=True, eq=False):
    """Runs several pipelines over everything and gives out one document with a field per pipeline."""

    pipelines: tuple[tuple[str, Nested], ...]

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""

        def arrange(documents: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
            made: dict[str, Any] = {}
            for name, nested in self.pipelines:
                made[name] = nested.run(documents, parent=environment)
                check_rows(sum(map(len, made.values())))
            return [made]

        return Held(arrange)


def _parse_facet(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    if not isinstance(spec, dict) or not spec:
        parser.problem(where, f"an object of pipelines was expected, not {shown(spec)}")
        return []
    pipelines = []
    for name, stages in spec.items():
        path = f"{where}.{name}"
        if not is_string(name) or not name or name.startswith("$") or "." in name:
            parser.problem(path, f"{shown(name)} is no name for a field here", "no dots, and no '$' at the beginning")
        with parser.refusing(_REFUSED, "$facet"):
            pipelines.append((name, parse_nested(parser, stages, path)))
    return [Facet(where=where, pipelines=tuple(pipelines))]


class Sample(StepPart, kw_only=True, eq=False):
    """Holds everything and gives out *size* documents at random."""

    size: int

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""

        def arrange(documents: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
            drawn = sorted((environment.random(), place) for place in range(len(documents)))
            return [documents[place] for _, place in drawn[: self.size]]

        return Held(arrange)


def _parse_sample(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    members = parser.members(spec, where, ("size",))
    size: Any = members.get("size")
    if "size" not in members:
        return []
    count = _whole(size) if is_number(size) else 0
    if count < 1:
        parser.problem(f"{where}.size", f"a whole number of at least 1 was expected, not {shown(size)}")
        return []
    return [Sample(where=where, size=count)]


def _whole(size: Any) -> int:
    """Return *size* as a whole number: a decimal is rounded, a double is cut, infinity is the greatest there is."""
    if not is_finite(size):
        return INT64_MAX if not is_nan(size) and size > 0 else 0
    return round(size) if size.__class__ is Decimal else int(size)


class Redact(StepPart, kw_only=True, eq=False):
    """Keeps, cuts off or goes into every document and the documents within it."""

    kind: ClassVar[str] = "stateless"
    streams: ClassVar[bool] = True
    decision: Node

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _RedactStep(self, environment)


DESCEND, PRUNE, KEEP = "descend", "prune", "keep"
"""What the variables stand for, as in MongoDB: an expression may come to the plain text too."""


class _RedactStep(EachStep):
    def __init__(self, part: Redact, run: Any) -> None:
        self._decide = part.evaluator(part.decision)
        self._run = run

    def one(self, document: dict[str, Any]) -> Sequence[dict[str, Any]]:
        before = self._run.outer
        self._run.outer = {**before, "ROOT": document, "DESCEND": DESCEND, "PRUNE": PRUNE, "KEEP": KEEP}
        try:
            kept = self._redacted(document)
        finally:
            self._run.outer = before
        return [] if kept is None else [kept]

    def _redacted(self, document: dict[str, Any]) -> dict[str, Any] | None:
        (decision,) = self._decide.row(self._run, document)
        if decision == KEEP:
            return document
        if decision == PRUNE:
            return None
        if decision != DESCEND:
            raise EvaluationError(f"$redact must come to $$DESCEND, $$PRUNE or $$KEEP, not {shown(decision)}")
        kept: dict[str, Any] = {}
        for name, value in document.items():
            if isinstance(value, dict):
                inner = self._redacted(value)
                if inner is not None:
                    kept[name] = inner
            else:
                kept[name] = self._within(value)
        return kept

    def _within(self, value: Any) -> Any:
        if value.__class__ is not list:
            return value
        result = []
        for item in value:
            if isinstance(item, dict):
                inner = self._redacted(item)
                if inner is not None:
                    result.append(inner)
            else:
                result.append(self._within(item))
        return result


def _parse_redact(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    with parser.inside(("ROOT", "DESCEND", "PRUNE", "KEEP")):
        return [Redact(where=where, decision=parser.expression(spec, where))]


_NUMBERS = ({"n": 1}, {"n": 2})
STAGES = (
    StageForm(
        name="$facet",
        parse=_parse_facet,
        kind="blocking",
        examples=[
            Example(
                [{"$facet": {"all": [{"$count": "n"}], "big": [{"$match": {"n": {"$gt": 1}}}]}}],
                [{"all": [{"n": 2}], "big": [{"n": 2}]}],
                documents=_NUMBERS,
            )
        ],
    ),
    StageForm(
        name="$sample",
        parse=_parse_sample,
        kind="blocking",
        examples=[Example([{"$sample": {"size": 1}}, {"$count": "n"}], [{"n": 1}], documents=_NUMBERS)],
    ),
    StageForm(
        name="$redact",
        parse=_parse_redact,
        kind="stateless",
        examples=[
            Example(
                [{"$redact": {"$cond": [{"$eq": ["$secret", True]}, "$$PRUNE", "$$DESCEND"]}}],
                [{"a": 1}],
                documents=[{"a": 1, "b": {"secret": True}}],
            )
        ],
    ),
)
