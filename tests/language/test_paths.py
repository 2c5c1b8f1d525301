"""Field paths: the names that they may hold, and the arrays that those of a sort go through.

Source: MongoDB manual, "Field Paths" and "Database References"; for the names that it leaves open, the server's class of paths.
"""

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate

ORDER = {"buyer": {"$ref": "people", "$id": 7, "since": 1}}


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({"$project": {"buyer.$id": 1}}, {"buyer": {"$id": 7}}),
        ({"$project": {"buyer": {"$id": 1}}}, {"buyer": {"$id": 7}}),
        ({"$project": {"buyer": {"$id": 1, "since": 1}}}, {"buyer": {"$id": 7, "since": 1}}),
        ({"$unset": ["buyer.$ref", "buyer.since"]}, {"buyer": {"$id": 7}}),
        ({"$replaceWith": {"of": "$buyer.$id"}}, {"of": 7}),
        ({"$group": {"_id": "$buyer.$ref"}}, {"_id": "people"}),
        ({"$set": {"buyer.$db": "shop"}}, {"buyer": {"$ref": "people", "$id": 7, "since": 1, "$db": "shop"}}),
    ],
)
def test_a_path_reaches_the_fields_of_a_reference(stage, expected) -> None:
    assert [expected] == list(aggregate([ORDER], [stage]))


@pytest.mark.parametrize(
    "stage",
    [
        {"$project": {"a.$b": 1}},
        {"$project": {"a": {"$b": 1, "c": 1}}},
        {"$set": {"a.$b": 1}},
        {"$set": {"a": {"$id": 1}}},
        {"$unwind": "$$ROOT"},
        {"$replaceWith": {"of": "$a.$b"}},
    ],
)
def test_other_names_with_a_dollar_are_no_path(stage) -> None:
    with pytest.raises(CompileError):
        list(aggregate([], [stage]))


def _sorted(order, *documents):
    return [
        document["n"]
        for document in aggregate([{"n": n, **document} for n, document in enumerate(documents)], [{"$sort": order}])
    ]


@pytest.mark.parametrize(
    ("order", "first", "second"),
    [
        ({"a.b": 1, "a.0.b": 1}, {"a": [[[3]], [1]]}, {}),  # neither path finds anything
        ({"b.1.0": 1, "b": -1}, {"b": [[5, 6], {}, 3]}, {"b": {"c": 1}}),  # an array in an array is one value, above an object
        ({"a.0": 1, "a.b": 1}, {"a": [[1, 2], {"b": 3}]}, {"a": [[1, 3]]}),  # and so it is at a place
    ],
)
def test_what_one_path_of_a_sort_finds_in_an_array_is_not_what_another_does(order, first, second) -> None:
    """Source: the server's ``btree_key_generator``: a path that has come to its end is not gone on with."""
    assert [0, 1] == _sorted(order, first, second)
    equal = not second
    assert ([0, 1] if equal else [1, 0]) == _sorted(order, second, first)


def test_two_places_of_an_array_are_two_arrays_for_a_sort() -> None:
    """Source: as above; the array that is at a place and the one that is reached through its document are the same."""
    with pytest.raises(EvaluationError, match="two arrays"):
        _sorted({"a.0.b": 1, "a.1.b": 1}, {"a": [[{"b": 1}], [{"b": 2}]]})
    assert [1, 0] == _sorted({"a.0.b": 1, "a.b": 1}, {"a": [{"b": [2]}]}, {"a": [{"b": [1]}]})
