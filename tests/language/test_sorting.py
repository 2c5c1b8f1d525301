"""``$sort``: arrays on the paths of several fields, and directions that are not whole numbers.

Source: MongoDB manual, "$sort", "Comparison/Sort Order"; for what it leaves open, the server's sort keys.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.language.ordering import compare, equal, sort_key

NUMBERS = st.sampled_from([0, 1, 1.0, -0.0, 2, float("nan"), Decimal(1), Decimal("NaN"), Decimal("sNaN")])
VALUES = st.recursive(
    NUMBERS | st.sampled_from([True, False, None, "a", "b", b"x"]),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(st.sampled_from("ab"), value, max_size=2),
    max_leaves=5,
)


def order(spec, *documents):
    return [row["_id"] for row in aggregate([{"_id": index, **row} for index, row in enumerate(documents)], [{"$sort": spec}])]


def test_fields_of_one_array_are_those_of_one_element() -> None:
    low_together, mixed = {"x": [{"a": 1, "b": 4}]}, {"x": [{"a": 1, "b": 7}, {"a": 2, "b": 0}]}
    assert [1, 0] == order({"x.a": 1, "x.b": 1}, mixed, low_together)
    assert [0, 1] == order({"x.a": -1, "x.b": 1}, mixed, low_together)
    assert [1, 0] == order({"x.b": -1, "x.a": 1}, {"x": [{"a": 9, "b": 4}]}, mixed)


def test_a_field_beside_an_array_goes_with_every_element() -> None:
    assert [1, 2, 0] == order({"x": 1, "y": 1}, {"x": [3, 1], "y": 5}, {"x": [], "y": 9}, {"x": [1], "y": 4})


@pytest.mark.parametrize("document", [{"x": [1], "y": [2]}, {"x": [], "y": [2]}, {"x": [{"a": 1, "b": [2]}], "y": [3]}])
def test_two_arrays_beside_each_other_are_an_error(document) -> None:
    with pytest.raises(EvaluationError):
        order({"x": 1, "y": 1}, document)


@pytest.mark.parametrize("direction", [1.9, 1.0, Decimal("0.9"), Decimal("1.4")])
def test_a_double_is_cut_off_and_a_decimal_rounded_to_the_direction(direction) -> None:
    assert [1, 0] == order({"x": direction}, {"x": 2}, {"x": 1})
    assert [0, 1] == order({"x": -direction}, {"x": 2}, {"x": 1})


@pytest.mark.parametrize("direction", [0.9, -0.5, 2.0, Decimal("1.5"), Decimal("0.5"), float("nan"), float("inf"), True])
def test_another_direction_is_an_error(direction) -> None:
    with pytest.raises(CompileError):
        order({"x": direction}, {"x": 1})


@given(VALUES, VALUES)
def test_two_values_compare_as_their_keys_do(left, right) -> None:
    key, other = sort_key(left), sort_key(right)
    assert ((key > other) - (key < other), key == other) == (compare(left, right), equal(left, right))


@pytest.mark.parametrize(
    ("paging", "expected"), [([{"$limit": 3}], [0, 3000, 6000]), ([{"$skip": 2}, {"$limit": 2}], [6000, 9000])]
)
def test_of_equal_documents_the_first_that_came_lead_however_many_come(paging, expected) -> None:
    documents = [{"_id": number, "x": number % 3000} for number in range(12_000)]
    assert expected == [row["_id"] for row in aggregate(documents, [{"$sort": {"x": 1}}, *paging])]


def test_a_sort_with_a_limit_behind_it_keeps_so_many_documents_as_its_state() -> None:
    stages = [{"$sort": {"x": -1}}, {"$skip": 1}, {"$limit": 2}]
    run, state = compile_pipeline(stages).start(), {}
    for start in (0, 10_000):
        run.feed(documents=[{"x": number} for number in range(start, start + 10_000)])
        state |= run.state_delta()["0.0"]
    kept = {key: value for key, value in state.items() if value is not None}
    assert 3 == len(kept)
    heir = compile_pipeline(stages).start()
    heir.restore([("0.0", key, value) for key, value in kept.items()])
    heir.feed(documents=[{"x": 19_998.5}])
    assert [{"x": 19_998.5}, {"x": 19_998}] == heir.finish().documents


def test_a_document_that_cannot_be_sorted_fails_with_a_limit_too() -> None:
    documents = [{"x": [1], "y": [2]}, *({"x": 1, "y": number} for number in range(10_000))]
    with pytest.raises(EvaluationError, match="two arrays"):
        list(aggregate(documents, [{"$sort": {"x": 1, "y": 1}}, {"$limit": 1}]))
