"""Constants that stand together among the arguments of an operator: they are computed while the pipeline is read.

Source: the server's ``ExpressionNary::optimize``; what cannot be computed is refused then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import begin
from fluxion_core.language.compiler.nodes import Call, Constant, Node
from fluxion_core.language.operators import Operator

__all__ = ["problem_together"]


def problem_together(operator: Operator, nodes: Sequence[Node]) -> str | None:
    """Return what is wrong with constants of *nodes* that stand together and cannot be computed, as MongoDB does while it reads a pipeline."""
    begin()
    try:
        for values in _together(operator, nodes):
            assert operator.function is not None, operator.name  # an operator with effects is not associative
            operator.function(*values)
    except EvaluationError as error:
        return error.message
    except (RecursionError, ArithmeticError, MemoryError):  # left for the run
        pass
    return None


def _together(operator: Operator, nodes: Sequence[Node]) -> Iterator[list[Any]]:
    """Yield the values of every two or more constants of *nodes* that an associative operator is applied to on their own.

    Those at the head for an operator that goes from the left to the right, all of them where the order does not matter, and else
    every run; arguments of the same operator within count as its own. Nothing where all are constants: then the whole is computed.
    """
    if all(isinstance(node, Constant) for node in nodes):
        return
    run: list[Any] = []
    for node in _flat(operator, nodes):
        if isinstance(node, Constant):
            run.append(node.value)
        elif not operator.commutative:
            if len(run) > 1:
                yield run
            if operator.associative == "left":
                return
            run = []
    if len(run) > 1:
        yield run


def _flat(operator: Operator, nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if operator.associative == "fully" and isinstance(node, Call) and node.operator is operator:
            yield from _flat(operator, node.arguments)
        else:
            yield node
