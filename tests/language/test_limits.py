"""What could grow without bound ends with an error that names it, before it takes a second or 100 MiB.

Source: the limits that MongoDB's manual gives for documents (16 MiB) and for nesting (100), and issue 5.
"""

import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, aggregate_ndjson, compile_pipeline
from fluxion_core.errors import RecordError
from fluxion_core.language import allowance
from fluxion_core.language.compiler.fan_out import LIMIT_ROWS
from fluxion_core.testing.crash import CrashHarness

sys.path.insert(0, str(Path(__file__).parent))
from growth_runs import DOCUMENT, MIB, WIDE

RUNS = Path(__file__).with_name("growth_runs.py")
MANY = {"$range": [0, "$many"]}
MILLION = {"$range": [0, "$million"]}


@pytest.fixture(scope="module")
def harness() -> Iterator[CrashHarness]:
    with CrashHarness(RUNS) as made:
        yield made


def value_of(expression, **more):
    (row,) = aggregate([{**DOCUMENT, **more}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


def reduced(initial, body, items=MILLION):
    return {"$reduce": {"input": items, "initialValue": initial, "in": body}}


def mapped(body, items=MANY):
    return {"$map": {"input": items, "in": body}}


def doubled(expression, times):
    for _ in range(times):
        expression = {"$concat": [expression, expression]}
    return expression


GROWING = [
    ({"$range": [0, "$billion"]}, r"\.value\.\$range"),
    ([{"$range": ["$ten", "$million"]}] * 50, r"\.value\[2\]\.\$range"),
    (mapped(MANY), r"\.value\.\$map"),
    (mapped({"$concat": ["$text", "y"]}), r"\.value\.\$map"),
    (mapped({"$toUpper": "$megabyte"}), r"\.value\.\$map"),
    (mapped({"$mergeObjects": ["$object", {"x": 1}]}), r"\.value\.\$map"),
    (mapped({"$objectToArray": "$object"}), r"\.value\.\$map"),
    (mapped({"$slice": [MILLION, 900_000]}), r"\.value\.\$map"),
    (mapped("$numbers", {"$range": [0, 100_000]}), ""),
    ({"$filter": {"input": MILLION, "cond": {"$in": ["$$this", MILLION]}}}, r"\.value\.\$filter"),
    (reduced("ab", {"$concat": ["$$value", "$$value"]}), r"\.value\.\$reduce\.in\.\$concat"),
    (reduced([1], ["$$value", "$$value"]), r"\.value\.\$reduce"),
    (reduced({"a": 1}, {"a": "$$value", "b": "$$value"}), r"\.value\.\$reduce"),
    (reduced([1], {"$concatArrays": ["$$value", "$$value"]}), r"\.value\.\$reduce"),
    (reduced(1, ["$$value"]), r"\.value\.\$reduce"),
    ({"$replaceAll": {"input": "$letters", "find": "a", "replacement": "$text"}}, r"\.value\.\$replaceAll"),
    ({"$regexFindAll": {"input": "$letters", "regex": "a"}}, r"\.value\.\$regexFindAll"),
    ({"$regexFindAll": {"input": "$letters", "regex": "(?=(a*))"}}, r"\.value\.\$regexFindAll"),
    ({"$regexMatch": {"input": "$letters", "regex": "$pattern"}}, r"\.value\.\$regexMatch"),
    ({"$zip": {"inputs": [{"$range": [0, 10**6]}, MANY, ["$text"]], "useLongestLength": True}}, r"\.value\.\$zip"),
    ({"$serializeEJSON": {"input": {"$range": [0, "$million"]}, "relaxed": False}}, r"\.value\.\$serializeEJSON"),
]


@pytest.mark.parametrize(("expression", "path"), GROWING)
def test_growth_ends_with_an_error_that_names_the_expression_and_takes_less_than_100_mib(harness, expression, path) -> None:
    outcome = harness.run("feed", {"stages": [{"$project": {"_id": 0, "value": expression}}], "documents": "document"})
    assert re.search(rf"EvaluationError: stages\[0\]\.\$project{path}", outcome.error), outcome.error


@pytest.mark.parametrize(
    "expression",
    [
        mapped({"$size": MILLION}),
        {"$sum": mapped({"$sum": mapped({"$size": {"$range": [0, "$ten"]}})})},
        {"$size": reduced([], {"$concatArrays": ["$$value", ["$$this"]]})},
        {"$size": reduced([], {"$setUnion": ["$$value", ["$$this"]]})},
        {"$strLenCP": reduced("", {"$concat": ["$$value", "x"]})},
        reduced({}, {"$setField": {"field": "a", "input": {"$mergeObjects": ["$$value", "$object"]}, "value": "$$this"}}),
        reduced(0, {"$add": ["$$value", reduced(0, {"$add": ["$$value", 1]}, MANY)]}),
        {"$sum": mapped({"$max": MILLION})},
        mapped({"$first": {"$sortArray": {"input": MILLION, "sortBy": -1}}}),
        {"$first": {"$sortArray": {"input": MILLION, "sortBy": {"a": 1, "b": 1}}}},
        {"$toHashedIndexKey": MILLION},
    ],
)
def test_work_that_would_take_minutes_ends_with_an_error_that_names_the_loop(expression) -> None:
    with pytest.raises(
        EvaluationError, match=r"^stages\[0\]\.\$project\.value\.\$.*(more work than is allowed|would take more than)"
    ):
        value_of(expression)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"$size": {"$range": [0, 1_000_000]}}, 1_000_000),
        ({"$type": {"$toObject": "$json"}}, "object"),
        ({"$toDate": "$words"}, datetime(2020, 1, 1, tzinfo=UTC)),
    ],
)
def test_each_document_has_an_allowance_of_its_own(expression, value) -> None:
    document = {"json": f'{{"a": "{"x" * MIB}"}}', "words": "2020-01-01" + " midnight" * 2_000}
    assert [value] * 30 == [row["n"] for row in aggregate([document] * 30, [{"$project": {"n": expression}}])]


def test_a_failed_document_leaves_the_next_one_all_it_may_make() -> None:
    run = compile_pipeline([{"$project": {"n": {"$size": {"$range": [0, "$n"]}}}}]).start()
    output = run.feed(documents=[{"n": 10**9}, {"n": 2_000_000}])
    assert ([{"n": 2_000_000}], [0]) == (output.documents, [failure.index for failure in output.failures])


def test_what_a_turn_of_a_loop_makes_for_itself_is_given_back() -> None:
    assert 2000 == value_of({"$size": mapped({"$strLenCP": {"$concat": ["$text", "y"]}})})


def test_a_loop_within_a_loop_over_a_thousand_by_a_thousand_is_fine() -> None:
    same = {"$filter": {"input": "$numbers", "as": "n", "cond": {"$eq": ["$$n", "$$this"]}}}
    assert 1000 == value_of({"$size": mapped({"$first": same}, "$numbers")})


def test_appending_twenty_thousand_elements_one_by_one_is_fine() -> None:
    assert 20_000 == value_of({"$size": reduced([], {"$concatArrays": ["$$value", ["$$this"]]}, {"$range": [0, 20_000]})})


def test_a_format_of_a_date_has_a_longest_length() -> None:
    date = {"$toDate": 0}
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$project\.value\.\$dateToString: .* may have 65536 characters"):
        value_of({"$dateToString": {"date": date, "format": "$format"}}, format="%Y" * 40_000)


def test_what_no_number_can_hold_is_infinite() -> None:
    assert value_of({"$pow": ["$ten", {"$pow": ["$ten", 8]}]}) == float("inf")


# --- the text of a pipeline -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", [doubled("$text", 30), doubled("$text", 14)])
def test_a_pipeline_of_too_many_operators_is_refused_unread(expression) -> None:
    with pytest.raises(CompileError, match="a pipeline may hold 10000 operators"):
        value_of(expression)


def test_a_pipeline_of_too_many_expressions_is_refused_unread() -> None:
    array = [1]
    for _ in range(30):
        array = [array, array]
    with pytest.raises(CompileError, match="a pipeline may hold 200000 expressions"):
        value_of(array)


def test_what_the_constants_of_a_pipeline_come_to_has_a_bound() -> None:
    with pytest.raises(CompileError, match="a pipeline may hold 1000000 computed items"):
        value_of({"$size": {"$zip": {"inputs": [{"$range": [0, 1_000_000]}] * 50}}})


def test_queries_schemas_and_pipelines_within_others_are_counted() -> None:
    query, schema, stages = {"a": 1}, {"bsonType": "int"}, [{"$match": {"a": 1}}]
    for _ in range(40):
        query, schema = {"$or": [query, query]}, {"anyOf": [schema, schema]}
        stages = [{"$lookup": {"from": "c", "as": name, "pipeline": stages}} for name in "xy"]
    for found, what in (
        ([{"$match": query}], "50000 queries"),
        ([{"$match": {"$jsonSchema": schema}}], "10000 schemas"),
        (stages, "10000 stages"),
    ):
        with pytest.raises(CompileError, match=f"a pipeline may hold {what}"):
            compile_pipeline(found, collections={"c": []})


# --- documents of a document ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "path"),
    [
        ([{"$unwind": "$a"}, {"$unwind": "$b"}, {"$unwind": "$c"}], r"stages\[2\]\.\$unwind"),
        ([{"$unwind": "$a"}, {"$unwind": "$b"}, {"$count": "n"}], r"stages\[1\]\.\$unwind"),
        ([{"$set": {"r": {"$range": [0, "$n"]}}}, {"$unwind": "$r"}], r"stages\[1\]\.\$unwind"),
        (
            [
                *[{"$lookup": {"from": "c", "pipeline": [], "as": name}} for name in "xy"],
                *[{"$unwind": f"${name}"} for name in "xy"],
            ],
            r"stages\[3\]\.\$unwind",
        ),
        (
            [{"$unwind": "$a"}, {"$lookup": {"from": "c", "pipeline": [], "as": "x"}}, {"$unwind": "$x"}],
            r"stages\[2\]\.\$unwind",
        ),
        (
            [{"$sort": {"n": 1}}, {"$unwind": "$a"}, {"$lookup": {"from": "c", "pipeline": [], "as": "x"}}, {"$unwind": "$x"}],
            r"stages\[3\]\.\$unwind",
        ),
        (
            [{"$lookup": {"from": "w", "as": "x", "pipeline": [{"$unwind": "$a"}, {"$unwind": "$b"}]}}],
            r"stages\[0\]\.\$lookup\.pipeline\[1\]\.\$unwind",
        ),
    ],
)
def test_documents_that_come_of_one_have_a_bound_where_they_multiply(harness, stages, path) -> None:
    outcome = harness.run("feed", {"stages": stages, "documents": "wide"})
    assert re.search(rf"EvaluationError: {path}: more than {LIMIT_ROWS} documents would come of one", outcome.error), (
        outcome.error
    )


def test_only_the_record_that_multiplies_fails() -> None:
    stages = [{"$unwind": "$a"}, {"$lookup": {"from": "c", "pipeline": [], "as": "x"}}, {"$unwind": "$x"}]
    run = compile_pipeline(stages, collections={"c": [{"k": number} for number in range(1000)]}).start()
    output = run.feed(documents=[{"a": [1, 2]}, WIDE, {"a": [3]}])
    assert (3000, [1]) == (output.count, [failure.index for failure in output.failures])


def test_the_bound_of_documents_that_come_of_one_can_be_raised() -> None:
    run = compile_pipeline([{"$unwind": "$a"}, {"$unwind": "$b"}, {"$count": "n"}]).start()
    run.max_rows_per_record = 1_000_000
    run.feed(documents=[WIDE])
    assert [{"n": 1_000_000}] == run.finish().documents


def test_an_array_of_the_input_may_be_as_long_as_the_input() -> None:
    line = b'{"a":[' + b"0," * (2 * LIMIT_ROWS) + b"0]}\n"
    rows = aggregate_ndjson([line], [{"$unwind": "$a"}, {"$group": {"_id": "$a", "n": {"$sum": 1}}}])
    assert b'{"_id":0,"n":500001}\n' == b"".join(rows)


# --- the size of a document -------------------------------------------------------------------------------------------


def line_of(size):
    return b'{"a":"' + b"x" * (size - 9) + b'"}\n'


def test_a_document_of_16_mib_passes() -> None:
    line = line_of(16 * MIB)
    assert line == b"".join(aggregate_ndjson([line], [{"$match": {"a": {"$regex": "x$"}}}]))
    (row,) = aggregate([{"a": "x" * (16 * MIB - 100)}], [{"$set": {"a": {"$toUpper": "$a"}, "b": {"$strLenCP": "$a"}}}])
    assert 16 * MIB - 100 == row["b"]


def test_a_larger_line_is_a_record_at_fault() -> None:
    with pytest.raises(RecordError, match="the record is too large"):
        list(aggregate_ndjson([line_of(16 * MIB + 2)], [{"$project": {"b": 1}}]))


def test_a_large_piece_of_short_lines_is_none() -> None:
    rows = aggregate_ndjson([b'{"a":1}\n' * (3 * MIB)], [{"$group": {"_id": None, "n": {"$sum": "$a"}}}])
    assert b'{"_id":null,"n":3145728}\n' == b"".join(rows)


@pytest.mark.parametrize(
    "stages",
    [
        [{"$set": {"b": {"$concat": ["$a", "z"]}}}],
        [{"$set": {"b": [{"$toUpper": "$a"}, "$a"]}}],
        [{"$lookup": {"from": "c", "pipeline": [], "as": "b"}}],
        [{"$lookup": {"from": "c", "localField": "k", "foreignField": "k", "as": "b"}}],
        [{"$graphLookup": {"from": "c", "startWith": None, "connectFromField": "k", "connectToField": "t", "as": "b"}}],
    ],
)
def test_a_document_that_is_made_larger_than_16_mib_is_an_error_that_names_the_stage(stages) -> None:
    collection = [{"t": None, "text": "x" * 9 * MIB}, {"t": None, "text": "y" * 9 * MIB}]
    with pytest.raises(EvaluationError, match=rf"^stages\[0\]\.\{next(iter(stages[0]))}.* beyond 16 MiB"):
        list(aggregate([{"a": "x" * 9 * MIB}], stages, collections={"c": collection}))


@pytest.mark.parametrize("stages", [[{"$project": {"b": "$a", "c": "$a"}}], [{"$group": {"_id": 1, "b": {"$push": "$a"}}}]])
def test_one_that_holds_what_came_in_more_than_once_is_one_when_it_is_written(stages) -> None:
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$(project|group): a document grew beyond 16 MiB"):
        list(aggregate_ndjson([line_of(9 * MIB)] * 2, stages))


def test_what_is_written_out_in_full_counts_in_joins_within_joins() -> None:
    inner: list = []
    for name in "zyx":
        inner = [{"$lookup": {"from": "c", "as": name, "pipeline": inner}}]
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$lookup: a document would grow beyond 16 MiB"):
        list(aggregate([{}], inner, collections={"c": [{"k": number} for number in range(1000)]}))


def test_a_facet_holds_no_more_than_a_document_can() -> None:
    stages = [{"$facet": {f"f{number}": [{"$set": {"x": 1}}] for number in range(100)}}]
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$facet: one document would hold 380000 documents"):
        list(aggregate(({"n": number} for number in range(20_000)), stages))


def test_the_measure_of_a_document_is_never_more_than_its_json_or_its_bson() -> None:
    bson = pytest.importorskip("bson")
    for document in ({}, {"a": None}, {"a": [True, 1, 1.5, "é", {"": ""}]}, {"k" * 50: {"b": [[], {}]}}):
        size, _ = allowance.measured(document, {})
        assert size <= len(bson.encode(document))


# --- stages that hold everything --------------------------------------------------------------------------------------


def windowed(function, window=("unbounded", "current")):
    return {"$setWindowFields": {"sortBy": {"n": 1}, "output": {"w": {**function, "window": {"documents": list(window)}}}}}


@pytest.mark.parametrize(
    "function",
    [
        {"$push": "$n"},
        {"$addToSet": "$n"},
        {"$firstN": {"input": "$n", "n": 10**9}},
        {"$concatArrays": ["$n", "$n"]},
    ],
)
def test_arrays_of_all_windows_have_a_bound(harness, function) -> None:
    outcome = harness.run("feed", {"stages": [windowed(function)], "documents": "twenty thousand"})
    assert "EvaluationError: stages[0].$setWindowFields.output.w: " in outcome.error


def test_a_window_of_a_few_documents_may_be_pushed_for_any_number_of_them() -> None:
    documents = ({"n": number} for number in range(30_000))
    *_, last = aggregate(documents, [windowed({"$push": "$n"}, (-90, 0))])
    assert list(range(29_909, 30_000)) == last["w"]


@pytest.mark.parametrize("name", ["$sum", "$avg"])
def test_sums_of_whole_numbers_over_wide_windows_take_no_longer_than_over_narrow_ones(name) -> None:
    documents = [{"n": number, "v": number if number % 3 else None} for number in range(20_000)]
    rows = list(aggregate(documents, [windowed({name: "$v"}, (-9_000, 9_000))]))
    inside = [number for number in range(1_000, 19_001) if number % 3]
    assert (sum(inside) if name == "$sum" else sum(inside) / len(inside)) == rows[10_000]["w"]


@pytest.mark.parametrize(("low", "high"), [(-2, 2), (-5, -3), (3, 5), (0, 0), ("current", "unbounded")])
@pytest.mark.parametrize("name", ["$sum", "$avg"])
def test_sums_of_whole_numbers_over_windows_are_those_of_the_window_alone(name, low, high) -> None:
    values = [2**62, 3, None, -7, "x", True, 2**62, 10**30, -1]
    documents = [{"n": number, "v": value} for number, value in enumerate(values)]
    found = [row["w"] for row in aggregate(documents, [windowed({name: "$v"}, (low, high))])]
    for place, value in enumerate(found):
        start = place if low == "current" else max(0, place + low)
        end = len(values) if high == "unbounded" else max(0, place + high + 1)
        (alone,) = aggregate([{"v": one} for one in values[start:end]] or [{}], [{"$group": {"_id": None, "w": {name: "$v"}}}])
        assert alone["w"] == value


@pytest.mark.parametrize(
    ("values", "step"), [((0, 10**9), 1), ((0.0, 1.0), 1e-300), ((1e300, 1.1e300), 1), ((-1e308, 1e308), 1e300)]
)
def test_densify_tells_from_range_and_step_that_it_would_make_too_many(values, step) -> None:
    stages = [{"$densify": {"field": "n", "range": {"step": step, "bounds": "full"}}}]
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$densify: .* more than 500000 documents"):
        list(aggregate([{"n": value} for value in values], stages))


def test_densify_counts_what_all_partitions_need() -> None:
    stages = [{"$densify": {"field": "n", "partitionByFields": ["p"], "range": {"step": 1, "bounds": "full"}}}]
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$densify: .* more than 500000 documents"):
        list(aggregate([{"p": number, "n": number} for number in range(1000)], stages))


def test_densify_makes_half_a_million_documents() -> None:
    stages = [{"$densify": {"field": "n", "range": {"step": 1, "bounds": [0, 500_000]}}}, {"$count": "n"}]
    assert [{"n": 500_001}] == list(aggregate([{"n": 500_000}], stages))


def test_a_name_that_is_no_text_is_told_with_its_place() -> None:
    with pytest.raises(CompileError) as caught:
        compile_pipeline([{"$set": {"a": [1, {"b": "\ud800"}], "\ud800": 1}}])
    assert {
        "stages[0].$set.a[1].b: '\\ud800' holds half of a character",
        "stages[0].$set: '\\ud800' holds half of a character",
    } == {str(problem) for problem in caught.value.problems}


def test_what_nests_beyond_every_limit_is_refused_in_time_that_grows_with_its_depth_alone() -> None:
    assert refused_after(80_000) < 8 * refused_after(20_000)


def refused_after(levels: int) -> float:
    """Return the CPU seconds until a pipeline of so many levels is refused, the least of three."""
    spec: Any = "$a"
    for _ in range(levels):
        spec = {"$add": [spec, 1]}
    taken = []
    for _ in range(3):
        begun = time.process_time()
        with pytest.raises(CompileError, match="nested deeper than 100 levels"):
            compile_pipeline([{"$set": {"a": spec}}])
        taken.append(time.process_time() - begun)
    return min(taken)


@pytest.mark.parametrize("number", [float("nan"), Decimal("NaN")])
def test_densify_ends_where_no_step_leads_on_from_nan(number) -> None:
    rows = list(
        aggregate([{"v": 1}, {"v": number}, {"v": 3}], [{"$densify": {"field": "v", "range": {"step": 1, "bounds": "full"}}}])
    )
    assert ["nan", "1", "3"] == [str(row["v"]).lower() for row in rows]


def test_a_step_beyond_all_floats_is_refused_as_any_other_that_does_not_fit() -> None:
    with pytest.raises(CompileError):
        aggregate([], [{"$densify": {"field": "v", "range": {"step": 10**400, "bounds": [0, 5]}}}])
