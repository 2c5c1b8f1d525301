"""``$validate``, as in MongoDB Atlas Stream Processing, and ``$sampleRate``."""

from random import Random

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline

SCHEMA = {"$jsonSchema": {"required": ["total"], "properties": {"total": {"bsonType": "number"}}}}


def validated(documents, **members):
    return list(aggregate(documents, [{"$validate": {"validator": SCHEMA, **members}}]))


def failures(documents, validator, action="dlq"):
    run = compile_pipeline([{"$validate": {"validator": validator, "validationAction": action}}]).start()
    output = run.feed(documents=documents)
    return output.documents, [(failure.index, str(failure.error)) for failure in output.failures]


def test_what_does_not_meet_the_validator_is_discarded_unless_something_else_is_said():
    assert [{"total": 1}] == validated([{"total": 1}, {"total": "1"}, {}])
    assert [{"total": 1}] == validated([{"total": 1}, {}], validationAction="discard")


@pytest.mark.parametrize("action", ["dlq", "error"])
def test_the_error_is_that_of_one_record_and_names_the_condition(action):
    validator = {"total": {"$gt": 0}, "status": "PAID"}
    letter = "the document does not meet this condition of $validate"
    assert (
        [{"total": 1, "status": "PAID"}],
        [
            (0, f"stages[0].$validate.validator.total: {letter}"),
            (2, f"stages[0].$validate.validator.status: {letter}"),
        ],
    ) == failures([{"total": 0}, {"total": 1, "status": "PAID"}, {"total": 1, "status": "OPEN"}], validator, action)


def test_the_validator_may_hold_an_expression():
    documents = [{"a": 1, "b": 2}, {"a": 2, "b": 1}]
    kept, failed = failures(documents, {"$expr": {"$lt": ["$a", "$b"]}})
    assert ([{"a": 1, "b": 2}], [1]) == (kept, [index for index, _ in failed])


def test_aggregate_ends_at_the_first_document_at_fault():
    with pytest.raises(EvaluationError, match=r"stages\[0\]\.\$validate\.validator\.\$jsonSchema: "):
        validated([{}], validationAction="error")


def test_lines_at_fault_are_told_by_their_number():
    run = compile_pipeline([{"$validate": {"validator": {"n": {"$gt": 1}}, "validationAction": "dlq"}}]).start()
    output = run.feed(block=b'{"n":1}\n{"n":2}\n{"m":1}\n')
    assert [0, 2] == [failure.index for failure in output.failures]
    assert b'{"n":2}\n' == output.json_lines()


@pytest.mark.parametrize(
    ("spec", "path", "letter"),
    [
        ({}, "stages[0].$validate", "'validator' is missing"),
        ({"validator": 1}, "stages[0].$validate.validator", "a query is an object, not int"),
        ({"validator": {}, "validationAction": "DLQ"}, "stages[0].$validate.validationAction", "unknown action 'DLQ'"),
        ({"validator": {}, "action": "dlq"}, "stages[0].$validate.action", "unknown argument 'action'"),
    ],
)
def test_a_wrong_validate_is_a_problem(spec, path, letter):
    with pytest.raises(CompileError) as caught:
        compile_pipeline([{"$validate": spec}])
    assert [(path, letter)] == [(problem.path, problem.message) for problem in caught.value.problems]


def sampled(rate, seed, count=1000):
    run = compile_pipeline([{"$match": {"$sampleRate": rate}}]).start()
    run.random = Random(seed).random
    return [document["n"] for document in run.feed(documents=[{"n": n} for n in range(count)]).documents]


def test_a_sample_is_what_the_randomness_that_is_handed_in_says():
    drawn = Random(7)
    assert [n for n in range(1000) if drawn.random() < 0.33] == sampled(0.33, seed=7)


@pytest.mark.parametrize(("rate", "count"), [(0, 0), (0.0, 0), (1, 1000), (1.0, 1000)])
def test_a_rate_of_0_drops_all_and_a_rate_of_1_nothing(rate, count):
    assert count == len(sampled(rate, seed=1))


@pytest.mark.parametrize("rate", [-0.1, 1.1, "1", None, True, float("nan")])
def test_a_rate_is_a_number_from_0_to_1(rate):
    with pytest.raises(CompileError, match="a number from 0 to 1 was expected"):
        compile_pipeline([{"$match": {"$sampleRate": rate}}])


def test_a_stage_called_sample_rate_says_where_it_stands():
    with pytest.raises(CompileError, match=r"write \{\$match: \{\$sampleRate: \.\.\.\}\}"):
        compile_pipeline([{"$sampleRate": 0.5}])
