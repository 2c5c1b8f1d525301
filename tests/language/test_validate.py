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


@pytest.mark.parametrize(
    ("schema", "document", "letter"),
    [
        ({"required": ["a", "b"]}, {"a": 1}, "'b' is missing: required"),
        ({"minProperties": 2}, {"a": 1}, "the document fails minProperties: 2"),
        ({"title": "x", "properties": {"a": {"bsonType": "int"}}}, {"a": "1"}, "'a' fails bsonType: 'int'"),
        (
            {"properties": {"a": {"bsonType": "int"}, "o": {"required": ["t"], "properties": {"t": {"minimum": 5}}}}},
            {"a": 1, "o": {"t": 4}},
            "'o.t' fails minimum: 5",
        ),
        ({"properties": {"o": {"required": ["t"]}}}, {"o": {}}, "'o.t' is missing: required"),
        ({"properties": {"l": {"items": {"type": "string"}}}}, {"l": ["a", 1]}, "'l.1' fails type: 'string'"),
        ({"properties": {"l": {"items": [{"type": "string"}]}}}, {"l": [1]}, "'l.0' fails type: 'string'"),
        ({"properties": {"l": {"items": [{}], "additionalItems": False}}}, {"l": [1, 2]}, "'l.1' fails additionalItems: False"),
        ({"properties": {"l": {"items": [{}], "additionalItems": {"minimum": 3}}}}, {"l": [1, 2]}, "'l.1' fails minimum: 3"),
        ({"properties": {"l": {"uniqueItems": True}}}, {"l": [1, 1]}, "'l' fails uniqueItems: True"),
        ({"properties": {"o.t": {"minimum": 5}}}, {"o": [{"t": 4}, {"t": 3}]}, "'o.t' fails minimum: 5"),
        ({"patternProperties": {"^n": {"minimum": 5}}}, {"a": 1, "n1": 6, "n2": 4}, "'n2' fails minimum: 5"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 1}, "'b' fails additionalProperties: False"),
        ({"additionalProperties": {"maximum": 3}}, {"a": 1, "b": 4}, "'b' fails maximum: 3"),
        ({"dependencies": {"title": "x", "a": ["b", "c"]}}, {"a": 1, "b": 1}, "'c' is missing: dependencies of 'a'"),
        ({"dependencies": {"a": {"properties": {"b": {"enum": [1, 2]}}}}}, {"a": 1, "b": 3}, "'b' fails enum: [1, 2]"),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"multipleOf": 2}}}]}, {"a": 3}, "'a' fails multipleOf: 2"),
        (
            {"properties": {"a": {"anyOf": [{"minimum": 5}, {"maximum": 2}]}}},
            {"a": 3},
            "'a' fails anyOf: [{'minimum': 5}, {'maximum': 2}]",
        ),
        ({"not": {"required": ["a"]}}, {"a": 3}, "the document fails not: {'required': ['a']}"),
    ],
)
def test_the_error_of_a_schema_names_the_first_keyword_and_the_property_that_failed(schema, document, letter):
    place = "stages[0].$validate.validator.$jsonSchema: the document does not meet this condition of $validate"
    assert ([], [(0, f"{place}: {letter}")]) == failures([document], {"$jsonSchema": schema})


def test_what_a_schema_says_of_a_changed_document_is_of_the_document_as_it_is_there():
    stages = [
        {"$set": {"b": "$a"}},
        {"$validate": {"validator": {"$jsonSchema": {"properties": {"b": {"maximum": 1}}}}, "validationAction": "dlq"}},
    ]
    output = compile_pipeline(stages).start().feed(block=b'{"a":2}\n{"a":1}\n')
    assert ["'b' fails maximum: 1"] == [str(failure.error).rpartition("$validate: ")[2] for failure in output.failures]
    assert b'{"a":1,"b":1}\n' == output.json_lines()


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
