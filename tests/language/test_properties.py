"""What holds for every pipeline and every document. ``FLUXION_RANDOM_PIPELINES`` sets how many are drawn (2,000)."""

import ast
import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.query import QUERIES
from fluxion_core.language.stages import STAGES
from fluxion_core.spi import StateRows

sys.path.insert(0, str(Path(__file__).parent))
from random_pipelines import COLLECTIONS, document, pipeline

COUNT = int(os.environ.get("FLUXION_RANDOM_PIPELINES", "2000"))
DETERMINISTIC = {"$$NOW"}


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
    for _ in range(COUNT // 4):
        stages, documents = [{"$unwind": "$b"}] * draw.randrange(2) + pipeline(draw), [document(draw) for _ in range(6)]
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError:
            continue
        output = program.start().feed(documents=documents)
        failed = {failure.index for failure in output.failures if failure.index is not None}
        assert 6 == output.passed + output.filtered + len(failed), stages


def test_any_cut_into_batches_gives_the_same_result() -> None:
    draw = random.Random(2)
    for _ in range(COUNT // 4):
        stages, documents = pipeline(draw), [document(draw) for _ in range(6)]
        if "$$NOW" in str(stages):
            continue
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError:
            continue
        whole = outcome(program, [documents])
        cut = draw.randrange(7)
        assert whole == outcome(program, [documents[:cut], documents[cut:]]), stages
        assert whole == outcome(program, [[one] for one in documents]), stages


def test_the_state_of_a_run_can_be_put_into_another_one() -> None:
    draw = random.Random(3)
    for _ in range(COUNT // 4):
        stages, documents = pipeline(draw), [document(draw) for _ in range(6)]
        if "$$NOW" in str(stages):
            continue
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError:
            continue
        first = program.start()
        output = first.feed(documents=documents[:3])
        if output.failures:
            continue
        second = program.start()
        second.restore(StateRows(first.state_delta()))
        rows = shown(output.documents)
        got, expected = second.feed(documents=documents[3:]), first.feed(documents=documents[3:])
        assert shown(expected.documents) == shown(got.documents), (stages, rows)
        assert shown(first.finish().documents) == shown(second.finish().documents), stages


def test_bytes_give_what_documents_give() -> None:
    draw = random.Random(4)
    plain = [
        {"a": 1, "b": {"c": [1, 2.5, "x"]}},
        {"a": None, "c": "y", "d": [{"a": 1}]},
        {},
        {"b": [{"c": 1}, {"c": 2}], "a": [1, 2]},
    ]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in plain)
    for _ in range(COUNT // 4):
        stages = pipeline(draw)
        if "$$NOW" in str(stages):
            continue
        try:
            program = compile_pipeline(stages, collections=COLLECTIONS)
        except CompileError:
            continue
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


RENAMED = {"a": "Ä'\"\\\n", "b": "__import__", "c": "k0", "d": "lambda x", "x": "for", "y": "d", "one": "1e", "two": "2"}


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
    compared = 0
    for _ in range(COUNT // 4):
        stages = pipeline(draw)
        try:
            source = compile_pipeline(stages, collections=COLLECTIONS).source
        except CompileError:
            continue
        assert source == compile_pipeline(renamed(stages), collections=COLLECTIONS).source, stages
        compared += 1
    assert compared > COUNT / 20


def test_generated_code_imports_and_calls_nothing_by_a_name_of_python() -> None:
    draw = random.Random(7)
    banned = {"open", "exec", "eval", "compile", "__import__", "getattr", "globals", "vars"}
    for _ in range(COUNT // 10):
        try:
            tree = ast.parse(compile_pipeline(pipeline(draw), collections=COLLECTIONS).source)
        except CompileError:
            continue
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not banned & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_generated_code_reaches_nothing() -> None:
    seen = []
    watching = []

    def hook(event, _arguments) -> None:
        if watching and event in {"import", "open", "exec", "compile", "os.system", "subprocess.Popen", "socket.connect"}:
            seen.append(event)

    sys.addaudithook(hook)
    draw = random.Random(6)
    for _ in range(COUNT // 10):
        try:
            program = compile_pipeline(pipeline(draw), collections=COLLECTIONS)
        except CompileError:
            continue
        documents = [document(draw) for _ in range(3)]
        for attempt in range(2):  # the first loads what is loaded once
            run = program.start()
            if attempt:
                watching.append(True)
            run.feed(documents=documents)
            run.finish()
            watching.clear()
    assert [] == [event for event in seen if event != "import"]


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
