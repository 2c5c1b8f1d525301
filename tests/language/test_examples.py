"""Every operator, accumulator and stage carries examples; each is executed here as it stands in the reference."""

import math
from decimal import Decimal

import pytest

from fluxion_core import EvaluationError, aggregate
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.query import EXAMPLES, NAMES
from fluxion_core.language.stages import STAGES


def close(expected: object, got: object) -> bool:
    if isinstance(expected, float | int) and not isinstance(expected, bool) and not isinstance(got, Decimal):
        return math.isclose(expected, got, rel_tol=1e-12)
    return expected == got


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_operator_has_examples_that_hold(name) -> None:
    examples = OPERATORS[name].examples
    assert examples
    for example in examples:
        stages = [{"$project": {"_id": 0, "result": example.expression}}]
        if example.error:
            with pytest.raises(EvaluationError):
                list(aggregate([dict(example.document)], stages))
            continue
        (document,) = aggregate([dict(example.document)], stages)
        assert close(example.expected, document.get("result")), example


@pytest.mark.parametrize("name", sorted(ACCUMULATORS))
def test_accumulator_has_examples_that_hold(name) -> None:
    examples = ACCUMULATORS[name].examples
    assert examples
    for example in examples:
        (document,) = aggregate(map(dict, example.documents), [{"$group": {"_id": None, "result": example.expression}}])
        assert close(example.expected, document["result"]), example


@pytest.mark.parametrize("name", sorted(STAGES))
def test_stage_has_examples_that_hold(name) -> None:
    examples = STAGES[name].examples
    assert examples
    for example in examples:
        assert example.expected == list(aggregate(map(dict, example.documents), example.expression)), example


def test_every_query_operator_has_an_example():
    assert set(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_query_operator_has_an_example_that_holds(name):
    example = EXAMPLES[name]
    assert example.expected == list(aggregate(map(dict, example.documents), example.expression)), example
