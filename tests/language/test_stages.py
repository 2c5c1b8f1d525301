"""Stages: specifications that are errors, and what the manual's pages of the stages leave open.

Source: MongoDB manual, "Aggregation Stages"; IEC 60063 for the series of preferred numbers.
"""

import math
import re
from decimal import Decimal
from typing import Any

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, aggregate_ndjson, compile_pipeline

PEOPLE = [{"_id": 1, "name": "Ada"}, {"_id": 2, "name": "Bo", "boss": "Ada"}, {"_id": 3, "name": "Cy", "boss": "Bo"}]


@pytest.mark.parametrize(
    "stage",
    [
        {"$count": "_id"},
        {"$set": {"a": {"b.c": 1}}},
        {"$unionWith": {"pipeline": []}},
        {"$unionWith": {"coll": "others", "pipeline": None}},
        {"$unionWith": {"pipeline": [{"$limit": 1}]}},
        {"$bucket": {"groupBy": "$v", "boundaries": [0, 9], "output": {"_id": {"$sum": 1}}}},
        {"$bucketAuto": {"groupBy": "$v", "buckets": 2, "granularity": "E7"}},
        {"$bucketAuto": {"groupBy": "$v", "buckets": 2, "granularity": None}},
        {"$bucketAuto": {"groupBy": "$v", "buckets": 2, "output": {"r": {"$firstN": {"n": "$n", "input": "$v"}}}}},
        {"$lookup": {"from": "others", "localField": "a", "foreignField": "b", "let": {"c": "$d"}, "as": "e"}},
        {"$lookup": {"from": "others", "localField": "a", "foreignField": None, "as": "e"}},
        {"$lookup": {"from": "others", "localField": "a", "foreignField": "b", "as": None}},
        {"$lookup": {"from": None, "localField": "a", "foreignField": "b", "as": "e"}},
        {"$lookup": {"from": "others", "pipeline": [{"$documents": []}], "as": "e"}},
        {"$unionWith": {"coll": "others", "pipeline": [{"$documents": []}]}},
        {"$fill": {"partitionBy": 1, "sortBy": {"t": 1}, "output": {"v": {"method": "locf"}}}},
        {"$group": {"_id": {"a": 1}}},
        {"$group": {"_id": {"a": "$b", "c": True}}},
    ],
)
def test_a_specification_is_an_error(stage) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [stage], collections={"others": []}))


@pytest.mark.parametrize(
    ("series", "edges"),
    [
        ("E48", (3.83, 402 * 0.01)),
        ("E96", (3.92, 402 * 0.01)),
        ("E192", (3.97, 402 * 0.01)),
        ("R40", (3.75, 4.25)),
        ("R80", (3.87, 4.12)),
    ],
)
def test_the_fine_series_round_the_edges(series, edges) -> None:
    (row,) = aggregate([{"v": 4}], [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "granularity": series}}])
    assert edges == (row["_id"]["min"], row["_id"]["max"])


@pytest.mark.parametrize(("value", "edges"), [(0.15, (0.1, 0.22)), (Decimal("0.15"), (0.1, 0.22)), (0.8, (0.68, 1))])
def test_a_preferred_number_is_neither_above_nor_below_itself(value, edges) -> None:
    (row,) = aggregate([{"v": value}], [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "granularity": "E6"}}])
    assert edges == pytest.approx((float(row["_id"]["min"]), float(row["_id"]["max"])))


@pytest.mark.parametrize(
    ("value", "granularity", "edges"),
    [
        (5e-324, "R5", (0.0, 1e-322)),
        (1e-308, "E6", (9.99999999999997e-309, 1.000000000000002e-308)),
        (1.7e308, "POWERSOF2", (2.0**1023, math.inf)),
        (2**62, "POWERSOF2", (2**61, 2.0**63)),
    ],
)
def test_a_preferred_number_is_found_at_the_ends_of_the_doubles(value, granularity, edges) -> None:
    (row,) = aggregate([{"v": value}], [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "granularity": granularity}}])
    assert repr(edges) == repr((row["_id"]["min"], row["_id"]["max"]))


def test_an_automatic_bucket_gathers_in_the_order_of_the_input() -> None:
    output = {"all": {"$push": "$n"}, "first": {"$first": "$n"}, "last": {"$lastN": {"n": 1, "input": "$n"}}}
    rows = [{"v": 5, "n": 0}, {"v": 1, "n": 1}, {"v": 3, "n": 2}]
    (row,) = aggregate(rows, [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "output": output}}])
    assert {"_id": {"min": 1, "max": 5}, "all": [0, 1, 2], "first": 0, "last": [2]} == row


def test_an_automatic_bucket_without_output_is_counted() -> None:
    rows = list(aggregate([{"v": 1}], [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "output": {}}}]))
    assert [{"_id": {"min": 1, "max": 1}, "count": 1}] == rows


def test_the_shares_of_percentiles_do_not_depend_on_the_key_of_a_group() -> None:
    percentile = {"$percentile": {"input": "$v", "p": ["$share"], "method": "approximate"}}
    with pytest.raises(CompileError, match="constants"):
        compile_pipeline([{"$group": {"_id": {"share": "$share"}, "r": percentile}}])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1e200, -1e200], math.inf), ([1.7e308, -1.7e308], math.nan), ([math.inf, 1], math.nan), ([1, 3], 1.0)],
)
def test_a_deviation_that_overflows_is_infinite_and_none_where_its_mean_does(values, expected) -> None:
    group = {"_id": None, "r": {"$stdDevPop": "$v"}}
    assert repr([expected]) == repr([row["r"] for row in aggregate([{"v": value} for value in values], [{"$group": group}])])


def test_nan_has_no_place_among_percentiles() -> None:
    rows = [{"v": value} for value in (float("nan"), 1, 2, 3)]
    percentile = {"$percentile": {"input": "$v", "p": [0.3], "method": "approximate"}}
    assert [[1.0]] == [row["r"] for row in aggregate(rows, [{"$group": {"_id": None, "r": percentile}}])]


def test_a_preferred_number_of_doubles_is_a_product_of_doubles_and_of_decimals_one_of_decimals() -> None:
    bucket = {"$bucketAuto": {"groupBy": "$v", "buckets": 1, "granularity": "E6"}}
    edges = [row["_id"] for value in (3.3, Decimal("3.3")) for row in aggregate([{"v": value}], [bucket])]
    assert [{"min": 2.2, "max": 33 * 0.1}, {"min": Decimal("2.2"), "max": Decimal("4.7")}] == edges


def test_no_preferred_number_is_above_infinity() -> None:
    for granularity in ("R5", "POWERSOF2"):
        with pytest.raises(EvaluationError, match="finite"):
            list(aggregate([{"v": math.inf}], [{"$bucketAuto": {"groupBy": "$v", "buckets": 1, "granularity": granularity}}]))


def test_a_bucket_of_zeros_ends_below_the_next_value() -> None:
    bucket = {"$bucketAuto": {"groupBy": "$v", "buckets": 3, "granularity": "R5"}}
    rows = list(aggregate([{"v": value} for value in (0, 0, 0, 5, 10)], [bucket]))
    assert [(0.0, 4.0, 3), (4.0, 16.0, 2)] == [(row["_id"]["min"], row["_id"]["max"], row["count"]) for row in rows]


def test_the_search_of_graph_lookup_may_be_restricted_by_an_expression() -> None:
    search = {"from": "people", "startWith": "$boss", "connectFromField": "boss", "connectToField": "name", "as": "above"}
    search["restrictSearchWithMatch"] = {"$expr": {"$lt": ["$_id", 2]}}
    rows = list(aggregate(PEOPLE, [{"$graphLookup": search}], collections={"people": PEOPLE}))
    assert [[], ["Ada"], []] == [[person["name"] for person in row["above"]] for row in rows]


@pytest.mark.parametrize(
    ("local", "joined"),
    [
        ({"p": []}, ["nothing", "none"]),
        ({"p": [3]}, ["nothing", "none"]),
        ({"p": [[{"q": 3}]]}, ["nothing", "none"]),
        ({"p": [{"r": 1}, {"q": 3}]}, ["three"]),
        ({"p": [{"q": None}, {"q": 3}]}, ["three", "nothing", "none"]),
        ({"p": {"q": [[3], 4]}}, ["list"]),
    ],
)
def test_a_local_path_asks_for_null_only_where_it_leads_to_no_value_at_all(local, joined) -> None:
    foreign = [{"n": "three", "k": 3}, {"n": "nothing"}, {"n": "none", "k": None}, {"n": "list", "k": [[3]]}]
    join = {"from": "foreign", "localField": "p.q", "foreignField": "k", "as": "found"}
    (row,) = aggregate([local], [{"$lookup": join}], collections={"foreign": foreign})
    assert joined == [found["n"] for found in row["found"]]


def test_a_number_on_a_local_path_is_a_place_in_an_array_only() -> None:
    join = {"from": "foreign", "localField": "p.1.q", "foreignField": "k", "as": "found"}
    locals_ = [{"p": [{"q": 1}, {"q": 2}]}, {"p": [{"q": 2}]}, {"p": {"1": {"q": 2}}}]
    rows = aggregate(locals_, [{"$lookup": join}], collections={"foreign": [{"k": 2}, {"k": None}]})
    assert [[2], [None], [2]] == [[found["k"] for found in row["found"]] for row in rows]


def test_graph_lookup_never_reaches_a_document_without_the_field() -> None:
    nodes = [{"_id": 1, "up": None}, {"_id": 2}, {"_id": 3, "up": 5, "down": None}, {"_id": 4, "up": 6}]
    search = {"from": "nodes", "connectFromField": "down", "connectToField": "up", "as": "found"}

    def reached(begin):
        (row,) = aggregate([{}], [{"$graphLookup": {**search, "startWith": begin}}], collections={"nodes": nodes})
        return [found["_id"] for found in row["found"]]

    assert [1] == reached(None)
    assert [] == reached("$none")
    assert [3, 1] == reached(5)
    assert [4] == reached(6)


def test_the_depth_of_a_document_stands_in_it_before_its_way_on_is_read() -> None:
    nodes = [{"_id": 5, "next": 7}, {"_id": 0, "next": 7}, {"_id": 1, "next": 7}, {"_id": 7}]
    search = {
        "from": "nodes",
        "startWith": 5,
        "connectFromField": "next",
        "connectToField": "_id",
        "depthField": "next",
        "as": "found",
    }
    (row,) = aggregate([{}], [{"$graphLookup": search}], collections={"nodes": nodes})
    assert [{"_id": 5, "next": 0}, {"_id": 0, "next": 1}, {"_id": 1, "next": 2}] == row["found"]


def test_documents_are_made_by_the_first_stage_only() -> None:
    with pytest.raises(CompileError, match="first stage"):
        list(aggregate([{"a": 1}], [{"$match": {}}, {"$documents": [{"a": 2}]}]))


@pytest.mark.parametrize(
    ("text", "expected"), [("keep", [{"level": "keep"}]), ("prune", []), ("descend", [{"level": "descend"}])]
)
def test_redact_takes_what_its_variables_stand_for(text, expected) -> None:
    assert expected == list(aggregate([{"level": text}], [{"$redact": "$level"}]))


def test_the_index_of_unwind_may_lie_where_the_element_was() -> None:
    unwind = {"$unwind": {"path": "$a", "includeArrayIndex": "a.place"}}
    assert [{"a": {"place": 0}}, {"a": {"b": 2, "place": 1}}] == list(aggregate([{"a": [7, {"b": 2}]}], [unwind]))


SCORES = [{"game": "G1", "score": 31}, {"game": "G1", "score": 33}, {"game": "G2", "score": 10}, {"game": "G2", "score": 66}]


@pytest.mark.parametrize(
    "accumulator", [{"$firstN": {"input": "$score"}}, {"$topN": {"sortBy": {"score": 1}, "output": "$score"}}]
)
def test_how_many_may_depend_on_the_fields_of_the_key(accumulator) -> None:
    ((name, arguments),) = accumulator.items()
    n = {"$cond": {"if": {"$eq": ["$game", "G2"]}, "then": 1, "else": 3}}
    group = {"_id": {"game": "$game"}, "scores": {name: {**arguments, "n": n}}}
    rows = {row["_id"]["game"]: row["scores"] for row in aggregate(SCORES, [{"$group": group}])}
    assert {"G1": [31, 33], "G2": [10]} == rows


@pytest.mark.parametrize(
    "accumulator", [{"$firstN": {"input": "$score"}}, {"$topN": {"sortBy": {"score": 1}, "output": "$score"}}]
)
def test_how_many_does_not_depend_on_a_key_that_is_no_object(accumulator) -> None:
    ((name, arguments),) = accumulator.items()
    group = {"_id": "$score", "scores": {name: {**arguments, "n": "$score"}}}
    with pytest.raises(EvaluationError):
        list(aggregate(SCORES, [{"$group": group}]))


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("a.0.b", [[{"b": 3}, {"b": 9}], [{"b": 4}, {"b": 2}]]),
        ("a.1", [[9, 1], [0, 2]]),
        ("a.0", [[5], [[1, 2]], [[3, 0]]]),
        ("a.0", [[[]], [None]]),
        ("a.01", [[{"01": 1}, 5], [{"01": 2}, {"01": 1}]]),
        ("a.b", [[7, {"b": 9}], [{"b": 1}]]),
    ],
)
def test_a_sort_goes_through_arrays(path, rows) -> None:
    assert rows == [row["a"] for row in aggregate([{"a": row} for row in reversed(rows)], [{"$sort": {path: 1}}])]


def test_a_number_on_the_path_of_a_sort_is_a_place_or_a_field_but_not_both() -> None:
    row = {"a": [{"0": 1}]}
    top = {"$group": {"_id": None, "r": {"$topN": {"n": 1, "sortBy": {"a.0": 1}, "output": 1}}}}
    for stage in ({"$sort": {"a.0": 1}}, top):
        with pytest.raises(EvaluationError, match="'0' is both"):
            list(aggregate([row], [stage]))


def test_a_document_with_two_arrays_to_sort_by_fails_where_it_is_met() -> None:
    group = {"_id": None, "top": {"$topN": {"n": 1, "sortBy": {"a": 1, "b": 1}, "output": "$c"}}}
    run = compile_pipeline([{"$group": group}]).start()
    output = run.feed(documents=[{"a": [1], "b": [2]}, {"a": [1], "b": 2, "c": 3}])
    assert [0] == [failure.index for failure in output.failures]
    assert [{"_id": None, "top": [3]}] == run.finish().documents


@pytest.mark.parametrize(
    "stages",
    [
        [{"$set": {"a": {"x": "$a", "y": "$a"}}}],
        [{"$set": {"x": "$$ROOT"}}, {"$set": {"y": "$$ROOT"}}],
        [{"$project": {"x": "$$ROOT", "y": "$$ROOT"}}],
        [{"$group": {"_id": None, "x": {"$first": "$$ROOT"}, "y": {"$last": "$$ROOT"}}}],
        [{"$set": {"k": [1, 2]}}, {"$unwind": "$k"}, {"$group": {"_id": None, "a": {"$push": "$a"}}}],
        [{"$facet": {"x": [], "y": []}}, {"$set": {"z": 1}}],
        [{"$setWindowFields": {"output": {"b.x": {"$last": "$a"}, "b.y": {"$last": "$a"}}}}, {"$set": {"a": "$b"}}],
    ],
)
def test_a_document_cannot_double_again_and_again(stages) -> None:
    with pytest.raises(EvaluationError, match="grew beyond"):
        list(aggregate([{"a": 1}], stages * 60))


@pytest.mark.parametrize(
    "stage",
    [
        {"$facet": {"x": []}},
        {"$documents": []},
        {"$lookup": {"from": "rows", "as": "x", "pipeline": [{"$facet": {"x": []}}]}},
        {"$lookup": {"as": "x", "pipeline": [{"$documents": []}]}},
        {"$unionWith": {"coll": "rows", "pipeline": [{"$unionWith": {"pipeline": [{"$documents": []}]}}]}},
    ],
)
def test_facet_refuses_stages_that_it_cannot_hold_also_in_the_joins_within_it(stage) -> None:
    with pytest.raises(CompileError, match=r"cannot stand within \$facet"):
        list(aggregate([], [{"$facet": {"a": [stage]}}], collections={"rows": []}))


def test_a_restriction_that_fails_on_the_collection_fails_the_document() -> None:
    search = {"from": "people", "startWith": "$boss", "connectFromField": "boss", "connectToField": "name", "as": "above"}
    search["restrictSearchWithMatch"] = {"$expr": {"$divide": [1, "$zero"]}}
    program = compile_pipeline([{"$graphLookup": search}], collections={"people": [{"name": "Ada", "zero": 0}]})
    assert [0] == [failure.index for failure in program.start().feed(documents=[{"boss": "Ada"}]).failures]


def test_the_only_field_of_a_key_is_null_where_it_is_missing() -> None:
    grouped = {"$group": {"_id": {"x": "$a"}, "n": {"$sum": 1}}}
    assert [{"_id": {"x": None}, "n": 2}] == list(aggregate([{}, {"a": None}], [grouped]))


def test_one_of_several_fields_of_a_key_stays_away_where_it_is_missing() -> None:
    grouped = {"$group": {"_id": {"x": "$a", "y": "$b"}, "n": {"$sum": 1}}}
    assert [{"_id": {"y": 1}, "n": 1}] == list(aggregate([{"b": 1}], [grouped]))


def test_a_missing_part_of_a_key_is_another_than_null() -> None:
    grouped = {"$group": {"_id": {"x": "$a", "y": "$b"}, "n": {"$sum": 1}}}
    expected = [{"_id": {"y": 1}, "n": 2}, {"_id": {"x": None, "y": 1}, "n": 1}]
    assert expected == list(aggregate([{"b": 1}, {"a": None, "b": 1}, {"b": 1}], [grouped]))


def test_a_join_writes_a_document_over_an_array_on_its_way() -> None:
    joined = {"$lookup": {"from": "people", "localField": "n", "foreignField": "_id", "as": "a.b"}}
    (row,) = aggregate([{"n": 1, "a": [{"c": 1}, 2]}], [joined], collections={"people": PEOPLE})
    assert {"n": 1, "a": {"b": [PEOPLE[0]]}} == row


def test_the_index_of_unwind_writes_a_document_over_an_array_on_its_way() -> None:
    rows = list(aggregate([{"a": [1], "b": [3]}], [{"$unwind": {"path": "$a", "includeArrayIndex": "b.i"}}]))
    assert [{"a": 1, "b": {"i": 0}}] == rows


@pytest.mark.parametrize(
    "stage",
    [
        {"$merge": {"into": "t", "whenMatched": "keepExisting", "whenNotMatched": "discard"}},
        {"$merge": {"into": "t", "whenMatched": "fail", "whenNotMatched": "fail"}},
        {"$merge": {"into": "t", "let": {"new": "$a"}, "whenMatched": [{"$set": {"b": 1}}]}},
        {"$merge": {"into": "t", "let": {"a": 1}, "whenNotMatched": "discard", "whenMatched": [{"$set": {"b": "$$new.a"}}]}},
        {"$merge": {"into": "system.users"}},
        {"$merge": {"into": ".t"}},
        {"$merge": {"into": {"db": "a.b", "coll": "t"}}},
        {"$merge": {"into": {"db": "admin", "coll": "t"}}},
        {"$merge": {"into": {"db": ["d"], "coll": "t"}}},
        {"$out": {"coll": "t"}},
        {"$out": {"db": "", "coll": "t"}},
        {"$out": {"db": 64 * "d", "coll": "t"}},
        {"$sample": {"size": 0.6}},
        {"$sample": {"size": Decimal("NaN")}},
    ],
)
def test_a_stage_is_refused(stage) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [stage], collections={"t": []}))


def test_a_merge_without_a_word_for_what_does_not_match_inserts_it() -> None:
    target = {"t": [{"_id": 1}]}
    list(aggregate([{"_id": 2}], [{"$merge": {"into": "t", "whenNotMatched": None}}], collections=target))
    assert [{"_id": 1}, {"_id": 2}] == target["t"]


@pytest.mark.parametrize("database", [None, "", "d"])
def test_a_merge_need_not_name_the_database(database) -> None:
    target = {"t": []}
    list(aggregate([{"_id": 1}], [{"$merge": {"into": {"db": database, "coll": "t"}}}], collections=target))
    assert {"t": [{"_id": 1}]} == target


def test_a_document_without_an_id_is_merged_into_no_other_one() -> None:
    target = {"t": [{"_id": None}]}
    list(aggregate([{"a": 1}, {"a": 2}], [{"$merge": {"into": "t"}}], collections=target))
    assert [{"_id": None}, {"a": 1}, {"a": 2}] == target["t"]


def test_a_merge_inserts_no_id_twice() -> None:
    target = {"t": [{"_id": 1, "a": 1}]}
    with pytest.raises(EvaluationError, match="this _id already"):
        list(aggregate([{"_id": 1, "a": 2}], [{"$merge": {"into": "t", "on": "a"}}], collections=target))


def test_the_size_of_a_sample_may_be_infinite() -> None:
    assert 1 == len(list(aggregate([{"a": 1}], [{"$sample": {"size": float("inf")}}])))


@pytest.mark.parametrize("stage", [{"$out": "t"}, {"$merge": "t"}])
def test_a_collection_is_made_in_what_holds_none_yet(stage) -> None:
    collections: dict[str, Any] = {}
    list(aggregate([{"_id": 1}], [stage], collections=collections))
    assert {"t": [{"_id": 1}]} == collections


@pytest.mark.parametrize("name", ["$out", "$merge"])
def test_what_nobody_would_see_is_not_written(name) -> None:
    letter = (
        f"stages[0].{name}: stage '{name}' is what a sink does; "
        "aggregate gives the result to its caller; pass collections={}, and it is in there afterwards"
    )
    with pytest.raises(CompileError) as caught:
        aggregate([{"_id": 1}], [{name: "t"}])
    assert [letter] == [str(problem) for problem in caught.value.problems]
    with pytest.raises(CompileError):
        aggregate_ndjson([b'{"_id":1}'], [{name: "t"}])


@pytest.mark.parametrize("stage", [{"$out": "t"}, {"$merge": "t"}])
@pytest.mark.parametrize("key", [[1], re.compile("a"), {"$a": 1}])
def test_no_collection_takes_such_an_id(stage, key) -> None:
    collections: dict[str, Any] = {"t": []}
    with pytest.raises(EvaluationError):
        list(aggregate([{"_id": key}], [stage], collections=collections))
    assert {"t": []} == collections


@pytest.mark.parametrize("key", [None, [1]])
def test_a_merge_on_an_id_that_is_null_or_an_array_is_an_error_whatever_becomes_of_what_has_no_match(key) -> None:
    with pytest.raises(EvaluationError):
        list(aggregate([{"_id": key}], [{"$merge": {"into": "t", "whenNotMatched": "discard"}}], collections={"t": []}))


@pytest.mark.parametrize("row", [{"a": {"b": 5}}, {"a": {"b": [{"c": 1}]}}, {"a": [{"b": 1}]}, {"a": 5}, {"b": 1}])
def test_unwind_that_preserves_changes_no_document_without_the_field(row) -> None:
    stage = {"$unwind": {"path": "$a.b.c", "preserveNullAndEmptyArrays": True}}
    assert [row] == list(aggregate([row], [stage]))


def test_unwind_that_preserves_takes_an_empty_array_away() -> None:
    stage = {"$unwind": {"path": "$a.b.c", "preserveNullAndEmptyArrays": True}}
    assert [{"a": {"b": {"d": 1}}}] == list(aggregate([{"a": {"b": {"c": [], "d": 1}}}], [stage]))


def test_empty_fields_of_a_lookup_are_left_out() -> None:
    joined = {"from": "people", "localField": "", "foreignField": "", "pipeline": [{"$count": "n"}], "as": "b"}
    assert [{"a": 1, "b": [{"n": 3}]}] == list(aggregate([{"a": 1}], [{"$lookup": joined}], collections={"people": PEOPLE}))


@pytest.mark.parametrize(
    "given",
    [
        {"localField": None, "foreignField": None, "pipeline": []},
        {"localField": "a", "foreignField": "_id", "let": None},
        {"localField": None, "let": None, "pipeline": [{"$match": {"_id": {"$lt": 9}}}]},
    ],
)
def test_fields_and_variables_of_a_lookup_that_are_null_are_left_out(given) -> None:
    (row,) = aggregate([{"a": 1}], [{"$lookup": {"from": "people", "as": "b", **given}}], collections={"people": PEOPLE[:1]})
    assert PEOPLE[:1] == row["b"]


JOINS: dict[str, Any] = {
    "$lookup": {"from": "others", "localField": "a", "foreignField": "a", "as": "b"},
    "$unionWith": "others",
    "$graphLookup": {"from": "others", "startWith": "$a", "connectFromField": "a", "connectToField": "b", "as": "c"},
}


@pytest.mark.parametrize("outer", ["$lookup", "$unionWith"])
@pytest.mark.parametrize("inner", JOINS)
def test_joins_of_all_kinds_nest_20_deep(outer, inner) -> None:
    stages = [{inner: JOINS[inner]}]
    name = {"$lookup": "from", "$unionWith": "coll"}[outer]
    for _ in range(19):
        stages = [{outer: {name: "others", "pipeline": stages, **({"as": "b"} if outer == "$lookup" else {})}}]
    assert [] == list(aggregate([], stages, collections={"others": []}))
    with pytest.raises(CompileError, match="20 deep"):
        list(aggregate([], [{"$unionWith": {"coll": "others", "pipeline": stages}}], collections={"others": []}))


_HALVES = [
    {"$set": {"half": {"$divide": ["$a", "$b"]}}},
    {"$match": {"half": {"$gt": 0}}},
    {"$limit": 2},
    {"$set": {"c": {"$toInt": "$c"}}},
]


def test_a_document_that_a_full_limit_would_not_let_through_does_not_fail() -> None:
    documents = [{"a": 1, "b": 2}, {"a": 0, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": 0}]
    assert [{"a": 1, "b": 2, "half": 0.5, "c": None}, {"a": 2, "b": 1, "half": 2.0, "c": None}] == list(
        aggregate(documents, _HALVES)
    )


@pytest.mark.parametrize("last", [{"a": 1, "b": 0}, {"a": 1, "b": 2, "c": "x"}])
def test_a_document_before_the_limit_is_full_and_the_one_that_fills_it_may_fail(last) -> None:
    with pytest.raises(EvaluationError):
        list(aggregate([{"a": 1, "b": 2}, last, {"a": 1, "b": 2}], _HALVES))


def test_the_limit_counts_what_it_would_not_let_through_as_dropped() -> None:
    run = compile_pipeline(_HALVES[:3]).start()
    output = run.feed(documents=[{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": 0}])
    assert ([], 1, [(3, 3, 0), (3, 3, 0), (3, 2, 0)]) == (output.failures, output.filtered, run.stage_counts())


@pytest.mark.parametrize("name", ["", ".a", "a$b", "$a", "a\0b"])
@pytest.mark.parametrize(
    "stage",
    [
        lambda name: {"$lookup": JOINS["$lookup"] | {"from": name}},
        lambda name: {"$graphLookup": JOINS["$graphLookup"] | {"from": name}},
        lambda name: {"$unionWith": name},
        lambda name: {"$unionWith": {"coll": name, "pipeline": []}},
    ],
)
def test_a_name_that_no_collection_has_is_no_name_to_join(stage, name) -> None:
    with pytest.raises(CompileError, match="the name of a collection was expected"):
        compile_pipeline([stage(name)], collections={name: []})


def test_what_to_write_in_place_of_no_object_has_a_name_where_none_is_needed() -> None:
    with pytest.raises(CompileError, match=r"an object was expected, not 5; write \{coll: \.\.\.\}"):
        compile_pipeline([{"$unionWith": 5}], collections={})


@pytest.mark.parametrize("name", ["a.b", "a.", "system.a", "ä", " "])
def test_other_names_may_be_joined(name) -> None:
    stages = [{"$lookup": JOINS["$lookup"] | {"from": name}}, {"$unionWith": name}]
    assert [{"a": 1, "b": [{"a": 1}]}, {"a": 1}] == list(aggregate([{"a": 1}], stages, collections={name: [{"a": 1}]}))


_WRITES = {
    "$out": lambda name, database: {"$out": {"db": database, "coll": name}},
    "$merge": lambda name, database: {"$merge": {"into": {"db": database, "coll": name}}},
}


@pytest.mark.parametrize("stage", _WRITES.values(), ids=_WRITES)
@pytest.mark.parametrize(("length", "fits"), [(251, True), (252, False)])
def test_a_name_to_write_to_has_255_bytes_with_its_database(stage, length, fits) -> None:
    with pytest.raises(CompileError, match="what a sink does") as raised:
        compile_pipeline([stage("ä" + "a" * (length - 2), "one")])
    assert fits == ("name of a collection" not in str(raised.value))
