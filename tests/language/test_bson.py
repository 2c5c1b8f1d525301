"""Values of the package bson, through the language, the state and the codecs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.codecs import CanonicalExtendedJsonCodec, ExtendedJsonCodec, JsonCodec
from fluxion_core.language import decode_value, encode_value

bson = pytest.importorskip("bson")
OID = bson.ObjectId("5f000000000000000000000a")


def result(expression: Any, **document: Any) -> Any:
    (made,) = aggregate([document], [{"$project": {"_id": 0, "result": expression}}])
    return made["result"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (OID, "objectId"),
        (bson.Timestamp(1, 2), "timestamp"),
        (bson.MinKey(), "minKey"),
        (bson.MaxKey(), "maxKey"),
        (bson.Int64(5), "long"),
        (bson.Regex("^a"), "regex"),
        (bson.Binary(b"a", 5), "binData"),
        (bson.Code("x"), "javascript"),
        (bson.Code("x", {"a": 1}), "javascriptWithScope"),
    ],
)
def test_type_gives_the_name_of_each(value: Any, name: str) -> None:
    assert name == result({"$type": "$v"}, v=value)


def test_they_sort_among_all_the_other_types() -> None:
    values = [
        bson.MinKey(),
        None,
        1,
        bson.Int64(2),
        "a",
        {},
        b"",
        OID,
        True,
        bson.Timestamp(1, 1),
        bson.Regex("a"),
        bson.MaxKey(),
    ]
    documents = [{"v": value} for value in reversed(values)]
    assert values == [document["v"] for document in aggregate(documents, [{"$sort": {"v": 1}}])]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$add": ["$v", 1]}, 6),
        ({"$mod": ["$v", 3]}, 2),
        ({"$floor": "$v"}, 5),
        ({"$bitAnd": ["$v", 4]}, 4),
        ({"$sum": ["$v", 1]}, 6),
        ({"$avg": ["$v", 1]}, 3.0),
        ({"$eq": ["$v", 5]}, True),
        ({"$toString": "$v"}, "5"),
    ],
)
def test_a_long_is_calculated_with(expression: Any, expected: Any) -> None:
    assert expected == result(expression, v=bson.Int64(5))


def test_a_long_is_summed_and_grouped_with_ints() -> None:
    documents = [{"k": bson.Int64(1), "v": bson.Int64(5)}, {"k": 1, "v": 5}, {"k": 1.0, "v": 0}]
    stages = [{"$group": {"_id": "$k", "sum": {"$sum": "$v"}, "avg": {"$avg": "$v"}, "top": {"$max": "$v"}}}]
    assert [{"_id": 1, "sum": 10, "avg": 10 / 3, "top": 5}] == list(aggregate(documents, stages))


def test_an_object_id_is_made_compared_and_matched() -> None:
    assert result({"$toObjectId": str(OID)}) == OID
    assert str(OID) == result({"$toString": "$v"}, v=OID)
    assert [{"v": OID}] == list(aggregate([{"v": OID}, {"v": str(OID)}], [{"$match": {"v": OID}}]))


def test_binary_data_of_two_subtypes_are_two_groups() -> None:
    documents = [{"v": bson.Binary(b"a", 5)}, {"v": b"a"}, {"v": bson.Binary(b"a", 5)}]
    assert [2, 1] == [row["n"] for row in aggregate(documents, [{"$group": {"_id": "$v", "n": {"$sum": 1}}}])]


VALUES = [
    (OID, '{"$oid":"5f000000000000000000000a"}'),
    (bson.Timestamp(1, 2), '{"$timestamp":{"t":1,"i":2}}'),
    (bson.MinKey(), '{"$minKey":1}'),
    (bson.MaxKey(), '{"$maxKey":1}'),
    (bson.Binary(b"\x00\xff", 5), '{"$binary":{"base64":"AP8=","subType":"05"}}'),
    (bson.Code("x"), '{"$code":"x"}'),
    (bson.Code("x", {"a": 1.5}), '{"$code":"x","$scope":{"a":1.5}}'),
    (bson.Regex(r"\p{L}", "i"), '{"$regularExpression":{"pattern":"\\\\p{L}","options":"i"}}'),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_extended_json_holds_them(value: Any, text: str) -> None:
    codec = ExtendedJsonCodec()
    written = codec.encode({"v": value})
    assert f'{{"v":{text}}}'.encode() == written
    assert value == codec.decode(written)["v"]
    assert type(value) is type(codec.decode(written)["v"])


def test_a_long_is_written_as_one_whatever_its_size() -> None:
    assert b'{"v":{"$numberLong":"5"}}' == CanonicalExtendedJsonCodec().encode({"v": bson.Int64(5)})
    assert b'{"v":5}' == ExtendedJsonCodec().encode({"v": bson.Int64(5)})


def test_a_decimal128_is_written_as_a_decimal_and_read_as_the_languages() -> None:
    written = ExtendedJsonCodec().encode({"v": bson.Decimal128("1.10")})
    assert b'{"v":{"$numberDecimal":"1.10"}}' == written
    assert Decimal("1.10") == ExtendedJsonCodec().decode(written)["v"]


@pytest.mark.parametrize("value", [*(value for value, _ in VALUES), bson.Int64(5)])
def test_the_state_keeps_them_with_their_class(value: Any) -> None:
    kept = decode_value(encode_value({"v": [value]}))["v"][0]
    assert (type(value), value) == (type(kept), kept)


def test_plain_json_has_numbers_and_texts_for_them_on_both_ways_out() -> None:
    document = {"long": bson.Int64(5), "id": OID, "data": bson.Binary(b"\x00\xff", 5), "price": bson.Decimal128("1.10")}
    document |= {"pattern": bson.Regex("^a"), "code": bson.Code("x"), "time": bson.Timestamp(1, 2)}
    expected = b'{"long":5,"id":"5f000000000000000000000a","data":"AP8=","price":"1.10","pattern":"^a","code":"x","time":"Timestamp(1, 2)"}'
    assert expected == JsonCodec().encode(document)
    made = compile_pipeline([]).start().feed(documents=[document]).json_lines()
    assert expected + b"\n" == made


def test_a_regex_of_bson_matches_as_a_pattern_of_python() -> None:
    documents = [{"v": "abc"}, {"v": "xyz"}]
    for pattern in (bson.Regex("^a"), re.compile("^a")):
        assert [{"v": "abc"}] == list(aggregate(documents, [{"$match": {"v": pattern}}]))


def test_the_seconds_of_an_object_id_are_signed() -> None:
    late = bson.ObjectId("ffffffff0000000000000000")
    expected = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    for expression in ({"$toDate": "$id"}, {"$dateTrunc": {"date": "$id", "unit": "second"}}):
        assert [{"at": expected}] == list(aggregate([{"id": late}], [{"$project": {"_id": 0, "at": expression}}]))


def test_the_options_of_a_pattern_count_in_the_size_of_a_document() -> None:
    document = {"pattern": bson.Regex("ab", "im")}
    assert [{"size": len(bson.encode(document))}] == list(
        aggregate([document], [{"$project": {"size": {"$bsonSize": "$$ROOT"}}}])
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$trunc": "$n"}, 3),
        ({"$round": ["$n", -1]}, 0),
        ({"$pow": ["$n", 2]}, 9),
        ({"$pow": [2, "$n"]}, 8),
        ({"$convert": {"input": "$n", "to": "string", "base": 2}}, "11"),
    ],
)
def test_a_long_is_a_whole_number(expression, expected) -> None:
    (row,) = aggregate([{"n": bson.Int64(3)}], [{"$project": {"_id": 0, "value": expression}}])
    assert expected == row["value"]
    assert not isinstance(row["value"], float)


def test_the_least_long_has_no_absolute_value() -> None:
    with pytest.raises(EvaluationError):
        list(aggregate([{"n": bson.Int64(-(2**63))}], [{"$project": {"value": {"$abs": "$n"}}}]))


@pytest.mark.parametrize(
    "stage",
    [
        {"$unset": bson.Code("v")},
        {"$count": bson.Code("n")},
        {"$unwind": bson.Code("$v")},
        {"$sortByCount": bson.Code("$v")},
        {"$unionWith": bson.Code("c")},
        {"$densify": {"field": bson.Code("v"), "range": {"step": 1, "bounds": "full"}}},
    ],
)
def test_code_is_no_string(stage: Any) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [stage], collections={}))


@pytest.mark.parametrize(
    "expression",
    [
        {"$concat": ["$v", "a"]},
        {"$strLenCP": "$v"},
        {"$split": ["a", "$v"]},
        {"$trim": {"input": "$v"}},
        {"$replaceOne": {"input": "a", "find": "$v", "replacement": ""}},
        {"$indexOfCP": ["a", "$v"]},
        {"$regexMatch": {"input": "$v", "regex": "a"}},
        {"$regexMatch": {"input": "a", "regex": "$v"}},
        {"$regexFind": {"input": "a", "regex": "a", "options": "$v"}},
        {"$hour": {"date": datetime(2020, 1, 1, tzinfo=UTC), "timezone": "$v"}},
        {"$dateTrunc": {"date": datetime(2020, 1, 1, tzinfo=UTC), "unit": "$v"}},
        {"$dateFromString": {"dateString": "$v"}},
    ],
)
def test_operators_of_strings_refuse_code(expression: Any) -> None:
    with pytest.raises(EvaluationError):
        result(expression, v=bson.Code("x"))


def test_code_in_an_expression_is_a_value() -> None:
    assert bson.Code("$v") == result(bson.Code("$v"), v=1)


@pytest.mark.parametrize(
    ("place", "condition"),
    [
        ("", lambda pattern: pattern),
        (".$regex", lambda pattern: {"$regex": pattern}),
        (".$in[1]", lambda pattern: {"$in": ["a", pattern]}),
        (".$not", lambda pattern: {"$not": pattern}),
        (".$all[0]", lambda pattern: {"$all": [pattern]}),
    ],
)
@pytest.mark.parametrize(("reason", "text"), [("malformed", "(a"), ("exponential", "(a+)+$"), ("UTF-8", b"\xff")])
def test_a_regex_that_cannot_be_used_is_a_problem_with_its_place(
    reason: str, text: str | bytes, place: str, condition: Any
) -> None:
    with pytest.raises(CompileError) as caught:
        compile_pipeline([{"$match": {"v": condition(bson.Regex(text))}}])
    (problem,) = caught.value.problems
    assert f"stages[0].$match.v{place}" == problem.path
    assert reason in problem.message


def test_a_regex_that_cannot_be_used_is_an_error_of_the_expression_that_searches_for_it() -> None:
    with pytest.raises(
        EvaluationError, match=r"stages\[0\]\.\$project\.result\.\$regexMatch: the regular expression is malformed"
    ):
        result({"$regexMatch": {"input": "a", "regex": "$v"}}, v=bson.Regex("(a"))


def test_regular_expressions_of_one_pattern_sort_by_the_letters_of_their_options() -> None:
    both, lines = bson.Regex("a", "im"), bson.Regex("a", "m")
    assert [both, lines] == [row["v"] for row in aggregate([{"v": lines}, {"v": both}], [{"$sort": {"v": 1}}])]


def test_code_with_a_scope_is_another_value_than_code_without_and_sorts_behind_it() -> None:
    codes = [bson.Code("c"), bson.Code("a", {"x": 1}), bson.Code("a", {"x": 2}), bson.Code("b", {})]
    assert codes == [row["v"] for row in aggregate([{"v": code} for code in reversed(codes)], [{"$sort": {"v": 1}}])]
    assert result({"$ne": ["$a", "$b"]}, a=bson.Code("x"), b=bson.Code("x", {}))


def test_text_and_numbers_become_binary_data_of_the_subtype_that_is_said() -> None:
    to = {"type": "binData", "subtype": 5}
    assert bson.Binary(b"abc", 5) == result({"$convert": {"input": "YWJj", "to": to, "format": "base64"}})
    assert bson.Binary(b"\x01\0\0\0", 5) == result({"$convert": {"input": 1, "to": to}})
    assert bson.Binary(b"\0" * 8, 128) == result({"$convert": {"input": 0.0, "to": {"type": "binData", "subtype": 128}}})


def test_binary_data_converts_to_its_own_subtype_only() -> None:
    value = bson.Binary(b"abc", 5)
    for subtype, expected in ((5, value), (0, "failed")):
        to = {"type": "binData", "subtype": subtype}
        assert expected == result({"$convert": {"input": "$v", "to": to, "onError": "failed"}}, v=value)


IDENTITY = "5f1d6c1e-9d0a-4f6e-8a3b-0c2f4e6a8b1d"


def test_16_bytes_of_subtype_4_are_a_uuid_in_text() -> None:
    value = bson.Binary(bytes.fromhex(IDENTITY.replace("-", "")), 4)
    assert IDENTITY == result({"$toString": "$v"}, v=value)
    assert IDENTITY == result({"$convert": {"input": "$v", "to": "string", "format": "uuid"}}, v=value)
    assert "YWI=" == result({"$toString": "$v"}, v=bson.Binary(b"ab", 4))


def test_to_uuid_leaves_binary_data_of_its_subtype_and_packs_numbers() -> None:
    value = bson.Binary(bytes(16), 4)
    assert value == result({"$toUUID": "$v"}, v=value)
    assert bson.Binary(b"\x01\0\0\0", 4) == result({"$toUUID": "$v"}, v=1)
    with pytest.raises(EvaluationError):
        result({"$toUUID": "$v"}, v=bson.Binary(bytes(16), 3))
