"""What holds for every pipeline and every document. ``FLUXION_RANDOM_PIPELINES`` sets how many are drawn (2,000)."""

import ast
import copy
import functools
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.operators import Operator
from fluxion_core.language.query import EXAMPLES as QUERY_EXAMPLES
from fluxion_core.language.query import QUERIES
from fluxion_core.language.stages import STAGES
from fluxion_core.language.stages.window_examples import WINDOW_EXAMPLES
from fluxion_core.spi import StateRows

sys.path.insert(0, str(Path(__file__).parent))
from random_pipelines import COLLECTIONS, document, pipeline

COUNT = int(os.environ.get("FLUXION_RANDOM_PIPELINES", "2000"))


def shown(rows):
    return repr(rows)


def outcome(program, chunks):
    run = program.start()
    rows = []
    for chunk in chunks:
        output = run.feed(documents=chunk)
        if output.failures:
            return "failed"
        rows += output.documents
    output = run.finish()
    return "failed" if output.failures else shown(rows + output.documents)


def compiled(draw, count, make=pipeline):
    """Yield *count* pipelines that do not look at the clock, each with its program; those that are refused are left out."""
    found = 0
    for _ in range(count):
        stages = make(draw)
        if "$$NOW" in str(stages):
            continue
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError:
            continue
        found += 1
        yield stages, program
    assert found > count / 2, "too few pipelines to say anything"


def test_nothing_is_raised_but_what_is_promised_and_no_input_is_changed() -> None:
    draw = random.Random(1)
    ran = 0
    refused = []
    for _ in range(COUNT):
        stages, documents = pipeline(draw, chance=True), [document(draw) for _ in range(3)]
        before = copy.deepcopy(documents)
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError as error:
            refused.append(error)
            continue
        run = program.start()
        for output in (run.feed(documents=documents), run.finish()):
            assert all(isinstance(failure.error, EvaluationError) for failure in output.failures)
            output.json_lines()
        ran += 1
        assert shown(before) == shown(documents), stages
    assert ran > COUNT / 5
    assert all(problem.path.startswith("stages") for error in refused for problem in error.problems)


def test_every_record_has_one_fate() -> None:
    draw = random.Random(6)
    for stages, program in compiled(draw, COUNT // 4, lambda draw: [{"$unwind": "$b"}] * draw.randrange(2) + pipeline(draw)):
        output = program.start().feed(documents=[document(draw) for _ in range(6)])
        failed = {failure.index for failure in output.failures if failure.index is not None}
        assert 6 == output.passed + output.filtered + len(failed), stages


def test_any_cut_into_batches_gives_the_same_result() -> None:
    draw = random.Random(2)
    answered = 0
    for stages, program in compiled(draw, COUNT // 4):
        documents, cut = [document(draw) for _ in range(6)], draw.randrange(7)
        whole = outcome(program, [documents])
        answered += whole not in {"failed", "[]"}
        assert whole == outcome(program, [documents[:cut], documents[cut:]]), stages
        assert whole == outcome(program, [[one] for one in documents]), stages
    assert answered > COUNT / 20


def test_the_state_of_a_run_can_be_put_into_another_one() -> None:
    draw = random.Random(3)
    kept = 0
    for stages, program in compiled(draw, COUNT // 4):
        documents, first = [document(draw) for _ in range(6)], program.start()
        output = first.feed(documents=documents[:3])
        if output.failures:
            continue
        second = program.start()
        delta = first.state_delta()
        kept += bool(delta)
        second.restore(StateRows(delta))
        rows = shown(output.documents)
        got, expected = second.feed(documents=documents[3:]), first.feed(documents=documents[3:])
        assert shown(expected.documents) == shown(got.documents), (stages, rows)
        assert shown(first.finish().documents) == shown(second.finish().documents), stages
    assert kept > COUNT / 20


def test_bytes_give_what_documents_give() -> None:
    draw = random.Random(4)
    plain = [
        {"a": 1, "b": {"c": [1, 2.5, "x"]}},
        {"a": None, "c": "y", "d": [{"a": 1}]},
        {},
        {"b": [{"c": 1}, {"c": 2}], "a": [1, 2]},
    ]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in plain)
    for stages, program in compiled(draw, COUNT // 4):
        one, other = program.start(), program.start()
        from_documents, from_bytes = one.feed(documents=copy.deepcopy(plain)), other.feed(block=lines)
        assert [failure.index for failure in from_documents.failures] == [failure.index for failure in from_bytes.failures], (
            stages
        )
        assert (from_documents.passed, from_documents.filtered) == (from_bytes.passed, from_bytes.filtered), stages
        decode = Decoder(None)
        expected = (
            decode.block(from_documents.json_lines(), None).documents + decode.block(one.finish().json_lines(), None).documents
        )
        found = (
            decode.block(from_bytes.json_lines(), None).documents + decode.block(other.finish().json_lines(), None).documents
        )
        assert expected == found, stages


RENAMED = {
    "a": "Ä'\"\\\n", "b": "__import__", "c": "k0", "d": "lambda x", "x": "for", "y": "d", "one": "1e", "two": "2",
    "abc": "q'''{v1}", "others": "import os", "nowhere": "#",
}  # fmt: skip
"""Fields and variables; and a text that is compared, and the names of collections."""


def renamed(spec):
    """Return *spec* with every name that a user gave replaced, in paths and in strings too."""
    if isinstance(spec, dict):
        return {renamed(name): renamed(value) for name, value in spec.items()}
    if isinstance(spec, list):
        return [renamed(item) for item in spec]
    if not isinstance(spec, str):
        return spec
    variable, dot, path = spec.partition(".") if spec.startswith("$$") else ("", "", spec)
    sign, path = ("$", path[1:]) if path.startswith("$") else ("", path)
    named = {"$$y": "$$d"}.get(variable, variable)
    return named + dot + sign + ".".join(RENAMED.get(name, name) for name in path.split("."))


def test_renaming_everything_leaves_the_source_as_it_is() -> None:
    draw = random.Random(5)
    for stages, program in compiled(draw, COUNT // 4):
        assert program.source == compile_pipeline(renamed(stages), collections=renamed(COLLECTIONS)).source, stages


def test_generated_code_imports_and_calls_nothing_by_a_name_of_python() -> None:
    draw = random.Random(7)
    banned = {"open", "exec", "eval", "compile", "__import__", "getattr", "globals", "vars"}
    for _, program in compiled(draw, COUNT // 10):
        tree = ast.parse(program.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not banned & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


HARMLESS = {"object.__getattr__", "builtins.id", "sys._getframe"}
"""What a running program may ask of Python: the frames of an error, to name its place, and which of two objects is which."""
SEEN: list[str] = []
WATCHING: list[bool] = []


@functools.cache
def audited() -> None:
    """Add the hook, which no process can take away again."""
    sys.addaudithook(lambda event, _: SEEN.append(event) if WATCHING and event not in HARMLESS else None)


def reached(program, documents):
    """Return what a run of *program* asks of the machine; it ran before, for what is loaded once."""
    audited()
    SEEN.clear()
    for watched in (False, True):
        run = program.start()
        WATCHING.extend([True] * watched)
        try:
            run.feed(documents=documents)
            run.finish()
        finally:
            WATCHING.clear()
    return SEEN


def test_generated_code_reaches_nothing() -> None:
    draw = random.Random(6)
    for stages, program in compiled(draw, COUNT // 10):
        assert [] == reached(program, [document(draw) for _ in range(3)]), stages


def late(name, spec):
    """Return *spec* with arguments that hang on the document, so that nothing is computed when it is compiled."""
    given, operator = spec.get(name), OPERATORS[name]
    if not isinstance(operator, Operator):
        return spec
    if isinstance(given, dict) and operator.named:
        return {name: {argument: {"$ifNull": ["$nowhere", value]} for argument, value in given.items()}}
    return {name: [{"$ifNull": ["$nowhere", value]} for value in (given if isinstance(given, list) else [given])]}


@pytest.mark.parametrize("name", sorted({*OPERATORS} - {"$function"}))
def test_no_operator_reaches_anything(name) -> None:
    for example in OPERATORS[name].examples:
        program = compile_pipeline([{"$set": {"x": late(name, example.expression)}}])
        assert [] == reached(program, [dict(example.document)]), example


@pytest.mark.parametrize("name", sorted(ACCUMULATORS))
def test_no_accumulator_reaches_anything(name) -> None:
    for example in ACCUMULATORS[name].examples:
        program = compile_pipeline([{"$group": {"_id": None, "x": example.expression}}])
        assert [] == reached(program, list(map(dict, example.documents))), example


@pytest.mark.parametrize(
    "example",
    [*QUERY_EXAMPLES.values(), *WINDOW_EXAMPLES.values(), *(one for form in STAGES.values() for one in form.examples)],
)
def test_no_stage_query_or_window_function_reaches_anything(example) -> None:
    program = compile_pipeline(example.expression, collections={})
    assert [] == reached(program, list(map(dict, example.documents)))


def test_the_hook_sees_what_an_operator_of_a_stranger_reaches() -> None:
    def read(_value):
        Path(__file__).open(encoding="utf-8").close()

    program = compile_pipeline([{"$set": {"x": {"$read": "$a"}}}], operators=[Operator(name="$read", function=read)])
    assert ["open"] == reached(program, [{"a": 1}])


@given(st.lists(st.integers(-5, 5)), st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_limit_and_skip_count_over_the_whole_input(numbers, limit, skip) -> None:
    documents = [{"n": number} for number in numbers]
    got = list(aggregate(documents, [{"$match": {"n": {"$gte": 0}}}, {"$skip": skip}, {"$limit": limit}]))
    assert [one for one in documents if one["n"] >= 0][skip : skip + limit] == got


def test_random_pipelines_hold_every_operator_query_accumulator_and_stage() -> None:
    draw, written = random.Random(9), set()
    for _ in range(4000):
        written |= names(pipeline(draw, chance=True))
    assert set() == {*OPERATORS, *ACCUMULATORS, *QUERIES, *STAGES} - written


def names(spec: object) -> set[str]:
    """Return the keys of *spec* and of all that it holds."""
    if isinstance(spec, dict):
        return {*spec, *(name for value in spec.values() for name in names(value))}
    return {name for item in spec for name in names(item)} if isinstance(spec, list) else set()


def test_the_source_is_the_same_in_every_process() -> None:
    stages = [{"$match": {"b": 1, "c": {"$in": [1, "x", None]}}}, {"$project": {"c": 0, "d": 0}}, {"$unset": ["b", "a", "x.y"]}]
    program = f"from fluxion_core import compile_pipeline; print(compile_pipeline({stages!r}).source)"
    sources = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "12345678"
    }
    assert len(sources) == 1
