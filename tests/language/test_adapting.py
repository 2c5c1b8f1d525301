"""Code written for the classes that come answers as the code for any classes does, whatever comes next."""

import json
import random
import sys
from enum import Enum
from pathlib import Path

import pytest

from fluxion_core import CompileError, compile_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from random_pipelines import SCALARS, document, pipeline

SUM = {"$group": {"_id": "$k", "n": {"$sum": 1}, "total": {"$sum": "$x"}, "mean": {"$avg": "$y"}, "most": {"$max": "$x"}}}
PIPELINES = {
    "group": [{"$match": {"s": "on", "x": {"$gte": 3}}}, SUM],
    "group by two": [{"$group": {"_id": {"a": {"$subtract": ["$x", {"$mod": ["$x", 4]}]}, "b": "$o.c"}, "n": {"$min": "$y"}}}],
    "unwind": [
        {"$unwind": "$list"},
        {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}, "t": {"$sum": {"$multiply": ["$list.n", "$list.p"]}}, "d": {"$avg": "$x"}}},
    ],
    "unwind scalars": [
        {"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": True}},
        {"$group": {"_id": "$s", "n": {"$sum": {"$add": ["$tags", "$x"]}}}},
    ],
    "rows of an unwind": [
        {"$unwind": {"path": "$list", "includeArrayIndex": "i"}},
        {"$match": {"list.n": {"$lt": 5}}},
        {"$project": {"_id": 0, "v": {"$multiply": ["$list.n", "$y"]}, "i": 1, "k": "$list.k"}},
    ],
    "nested map": [
        {
            "$project": {
                "t": {"$sum": {"$map": {"input": "$list", "as": "e", "in": {"$multiply": ["$$e.n", "$$e.p"]}}}},
                "r": {"$round": [{"$multiply": ["$y", 1.1]}, 1]},
                "big": {"$cond": [{"$gte": ["$x", 5]}, {"$subtract": ["$x", 1]}, "$o.c"]},
            }
        }
    ],
    "overwritten": [{"$set": {"x": "$y"}}, {"$unwind": "$list"}, {"$group": {"_id": "$list.k", "n": {"$sum": "$x"}}}],
    "whole documents": [{"$match": {"o.c": "A", "x": {"$lte": 7}}}],
    "deep conditions": [
        {"$match": {"d.e.n": {"$gte": 2}, "d.e.c": {"$in": ["A", "B"]}, "d.e.f.n": {"$lt": 8}}},
        {"$group": {"_id": "$d.e.c", "n": {"$sum": "$d.e.f.n"}}},
    ],
    "whole and in part": [{"$match": {"d.e.n": {"$gt": 1}}}, {"$project": {"_id": 0, "e": "$d.e", "n": {"$add": ["$d.e.n", "$d.e.f.n"]}}}],
}  # fmt: skip
ODDITIES = [
    *(item for item in SCALARS if item is None or isinstance(item, bool | str)),
    2**63,
    -(2**70),
    10**400,
    1,
    1.0,
    5,
    2.5,
    [],
    [1, "x"],
    {"c": 3},
    {},
]


def clean(draw: random.Random):
    items = [{"k": draw.choice("ab"), "n": draw.randrange(9), "p": draw.random() * 10} for _ in range(draw.randrange(4))]
    return {
        "k": draw.choice("abc"), "s": draw.choice(["on", "off"]), "x": draw.randrange(10), "y": draw.random() * 100,
        "o": {"c": draw.choice("AB")}, "list": items, "tags": [draw.randrange(5) for _ in range(draw.randrange(3))],
        "d": {"e": {"n": draw.randrange(9), "c": draw.choice("ABC"), "f": {"n": draw.randrange(9)}}},
    }  # fmt: skip


def spoiled(draw: random.Random):
    found = clean(draw)
    name = draw.choice(list(found))
    if name == "list" and found["list"] and draw.random() < 0.7:
        item = draw.choice(found["list"])
        item[draw.choice("knp")] = draw.choice(ODDITIES)
    elif name == "d" and draw.random() < 0.8:
        below = draw.choice([found["d"], found["d"]["e"], found["d"]["e"]["f"]])
        inner = draw.choice(list(below))
        below[inner] = draw.choice([*ODDITIES, [below[inner]], [below[inner], None]])
    elif draw.random() < 0.2:
        del found[name]
    else:
        found[name] = draw.choice(ODDITIES)
    return found


def outcomes(program, batches, emit, after, form):
    run = program.start(emit=emit)
    run.adapts_after = after
    found = []
    for batch in batches:
        lines = [json.dumps(one).encode() for one in batch]
        fed = (
            {"documents": batch}
            if form == "documents"
            else {"payloads": lines}
            if form == "payloads"
            else {"block": b"".join(line + b"\n" for line in lines)}
        )
        output = run.feed(**fed)
        failures = [(failure.index, failure.stage, failure.path, str(failure.error)) for failure in output.failures]
        found.append((output.json_lines(), output.passed, output.filtered, failures))
    return found, run.finish().json_lines(), run.counts


@pytest.mark.parametrize("form", ["documents", "payloads", "block"])
@pytest.mark.parametrize("emit", ["final", "each"])
@pytest.mark.parametrize("name", PIPELINES)
def test_odd_documents_are_answered_as_ever(name: str, emit: str, form: str) -> None:
    draw = random.Random(f"{name} {emit} {form}")
    program = compile_pipeline(PIPELINES[name])
    batches = [[clean(draw) for _ in range(40)], *([draw.choice([clean, spoiled])(draw) for _ in range(8)] for _ in range(40))]
    assert outcomes(program, batches, emit, 10**9, form) == outcomes(program, batches, emit, 0, form)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_run_that_ends_with_the_first_failure_answers_as_ever(name: str) -> None:
    program, draw = compile_pipeline(PIPELINES[name]), random.Random(name)
    for _ in range(12):
        general, run = program.start(once=True), program.start(once=True)
        general.adapts_after, run.adapts_after = 10**9, 0
        for odd in [0.0, *[0.3] * 10]:
            drawn = [(spoiled if draw.random() < odd else clean)(draw) for _ in range(8)]
            batch = [one for one in drawn if not program.start().feed(documents=[one]).failures]
            expected, found = general.feed(documents=batch), run.feed(documents=batch)
            assert not expected.failures
            assert not found.failures
            assert repr(expected.documents) == repr(found.documents)
        assert repr(general.finish().documents) == repr(run.finish().documents)


def test_random_pipelines_answer_as_ever() -> None:
    draw = random.Random(11)
    adapted = 0
    for _ in range(600):
        stages = pipeline(draw)
        first = document(draw)
        batches = [[first] * 4, [first, *(document(draw) for _ in range(5)), first]]
        if any(name in str(stages) for name in ("$$NOW", "$rand", "$sample")):
            continue
        try:
            program = compile_pipeline(stages, collections={})
        except CompileError:
            continue
        general, run = program.start(), program.start()
        general.adapts_after, run.adapts_after = 10**9, 0
        for batch in batches:
            expected, found = general.feed(documents=batch), run.feed(documents=batch)
            assert repr(expected.documents) == repr(found.documents), stages
            assert [repr(failure) for failure in expected.failures] == [repr(failure) for failure in found.failures], stages
        assert repr(general.finish().documents) == repr(run.finish().documents), stages
        assert general.counts == run.counts, stages
        adapted += any(
            loaded.general is not None for step in program.steps[:1] for loaded in getattr(step, "_loaded", {}).values()
        )
    assert adapted > 20


def test_the_code_for_the_classes_that_come_asks_for_no_class_twice() -> None:
    program = compile_pipeline(PIPELINES["group by two"])
    run = program.start()
    run.adapts_after = 0
    for _ in range(2):
        run.feed(documents=[clean(random.Random(index)) for index in range(10)])
    (text,) = [loaded.written.text for loaded in program.steps[0]._loaded.values() if loaded.general is not None]
    assert 5 == text.count(".__class__ is not")  # the document, x, o, o.c and y, once each


def test_a_field_that_is_read_whole_and_in_part_makes_no_document_odd() -> None:
    run = compile_pipeline(PIPELINES["whole and in part"]).start()
    run.adapts_after = 0
    draw = random.Random(1)
    for _ in range(10):
        run.feed(block=b"".join(json.dumps(clean(draw)).encode() + b"\n" for _ in range(10)))
    (adapting,) = run._adapting.values()
    assert 0 == adapting._odd
    assert adapting.code([]).general is not None


def test_a_guess_that_is_wrong_too_often_is_given_up() -> None:
    program = compile_pipeline([{"$group": {"_id": None, "total": {"$sum": "$x"}}}])
    run = program.start()
    run.adapts_after = 0
    run.feed(documents=[{"x": 1}] * 10)
    for _ in range(2):
        run.feed(documents=[{"x": "a"}, {"x": 2}] * 600)
    (adapting,) = run._adapting.values()
    assert adapting.code([]).general is None
    assert [{"_id": None, "total": 10 + 2 * 600 * 2}] == run.finish().documents


UNWOUND = [{"$unwind": "$list"}, {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}, "t": {"$sum": "$list.p"}}}]
KEYS = [1, True, "a", 1.0, None, [1], {"a": 1}, True, "b", False, 0, "a"]
GROUPS = [("'a'", 4), ("1", 2), ("True", 2), ("None", 1), ("[1]", 1), ("{'a': 1}", 1), ("'b'", 1), ("False", 1), ("0", 1)]


def of_keys(*keys):
    return [{"list": [{"k": key, "n": 1, "p": 0.5} for key in keys]}]


def state_of(run):
    return [(name, *row) for name, rows in run.state_delta().items() for row in rows.items()]


def adapted_to_texts(state=()):
    run = compile_pipeline(UNWOUND).start(once=True)
    run.restore(state)
    run.adapts_after = 0
    for _ in range(2):
        run.feed(documents=of_keys("a"))
    return run


def test_a_key_that_is_no_text_finds_no_group_of_another_key() -> None:
    run = adapted_to_texts()
    for key in KEYS:
        run.feed(documents=of_keys(key))
    assert GROUPS == [(repr(row["_id"]), row["n"]) for row in run.finish().documents]


def test_nor_among_the_elements_of_one_document() -> None:
    run = adapted_to_texts()
    run.feed(documents=of_keys(*KEYS))
    assert GROUPS == [(repr(row["_id"]), row["n"]) for row in run.finish().documents]


def test_nor_after_a_restart() -> None:
    before = compile_pipeline(UNWOUND).start()
    before.feed(documents=of_keys(1))
    run = adapted_to_texts(state_of(before))
    run.feed(documents=of_keys(True))
    assert [("1", 1), ("'a'", 2), ("True", 1)] == [(repr(row["_id"]), row["n"]) for row in run.finish().documents]


def test_nor_behind_a_document_that_takes_the_general_code() -> None:
    run = adapted_to_texts()
    run.feed(documents=[*of_keys("a"), {"list": {"k": 1, "n": 1, "p": 0.5}}, *of_keys(True)])
    assert [("'a'", 3), ("1", 1), ("True", 1)] == [(repr(row["_id"]), row["n"]) for row in run.finish().documents]


def test_a_string_of_a_class_of_its_own_is_a_key_like_the_string() -> None:
    class Text(str):
        __slots__ = ()

    run = adapted_to_texts()
    run.feed(documents=of_keys(Text("b"), "b", Text("a")))
    assert [("a", 3), ("b", 2)] == [(row["_id"], row["n"]) for row in run.finish().documents]


def test_a_key_that_is_null_again_is_no_text_to_what_else_is_computed_of_it() -> None:
    after = {"$sum": {"$cond": [{"$gte": ["$list.k", "b"]}, "$list.n", 0]}}
    run = compile_pipeline(
        [{"$unwind": "$list"}, {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}, "after": after}}]
    ).start(once=True)
    run.adapts_after = 0
    for keys in (["b"], ["b"], [None], [None]):
        run.feed(documents=of_keys(*keys))
    assert [("b", 2, 2), (None, 2, 0)] == [tuple(row.values()) for row in run.finish().documents]


def test_a_key_without_a_hash_is_a_key_like_any_other() -> None:
    run = adapted_to_texts()
    run.feed(documents=of_keys(memoryview(bytearray(b"z")), "a"))
    assert [("a", 3), (b"z", 1)] == [
        (key if (key := row["_id"]) == "a" else bytes(key), row["n"]) for row in run.finish().documents
    ]


class Colour(str, Enum):  # noqa: UP042  # what such a member calls itself is not its text
    RED = "red"


@pytest.mark.parametrize("first", ["red", Colour.RED])
def test_a_member_of_an_enum_of_texts_is_the_same_key_after_a_restart(first) -> None:
    program = compile_pipeline([{"$group": {"_id": "$k", "n": {"$sum": 1}}}])
    before, after = program.start(), program.start()
    before.feed(documents=[{"k": first}])
    after.restore(state_of(before))
    after.feed(documents=[{"k": Colour.RED}, {"k": "red"}])
    assert [{"_id": "red", "n": 3}] == after.finish().documents
