"""Documents whose classes the decoder looks at are answered as all others are, and odd ones among them cost no more than themselves."""

import json
import random
import sys
from pathlib import Path

import pytest

from fluxion_core import compile_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from test_adapting import PIPELINES, clean, outcomes

WHOLE = [0, 3, -7, 2**53 + 1, 2**63 - 1, -(2**63)]
TOTALS = [{"$unwind": "$list"}, {"$group": {"_id": "$list.k", "t": {"$sum": {"$multiply": ["$list.n", "$list.p"]}}, "m": {"$max": "$list.p"}}}]  # fmt: skip


def whole(draw):
    """Return a clean document that has whole numbers where floats were likely: the decoder lets it pass."""
    found = clean(draw)
    for item in found["list"]:
        item["p"] = draw.choice([item["p"], *WHOLE])
        item["n"] = draw.choice([item["n"], *WHOLE])
    found["y"] = draw.choice([found["y"], *WHOLE])
    return found


def lines(documents):
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def adapted(stages, documents):
    """Return a run that was written for *documents*, and what chooses its code."""
    run = compile_pipeline(stages).start()
    run.adapts_after = 0
    run.feed(block=lines(documents))
    (adapting,) = run._adapting.values()
    return run, adapting


@pytest.mark.parametrize("form", ["payloads", "block"])
@pytest.mark.parametrize("emit", ["final", "each"])
@pytest.mark.parametrize("name", PIPELINES)
def test_whole_numbers_among_floats_are_answered_as_ever(name: str, emit: str, form: str) -> None:
    draw = random.Random(f"{name} {emit} {form}")
    program = compile_pipeline(PIPELINES[name])
    batches = [[clean(draw) for _ in range(40)], *([draw.choice([clean, whole])(draw) for _ in range(8)] for _ in range(60))]
    assert outcomes(program, batches, emit, 10**9, form) == outcomes(program, batches, emit, 0, form)


def test_the_code_for_decoded_classes_asks_for_floats_alone() -> None:
    draw = random.Random(1)
    _, adapting = adapted(PIPELINES["group by two"], [clean(draw) for _ in range(40)])
    assert 1 == adapting.decoded().written.text.count(".__class__ is not")  # y


def test_an_unwound_array_is_not_looked_at_ahead() -> None:
    draw = random.Random(1)
    _, adapting = adapted(TOTALS, [clean(draw) for _ in range(40)])
    assert 1 == adapting.decoded().written.text.count("for e")
    assert "todo" not in adapting.decoded().written.text


def test_renamed_fields_give_the_same_text() -> None:
    draw = random.Random(1)
    documents = [clean(draw) for _ in range(40)]
    renamed = json.loads(json.dumps(documents).replace('"list"', '"items"').replace('"p"', '"price"'))
    stages = json.loads(json.dumps(TOTALS).replace("$list", "$items").replace(".p", ".price"))
    _, first = adapted(TOTALS, documents)
    _, second = adapted(stages, renamed)
    assert first.decoded().written.text == second.decoded().written.text


def test_a_batch_that_is_not_what_was_likely_is_decoded_again() -> None:
    run, adapting = adapted(TOTALS, [{"list": [{"k": "a", "n": 2, "p": 1.5}]}] * 10)
    run.feed(block=lines([{"list": [{"k": "a", "n": 2, "p": 1.5}]}, {"list": {"k": "b", "n": 3, "p": 2}}, {"list": 5}, {}]))
    assert (1, 1) == (adapting._tried, adapting._failed)
    rows = {row["_id"]: row for row in run.finish().documents}
    assert {"_id": "a", "t": 33.0, "m": 1.5} == rows["a"]
    assert {"_id": "b", "t": 6, "m": 2} == rows["b"]
    assert {"_id": None, "t": 0, "m": None} == rows[None]


def test_where_odd_batches_are_many_nothing_is_taken_for_likely_for_a_while() -> None:
    good, odd = {"list": [{"k": "a", "n": 2, "p": 1.5}]}, {"list": [{"k": "a", "n": "x", "p": 1.5}]}
    run, adapting = adapted([TOTALS[0], {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}}}], [good] * 10)
    for _ in range(4):
        run.feed(block=lines([good] * 99 + [odd]))
    assert adapting.decoded() is None
    for _ in range(60):
        run.feed(block=lines([good] * 10))
    assert adapting.decoded() is not None
    assert [{"_id": "a", "n": 2 * (10 + 4 * 99 + 60 * 10)}] == run.finish().documents


def test_a_line_that_is_wrong_is_refused_as_ever() -> None:
    good = {"list": [{"k": "a", "n": 2, "p": 1.5}]}
    run, _ = adapted(TOTALS, [good] * 10)
    payloads = [json.dumps(good).encode(), b'{"list": [{"k": "a"', b"[]", b'{"list": [], "other": "\xff"}']
    refused = [(1, "the record is not JSON"), (2, "the record is no JSON object"), (3, "the record is not UTF-8")]
    by_payload = run.feed(payloads=payloads).failures
    assert refused == [(failure.index, str(failure.error).split(":")[0]) for failure in by_payload]
    by_block = run.feed(block=b"".join(payload + b"\n" for payload in payloads)).failures
    assert refused == [(failure.index, str(failure.error).split(":")[0]) for failure in by_block]


def test_an_empty_array_that_is_preserved_is_nothing_odd() -> None:
    stages = [
        {"$unwind": {"path": "$list", "preserveNullAndEmptyArrays": True}},
        {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}}},
    ]
    run, _ = adapted(stages, [{"list": [{"k": "a", "n": 2}]}] * 40)
    run.feed(block=lines([{"list": [{"k": "a", "n": 2}]}, {"list": []}, {"list": None}, {}]))
    assert [{"_id": "a", "n": 82}, {"_id": None, "n": 0}] == run.finish().documents


def test_numbers_of_both_classes_are_likely_to_be_numbers() -> None:
    documents = [{"list": [{"k": "a", "n": 2, "p": 1.5}, {"k": "a", "n": 1, "p": 3}]}] * 10
    run, adapting = adapted(TOTALS, documents)
    assert "number" == adapting._classes["list", None, "p"]
    assert "todo" not in adapting.code([]).written.text  # nothing can fail
    run.feed(block=lines(documents))
    run.feed(documents=documents)
    assert [{"_id": "a", "t": 180.0, "m": 3}] == run.finish().documents
