"""``$setWindowFields`` and ``$densify``: windows that need an order, outputs in each other's way, and steps of months.

Source: MongoDB manual, "$setWindowFields", "$densify"; for what they leave open, the server's parser and its generator of documents.
"""

import math
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline


@pytest.mark.parametrize("bounds", [[-1, 0], ["unbounded", "current"], ["current", "unbounded"]])
def test_a_bounded_window_of_documents_needs_an_order(bounds) -> None:
    output = {"sum": {"$sum": "$v", "window": {"documents": bounds}}}
    with pytest.raises(CompileError):
        list(aggregate([{"v": 1}], [{"$setWindowFields": {"output": output}}]))
    (row,) = aggregate([{"v": 1}], [{"$setWindowFields": {"sortBy": {}, "output": output}}])
    assert 1 == row["sum"]


def test_an_unbounded_window_of_documents_needs_none() -> None:
    output = {"sum": {"$sum": "$v", "window": {"documents": ["unbounded", "unbounded"]}}}
    assert [3, 3] == [row["sum"] for row in aggregate([{"v": 1}, {"v": 2}], [{"$setWindowFields": {"output": output}}])]


def test_outputs_may_not_lie_within_each_other() -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [{"$setWindowFields": {"output": {"a": {"$sum": 1}, "a.b": {"$sum": 1}}}}]))


def test_densify_takes_every_step_from_the_one_before() -> None:
    days = [datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 4, 15, tzinfo=UTC)]
    rows = aggregate(
        [{"d": day} for day in days], [{"$densify": {"field": "d", "range": {"step": 1, "unit": "month", "bounds": "full"}}}]
    )
    assert ["12-31", "01-31", "02-29", "03-29", "04-15"] == [f"{row['d']:%m-%d}" for row in rows]


def test_densify_with_many_steps_is_quick() -> None:
    rows = aggregate(
        [{"v": 0}, {"v": 30_000}], [{"$densify": {"field": "v", "range": {"step": 1, "bounds": "full"}}}, {"$count": "n"}]
    )
    assert [{"n": 30_001}] == list(rows)


def computed(output, *rows, sort="t"):
    stage = {"$setWindowFields": {"sortBy": {sort: 1}, "output": {"result": output}}}
    return [row["result"] for row in aggregate(rows, [stage])]


EMPTY = {"window": {"documents": [5, 6]}}


@pytest.mark.parametrize(("operator", "expected"), [("$top", None), ("$bottom", None), ("$topN", []), ("$bottomN", [])])
def test_the_top_of_an_empty_window_is_null_or_nothing(operator, expected) -> None:
    n = {"n": 1} if operator.endswith("N") else {}
    assert [expected] == computed({operator: {"sortBy": {"v": 1}, "output": "$v", **n}, **EMPTY}, {"t": 1, "v": 1})


def test_a_bound_of_a_range_is_found_in_decimals() -> None:
    # 0.1 and 0.1 is 0.2 in decimals, and the double 0.2 lies a little above that.
    rows = [{"t": 0.1, "v": 1}, {"t": 0.2, "v": 2}, {"t": 0.3, "v": 4}]
    assert [1, 7, 6] == computed({"$sum": "$v", "window": {"range": [-0.1, 0.1]}}, *rows)


def test_a_covariance_that_overflows_has_a_sign() -> None:
    rows = [{"t": 1, "x": 1e308, "y": -1e308}, {"t": 2, "x": -1e308, "y": 1e308}]
    assert [float("-inf")] * 2 == computed({"$covariancePop": ["$x", "$y"]}, *rows)


def test_a_shift_to_a_missing_value_gives_the_default() -> None:
    rows = [{"t": 1, "v": 1}, {"t": 2}, {"t": 3, "v": None}]
    assert [0, None, 0] == computed({"$shift": {"output": "$v", "by": 1, "default": 0}}, *rows)


@pytest.mark.parametrize(
    "output",
    [
        {"$firstN": {"n": "$v", "input": "$v"}},
        {"$topN": {"n": "$v", "sortBy": {"v": 1}, "output": "$v"}},
        {"$sum": "$v", "window": {"range": [0, 1], "unit": None}},
        {"$shift": {"output": "$v", "by": 2**40}},
        {"$mergeObjects": {"v": "$v"}},
    ],
)
def test_a_window_function_is_an_error(output) -> None:
    with pytest.raises(CompileError):
        computed(output, {"t": 1, "v": 1})


@pytest.mark.parametrize("unit", [1, [], {}, "days"])
def test_the_unit_of_densify_is_the_name_of_one(unit) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [{"$densify": {"field": "t", "range": {"step": 1, "bounds": "full", "unit": unit}}}]))


@pytest.mark.parametrize(
    "stage",
    [
        {"$densify": {"field": "t", "partitionByFields": None, "range": {"step": 1, "bounds": "full", "unit": None}}},
        {"$fill": {"partitionByFields": None, "sortBy": None, "output": {"t": {"value": 0}}}},
        {"$setWindowFields": {"sortBy": None, "output": {"n": {"$count": {}}}}},
    ],
)
def test_what_mongodb_parses_by_its_idl_may_be_null(stage) -> None:
    assert 1 == len(list(aggregate([{"t": 1}], [stage], collections={"others": []})))


def test_the_window_of_a_scale_may_be_null_and_no_other() -> None:
    rows = [{"t": 1, "v": 1}, {"t": 2, "v": 3}]
    assert [0, 1] == computed({"$minMaxScaler": {"input": "$v"}, "window": None}, *rows)
    with pytest.raises(CompileError):
        computed({"$sum": "$v", "window": None}, *rows)


def test_a_moving_average_may_go_over_infinitely_many_documents() -> None:
    rows = [{"t": 1, "v": 1}, {"t": 2, "v": 1e19}]
    assert [1, 3.168] == pytest.approx(computed({"$expMovingAvg": {"input": "$v", "N": INFINITY}}, *rows), rel=1e-3)


def test_a_bound_may_be_an_expression_that_is_constant() -> None:
    bounds = [{"$subtract": [1, 2]}, {"$literal": 0}]
    rows = [{"t": 1, "v": 1}, {"t": 2, "v": 2}, {"t": 3, "v": 4}]
    assert [1, 3, 6] == computed({"$sum": "$v", "window": {"documents": bounds}}, *rows)


@pytest.mark.parametrize(
    "window", [{"range": ["current", -1]}, {"documents": [1, "current"]}, {"documents": [{"$add": ["$v", 1]}, 5]}]
)
def test_the_window_is_not_empty_from_the_start(window) -> None:
    with pytest.raises(CompileError):
        computed({"$sum": "$v", "window": window}, {"t": 1, "v": 1})


def test_the_ends_of_the_scale_may_be_expressions_that_are_constant() -> None:
    rows = [{"t": 1, "v": 1}, {"t": 2, "v": 2}, {"t": 3, "v": 3}]
    assert [0, 5, 10] == computed({"$minMaxScaler": {"input": "$v", "min": 0, "max": {"$multiply": [2, 5]}}}, *rows)


@pytest.mark.parametrize(
    "output",
    [
        {"$minMaxScaler": {"input": "$v", "max": 10}},
        {"$minMaxScaler": {"input": "$v", "min": "$v", "max": 10}},
        {"$minMaxScaler": {"input": "$v"}, "window": {"documents": [1, 2]}},
        {"$minMaxScaler": {"input": "$v"}, "window": {"range": ["unbounded", -1]}},
    ],
)
def test_the_scale_has_two_ends_and_its_window_holds_the_document(output) -> None:
    with pytest.raises(CompileError):
        computed(output, {"t": 1, "v": 1})


NAN, INFINITY = float("nan"), float("inf")
PAIR = {"window": {"documents": [-1, 0]}}


@pytest.mark.parametrize("value", [INFINITY, NAN, Decimal("-Infinity")])
def test_a_deviation_is_null_while_a_number_in_a_window_with_a_lower_bound_is_not_finite(value) -> None:
    rows = [{"t": 1, "v": value}, {"t": 2, "v": 5}, {"t": 3, "v": 7}]
    assert [None, None, 1.0] == computed({"$stdDevPop": "$v", **PAIR}, *rows)


def test_a_deviation_is_nan_where_a_number_in_a_window_without_lower_bound_is_not_finite() -> None:
    rows = [{"t": 1, "v": INFINITY}, {"t": 2, "v": 5}]
    assert [NAN, NAN] == pytest.approx(computed({"$stdDevPop": "$v"}, *rows), nan_ok=True)


@pytest.mark.parametrize(("operator", "expected"), [("$covariancePop", [0.0, 0.5, 0.5]), ("$covarianceSamp", [None, 1.0, 1.0])])
def test_a_covariance_forgets_what_leaves_the_window(operator, expected) -> None:
    rows = [{"t": 1, "x": 1, "y": 2}, {"t": 2, "x": 2, "y": 4}, {"t": 3, "x": 3, "y": 6}]
    assert expected == computed({operator: ["$x", "$y"], **PAIR}, *rows)


def test_a_derivative_between_equal_values_to_sort_by_is_null() -> None:
    assert [None, None] == computed({"$derivative": {"input": "$v"}, **PAIR}, {"t": 1, "v": 1}, {"t": 1, "v": 2})


def test_a_derivative_of_dates_is_one_of_the_milliseconds_between_them() -> None:
    rows = [{"t": 1, "v": datetime(2024, 1, 1, tzinfo=UTC)}, {"t": 3, "v": datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)}]
    assert [None, 500.0] == computed({"$derivative": {"input": "$v"}, **PAIR}, *rows)


def test_a_derivative_between_a_date_and_a_number_is_an_error() -> None:
    rows = [{"t": 1, "v": 5}, {"t": 2, "v": datetime(2024, 1, 1, tzinfo=UTC)}]
    with pytest.raises(EvaluationError):
        computed({"$derivative": {"input": "$v"}, **PAIR}, *rows)


@pytest.mark.parametrize("operator", ["$derivative", "$integral"])
@pytest.mark.parametrize("row", [{"t": 1, "v": None}, {"t": 1}, {"v": 1}, {"t": 1, "v": "1"}])
def test_a_slope_needs_numbers_even_in_a_window_of_one(operator, row) -> None:
    with pytest.raises(EvaluationError):
        computed({operator: {"input": "$v"}, **PAIR}, row)


def test_an_integral_with_nan_in_the_window_is_nan() -> None:
    rows = [{"t": 1, "v": NAN}, {"t": 2, "v": 2}, {"t": 3, "v": 2}]
    assert [NAN, NAN, 2] == pytest.approx(computed({"$integral": {"input": "$v"}, **PAIR}, *rows), nan_ok=True)


@pytest.mark.parametrize(("field", "other"), [("t", "t"), ("t", "t.a"), ("a.t", "a"), ("t", "type"), ("type", "t")])
def test_what_densify_partitions_by_and_the_field_do_not_begin_one_with_the_other(field, other) -> None:
    """Source: the server's ``document_source_densify``, errors 8993000 and 9554500, which compare letters and not names."""
    stage = {"$densify": {"field": field, "partitionByFields": [other], "range": {"step": 1, "bounds": "full"}}}
    letter = f"'{other}' and the field '{field}' cannot begin one with the other"
    with pytest.raises(CompileError, match=letter):
        compile_pipeline([stage])


@pytest.mark.parametrize("step", [0.5, Decimal(1), 2**40])
def test_densify_needs_bounds_and_a_step_of_one_type(step) -> None:
    stage = {"$densify": {"field": "n", "range": {"step": step, "bounds": [0, 2]}}}
    with pytest.raises(CompileError, match="of one type"):
        list(aggregate([], [stage]))


def filled(rows, **spec):
    return list(aggregate(rows, [{"$fill": spec}]))


def test_fill_is_set_window_fields_and_behind_it_add_fields() -> None:
    rows = [{"t": 2}, {"t": 1, "a": 5}]
    assert [{"t": 1, "a": 5, "b": 5}, {"t": 2, "a": 5, "b": 5}] == filled(
        rows, sortBy={"t": 1}, output={"b": {"value": "$a"}, "a": {"method": "locf"}}
    )


def test_fill_with_values_alone_leaves_the_order_of_the_documents() -> None:
    assert [{"t": 2, "a": 0}, {"t": 1, "a": 0}] == filled([{"t": 2}, {"t": 1}], sortBy={"t": 1}, output={"a": {"value": 0}})


def test_locf_carries_forward_in_the_order_of_the_documents_where_no_other_is_asked_for() -> None:
    assert [{"a": 1}, {"a": 1}] == filled([{"a": 1}, {}], partitionBy="all", output={"a": {"method": "locf"}})


def test_fill_partitions_by_a_field_within_an_object() -> None:
    rows = [{"p": {"q": 1}, "a": 1}, {"p": {"q": 2}}, {"p": {"q": 1}}]
    found = filled(rows, partitionByFields=["p.q"], output={"a": {"method": "locf"}})
    assert [(1, 1), (1, 1), (2, None)] == [(row["p"]["q"], row["a"]) for row in found]


@pytest.mark.parametrize("partition", [{"$none": 1}, "p", "$$none", {"p": "$$none"}])
def test_fill_refuses_a_partition_that_is_no_expression_even_where_only_values_are_filled(partition) -> None:
    with pytest.raises(CompileError):
        filled([], partitionBy=partition, output={"a": {"value": 1}})


@pytest.mark.parametrize("field", ["", "a..b", "$a", "a.$b"])
def test_fill_refuses_to_partition_by_what_is_no_path(field) -> None:
    with pytest.raises(CompileError):
        filled([], partitionByFields=[field], output={"a": {"value": 1}})


def test_a_field_that_fill_says_nothing_of_stays() -> None:
    assert [{"a": None}] == filled([{"a": None}], output={"a": {}})


def test_a_line_needs_values_to_sort_by_of_one_kind() -> None:
    with pytest.raises(EvaluationError):
        computed({"$linearFill": "$v"}, {"t": 1, "v": 1}, {"t": datetime(2020, 1, 1, tzinfo=UTC), "v": 2})


@pytest.mark.parametrize("operator", ["$stdDevPop", "$stdDevSamp", "$covariancePop", "$covarianceSamp"])
def test_a_spread_over_an_empty_window_is_null(operator) -> None:
    assert [None] == computed({operator: ["$v", "$v"] if "cov" in operator else "$v", **EMPTY}, {"t": 1, "v": 1})


def test_a_moving_average_over_more_documents_than_64_bits_can_count_is_one_over_so_many() -> None:
    stages = [{"$setWindowFields": {"sortBy": {"n": 1}, "output": {"w": {"$expMovingAvg": {"input": "$n", "N": 1e300}}}}}]
    assert [1, 1.0] == [round(row["w"], 9) for row in aggregate([{"n": 1}, {"n": 2}], stages)]


@pytest.mark.parametrize("partition", [[1, 2], {"$literal": []}])
def test_a_partition_that_is_always_an_array_is_an_error(partition) -> None:
    with pytest.raises(CompileError, match="must not be an array"):
        list(aggregate([], [{"$setWindowFields": {"partitionBy": partition, "output": {"n": {"$sum": 1}}}}]))


def test_densify_lets_a_field_within_an_array_pass() -> None:
    rows = [{"a": [{"t": 1}]}, {"a": {"t": 2}}, {"a": {"t": 4}}]
    stage = {"$densify": {"field": "a.t", "range": {"step": 1, "bounds": "full"}}}
    assert [*rows[:2], {"a": {"t": 3}}, rows[2]] == list(aggregate(rows, [stage]))


def test_an_infinite_step_of_densify_adds_nothing() -> None:
    stage = {"$densify": {"field": "t", "range": {"step": math.inf, "bounds": "full"}}}
    assert [{"t": 1}, {"t": 5}] == list(aggregate([{"t": 1}, {"t": 5}], [stage]))


@pytest.mark.parametrize("step", [math.inf, 1e300, 1.5])
def test_a_step_of_dates_is_a_whole_number_of_64_bits(step) -> None:
    stage = {"$densify": {"field": "t", "range": {"step": step, "bounds": "full", "unit": "day"}}}
    with pytest.raises(CompileError, match="whole number"):
        list(aggregate([], [stage]))


def test_fill_takes_a_method_that_is_null_and_an_empty_order_for_left_out() -> None:
    assert [{"a": 5}, {"a": 1}] == filled([{}, {"a": 1}], sortBy={}, output={"a": {"value": 5, "method": None}})
    assert [{"a": 1}, {"a": 1}] == filled([{"a": 1}, {}], sortBy={}, output={"a": {"method": "locf"}, "b": {"method": None}})


def test_densify_goes_on_from_a_value_that_is_on_the_step_in_its_own_type() -> None:
    stage = {"$densify": {"field": "v", "range": {"step": 1, "bounds": "full"}}}
    rows = aggregate([{"v": 0}, {"v": 2.0}, {"v": 4}], [stage])
    assert repr([0, 1, 2.0, 3.0, 4]) == repr([row["v"] for row in rows])


@pytest.mark.parametrize(
    ("values", "by", "expected"),
    [
        ([], [], [-4.8, -3.4, -2.0]),
        ([-4.8], [], [-4.8, -3.4, -2.0]),
        ([-3.0], [], [-4.799999999999999, -3.399999999999999, -3.0, -1.9999999999999991]),
        ([-4.8, -3.0], [], [-4.8, -4.799999999999999, -3.399999999999999, -3.0, -1.9999999999999991]),
        ([-4.8, -3.0], ["p"], [-4.8, -3.4, -3.0, -2.0]),
    ],
)
def test_the_first_step_of_densify_is_gone_to_from_one_below(values, by, expected) -> None:
    """Source: the server's ``densify_stage``, which begins with the decrement of the lower bound."""
    stage = {"$densify": {"field": "v", "partitionByFields": by, "range": {"step": 1.4, "bounds": [-4.8, -1.0]}}}
    assert expected == [row["v"] for row in aggregate([{"v": value} for value in values], [stage])]


def test_the_first_step_of_densify_over_full_months_may_be_on_an_earlier_day() -> None:
    """Source: as above; only with given bounds does the server put it right."""
    rows = [{"p": 1, "d": datetime(2023, 3, 31, tzinfo=UTC)}, {"p": 2, "d": datetime(2023, 5, 31, tzinfo=UTC)}]
    for bounds, first in (("full", 28), ([datetime(2023, 3, 31, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)], 31)):
        span = {"step": 1, "unit": "month", "bounds": bounds}
        made = aggregate(rows, [{"$densify": {"field": "d", "partitionByFields": ["p"], "range": span}}])
        assert first == min(row["d"] for row in made if row["p"] == 2).day


LEVEL = [{"_id": 1, "k": 1, "v": "x"}, {"_id": 2, "k": 1, "v": "y"}, {"_id": 3, "k": 1, "v": "w"}, {"_id": 4, "k": 2, "v": "z"}]


@pytest.mark.parametrize(("n", "expected"), [(1, ["z"]), (2, ["y", "z"]), (3, ["y", "w", "z"]), (4, ["x", "y", "w", "z"])])
def test_what_is_level_at_the_bottom_is_what_came_first(n, expected) -> None:
    bottom = {"$bottomN": {"n": n, "sortBy": {"k": 1}, "output": "$v"}}
    assert [expected] == [row["r"] for row in aggregate(LEVEL, [{"$group": {"_id": None, "r": bottom}}])]


@pytest.mark.parametrize(("low", "expected"), [("unbounded", ["x", "x", "x"]), (-2, ["x", "y", "w"])])
def test_a_window_with_a_lower_bound_has_the_latest_at_the_bottom(low, expected) -> None:
    bottom = {"$bottom": {"sortBy": {"k": 1}, "output": "$v"}, "window": {"documents": [low, "current"]}}
    stage = {"$setWindowFields": {"sortBy": {"_id": 1}, "output": {"r": bottom}}}
    assert expected == [row["r"] for row in aggregate(LEVEL[:3], [stage])]


_ONES = [1, 1.0, Decimal("1.0"), 2]


@pytest.mark.parametrize(("n", "expected"), [(1, [2]), (2, [2, 1.0]), (3, [2, Decimal("1.0"), 1.0])])
def test_what_is_level_in_max_n_is_turned_round_and_the_first_goes(n, expected) -> None:
    """Source: the server's ``AccumulatorMinMaxN``, a multiset that is read from behind."""
    greatest = {"$maxN": {"n": n, "input": "$v"}}
    grouped = list(aggregate([{"v": value} for value in _ONES], [{"$group": {"_id": None, "r": greatest}}]))
    assert repr([{"_id": None, "r": expected}]) == repr(grouped)
    listed = list(aggregate([{"v": _ONES}], [{"$project": {"r": greatest}}]))
    assert repr([{"r": expected}]) == repr(listed)


def test_what_is_level_in_max_n_stays_so_in_long_groups() -> None:
    rows = [{"v": value} for value in [*_ONES[:3], *[0] * 100, 2]]
    stage = {"$group": {"_id": None, "r": {"$maxN": {"n": 3, "input": "$v"}}}}
    assert repr([2, Decimal("1.0"), 1.0]) == repr(next(aggregate(rows, [stage]))["r"])


@pytest.mark.parametrize(
    ("low", "expected"),
    [("unbounded", [[1], [1.0, 1], [1.0, 1]]), (-2, [[1], [1.0, 1], [Decimal("1.0"), 1.0]])],
)
def test_a_window_with_a_lower_bound_has_the_latest_in_max_n(low, expected) -> None:
    rows = [{"_id": place, "v": value} for place, value in enumerate(_ONES[:3])]
    greatest = {"$maxN": {"n": 2, "input": "$v"}, "window": {"documents": [low, "current"]}}
    assert repr(expected) == repr(window_column(greatest, rows, {"_id": 1}))


def window_column(function, documents, sort_by):
    stage = {"$setWindowFields": {"sortBy": sort_by, "output": {"r": function}}}
    return [row["r"] for row in aggregate(documents, [stage])]


@pytest.mark.parametrize(("operator", "expected"), [("$rank", [1, 2, 2, 2, 5, 5]), ("$denseRank", [1, 2, 2, 2, 3, 3])])
def test_an_empty_array_ranks_before_null(operator, expected) -> None:
    values = [{"a": []}, {"a": None}, {}, {"a": [None]}, {"a": [3, 1]}, {"a": 1}]
    assert expected == window_column({operator: {}}, values, {"a": 1})


def test_a_moving_average_is_calculated_in_decimals_and_a_float_until_one_comes() -> None:
    documents = [{"_id": place, "v": value} for place, value in enumerate([None, 1, "x", 2.5, Decimal("0.1")])]
    third = Decimal("0.7333333333333333333333333333333333")
    found = window_column({"$expMovingAvg": {"input": "$v", "N": 2}}, documents, {"_id": 1})
    assert repr([None, 1.0, 1.0, 2.0, third]) == repr(found)
    found = window_column({"$expMovingAvg": {"input": "$v", "alpha": Decimal("0.5")}}, documents[:2], {"_id": 1})
    assert repr([None, 1.0]) == repr(found)


def test_a_line_through_decimals_has_all_their_digits() -> None:
    documents = [{"_id": 0, "v": Decimal(1)}, {"_id": 1}, {"_id": 3, "v": Decimal(2)}]
    expected = [Decimal(1), Decimal("1.333333333333333333333333333333333"), Decimal(2)]
    assert expected == window_column({"$linearFill": "$v"}, documents, {"_id": 1})


def test_a_line_refuses_nan_twice_among_what_it_is_sorted_by() -> None:
    with pytest.raises(EvaluationError, match="do not repeat"):
        window_column({"$linearFill": "$v"}, [{"_id": float("nan"), "v": 1}] * 2, {"_id": 1})


def test_object_ids_may_be_sorted_by_where_no_value_is_filled_between_them() -> None:
    bson = pytest.importorskip("bson")
    ids = [bson.ObjectId(digit * 24) for digit in "012"]
    assert [1, 2, None] == window_column(
        {"$linearFill": "$v"}, [{"_id": key, "v": v} for key, v in zip(ids, [1, 2, None], strict=True)], {"_id": 1}
    )
    with pytest.raises(EvaluationError, match="subtract"):
        window_column(
            {"$linearFill": "$v"}, [{"_id": key, "v": v} for key, v in zip(ids, [1, None, 2], strict=True)], {"_id": 1}
        )


def test_nan_is_a_bound_below_all_others() -> None:
    documents = [{"_id": place, "v": 1} for place in range(3)]
    nan = float("nan")
    assert [1, 2, 3] == window_column({"$sum": "$v", "window": {"range": [nan, 0]}}, documents, {"_id": 1})
    with pytest.raises(CompileError):
        window_column({"$sum": "$v", "window": {"range": [0, nan]}}, documents, {"_id": 1})


def test_scaling_among_nan_alone_gives_the_least() -> None:
    documents = [{"_id": place, "v": float("nan")} for place in range(2)]
    assert [0, 0] == window_column({"$minMaxScaler": {"input": "$v"}}, documents, {"_id": 1})


def pairs_of(operator, values):
    documents = [{"_id": place, "v": value} for place, value in enumerate(values)]
    return window_column({operator: "$v", "window": {"documents": [-1, 0]}}, documents, {"_id": 1})


def test_a_set_is_sorted_in_a_window_with_a_lower_bound() -> None:
    assert [[3], [1, 3], [1, "a"], [None, "a"]] == pairs_of("$addToSet", [3, 1, "a", None])
    assert [[2, 3], [1, 2, 3]] == pairs_of("$setUnion", [[3, 2], [3, 1]])


def test_a_sum_that_overflowed_in_a_window_stays_infinite() -> None:
    assert [1e308, math.inf, math.inf, math.inf] == pairs_of("$sum", [1e308, 1e308, 1, 2])
    assert [1e308, math.inf, math.inf, math.inf] == pairs_of("$avg", [1e308, 1e308, 1, 2])


def test_a_sum_in_a_window_is_of_the_type_of_the_numbers_that_are_in_it() -> None:
    expected = [1, Decimal("1.1"), Decimal("2.1"), 5, 5.5, 6.5, 8]
    assert repr(expected) == repr(pairs_of("$sum", [1, Decimal("0.1"), 2, 3, 2.5, 4, 4]))
    assert repr([Decimal("Infinity"), Decimal("Infinity"), 2]) == repr(pairs_of("$sum", [Decimal("Infinity"), 1, 1]))


def test_digits_that_a_decimal_lost_in_a_window_do_not_come_back() -> None:
    assert [Decimal("1E34"), Decimal("1E34"), 1, 2] == pairs_of("$sum", [Decimal("1E34"), Decimal("0.1"), 1, 1])


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None])
def test_an_n_that_is_none_is_an_error_of_the_window_even_without_documents(n) -> None:
    output = {"r": {"$minN": {"n": n, "input": "$v"}}}
    with pytest.raises(CompileError):
        compile_pipeline([{"$setWindowFields": {"output": output}}])


def test_an_order_of_no_field_is_an_order_for_what_needs_no_field_of_it() -> None:
    rows = [{"v": 1}, {"v": 3}]
    assert [3, None] == window_column({"$shift": {"output": "$v", "by": 1}}, rows, {})
    assert [1.0, 2.0] == window_column({"$expMovingAvg": {"input": "$v", "alpha": 0.5}}, rows, {})
    with pytest.raises(CompileError):
        window_column({"$rank": {}}, rows, {})


@pytest.mark.parametrize(("operator", "expected"), [("$min", [5, 2, 2, None, 7]), ("$max", [5, 5, 2, None, 7])])
def test_an_extreme_leaves_the_window_with_its_document(operator, expected) -> None:
    rows = [{"t": place, "v": value} for place, value in enumerate([5, 2, None, None, 7])]
    assert expected == computed({operator: "$v", "window": {"documents": [-1, 0]}}, *rows)


def test_the_first_of_level_extremes_may_leave_the_window() -> None:
    rows = [{"t": place, "v": value} for place, value in enumerate([3, 3.0, 4, 1, 1])]
    assert [3, 3, 3, 1, 1] == computed({"$min": "$v", "window": {"documents": [-1, 0]}}, *rows)
    assert [3, 3, 4, 4, 1] == computed({"$max": "$v", "window": {"documents": [-1, 0]}}, *rows)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [([-1, 0], [8, 4, 4, 2, 2, None]), (["unbounded", 0], [8, 4, 4, 4, 4, 4]), ([1, 1], [4, None, 2, None, None, None])],
)
def test_a_median_is_of_the_numbers_that_are_in_the_window(bounds, expected) -> None:
    rows = [{"t": place, "v": value} for place, value in enumerate([8, 4, math.nan, Decimal(2), "x", None])]
    output = {"$median": {"input": "$v", "method": "approximate"}, "window": {"documents": bounds}}
    assert expected == computed(output, *rows)


def test_percentiles_of_no_numbers_are_null_each() -> None:
    output = {"$percentile": {"input": "$v", "p": [0.5, 0.9], "method": "approximate"}, "window": {"documents": [1, 1]}}
    assert [[7, 7], [None, None]] == computed(output, {"t": 1, "v": 5}, {"t": 2, "v": 7})


@pytest.mark.parametrize("bounds", [["unbounded", "unbounded"], ["unbounded", 0], [-1000, 0]])
@pytest.mark.parametrize(
    "output",
    [{"$minMaxScaler": {"input": "$v"}}, {"$integral": {"input": "$v"}}, {"$median": {"input": "$v", "method": "approximate"}}],
)
def test_many_documents_in_every_window_are_quick(output, bounds) -> None:
    rows = [{"t": place, "v": place * 7919 % 5003} for place in range(5000)]
    start = time.process_time()
    assert 5000 == len(computed({**output, "window": {"documents": bounds}}, *rows))
    assert time.process_time() - start < 5  # it took a minute where every window was gone through
