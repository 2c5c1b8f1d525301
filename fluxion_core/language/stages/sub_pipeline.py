"""``$subPipeline``, Fluxion's own: pipelines by name or in place, one after the other, or side by side on every document.

One after the other is the same as writing their stages here. Side by side, and with an ``onError`` of their own, they see one document at
a time, so that it makes no difference how the input is cut into batches; stages that look at several documents are refused there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from fluxion_core.errors import RecordError, did_you_mean
from fluxion_core.language.compiler.nested import WRITERS, Nested
from fluxion_core.language.compiler.nodes import is_pure
from fluxion_core.language.compiler.parts import FAULTS, AnsweringStep, Part, PerDocument, StageForm, Step, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.values import is_string, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.compiler.run import Run

__all__ = ["STAGES"]

Document = dict[str, Any]

_MERGES: Final = ("concat", "zip", "facet")
_ON_ERROR: Final = ("error", "discard", "keep")


class _Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline as it was given: under which name its results go, what it was called by, its stages, and where it stands."""

    label: str | None
    reference: str | None
    stages: Any
    where: str


class SideBySide(StepPart, kw_only=True, eq=False):
    """Runs every document through each pipeline and puts together what comes of it."""

    kind: ClassVar[str] = "stateless"
    streams: ClassVar[bool] = True
    pipelines: tuple[tuple[str, Nested], ...]
    merge: str
    on_error: str

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _SideBySideStep(self, environment)


class _SideBySideStep(AnsweringStep):
    def __init__(self, part: SideBySide, run: Run) -> None:
        self._part = part
        self._parent = run
        self._runs = [(name, nested.program.start(context=run.context)) for name, nested in part.pipelines]

    def answers(self, documents: Sequence[Document]) -> Sequence[Sequence[Document] | BaseException]:
        for _, run in self._runs:
            run.now, run.random, run.outer = self._parent.now, self._parent.random, self._parent.outer
        return [self._answer(document) for document in documents]

    def _answer(self, document: Document) -> Sequence[Document] | BaseException:
        try:
            return self._merged([(name, self._passed(run, document)) for name, run in self._runs])
        except (*FAULTS, RecordError) as fault:
            if self._part.on_error == "error":
                return fault
            return [document] if self._part.on_error == "keep" else []

    @staticmethod
    def _passed(run: Run, document: Document) -> list[Document]:
        output = run.feed(documents=[document])
        if output.failures:
            raise output.failures[0].error
        return output.documents

    def _merged(self, results: Sequence[tuple[str, list[Document]]]) -> list[Document]:
        if self._part.merge == "facet":
            return [dict(results)]
        if self._part.merge == "concat":
            return [document for _, made in results for document in made]
        longest = max(len(made) for _, made in results)
        return [_joined([made[place] for _, made in results if place < len(made)]) for place in range(longest)]


def _joined(documents: Sequence[Document]) -> Document:
    """Return one document with the fields of all; of equal names the last one counts."""
    whole: Document = {}
    for document in documents:
        whole.update(document)
    return whole


# --------------------------------------------------------------------------------------------------- parsing


def _parse(parser: Parser, spec: Any, where: str) -> Sequence[Part]:
    members = parser.members(spec, where, ("pipelines",), ("parallel", "merge", "onError", "globals"))
    if "pipelines" not in members:
        return []
    parallel = members.get("parallel", False)
    if parallel.__class__ is not bool:
        parser.problem(f"{where}.parallel", f"true or false was expected, not {shown(parallel)}")
    if "merge" in members and not parallel:
        parser.problem(f"{where}.merge", "merge says how parallel pipelines are put together", "add parallel: true")
    merge = _word(parser, members, "merge", _MERGES, where)
    on_error = _word(parser, members, "onError", _ON_ERROR, where)
    constants = _globals(parser, members.get("globals", {}), f"{where}.globals")
    branches = _branches(parser, members["pipelines"], f"{where}.pipelines")
    if parallel and merge == "facet":
        _check_labels(parser, branches)
    with parser.constants(constants):
        parsed = [(branch, _stages(parser, branch)) for branch in branches]
    origin = [constants, [[branch.label, branch.stages, [part.origin for part in parts]] for branch, parts in parsed]]
    if not parallel:
        parsed = [(_Branch(label="", reference=None, stages=[], where=where), [part for _, parts in parsed for part in parts])]
    for place, part in enumerate(part for _, parts in parsed for part in parts):
        part.origin = origin
        part.place = f"{place}.{part.place}"
    if not parallel and on_error == "error":
        return parsed[0][1]
    pipelines = tuple((branch.label or "", _nested(parser, branch, parts)) for branch, parts in parsed)
    return [
        SideBySide(
            where=where,
            pipelines=pipelines,
            merge=merge,
            on_error=on_error,
            origin=origin,
            pure=all(_pure(part) for _, parts in parsed for part in parts),
        )
    ]


def _pure(part: Part) -> bool:
    return all(map(is_pure, part.nodes())) and (not isinstance(part, StepPart) or part.pure)


def _word(parser: Parser, members: Mapping[str, Any], name: str, words: Sequence[str], where: str) -> str:
    word = members.get(name, words[0])
    if word in words:
        return str(word)
    hint = did_you_mean(str(word), words) or f"one of {', '.join(words)}"
    parser.problem(f"{where}.{name}", f"unknown word {shown(word)}", hint)
    return words[0]


def _globals(parser: Parser, given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        parser.problem(where, f"an object of constants was expected, not {shown(given)}", "write {name: value}")
        return {}
    return {name: value for name, value in given.items() if parser.check_variable_name(name, f"{where}.{name}")}


def _branches(parser: Parser, given: Any, where: str) -> list[_Branch]:
    """Return the pipelines; those that are given by name are looked up."""
    entries: list[tuple[Any, Any, str]] = []
    if isinstance(given, dict):
        entries = [(label, value, f"{where}.{label}") for label, value in given.items()]
    elif isinstance(given, list | tuple):
        entries = [(None, value, f"{where}[{index}]") for index, value in enumerate(given)]
    if not entries:
        hint = "write [name, [stage, ...]] or {name: [stage, ...]}"
        parser.problem(where, f"one or more pipelines were expected, not {shown(given)}", hint)
    branches = []
    for label, value, path in entries:
        if not is_string(value):
            branches.append(_Branch(label=label, reference=None, stages=value, where=path))
        elif value in parser.pipelines:
            branches.append(
                _Branch(label=value if label is None else label, reference=value, stages=parser.pipelines[value], where=path)
            )
        else:
            parser.problem(
                path, f"no pipeline is called '{value}'", did_you_mean(value, parser.pipelines) or "name it under pipelines:"
            )
    return branches


def _check_labels(parser: Parser, branches: Sequence[_Branch]) -> None:
    taken: set[str] = set()
    for branch in branches:
        label = branch.label
        if label in taken:
            parser.problem(branch.where, f"facet already has a field '{label}'", "write {name: [stage, ...]}")
        elif not is_string(label) or not label or label.startswith("$") or "." in label:
            found = "this one has none" if label is None else f"{shown(label)} is none"
            parser.problem(
                branch.where, f"facet needs the name of a field for every pipeline; {found}", "write {name: [stage, ...]}"
            )
        else:
            taken.add(label)


def _stages(parser: Parser, branch: _Branch) -> list[Part]:
    from fluxion_core.language.compiler.plan import parse_stages

    with parser.calling(branch.reference, branch.where) as fits, parser.refusing(WRITERS, "a stage"):
        return parse_stages(parser, branch.stages, parser.forms, branch.where) if fits else []


def _nested(parser: Parser, branch: _Branch, parts: list[Part]) -> Nested:
    """Return the program that sees one document at a time."""
    for part in parts:
        streams = part.streams if isinstance(part, StepPart) else isinstance(part, PerDocument) and part.kind == "stateless"
        if not streams:
            hint = "put it before or after the $subPipeline, or run the pipelines one after the other"
            parser.problem(part.where, "looks at more than one document, and every document is alone here", hint)
    names = tuple(part.where.rpartition(".")[2] for part in parts)
    for place, part in enumerate(parts):
        part.stage = place
    return Nested(parser, parts, names, branch.where)


_PARALLEL: Final = {
    "parallel": True,
    "merge": "zip",
    "pipelines": [[{"$project": {"n": 1}}], [{"$project": {"double": {"$multiply": ["$n", 2]}}}]],
}
STAGES = (
    StageForm(
        name="$subPipeline",
        parse=_parse,
        kind="stateless",
        note="as the stages that it runs",
        examples=[
            Example(
                [
                    {
                        "$subPipeline": {
                            "pipelines": [[{"$match": {"n": {"$gt": 1}}}], [{"$set": {"big": "$$yes"}}]],
                            "globals": {"yes": True},
                        }
                    }
                ],
                [{"n": 2, "big": True}],
                documents=[{"n": 1}, {"n": 2}],
            ),
            Example([{"$subPipeline": _PARALLEL}], [{"n": 1, "double": 2}], documents=[{"n": 1}]),
        ],
    ),
)
