"""A run that ends with the first failure, as ``aggregate`` has it, answers as any other run does, and fails where that fails."""

import random
import sys
from pathlib import Path

import pytest

from fluxion_core import compile_pipeline

sys.path.insert(0, str(Path(__file__).parent))
from test_adapting import PIPELINES, clean, spoiled
from test_likely import TOTALS, lines, whole


def until_failure(run, batches, form):
    """Return what came of every batch, up to the first failure."""
    found = []
    for batch in batches:
        output = run.feed(documents=batch) if form == "documents" else run.feed(block=lines(batch))
        if output.failures:
            first = output.failures[0]
            return found, (first.index, first.stage, first.path, str(first.error))
        found.append(output.json_lines())
    return found, run.finish().json_lines()


def started(program, emit, *, once, after):
    run = program.start(emit=emit, once=once)
    run.adapts_after = after
    return run


@pytest.mark.parametrize("form", ["documents", "block"])
@pytest.mark.parametrize("emit", ["final", "each"])
@pytest.mark.parametrize("name", PIPELINES)
def test_a_run_that_ends_with_the_first_failure_answers_as_any_other(name: str, emit: str, form: str) -> None:
    draw = random.Random(f"{name} {emit} {form}")
    program = compile_pipeline(PIPELINES[name])
    for kinds in ([clean, whole], [clean, clean, clean, clean, spoiled]):
        for _ in range(8):
            batches = [[clean(draw) for _ in range(40)], *([draw.choice(kinds)(draw) for _ in range(4)] for _ in range(12))]
            expected = until_failure(started(program, emit, once=False, after=10**9), batches, form)
            assert expected == until_failure(started(program, emit, once=True, after=0), batches, form)


def test_elements_are_asked_one_by_one_and_no_change_is_noted_or_counted() -> None:
    draw = random.Random(1)
    run = started(compile_pipeline(TOTALS), "final", once=True, after=0)
    for _ in range(2):
        run.feed(documents=[clean(draw) for _ in range(40)])
    (adapting,) = run._adapting.values()
    text = adapting.code([]).written.text
    assert 1 == text.count("for e")
    assert "todo" not in text
    assert "touched(g)" not in text
    assert "+= len(" not in text


def test_elements_that_are_no_documents_and_documents_of_a_class_of_their_own_are_answered_as_ever() -> None:
    class Ordered(dict):
        """A document that some library made."""

    elements = [
        {"k": "a", "n": 2, "p": 1.5},
        Ordered(k="a", n=1, p=2.0),
        {"k": "b"},
        5,
        "text",
        None,
        [{"k": "a"}],
        {"n": 2**70, "p": 1},
    ]
    batches = [
        [{"list": [{"k": "a", "n": 1, "p": 0.5}]}] * 40,
        [{"list": [element]} for element in elements] + [{"list": elements[:4]}],
    ]
    stages = [
        TOTALS[0],
        {"$group": {"_id": "$list.k", "n": {"$sum": "$list.n"}, "m": {"$max": "$list.p"}, "l": {"$min": "$list.p"}}},
    ]
    program = compile_pipeline(stages)
    expected = until_failure(started(program, "final", once=False, after=10**9), batches, "documents")
    assert expected == until_failure(started(program, "final", once=True, after=0), batches, "documents")
