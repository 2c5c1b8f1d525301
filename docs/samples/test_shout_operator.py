"""The operator's examples, executed, and a document that it cannot take."""

import pytest
from shout_operator import SHOUT

from fluxion_core import EvaluationError, aggregate


@pytest.mark.parametrize("example", SHOUT.examples)
def test_an_example_is_true(example):
    (document,) = aggregate([dict(example.document)], [{"$set": {"answer": example.expression}}], operators=[SHOUT])
    assert example.expected == document["answer"]


def test_a_number_is_an_error_of_the_document():
    with pytest.raises(EvaluationError, match="needs a string, not int"):
        list(aggregate([{"name": 5}], [{"$set": {"answer": {"$shout": "$name"}}}], operators=[SHOUT]))
