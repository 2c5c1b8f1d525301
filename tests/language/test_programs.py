"""What a compiled pipeline says of itself, and what is said of one that cannot be compiled."""

from __future__ import annotations

from typing import Any

import pytest

from fluxion_core import CompileError, compile_pipeline


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


def test_a_group_without_an_id_hides_none_of_its_other_problems() -> None:
    with pytest.raises(CompileError) as caught:
        compile_pipeline([{"$group": {"id": "$x", "n": {"$summ": 1}}}])
    assert [
        "stages[0].$group: '_id' is missing: what to group by; write _id: null for one group of everything",
        "stages[0].$group.id: an object with one accumulator was expected, not '$x'; write {$sum: ...}",
        "stages[0].$group.n: unknown accumulator '$summ'; did you mean '$sum'?",
    ] == [str(problem) for problem in caught.value.problems]
