"""``$subPipeline``: pipelines within a pipeline, one after the other or side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core import CompileError, EvaluationError, Operator, aggregate, compile_pipeline
from fluxion_core.errors import RecordError
from fluxion_core.spi import StateRows

DOUBLE = [{"$set": {"n": {"$multiply": ["$n", 2]}}}]
POSITIVE = [{"$match": {"n": {"$gt": 0}}}]
ONCE_PER_ITEM = [{"$unwind": "$items"}]
NAMED = {"double": DOUBLE, "positive": POSITIVE, "both": [{"$subPipeline": {"pipelines": ["positive", "double"]}}]}


def result(documents, stages=(), **spec):
    return list(aggregate(documents, [{"$subPipeline": spec}, *stages], pipelines=NAMED))


def problems(stages, **arguments):
    with pytest.raises(CompileError) as caught:
        compile_pipeline(stages, **{"pipelines": NAMED, **arguments})
    return [str(problem) for problem in caught.value.problems]


# one after the other


@pytest.mark.parametrize("pipelines", [["positive", "double"], [POSITIVE, DOUBLE], {"a": "positive", "b": DOUBLE}, ["both"]])
def test_the_output_of_each_is_the_input_of_the_next(pipelines):
    assert [{"n": 2}, {"n": 4}] == result([{"n": 1}, {"n": -1}, {"n": 2}], pipelines=pipelines)


def test_stages_that_need_the_whole_input_have_it():
    pipelines = [[{"$sort": {"n": -1}}, {"$limit": 3}], [{"$group": {"_id": None, "sum": {"$sum": "$n"}}}]]
    assert [{"_id": None, "sum": 9}] == result([{"n": 1}, {"n": 4}, {"n": 2}, {"n": 3}], pipelines=pipelines)


def test_two_limits_and_two_groups_count_each_for_itself():
    pipelines = [
        [{"$limit": 4}, {"$skip": 1}],
        [{"$group": {"_id": "$n", "c": {"$sum": 1}}}, {"$group": {"_id": "$c", "d": {"$sum": 1}}}],
    ]
    assert [{"_id": 1, "d": 3}] == result([{"n": n} for n in range(9)], pipelines=pipelines)


def test_the_code_is_that_of_the_stages_written_in_place():
    apart = compile_pipeline([{"$subPipeline": {"pipelines": [POSITIVE, DOUBLE]}}])
    assert compile_pipeline([*POSITIVE, *DOUBLE]).source == apart.source


def test_globals_are_constants_of_these_pipelines_only():
    stage = [{"$set": {"rate": "$$rate"}}]
    assert [{"rate": 2}] == result([{}], pipelines=[stage], globals={"rate": 2})
    assert ["stages[1].$set.rate: unknown variable '$$rate'; declare it under variables:"] == problems(
        [{"$subPipeline": {"pipelines": [stage], "globals": {"rate": 2}}}, *stage]
    )


def test_an_inner_global_hides_an_outer_one():
    inner = {"$subPipeline": {"pipelines": [[{"$set": {"a": "$$x"}}]], "globals": {"x": 2}}}
    assert [{"a": 2, "b": 1}] == result([{}], pipelines=[[inner, {"$set": {"b": "$$x"}}]], globals={"x": 1})


def test_an_error_names_the_place_within():
    with pytest.raises(EvaluationError, match=r"stages\[0\]\.\$subPipeline\.pipelines\[1\]\[0\]\.\$set\.n\.\$multiply: "):
        result([{"n": "x"}], pipelines=[[], DOUBLE])


# side by side


def side_by_side(documents, merge, pipelines, **more):
    return result(documents, parallel=True, merge=merge, pipelines=pipelines, **more)


def test_concat_gives_the_results_of_every_document_pipeline_by_pipeline():
    assert [{"n": 1}, {"n": 2}, {"n": 2}, {"n": 4}] == side_by_side([{"n": 1}, {"n": 2}], "concat", [POSITIVE, "double"])


def test_zip_makes_one_document_of_the_first_ones_and_one_of_the_second_ones():
    pipelines = [ONCE_PER_ITEM, [{"$project": {"total": {"$sum": "$items"}, "items": "all"}}]]
    assert [{"items": "all", "total": 3}, {"items": 2}] == side_by_side([{"items": [1, 2]}], "zip", pipelines)


def test_facet_gives_an_array_for_each_name():
    expected = [{"positive": [{"n": 1}], "twice": [{"n": 2}]}, {"positive": [], "twice": [{"n": -2}]}]
    assert expected == side_by_side([{"n": 1}, {"n": -1}], "facet", {"positive": "positive", "twice": DOUBLE})
    assert expected[0]["positive"] == side_by_side([{"n": 1}], "facet", ["positive"])[0]["positive"]


def test_every_pipeline_sees_the_document_as_it_came_in():
    document = {"n": 1, "deep": {"x": 1}}
    pipelines = [[{"$set": {"deep.x": 2}}], [{"$set": {"deep.y": 3}}]]
    assert [{"n": 1, "deep": {"x": 2}}, {"n": 1, "deep": {"x": 1, "y": 3}}] == side_by_side([document], "concat", pipelines)
    assert {"n": 1, "deep": {"x": 1}} == document


def test_a_join_may_stand_side_by_side():
    lookup = [{"$lookup": {"from": "c", "localField": "n", "foreignField": "_id", "as": "c"}}]
    stages = [{"$subPipeline": {"parallel": True, "pipelines": [lookup, []]}}]
    assert [{"n": 1, "c": [{"_id": 1}]}, {"n": 1}] == list(aggregate([{"n": 1}], stages, collections={"c": [{"_id": 1}]}))


# errors


BAD = [{"n": 1}, {"n": "x"}, {"n": 2}]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(("on_error", "kept"), [("discard", []), ("keep", [{"n": "x"}])])
def test_on_error_says_what_becomes_of_a_document_at_fault(parallel, on_error, kept):
    assert [{"n": 2}, *kept, {"n": 4}] == result(BAD, pipelines=[DOUBLE], onError=on_error, parallel=parallel)


@pytest.mark.parametrize("parallel", [False, True])
def test_without_it_the_error_is_that_of_the_record(parallel):
    stage = {"$subPipeline": {"pipelines": [DOUBLE], "parallel": parallel}}
    output = compile_pipeline([stage]).start().feed(documents=BAD)
    assert ([{"n": 2}, {"n": 4}], [1]) == (output.documents, [failure.index for failure in output.failures])
    assert output.failures[0].path == "stages[0].$subPipeline.pipelines[0][0].$set.n.$multiply"


# the outside world


def asked(calls, _context):
    return [RecordError("no answer") if call[0] == "x" else call[0] * 10 for call in calls]


ASK = Operator(name="$ask", pure=False, evaluate_batch=asked)


@pytest.mark.parametrize(("on_error", "kept"), [("discard", []), ("keep", [{"n": "x"}])])
def test_what_the_outside_world_answers_is_put_together_too(on_error, kept):
    stages = [{"$subPipeline": {"parallel": True, "onError": on_error, "pipelines": [[{"$set": {"a": {"$ask": "$n"}}}], []]}}]
    got = compile_pipeline(stages, operators=[ASK]).start().feed(documents=[{"n": 1}, {"n": "x"}])
    assert [{"n": 1, "a": 10}, {"n": 1}, *kept] == got.documents
    assert [] == got.failures


def test_an_answer_that_fails_is_the_error_of_its_record():
    stages = [{"$subPipeline": {"parallel": True, "pipelines": [[{"$set": {"a": {"$ask": "$n"}}}]]}}]
    got = compile_pipeline(stages, operators=[ASK]).start().feed(documents=[{"n": 1}, {"n": "x"}])
    assert [(1, "no answer")] == [(failure.index, str(failure.error)) for failure in got.failures]


def test_what_fails_beside_an_answer_behind_a_sort_fails_with_its_path():
    stages = [{"$sort": {"n": 1}}, {"$set": {"a": {"$ask": "$n"}}}, {"$set": {"b": {"$divide": [10, "$a"]}}}]
    run = compile_pipeline(stages, operators=[ASK]).start()
    run.feed(documents=[{"n": 1}, {"n": 0}])
    got = run.finish()
    assert [{"n": 1, "a": 10, "b": 1.0}] == got.documents
    assert ["stages[2].$set.b.$divide: can't $divide by zero"] == [str(failure.error) for failure in got.failures]


# streaming


PIPELINES = [
    {"pipelines": ["positive", [{"$group": {"_id": {"$mod": ["$n", 3]}, "n": {"$sum": "$n"}}}], "double"]},
    {"pipelines": [[{"$skip": 1}], [{"$limit": 5}, {"$sort": {"n": 1}}]]},
    {"pipelines": [POSITIVE, DOUBLE], "parallel": True},
    {"pipelines": {"a": DOUBLE, "b": "both"}, "parallel": True, "merge": "facet"},
    {"pipelines": [DOUBLE, [{"$set": {"m": "$n"}}]], "onError": "keep"},
]


@pytest.mark.parametrize("spec", PIPELINES)
@given(numbers=st.lists(st.integers(-5, 5), max_size=12), size=st.integers(1, 5), restart=st.integers(0, 12))
def test_the_cut_into_batches_and_a_restart_change_nothing(spec, numbers, size, restart):
    documents = [{"n": n} for n in numbers]
    stages = [{"$subPipeline": spec}]
    program = compile_pipeline(stages, pipelines=NAMED)
    run, rows, got = program.start(), [], []
    for start in range(0, len(documents), size):
        got += run.feed(documents=documents[start : start + size]).documents
        rows += StateRows(run.state_delta())
        if start <= restart < start + size:
            run = program.start()
            run.restore(rows)
    assert list(aggregate(documents, stages, pipelines=NAMED)) == got + run.finish().documents


def test_the_fingerprint_of_the_state_follows_the_pipeline_behind_a_name():
    stages = [{"$subPipeline": {"pipelines": ["count"]}}]
    one, other = (
        compile_pipeline(stages, pipelines={"count": [{"$group": {"_id": key, "n": {"$sum": 1}}}]}).fingerprints
        for key in ("$a", "$b")
    )
    assert one.keys() == other.keys() == {"stages[0].$subPipeline"}
    assert one != other


# problems


@pytest.mark.parametrize(
    ("spec", "letter"),
    [
        ({"pipelines": ["dobule"]}, ".pipelines[0]: no pipeline is called 'dobule'; did you mean 'double'?"),
        (
            {"pipelines": []},
            ".pipelines: one or more pipelines were expected, not []; write [name, [stage, ...]] or {name: [stage, ...]}",
        ),
        (
            {"pipelines": [DOUBLE], "merge": "zip"},
            ".merge: merge says how parallel pipelines are put together; add parallel: true",
        ),
        ({"pipelines": [DOUBLE], "parallel": 1}, ".parallel: true or false was expected, not 1"),
        ({"pipelines": [DOUBLE], "onError": "skip"}, ".onError: unknown word 'skip'; one of error, discard, keep"),
        ({"pipelines": [[{"$out": "x"}]]}, ".pipelines[0][0]: $out cannot stand within a stage"),
    ],
)
def test_a_wrong_spec_is_a_problem(spec, letter):
    assert f"stages[0].$subPipeline{letter}" in problems([{"$subPipeline": spec}])


@pytest.mark.parametrize(
    "stage",
    [
        {"$group": {"_id": None}},
        {"$sort": {"n": 1}},
        {"$limit": 1},
        {"$facet": {"a": []}},
        {"$unionWith": {"pipeline": [{"$documents": []}]}},
    ],
)
@pytest.mark.parametrize("more", [{"parallel": True}, {"onError": "keep"}])
def test_stages_that_look_at_several_documents_are_refused_where_each_is_alone(stage, more):
    name = next(iter(stage))
    letter = "looks at more than one document, and every document is alone here"
    found = problems([{"$subPipeline": {"pipelines": [[stage]], **more}}])
    assert any(problem.startswith(f"stages[0].$subPipeline.pipelines[0][0].{name}: {letter}") for problem in found)


@pytest.mark.parametrize(
    "pipelines",
    [
        {"a": [{"$subPipeline": {"pipelines": ["a"]}}]},
        {"a": [{"$subPipeline": {"pipelines": ["b"]}}], "b": [{"$subPipeline": {"pipelines": ["a"]}}]},
    ],
)
def test_a_pipeline_that_calls_itself_is_a_problem(pipelines):
    (problem,) = problems([{"$subPipeline": {"pipelines": ["a"]}}], pipelines=pipelines)
    assert problem.endswith(": pipeline 'a' calls itself; a pipeline may only call others")


def test_facet_needs_names():
    spec = {"parallel": True, "merge": "facet", "pipelines": [DOUBLE]}
    letter = "facet needs the name of a field for every pipeline; this one has none; write {name: [stage, ...]}"
    assert [f"stages[0].$subPipeline.pipelines[0]: {letter}"] == problems([{"$subPipeline": spec}])


def test_facet_needs_a_name_for_itself_of_every_pipeline():
    spec = {"parallel": True, "merge": "facet", "pipelines": ["double", "positive", "double"]}
    expected = "stages[0].$subPipeline.pipelines[2]: facet already has a field 'double'; write {name: [stage, ...]}"
    assert [expected] == problems([{"$subPipeline": spec}])


def test_an_empty_name_is_no_name_for_facet():
    spec = {"parallel": True, "merge": "facet", "pipelines": {"": "double"}}
    (problem,) = problems([{"$subPipeline": spec}])
    assert problem.startswith(
        "stages[0].$subPipeline.pipelines.: facet needs the name of a field for every pipeline; '' is none"
    )


@pytest.mark.parametrize("stage", [{"$facet": {"b": []}}, {"$documents": []}])
def test_what_may_not_stand_in_a_facet_stands_in_no_pipeline_within_it(stage) -> None:
    inner = {"$subPipeline": {"pipelines": [[stage]]}}
    with pytest.raises(CompileError, match=r"cannot stand within \$facet"):
        list(aggregate([], [{"$facet": {"a": [inner]}}]))
