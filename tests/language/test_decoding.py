"""Bytes are decoded no further than a pipeline reads, and answered as whole documents are."""

import json
from itertools import product

import pytest

from fluxion_core import aggregate, aggregate_ndjson, compile_pipeline
from fluxion_core.language.compiler.reading import choose_reading

HALF_A_PAIR = "the record is not JSON that can be read: a \\u escape in it is half of a surrogate pair"


def below(depth: int, value: object) -> dict[str, object]:
    for _ in range(depth):
        value = {"a": value}
    return value  # type: ignore[return-value]


def from_bytes(stages, documents):
    return [
        json.loads(line)
        for line in b"".join(aggregate_ndjson([json.dumps(one).encode() + b"\n" for one in documents], stages)).splitlines()
    ]


def test_a_condition_on_a_path_of_three_names_leaves_the_rest_undecoded() -> None:
    stages = [{"$match": {"payload.after.status": "PAID"}}, {"$project": {"_id": 0, "id": "$payload.after.id"}}]
    _, loaded, _ = choose_reading(compile_pipeline(stages), each=False)
    after = loaded.written.demand.fields["payload"].fields["after"]
    assert {"status": True, "id": True} == {name: demand.whole for name, demand in after.fields.items()}


@pytest.mark.parametrize("depth", [3, 31, 32, 33, 99, 180])
def test_a_path_may_be_as_deep_as_is_allowed(depth: int) -> None:
    path = ".".join("a" * depth)
    stages = [{"$match": {path: {"$gte": 2}}}, {"$project": {"_id": 0, "n": {"$add": [f"${path}", 1]}}}]
    assert [{"n": 3}] == from_bytes(stages, [below(depth, 1), below(depth, 2), below(depth - 1, 2), below(depth + 1, 2)])


@pytest.mark.parametrize("condition", [2, "x", {"$gt": 1}, {"$in": ["x", "y"]}, {"$lte": "x"}, {"$ne": 2}, None])
def test_a_deep_condition_means_the_same_of_bytes_as_of_documents(condition: object) -> None:
    values = [1, 2, 2.0, 3, "x", "y", "z", None, True, [], [2], ["x", 5], {"c": 2}, [[2]]]
    documents = [{"a": {"b": {"c": value}}} for value in values]
    documents += [{"a": {"b": value}} for value in [*values, [{"c": 2}, {"c": "x"}], [{"d": 1}]]]
    documents += [{"a": value} for value in [*values, [{"b": {"c": 2}}, {"b": [{"c": "x"}]}]]]
    stages = [{"$match": {"a.b.c": condition}}, {"$project": {"_id": 0, "found": "$a.b.c"}}]
    expected = list(aggregate(documents, stages))
    assert expected == from_bytes(stages, documents)


def test_a_hundred_stages_are_one_loop_that_decodes_what_they_read() -> None:
    stages = [{"$set": {"n": {"$add": ["$n", number]}}} for number in range(100)]
    program = compile_pipeline([*stages, {"$project": {"_id": 0, "n": 1}}])
    _, loaded, _ = choose_reading(program, each=False)
    assert 1 == len(program.steps)
    assert ["n"] == list(loaded.written.demand.fields)


# --- what is accepted -------------------------------------------------------------------------------------------------

READINGS = ([{"$project": {"_id": 0, "b": 1}}], [{"$project": {"_id": 0, "a": 1}}], [{"$match": {"b": 1}}], [])
"""Pipelines that skip field ``a``, read it, and pass it on as it came."""


def accepted(value: bytes) -> list[bool]:
    found = []
    for stages in READINGS:
        run = compile_pipeline(stages).start()
        found.append(not run.feed(block=b'{"a":' + value + b',"b":1}\n').failures)
    return found


@pytest.mark.parametrize(
    "value",
    [b'"\xff"', b'"\\ud800"', b'"\\q"', b'"\x01"', b"01", b"1.", b"+1", b"NaN", b"[1,]", b"[1", b"{1:2}", b"'x'", b"tru"],
)
def test_what_is_no_json_is_refused_wherever_it_stands(value: bytes) -> None:
    assert [False] * 4 == accepted(value)


@pytest.mark.parametrize(
    "value", [b"1" * 4300, b"-" + b"9" * 20, b"1e-999", b"[" * 150 + b"]" * 150, b'{"x":1,"x":2}', b'"\\u0000"']
)
def test_what_is_json_and_can_be_held_is_accepted_wherever_it_stands(value: bytes) -> None:
    assert [True] * 4 == accepted(value)


@pytest.mark.parametrize("value", [b"1e999", b"-1e400", b"1" * 4301])
def test_a_number_that_cannot_be_held_is_refused_where_it_is_read_and_passed_on_where_it_is_not(value: bytes) -> None:
    assert [True, False, True, True] == accepted(value)


ODD_LINES = [
    b'{"b":1}',
    b'{"b":1} {"b":1}',
    b'{"b":1}{"b":2}{"b":3}',
    b"",
    b" \t\r",
    b'{"b":',
    b"1}",
    b'{"b":[1',
    b"2]}",
    b'{"b":1',
    b'"c":2}',
    b",{}",
]


@pytest.mark.parametrize("stages", READINGS)
def test_a_record_is_a_line_whatever_stands_on_the_lines_beside_it(stages) -> None:
    good, program = {ODD_LINES[0]}, compile_pipeline(stages)
    for lines in product(ODD_LINES, repeat=3):
        output = program.start().feed(block=b"".join(line + b"\n" for line in lines))
        records = [line for line in lines if line]
        assert [index for index, line in enumerate(records) if line not in good] == sorted(one.index for one in output.failures)
        assert len(records) == output.records


@pytest.mark.parametrize("stages", READINGS)
def test_lines_without_a_byte_are_no_records_and_leave_with_none(stages) -> None:
    without, among = b'{"b":1}\n{"b":2}\n', b'\n{"b":1}\n\n\n{"b":2}\n\n'
    one, other = compile_pipeline(stages).start(), compile_pipeline(stages).start()
    assert one.feed(block=without).json_lines() == other.feed(block=among).json_lines()
    assert one.finish().json_lines() == other.finish().json_lines()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[1]", "the record is no JSON object: Expected `object`, got `array`"),
        (b'{"a":1e999}', "the record is not JSON that can be read: Number out of range"),
        (rb'{"a":"\ud800"}', HALF_A_PAIR),
        (rb'{"a":"\ud800 and more than six bytes"}', HALF_A_PAIR),
        (rb'{"a":"\udc00"}', HALF_A_PAIR),
        (rb'{"b":"\ud800 and more than six bytes"}', HALF_A_PAIR),
        (rb'{"a":"\ud83d\ude00', "the record is not JSON: Input data was truncated"),
        (rb'{"a":"\\ud800', "the record is not JSON: Input data was truncated"),
    ],
)
def test_the_reason_says_what_is_wrong_with_a_record(text: bytes, reason: str) -> None:
    (failure,) = (
        compile_pipeline([{"$match": {"a": {"$ne": 5}}}, {"$project": {"a": 1}}]).start().feed(payloads=[text]).failures
    )
    assert reason == str(failure.error)[: len(reason)]
