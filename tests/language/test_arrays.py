"""Arrays, sets and objects where the order of work or of arguments shows: what decides between null and an error.

Source: MongoDB manual, "Array Expression Operators", "Set Expression Operators", "Bitwise Operators"; where the manual is silent,
the server's evaluation of them.
"""

from decimal import Decimal
from time import process_time

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize("operator", ["$concatArrays", "$setUnion", "$setIntersection", "$bitAnd", "$bitOr", "$bitXor"])
def test_the_first_null_ends_it_before_what_stands_behind_is_looked_at(operator) -> None:
    assert value_of({operator: ["$none", "$text"]}, {"text": "x"}) is None
    with pytest.raises(EvaluationError):
        value_of({operator: ["$text", "$none"]}, {"text": "x"})


@pytest.mark.parametrize("operator", ["$setUnion", "$setIntersection", "$bitAnd", "$bitOr", "$bitXor"])
def test_constants_are_looked_at_last_where_the_order_does_not_matter(operator) -> None:
    assert value_of({operator: [{"$literal": "x"}, "$none"]}) is None


def test_sets_are_compared_until_one_differs() -> None:
    assert value_of({"$setEquals": ["$a", "$b", "$text"]}, {"a": [1], "b": [2], "text": "x"}) is False
    with pytest.raises(EvaluationError):
        value_of({"$setEquals": ["$a", "$a", "$text"]}, {"a": [1], "text": "x"})


@pytest.mark.parametrize("bounds", [["$none"], [0, "$none"]])
def test_a_bound_of_a_search_that_is_missing_is_an_error(bounds) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$indexOfArray": ["$a", 2, *bounds]}, {"a": [1, 2]})


def test_a_step_that_is_missing_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$range": [0, "$end", "$none"]}, {"end": 5})


def test_a_slice_of_missing_length_is_null() -> None:
    assert value_of({"$slice": ["$a", 1, "$none"]}, {"a": [1, 2, 3]}) is None


@pytest.mark.parametrize("arguments", [["$text", 1, None], ["$a", "$text", None]])
def test_what_is_no_array_or_no_position_is_an_error_before_a_length_that_is_null(arguments) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$slice": arguments}, {"a": [1, 2, 3], "text": "x"})


def test_the_first_input_of_zip_that_is_null_or_no_array_decides() -> None:
    assert value_of({"$zip": {"inputs": ["$none", "$text"]}}, {"text": "x"}) is None
    with pytest.raises(EvaluationError):
        value_of({"$zip": {"inputs": ["$text", "$none"]}}, {"text": "x"})


@pytest.mark.parametrize("longest", [True, False])
def test_no_defaults_of_zip_are_as_none_given(longest) -> None:
    assert value_of({"$zip": {"inputs": [[1], [2]], "useLongestLength": longest, "defaults": []}}) == [[1, 2]]


def test_the_defaults_of_zip_are_an_array() -> None:
    with pytest.raises(CompileError):
        value_of({"$zip": {"inputs": [[1], [2]], "useLongestLength": True, "defaults": None}})


@pytest.mark.parametrize("operator", ["$firstN", "$lastN", "$maxN", "$minN"])
@pytest.mark.parametrize("items", ["$none", None, 5])
def test_the_first_last_least_and_greatest_are_taken_of_an_array_only(operator, items) -> None:
    with pytest.raises((CompileError, EvaluationError)):
        value_of({operator: {"input": items, "n": 1}})


def test_get_field_reads_the_current_document_in_its_short_form_only() -> None:
    assert value_of({"$getField": "a.b"}, {"a.b": 1}) == 1
    with pytest.raises(CompileError, match="input"):
        value_of({"$getField": {"field": "a.b"}}, {"a.b": 1})


@pytest.mark.parametrize("name", [{"a": 1}, {}, ["a"], "$a", None, {"$concat": ["a", "b"]}, "a\0b"])
@pytest.mark.parametrize("operator", ["$setField", "$unsetField"])
def test_the_name_of_a_field_to_set_is_a_constant_string(operator, name) -> None:
    value = {"value": 1} if operator == "$setField" else {}
    with pytest.raises(CompileError, match="name"):
        value_of({operator: {"field": name, "input": {"a": 1}, **value}})


def test_a_default_of_zip_that_is_missing_leaves_no_place() -> None:
    """The server puts nothing there, and writes an array without it."""
    zipped = {"$zip": {"inputs": ["$a", "$b"], "useLongestLength": True, "defaults": ["$none", "$none"]}}
    assert value_of(zipped, {"a": [1, 2], "b": [3]}) == [[1, 3], [2]]


def test_the_defaults_of_zip_are_an_array_of_expressions() -> None:
    with pytest.raises(CompileError):
        value_of({"$zip": {"inputs": [[1]], "useLongestLength": True, "defaults": "$a"}}, {"a": [1]})


def test_the_limit_of_a_filter_is_looked_at_where_there_is_an_element() -> None:
    spec = {"input": "$a", "cond": True, "limit": "$text"}
    assert value_of({"$filter": spec}, {"a": [], "text": "x"}) == []
    with pytest.raises(EvaluationError):
        value_of({"$filter": spec}, {"a": [1], "text": "x"})


def test_of_equal_values_an_intersection_keeps_the_one_of_the_smaller_set() -> None:
    kept = value_of({"$setIntersection": ["$a", "$b"]}, {"a": [1, 2, 3], "b": [1.0]})
    assert (kept, float) == ([1.0], type(kept[0]))
    kept = value_of({"$setIntersection": ["$a", "$b"]}, {"a": [1], "b": [1.0, 2]})
    assert (kept, int) == ([1], type(kept[0]))


def test_sets_are_compared_with_the_first_constant() -> None:
    """``ExpressionSetEquals::optimize`` keeps it; it differs from the first set, so that the text is not looked at."""
    assert value_of({"$setEquals": ["$a", "$text", [2]]}, {"a": [1], "text": "x"}) is False
    with pytest.raises(CompileError):
        value_of({"$setEquals": ["$a", 5]})


def test_an_array_is_hashed_as_one() -> None:
    hashed = value_of({"$toHashedIndexKey": [1]})
    assert hashed == value_of({"$toHashedIndexKey": "$a"}, {"a": [1]})
    assert hashed != value_of({"$toHashedIndexKey": 1})


@pytest.mark.parametrize("name", ["$id", "$ref", "$db"])
def test_a_path_may_name_the_parts_of_a_dbref(name) -> None:
    assert value_of(f"$a.{name}", {"a": {name: 1}}) == 1
    assert value_of({"$mergeObjects": [{"b": 1, name: 2}]}) == {"b": 1, name: 2}
    with pytest.raises(CompileError):
        value_of("$a.$other")


def test_an_object_of_expressions_has_no_null_byte_in_a_name() -> None:
    with pytest.raises(CompileError):
        value_of({"$mergeObjects": [{"a\0b": 1}]})


def test_expr_is_a_parenthesis() -> None:
    assert value_of({"$add": [{"$expr": "$a"}, {"$expr": {"$add": ["$a", 1]}}]}, {"a": 2}) == 5


def test_a_sigmoid_takes_its_number_as_it_stands() -> None:
    assert value_of({"$sigmoid": "$a"}, {"a": 0}) == 0.5
    with pytest.raises(CompileError):
        value_of({"$sigmoid": ["$a"]}, {"a": 0})


@pytest.mark.parametrize("count", [1e19, Decimal("1E+19")])
def test_a_count_beyond_64_bits_is_an_error(count) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$firstN": {"n": "$n", "input": [1, 2]}}, {"n": count})
    assert value_of({"$firstN": {"n": "$n", "input": [1, 2]}}, {"n": 2**62}) == [1, 2]


@pytest.mark.parametrize(
    ("order", "given", "sorted_"),
    [
        ({"a": 1}, [{"a": [1, 9]}, {"a": 3}], [{"a": 3}, {"a": [1, 9]}]),
        ({"a": -1}, [{"a": [1, 9]}, {"a": [2]}], [{"a": [2]}, {"a": [1, 9]}]),
        ({"a": 1}, [{"a": []}, {"a": None}, {}], [{"a": None}, {}, {"a": []}]),
        ({"a.b": -1}, [{"a": [{"b": 9}]}, {"a": {"b": 1}}], [{"a": {"b": 1}}, {"a": [{"b": 9}]}]),
        ({"a.1": 1}, [{"a": [0, 9]}, {"a": [5, 1]}], [{"a": [5, 1]}, {"a": [0, 9]}]),
        ({"a.b": 1}, [{"a.b": 2}, {"a": {"b": 1}}], [{"a": {"b": 1}}, {"a.b": 2}]),
        ({"$a": 1}, [{"$a": 2}, {"$a": 1}], [{"$a": 1}, {"$a": 2}]),
        ({"a": 1, "b": -1}, [{"a": 1, "b": 1}, {"a": 0}, {"a": 1, "b": 2}], [{"a": 0}, {"a": 1, "b": 2}, {"a": 1, "b": 1}]),
        ({"a": 1}, ["x", {"a": 0}, 7], ["x", 7, {"a": 0}]),
    ],
)
def test_sort_array_takes_an_array_for_one_value_and_goes_through_none(order, given, sorted_) -> None:
    assert value_of({"$sortArray": {"input": {"$literal": given}, "sortBy": order}}) == sorted_


def test_a_path_of_more_names_than_documents_have_levels_is_followed_to_the_end_of_the_document_only() -> None:
    before = process_time()
    assert value_of({"$sortArray": {"input": [{"a": 2}, {"a": 1}], "sortBy": {".".join("a" * 200_000): 1}}}) == [
        {"a": 2},
        {"a": 1},
    ]
    assert process_time() - before < 2


@pytest.mark.parametrize(
    "order", [{}, {"a": 1.5}, {"a": True}, {"a": {"$meta": "textScore"}}, {"a.": 1}, {"": 1}, 1.5, True, Decimal("sNaN")]
)
def test_a_direction_of_sort_array_is_1_or_minus_1_to_the_last_digit(order) -> None:
    with pytest.raises(CompileError):
        value_of({"$sortArray": {"input": [1], "sortBy": order}})


TIED = [{"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 3}, {"a": 1, "b": 4}]


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        ({"$top": {"sortBy": {"a": 1}}}, {"a": 1, "b": 2}),
        ({"$bottom": {"sortBy": {"a": 1}}}, {"a": 2, "b": 1}),
        ({"$topN": {"sortBy": {"a": 1}, "n": 3}}, [{"a": 1, "b": 2}, {"a": 1, "b": 4}, {"a": 2, "b": 1}]),
        ({"$bottomN": {"sortBy": {"a": 1}, "n": 3}}, [{"a": 1, "b": 4}, {"a": 2, "b": 1}, {"a": 2, "b": 3}]),
        ({"$bottomN": {"sortBy": {"a": 1}, "n": 0}}, []),
        ({"$topN": {"sortBy": {"b": 1}, "n": 2**40}}, TIED),
    ],
)
def test_the_ends_of_an_ordered_array_hold_equal_elements_as_they_stood(end, answer) -> None:
    ((name, arguments),) = end.items()
    assert value_of({name: {"input": {"$literal": TIED}, **arguments}}) == answer


@pytest.mark.parametrize("name", ["$top", "$bottom"])
def test_an_end_counts_null_as_an_element_and_of_no_elements_is_null(name) -> None:
    assert value_of({name: {"input": [3, None], "sortBy": 1}}) == (None if name == "$top" else 3)
    assert value_of({name: {"input": [], "sortBy": 1}}) is None


@pytest.mark.parametrize("name", ["$topN", "$bottomN"])
def test_several_of_an_end_are_null_for_null_before_anything_else_is_looked_at(name) -> None:
    assert value_of({name: {"input": "$text", "n": "$none", "sortBy": 1}}, {"text": "x"}) is None
    assert value_of({name: {"input": "$none", "n": "$text", "sortBy": 1}}, {"text": "x"}) is None


@pytest.mark.parametrize("arguments", [{"n": -1}, {"n": 1.5}, {"n": "1"}, {"n": 1e19}, {"input": 5}])
@pytest.mark.parametrize("name", ["$topN", "$bottomN"])
def test_several_of_an_end_need_an_array_and_a_count(name, arguments) -> None:
    with pytest.raises(EvaluationError):
        value_of({name: {"input": "$input", "n": "$n", "sortBy": 1}}, {"input": [1], "n": 1, **arguments})
