"""Operators and accumulators of the language, held to the rules that a plugin's are held to."""

from __future__ import annotations

import pytest

from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.testing.suites import AccumulatorCase, AccumulatorSuite, OperatorCase, OperatorSuite

ONE_OF_EACH_FAMILY = (
    "$add", "$arrayElemAt", "$bitXor", "$cmp", "$concatArrays", "$dateAdd", "$divide", "$hash", "$mergeObjects", "$round", "$setUnion",
    "$split", "$substrCP", "$toInt", "$trim", "$type",
)  # fmt: skip
ACCUMULATORS_OF_ALL_SHAPES = (
    "$addToSet", "$avg", "$concatArrays", "$count", "$firstN", "$median", "$mergeObjects", "$min", "$push", "$stdDevPop", "$sum", "$topN",
)  # fmt: skip


class TestOperators(OperatorSuite):
    @pytest.fixture(params=ONE_OF_EACH_FAMILY)
    def case(self, request: pytest.FixtureRequest) -> OperatorCase:
        return OperatorCase(operator=OPERATORS[request.param])


class TestAccumulators(AccumulatorSuite):
    @pytest.fixture(params=ACCUMULATORS_OF_ALL_SHAPES)
    def case(self, request: pytest.FixtureRequest) -> AccumulatorCase:
        return AccumulatorCase(accumulator=ACCUMULATORS[request.param])
