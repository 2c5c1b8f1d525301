"""What a compiled pipeline says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from fluxion_core import compile_pipeline


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (
            [{"$match": {"a": 1}}, {"$group": {"_id": "$a", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}],
            "<Program 'orders': $match $group $sort>",
        ),
        ([], "<Program 'orders': no stages>"),
        ([{"$limit": 1}] * 23, f"<Program 'orders': {'$limit ' * 20}and 3 more>"),
    ],
)
def test_a_program_is_printed_as_one_line_of_its_stages(stages: list[Any], expected: str) -> None:
    assert expected == repr(compile_pipeline(stages, name="orders"))
