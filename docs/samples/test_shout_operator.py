"""The operator held to its contract, and a document that it cannot take."""

import pytest
from shout_operator import SHOUT

from fluxion_core import EvaluationError, aggregate
from fluxion_core.testing.suites import OperatorCase, OperatorSuite


class TestShout(OperatorSuite):
    @pytest.fixture
    def case(self) -> OperatorCase:
        return OperatorCase(operator=SHOUT, wrong=[{"$shout": 5}])


def test_a_number_is_an_error_of_the_document():
    with pytest.raises(EvaluationError, match="needs a string, not int"):
        list(aggregate([{"name": 5}], [{"$set": {"answer": {"$shout": "$name"}}}], operators=[SHOUT]))
