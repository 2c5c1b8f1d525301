"""``$lookup $graphLookup $unionWith $documents``: joins with collections, and documents from nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.collections import collection_named
from fluxion_core.language.compiler.nested import Nested, parse_nested
from fluxion_core.language.compiler.nodes import Node
from fluxion_core.language.compiler.parts import EachStep, StageForm, Step, StepPart
from fluxion_core.language.operators import Example
from fluxion_core.language.ordering import identity
from fluxion_core.language.paths import index_of, nest
from fluxion_core.language.query.leaves import endpoints
from fluxion_core.language.stages.joined import Index, Joined
from fluxion_core.language.values import INT64_MAX, MISSING, is_string, is_whole, shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["STAGES"]

Documents = Sequence[dict[str, Any]]


def _wanted(document: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return the identities that a local field asks for: those at its path, or null where there is none."""
    return [identity(value) for value in _local_values(document, names)] or [None]


def _local_values(document: Mapping[str, Any], names: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path: of an array its elements; a number on the path is a place in an array and nothing else."""
    value = document.get(names[0], MISSING)
    rest = names[1:]
    while rest and value.__class__ is list and (index := index_of(rest[0])) is not None:
        value = value[index] if index < len(value) else MISSING
        rest = rest[1:]
    values = value if value.__class__ is list else () if value is MISSING else (value,)
    if not rest:
        yield from values
        return
    for item in values:
        if isinstance(item, dict):
            yield from _local_values(item, rest)


class Lookup(StepPart, kw_only=True, eq=False):
    """Adds to every document an array of the documents of a collection that belong to it."""

    kind: ClassVar[str] = "stateless"
    streams: ClassVar[bool] = True
    documents: Documents
    local: tuple[str, ...] | None
    foreign: tuple[str, ...] | None
    bindings: tuple[tuple[str, Node], ...]
    pipeline: Nested | None
    into: tuple[str, ...]
    makes_documents: bool
    """Whether the pipeline begins with ``$documents``: it is joined after it has run."""

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _LookupStep(self, environment)


class _LookupStep(EachStep):
    def __init__(self, part: Lookup, run: Any) -> None:
        self._part = part
        self._run = run
        self._index = Index(part.documents, part.foreign) if part.foreign is not None else None
        self._bindings = part.evaluator(*(node for _, node in part.bindings)) if part.bindings else None
        self._same: list[dict[str, Any]] | None = None
        self._joined = Joined(part.documents if part.pipeline is None else None)

    def one(self, document: dict[str, Any]) -> Documents:
        found = list(self._found(document))
        self._joined.check(found)
        return [nest(document, self._part.into, found)]

    def _found(self, document: dict[str, Any]) -> Documents:
        part = self._part
        candidates = part.documents
        if self._index is not None and part.local is not None:
            candidates = self._index.find(_wanted(document, part.local))
        if part.pipeline is None:
            return candidates
        if self._bindings is None and self._index is None:
            if self._same is None:
                self._same = part.pipeline.run(candidates, parent=self._run)
                self._joined = Joined(self._same)
            return self._same
        values = self._bindings.row(self._run, document) if self._bindings is not None else ()
        outer = {name: value for (name, _), value in zip(part.bindings, values, strict=True)}
        made = part.pipeline.run(candidates, outer, self._run)
        if part.makes_documents and part.local is not None and part.foreign is not None:
            return Index(made, part.foreign).find(_wanted(document, part.local))
        return made


_FIELDS: Final = ("localField", "foreignField")
"""What MongoDB takes for left out where it is empty."""


def _parse_lookup(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    members = parser.members(spec, where, ("as",), ("from", *_FIELDS, "let", "pipeline"), nullable=(*_FIELDS, "let"))
    if not isinstance(spec, dict):
        return []
    members = {name: value for name, value in members.items() if value != "" or name not in _FIELDS}
    both = ("localField" in members) + ("foreignField" in members)
    if both == 1:
        parser.problem(where, "localField and foreignField belong together")
    if not both and "pipeline" not in members:
        parser.problem(where, "give localField and foreignField, or a pipeline")
    if "let" in members and "pipeline" not in members:
        parser.problem(f"{where}.let", "let needs a pipeline that uses its variables")
    documents: Documents = []
    stages = members.get("pipeline")
    if "from" in members:
        documents = collection_named(parser, members["from"], f"{where}.from")
        _check_reads(parser, stages, f"{where}.pipeline")
    elif not _makes_documents(stages):
        parser.problem(where, "'from' is missing", "or begin the pipeline with $documents")
    variables = members.get("let", {})
    if not isinstance(variables, dict):
        parser.problem(f"{where}.let", f"an object of variables was expected, not {shown(variables)}")
        variables = {}
    bindings = tuple(
        (name, parser.expression(value, f"{where}.let.{name}"))
        for name, value in variables.items()
        if parser.check_variable_name(name, f"{where}.let.{name}")
    )
    with parser.joined(where):
        names = [name for name, _ in bindings]
        pipeline = parse_nested(parser, stages, f"{where}.pipeline", names) if "pipeline" in members else None
    into = parser.field_path(members["as"], f"{where}.as") if "as" in members else None
    local = parser.field_path(members["localField"], f"{where}.localField") if "localField" in members else None
    foreign = parser.field_path(members["foreignField"], f"{where}.foreignField") if "foreignField" in members else None
    if into is None:
        return []
    return [
        Lookup(
            where=where,
            documents=documents,
            local=local,
            foreign=foreign,
            bindings=bindings,
            pipeline=pipeline,
            into=into,
            makes_documents="from" not in members,
        )
    ]


def _check_reads(parser: Parser, stages: Any, where: str) -> None:
    """Refuse a pipeline over a collection that begins with documents of its own."""
    if _makes_documents(stages):
        parser.problem(f"{where}[0].$documents", "$documents reads no collection", "leave the name of the collection out")


def _makes_documents(stages: Any) -> bool:
    return isinstance(stages, list) and bool(stages) and isinstance(stages[0], dict) and "$documents" in stages[0]


# --------------------------------------------------------------------------------------------------- $graphLookup


class GraphLookup(StepPart, kw_only=True, eq=False):
    """Adds to every document an array of the documents that are reached from it."""

    kind: ClassVar[str] = "stateless"
    streams: ClassVar[bool] = True
    documents: Documents
    begin: Node
    connect_from: tuple[str, ...]
    connect_to: tuple[str, ...]
    into: tuple[str, ...]
    most: int | None
    depth_field: tuple[str, ...] | None
    restrict: Nested | None

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _GraphStep(self, environment)


class _GraphStep(EachStep):
    def __init__(self, part: GraphLookup, run: Any) -> None:
        self._part = part
        self._run = run
        self._index: Index | None = None
        self._joined = Joined(None)
        self._begin = part.evaluator(part.begin)

    def _reachable(self) -> Index:
        """Return what can be reached, found for the first document: the restriction may fail on the collection."""
        if self._index is None:
            part = self._part
            documents = part.documents if part.restrict is None else part.restrict.run(part.documents, parent=self._run)
            to = part.connect_to
            joinable = [found for found in documents if any(v is not MISSING for v in endpoints(found, to))]
            self._index = Index(joinable, to)
            self._joined = Joined(joinable if part.depth_field is None else None)
        return self._index

    def one(self, document: dict[str, Any]) -> Documents:
        part, index = self._part, self._reachable()
        (start,) = self._begin.row(self._run, document)
        frontier = [identity(item) for item in (start if start.__class__ is list else () if start is MISSING else (start,))]
        seen: dict[int, dict[str, Any]] = {}
        asked: set[Any] = set()
        depth = 0
        while frontier and (part.most is None or depth <= part.most):
            asked.update(frontier)
            reached = [found for found in index.find(frontier) if id(found) not in seen]
            for found in reached:
                seen[id(found)] = found if part.depth_field is None else nest(found, part.depth_field, depth)
            # The depth may be what leads on.
            values = (value for found in reached for value in _local_values(seen[id(found)], part.connect_from))
            frontier = [key for key in map(identity, values) if key not in asked]
            depth += 1
        result = list(seen.values())
        self._joined.check(result)
        return [nest(document, part.into, result)]


def _parse_graph(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    required = ("from", "startWith", "connectFromField", "connectToField", "as")
    members = parser.members(spec, where, required, ("maxDepth", "depthField", "restrictSearchWithMatch"))
    if any(name not in members for name in required):
        return []
    most: Any = members.get("maxDepth")
    if "maxDepth" in members and not (is_whole(most) and 0 <= most <= INT64_MAX):
        parser.problem(f"{where}.maxDepth", f"a whole number of at least 0 was expected, not {shown(most)}")
        most = None
    paths = [parser.field_path(members[name], f"{where}.{name}") for name in ("connectFromField", "connectToField", "as")]
    depth_field = parser.field_path(members["depthField"], f"{where}.depthField") if "depthField" in members else None
    restrict = None
    with parser.joined(where):
        if "restrictSearchWithMatch" in members:
            match = {"$match": members["restrictSearchWithMatch"]}
            restrict = parse_nested(parser, [match], f"{where}.restrictSearchWithMatch")
    documents = collection_named(parser, members["from"], f"{where}.from")
    begin = parser.expression(members["startWith"], f"{where}.startWith")
    connect_from, connect_to, into = paths
    if connect_from is None or connect_to is None or into is None:
        return []
    return [
        GraphLookup(
            where=where,
            documents=documents,
            begin=begin,
            connect_from=connect_from,
            connect_to=connect_to,
            into=into,
            most=None if most is None else int(most),
            depth_field=depth_field,
            restrict=restrict,
        )
    ]


# --------------------------------------------------------------------------------------------------- $unionWith, $documents


class Union(StepPart, kw_only=True, eq=False):
    """Lets every document through, and adds those of a collection at the end of input."""

    documents: Documents
    pipeline: Nested | None

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _UnionStep(self, environment)


class _UnionStep(Step):
    def __init__(self, part: Union, run: Any) -> None:
        self._part = part
        self._run = run

    def feed(self, documents: Documents) -> list[dict[str, Any]]:
        return list(documents)

    def finish(self) -> list[dict[str, Any]]:
        part = self._part
        return list(part.documents) if part.pipeline is None else part.pipeline.run(part.documents, parent=self._run)


def _parse_union(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    with parser.joined(where):
        return _united(parser, spec, where)


def _united(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    if is_string(spec):
        return [Union(where=where, documents=collection_named(parser, spec, where), pipeline=None)]
    members = parser.members(spec, where, (), ("coll", "pipeline"), nullable=("coll",))
    if not isinstance(spec, dict):
        return []
    if "coll" not in members and not _makes_documents(members.get("pipeline")):
        parser.problem(where, "'coll' is missing", "or begin the pipeline with $documents")
    documents: Documents = []
    if "coll" in members:
        documents = collection_named(parser, members["coll"], f"{where}.coll")
        _check_reads(parser, members.get("pipeline"), f"{where}.pipeline")
    pipeline = parse_nested(parser, members["pipeline"], f"{where}.pipeline") if "pipeline" in members else None
    return [Union(where=where, documents=documents, pipeline=pipeline)]


class FromNowhere(StepPart, kw_only=True, eq=False):
    """Gives out documents of its own in place of the input."""

    expression: Node

    def start(self, environment: Any) -> Step:
        """Return the step for one run."""
        return _DocumentsStep(self, environment)


class _DocumentsStep(Step):
    def __init__(self, part: FromNowhere, run: Any) -> None:
        self._evaluate = part.evaluator(part.expression)
        self._run = run

    def feed(self, documents: Documents) -> list[dict[str, Any]]:
        del documents
        return []

    def finish(self) -> list[dict[str, Any]]:
        (documents,) = self._evaluate.row(self._run, {})
        if documents.__class__ is not list or not all(isinstance(document, dict) for document in documents):
            raise EvaluationError("$documents needs an array of objects")
        return list(documents)


def _parse_documents(parser: Parser, spec: Any, where: str) -> Sequence[StepPart]:
    return [FromNowhere(where=where, expression=parser.expression(spec, where))]


_PAIR = [{"$documents": [{"a": 1}]}, {"$unionWith": {"pipeline": [{"$documents": [{"a": 2}]}]}}]
STAGES = (
    StageForm(
        name="$lookup",
        parse=_parse_lookup,
        kind="stateless",
        examples=[
            Example(
                [{"$lookup": {"pipeline": [{"$documents": [{"b": 1}]}], "as": "joined"}}],
                [{"a": 1, "joined": [{"b": 1}]}],
                documents=[{"a": 1}],
            )
        ],
    ),
    StageForm(
        name="$graphLookup",
        parse=_parse_graph,
        kind="stateless",
        examples=[
            Example(
                [
                    {
                        "$graphLookup": {
                            "from": "none",
                            "startWith": "$a",
                            "connectFromField": "a",
                            "connectToField": "b",
                            "as": "reached",
                        }
                    }
                ],
                [{"a": 1, "reached": []}],
                documents=[{"a": 1}],
            )
        ],
    ),
    StageForm(
        name="$unionWith",
        parse=_parse_union,
        kind="blocking",
        examples=[Example(_PAIR, [{"a": 1}, {"a": 2}])],
    ),
    StageForm(
        name="$documents", parse=_parse_documents, kind="blocking", examples=[Example([{"$documents": [{"a": 1}]}], [{"a": 1}])]
    ),
)
