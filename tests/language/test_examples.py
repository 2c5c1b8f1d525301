"""Every operator, accumulator and stage carries examples; each is executed here as it stands in the reference."""

import math
import runpy
from pathlib import Path

import pytest

from fluxion_core import EvaluationError, aggregate
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.query import EXAMPLES, NAMES
from fluxion_core.language.registered import ACCUMULATOR_EXAMPLE
from fluxion_core.language.stages import STAGES
from fluxion_core.language.stages.set_window_fields import FUNCTIONS
from fluxion_core.language.stages.window_examples import WINDOW_EXAMPLES

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
SHOUT = runpy.run_path(str(SAMPLES / "shout_operator.py"))["SHOUT"]
PRODUCT = runpy.run_path(str(SAMPLES / "product_accumulator.py"))["PRODUCT"]


def close(expected: object, got: object) -> bool:
    if isinstance(expected, float | int) and not isinstance(expected, bool) and isinstance(got, float | int):
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
                list(aggregate([dict(example.document)], stages, operators=[SHOUT]))
            continue
        (document,) = aggregate([dict(example.document)], stages, operators=[SHOUT])
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
        assert example.expected == list(aggregate(map(dict, example.documents), example.expression, collections={})), example


def test_every_query_operator_has_an_example():
    assert set(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_query_operator_has_an_example_that_holds(name):
    example = EXAMPLES[name]
    assert example.expected == list(aggregate(map(dict, example.documents), example.expression)), example


@pytest.mark.parametrize("example", [*PRODUCT.examples, ACCUMULATOR_EXAMPLE])
def test_an_accumulator_that_was_registered_has_examples_that_hold(example):
    stages = [{"$group": {"_id": None, "result": example.expression}}]
    (document,) = aggregate(map(dict, example.documents), stages, accumulators=[PRODUCT])
    assert example.expected == document["result"]


def test_every_window_function_has_an_example():
    assert set(WINDOW_EXAMPLES) == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(WINDOW_EXAMPLES))
def test_window_function_has_an_example_that_holds(name):
    example = WINDOW_EXAMPLES[name]
    got = [document["result"] for document in aggregate(map(dict, example.documents), example.expression)]
    assert all(map(close, example.expected, got)), got
    assert len(example.expected) == len(got)
