"""Stages as the user wrote them become a program that can be started many times."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluxion_core.errors import CompileError, Problem
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler import known
from fluxion_core.language.compiler.parse import Parser
from fluxion_core.language.compiler.parts import StageForm
from fluxion_core.language.compiler.plan import make_program
from fluxion_core.language.compiler.program import Program
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.operators import Accumulator, Form, Operator
from fluxion_core.language.stages import STAGES

__all__ = ["compile_pipeline", "own_names"]


def compile_pipeline(
    stages: Sequence[Mapping[str, Any]],
    *,
    operators: Iterable[Operator | Form] = (),
    accumulators: Iterable[Accumulator] = (),
    forms: Iterable[StageForm] = (),
    variables: Mapping[str, Any] | None = None,
    collections: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    pipelines: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    unbounded: bool = False,
    name: str = "pipeline",
) -> Program:
    """Return the compiled form of *stages*, which can be started many times.

    *operators*, *accumulators* and *forms* of stages are a plugin's, added to the language's own. *variables* are constants under ``$$name``.
    *pipelines* are those that ``$subPipeline`` calls by name.
    *unbounded* says that the input never ends: stages that need all of it are then problems.

    Raises:
        CompileError: the stages are wrong; every problem is reported, each with its path and what to do.
    """
    known = _extended(STAGES, forms)
    operators, accumulators = tuple(operators), tuple(accumulators)
    parser = Parser(
        operators=_extended(OPERATORS, operators),
        accumulators=_extended(ACCUMULATORS, accumulators),
        pipelines=pipelines,
        registered=[descriptor.name for descriptor in (*operators, *accumulators)],
        variables=variables,
        collections=collections,
        forms=known,
    )
    return make_program(stages, parser=parser, forms=known, unbounded=unbounded, name=name)


def _extended(known: Mapping[str, Any], added: Iterable[Any]) -> Mapping[str, Any]:
    more: dict[str, Any] = {}
    for descriptor in added:
        if descriptor.name in known:
            raise CompileError([Problem("", f"'{descriptor.name}' is the language's own and cannot be replaced")])
        more[descriptor.name] = descriptor
    return ChainMap(more, known) if more else known  # type: ignore[arg-type]  # nothing is written into a table


def own_names(kind: str) -> frozenset[str]:
    """Return the names that no plugin may take for a *kind* (operator, accumulator, stage): ours, for stages all of MongoDB's."""
    return frozenset({"operator": OPERATORS, "accumulator": ACCUMULATORS, "stage": known.STAGES | STAGES.keys()}[kind])
