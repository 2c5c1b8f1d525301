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


def test_a_listing_says_what_the_names_in_the_source_stand_for() -> None:
    stages: list[Any] = [{"$match": {"customer.tier": "gold"}}, {"$project": {"_id": 0, "twice": {"$multiply": ["$total", 2]}}}]
    program = compile_pipeline(stages)
    told, define, code = program.listing.partition("def ")
    assert program.source == define + code
    assert {"'gold'", "'total'", "'customer'", "expressions.arithmetic.multiply", "an object, decoded in part: f0 'tier'"} <= {
        line.split(maxsplit=2)[2] for line in told.splitlines()
    }
    assert not [word for word in ("gold", "total", "customer", "tier", "twice") if word in program.source]


def test_a_listing_shows_no_control_characters_of_a_field() -> None:
    assert "\x1b" not in compile_pipeline([{"$match": {"\x1b[2J": "\x1b[31m"}}]).listing


@pytest.mark.parametrize(
    ("stage", "missing", "other"),
    [
        ({"$group": {"n": {"$summ": 1}}}, "_id", "n"),
        ({"$bucket": {"boundaries": [0, 1], "output": {"n": {"$summ": 1}}}}, "groupBy", "output.n"),
        ({"$bucket": {"groupBy": "$a", "output": {"n": {"$summ": 1}}}}, "boundaries", "output.n"),
        ({"$bucketAuto": {"buckets": 1, "output": {"n": {"$summ": 1}}}}, "groupBy", "output.n"),
        ({"$bucketAuto": {"groupBy": "$a", "output": {"n": {"$summ": 1}}}}, "buckets", "output.n"),
        ({"$lookup": {"from": "c", "pipeline": [{"$mach": {}}]}}, "as", "pipeline[0].$mach"),
        ({"$validate": {"validationAction": "dql"}}, "validator", "validationAction"),
    ],
)
def test_what_a_stage_lacks_hides_none_of_its_other_problems(stage: Any, missing: str, other: str) -> None:
    (name,) = stage
    with pytest.raises(CompileError) as caught:
        compile_pipeline([stage], collections={"c": []})
    first, second = caught.value.problems
    assert first.message.startswith(f"'{missing}' is missing")
    assert (f"stages[0].{name}", f"stages[0].{name}.{other}") == (first.path, second.path)


def test_a_group_without_an_id_hides_none_of_its_other_problems() -> None:
    with pytest.raises(CompileError) as caught:
        compile_pipeline([{"$group": {"id": "$x", "n": {"$summ": 1}}}])
    assert [
        "stages[0].$group: '_id' is missing: what to group by; write _id: null for one group of everything",
        "stages[0].$group.id: an object with one accumulator was expected, not '$x'; write {$sum: ...}",
        "stages[0].$group.n: unknown accumulator '$summ'; did you mean '$sum'?",
    ] == [str(problem) for problem in caught.value.problems]
