"""Field paths: the names that they may hold.

Source: MongoDB manual, "Field Paths" and "Database References"; for the names that it leaves open, the server's class of paths.
"""

import pytest

from fluxion_core import CompileError, aggregate

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
