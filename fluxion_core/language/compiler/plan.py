"""From stages to the steps of a program: parse every stage, fuse what can be fused, split where state or the outside begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from fluxion_core.errors import CompileError, Problem, did_you_mean
from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.effects import EffectStep
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.misplaced import misplaced
from fluxion_core.language.compiler.nodes import (
    ArrayOf,
    Call,
    Condition,
    Constant,
    Filter,
    FirstPresent,
    Let,
    Logic,
    Map,
    Node,
    ObjectOf,
    OrElse,
    Reduce,
    Switch,
    is_pure,
    walk,
)
from fluxion_core.language.compiler.parse import Parser
from fluxion_core.language.compiler.parts import Folding, Part, PerDocument, StageForm, StepPart
from fluxion_core.language.compiler.program import PlanStep, Program
from fluxion_core.language.compiler.segment import Segment, SegmentWriter
from fluxion_core.language.compiler.text import text_problems
from fluxion_core.language.compiler.writer import Value
from fluxion_core.language.encoding import encode_value
from fluxion_core.language.values import is_string, shown

__all__ = ["MAXIMUM_STAGES", "make_program", "parse_stages", "plan_program", "stage_names"]

MAXIMUM_STAGES: Final = 1000
"""The most stages of one pipeline, MongoDB's limit too."""
MAXIMUM_NESTED_STAGES: Final = 10_000
"""The most stages in all, those of pipelines within stages counted."""
SEGMENT_STAGES: Final = 200
"""The most stages that are fused into one loop. What goes from one loop to the next is whole documents; compiling takes as long."""
SEGMENT_LOOPS: Final = 5
"""The most loops inside each other (``$unwind``) in one segment; CPython allows 20 blocks."""

SAFE_DOUBLINGS: Final = 16
"""So many values that are made of several others are allowed before documents are measured: 2**16 items are harmless."""

_LAZY: Final = (Condition, Switch, Logic, FirstPresent, OrElse, Map, Filter, Reduce, Let)


def parse_stages(parser: Parser, stages: Any, forms: Mapping[str, StageForm], where: str = "stages") -> list[Part]:
    """Return the parts of *stages*; problems are kept by *parser*."""
    if not isinstance(stages, list | tuple):
        parser.problem(where, f"a list of stages was expected, not {shown(stages)}", "write [{$match: ...}, ...]")
        return []
    if len(stages) > MAXIMUM_STAGES:
        parser.problem(where, f"a pipeline may have {MAXIMUM_STAGES} stages, not {len(stages)}")
        return []
    parts: list[Part] = []
    for index, stage in enumerate(stages):
        path = f"{where}[{index}]"
        if not parser.fits("stages", MAXIMUM_NESTED_STAGES, path):
            return parts
        if not isinstance(stage, dict) or len(stage) != 1:
            found = (
                shown(stage) if not isinstance(stage, dict) else f"{len(stage)} names: {', '.join(map(str, stage)) or 'none'}"
            )
            parser.problem(path, f"a stage is an object with exactly one name, not {found}", "write {$match: {...}}")
            continue
        name, spec = next(iter(stage.items()))
        form = forms.get(name)
        if form is None:
            _unknown_stage(parser, name, path, forms)
            continue
        parser.check_place(name, path)
        if name in {"$out", "$merge"} and index != len(stages) - 1:
            parser.problem(f"{path}.{name}", f"{name} can only be the last stage")
        if name == "$documents" and index:
            parser.problem(f"{path}.{name}", f"{name} can only be the first stage", "add documents with $unionWith")
        for part in form.parse(parser, spec, f"{path}.{name}"):
            part.stage = index
            parts.append(part)
    for place, part in enumerate(parts):
        part.followed_by(parts[place + 1 : place + 3])  # no part asks for more than a $skip and a $limit
    return parts


def _unknown_stage(parser: Parser, name: Any, path: str, forms: Mapping[str, StageForm]) -> None:
    if name == "$emit":
        parser.problem(f"{path}.{name}", f"stage '{name}' is what a sink does", "name the sink in the pipeline's sink:")
    elif is_string(name) and not name.startswith("$"):
        meant = f"${name}"
        near = f"'{name}' is no stage", did_you_mean(meant, forms) or "a stage's name starts with '$'"
        parser.problem(f"{path}.{name}", *(misplaced(parser, "stage", meant) or near))
    else:
        parser.unknown(f"{path}.{name}", "stage", str(name), forms, known.STAGES)


# --------------------------------------------------------------------------------------------------- steps


class _Gather(PerDocument, kw_only=True, eq=False):
    """Evaluates the arguments of an effectful call."""

    call: Call

    def nodes(self) -> Iterable[Node]:
        """Return the arguments."""
        return self.call.arguments

    def write(self, segment: SegmentWriter) -> None:
        """Go on with a document that holds nothing but the arguments."""
        values = [segment.emitter.value(node).text for node in self.call.arguments]
        packed = segment.writer.assign(f"({''.join(value + ', ' for value in values)})")
        segment.shape.replace({"_": Value(packed, may_miss=False)})


def _effectful(parser: Parser, part: Part) -> list[Call]:
    """Return the effectful calls of *part*, inner ones first; those that are not evaluated for every document are problems."""
    calls: list[Call] = []

    def visit(node: Node, *, lazy: bool) -> None:
        for child in node.children():
            visit(child, lazy=lazy or isinstance(node, _LAZY))
        if isinstance(node, Call) and not node.operator.pure:
            if lazy:
                message = f"{node.operator.name} asks the outside world and cannot stand in a branch, a loop or a variable"
                parser.problem(node.where, message, "compute it in a $set of its own before, and use that field here")
            calls.append(node)

    for node in part.nodes():
        visit(node, lazy=False)
    if isinstance(part, StepPart) and calls:
        parser.problem(calls[0].where, f"{calls[0].operator.name} cannot stand here", "compute it in a $set before")
    return calls


def _doubles(node: Node) -> bool:
    """Whether *node* puts several computed values into one, which may be the same value twice."""
    if not isinstance(node, ArrayOf | ObjectOf | Call):
        return False
    computed = [child for child in node.children() if not isinstance(child, Constant)]
    return len(computed) > 1


class _Planner:
    """Collects parts into segments."""

    def __init__(self, parser: Parser, name: str) -> None:
        self._parser = parser
        self._name = name
        self.steps: list[Any] = []
        self._parts: list[Part] = []
        self._calls: tuple[Call, ...] = ()

    def add(self, part: Part) -> None:
        calls = _effectful(self._parser, part)
        if calls:
            self._flush()
            self._ask(calls)
        if isinstance(part, StepPart):
            self._flush()
            self.steps.append(part)
            return
        loops = sum(isinstance(other, PerDocument) and other.fans_out for other in self._parts)
        if len(self._parts) >= SEGMENT_STAGES or loops >= SEGMENT_LOOPS:
            self._flush()
        self._parts.append(part)
        if isinstance(part, Folding):
            self._flush()

    def _ask(self, calls: Sequence[Call]) -> None:
        gathers = []
        for index, call in enumerate(calls):
            gather = _Gather(where=call.where, call=call)
            segment = Segment(parts=(gather,), calls=tuple(calls[:index]), tracks=True)
            gathers.append(SegmentStep(segment=segment, name=f"{self._name} arguments of {call.operator.name}"))
        self.steps.append(EffectStep(calls=tuple(calls), gathers=tuple(gathers)))
        self._calls = tuple(calls)

    def _flush(self) -> None:
        if self._parts:
            segment = Segment(parts=tuple(self._parts), calls=self._calls)
            self.steps.append(SegmentStep(segment=segment, name=f"{self._name} segment {len(self.steps)}"))
        self._parts, self._calls = [], ()

    def _measured(self) -> None:
        """Have the documents measured where values are used so often that they could double again and again."""
        doublings = 0
        for index, step in enumerate(self.steps):
            if isinstance(step, SegmentStep):
                doublings += sum(
                    part.doubles() + sum(_doubles(node) for top in part.nodes() for node in walk(top))
                    for part in step.segment.parts
                )
                if doublings > SAFE_DOUBLINGS:
                    self.steps[index] = msgspec.structs.replace(
                        step, segment=msgspec.structs.replace(step.segment, measures=True)
                    )
            elif isinstance(step, StepPart):
                doublings += step.doubles()

    def finished(self) -> list[Any]:
        """Return the steps; those whose rows are traced back to records know it."""
        self._flush()
        self._measured()
        streaming = 0
        for step in self.steps:
            if isinstance(step, StepPart) and not step.streams:
                break
            streaming += 1
            if isinstance(step, SegmentStep) and step.segment.folding is not None:
                break
        if streaming > 1:
            multiplied = False
            for index, step in enumerate(self.steps[:streaming]):
                if isinstance(step, SegmentStep):
                    shares = multiplied and step.segment.folding is not None
                    segment = msgspec.structs.replace(step.segment, tracks=True, shares=shares)
                    self.steps[index] = msgspec.structs.replace(step, segment=segment)
                multiplied = (
                    multiplied
                    or isinstance(step, StepPart)
                    or (isinstance(step, SegmentStep) and step.segment.fans_out is not None)
                )
        return self.steps


def _plan_steps(steps: Sequence[Any], names: Sequence[str]) -> tuple[PlanStep, ...]:
    plan = []
    held = False
    for step in steps:
        if isinstance(step, EffectStep):
            stages = [_stage(call) for call in step.calls]
            operators = ", ".join(dict.fromkeys(call.operator.name for call in step.calls))
            plan.append(PlanStep("effect", tuple(dict.fromkeys(stages)), (operators,), not held, "asked once per batch"))
            continue
        parts = step.segment.parts if isinstance(step, SegmentStep) else (step,)
        for kind, group in _runs(parts):
            stages = list(dict.fromkeys(part.stage for part in group))
            blocking = kind == "blocking" and not getattr(group[0], "streams", False)
            note = {"keyed": "state per key", "blocking": "needs the whole input" if blocking else ""}.get(kind, "")
            plan.append(PlanStep(kind, tuple(stages), tuple(names[stage] for stage in stages), not held and not blocking, note))
            held = held or blocking
    return tuple(plan)


def _runs(parts: Sequence[Part]) -> list[tuple[str, list[Part]]]:
    runs: list[tuple[str, list[Part]]] = []
    for part in parts:
        if runs and runs[-1][0] == part.kind == "stateless":
            runs[-1][1].append(part)
        else:
            runs.append((part.kind, [part]))
    return runs


def _stage(call: Call) -> int:
    return int(call.where[7 : call.where.index("]")])


def _check_unbounded(parser: Parser, parts: Sequence[Part], names: Sequence[str]) -> None:
    folded = False
    for part in parts:
        path = f"stages[{part.stage}].{names[part.stage]}"
        if isinstance(part, StepPart) and not part.streams:
            parser.problem(path, "needs the whole input and the source does not end", "use a bounded source, or leave it out")
        elif folded and (isinstance(part, Folding) or part.kind == "counter"):
            parser.problem(
                path, "stands after a $group whose results change as long as the source goes on", "put it before the $group"
            )
        folded = folded or isinstance(part, Folding)


def _as_bytes(stage: Any) -> bytes:
    try:
        return encode_value(stage)
    except TypeError:
        return repr(stage).encode()


def make_program(
    stages: Any,
    *,
    parser: Parser,
    forms: Mapping[str, StageForm],
    unbounded: bool,
    name: str,
) -> Program:
    """Return the program for *stages*.

    Raises:
        CompileError: with every problem.
    """
    given = {"stages": stages, **{f"pipelines.{called}": inner for called, inner in parser.pipelines.items()}}
    problems = [problem for where, inner in given.items() for problem in text_problems(inner, where)]
    if problems:
        raise CompileError(problems)
    parts = parse_stages(parser, stages, forms)
    names = stage_names(stages)
    if unbounded and not parser.problems:
        _check_unbounded(parser, parts, names)
    return plan_program(parser, parts, names, name, stages)


def stage_names(stages: Any) -> tuple[str, ...]:
    """Return the names of *stages*, wrong ones as they can be shown."""
    if not isinstance(stages, list | tuple):
        return ()
    return tuple(str(next(iter(stage), "")) if isinstance(stage, dict) else "" for stage in stages)


def plan_program(
    parser: Parser, parts: Sequence[Part], names: tuple[str, ...], name: str, stages: Sequence[Any] = ()
) -> Program:
    """Return the program for parsed *parts*; *stages* is what they were parsed from, for fingerprints.

    Raises:
        CompileError: with every problem that *parser* kept.
    """
    planner = _Planner(parser, name)
    for part in parts:
        planner.add(part)
    if parser.problems:
        raise CompileError(_in_order(parser.problems))
    steps = planner.finished()
    first = steps[0] if steps and isinstance(steps[0], SegmentStep) else None
    required: tuple[str, ...] | None = None
    if first is not None:
        written = first.load().written
        required = None if written.whole else written.loads
    return Program(
        name=name,
        steps=tuple(steps),
        plan=_plan_steps(steps, names),
        stage_names=names,
        keeping={
            f"stages[{part.stage}].{names[part.stage]}": _as_bytes(stages[part.stage] if part.origin is None else part.origin)
            for part in parts
            if part.kind != "stateless" and stages
        },
        pure=all(is_pure(node) for part in parts for node in part.nodes())
        and all(part.pure for part in parts if isinstance(part, StepPart)),
        required_fields=required,
        first=first,
    )


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
