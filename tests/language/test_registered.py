"""``$function`` and ``$accumulator`` call what the host registered, and run no code."""

import pytest

from fluxion_core import Accumulator, CompileError, EvaluationError, Operator, aggregate, compile_pipeline

TWICE = Operator(name="$twice", function=lambda value: value * 2)
MIX = Operator(name="$mix", function=lambda left, right: [left, right], arguments=["left"], optional=["right"])
LONGEST = Accumulator(name="$longest", initial=lambda: "", step=lambda state, text: max(state, text, key=len))


def refuse(_value):
    raise EvaluationError("no")


def computed(expression, **document):
    (made,) = aggregate([document], [{"$project": {"result": expression}}], operators=[TWICE, MIX])
    return made["result"]


def problems(stage):
    with pytest.raises(CompileError) as caught:
        compile_pipeline([stage], operators=[TWICE], accumulators=[LONGEST])
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["twice", "$twice"])
def test_a_function_is_called_by_its_name(name):
    assert 6 == computed({"$function": {"name": name, "args": ["$v"]}}, v=3)


def test_arguments_with_names_are_given_as_an_object():
    assert [3, 1] == computed({"$function": {"name": "mix", "args": {"left": "$v", "right": 1}}}, v=3)


def test_a_function_may_stand_wherever_an_expression_may():
    doubled = {"$map": {"input": "$v", "in": {"$function": {"name": "twice", "args": ["$$this"]}}}}
    assert [2, 4] == computed(doubled, v=[1, 2])


def test_what_a_function_raises_is_the_error_of_the_record():
    stages = [{"$set": {"x": {"$function": {"name": "refuse", "args": ["$v"]}}}}]
    with pytest.raises(EvaluationError, match=r"stages\[0\]\.\$set\.x\.\$function\.args: no"):
        list(aggregate([{"v": 1}], stages, operators=[Operator(name="$refuse", function=refuse)]))


@pytest.mark.parametrize("name", ["longest", "$longest"])
def test_an_accumulator_is_called_by_its_name(name):
    documents = [{"k": 1, "v": "ab"}, {"k": 2, "v": "c"}, {"k": 1, "v": "abc"}]
    stages = [{"$group": {"_id": "$k", "result": {"$accumulator": {"name": name, "args": "$v"}}}}]
    assert [{"_id": 1, "result": "abc"}, {"_id": 2, "result": "c"}] == list(
        aggregate(documents, stages, accumulators=[LONGEST])
    )


@pytest.mark.parametrize(
    ("stage", "where"),
    [
        ({"$set": {"x": {"$function": {"body": "function(a) {}", "args": ["$a"], "lang": "js"}}}}, "$set.x.$function.body"),
        ({"$group": {"_id": 0, "x": {"$accumulator": {"init": "function() {}", "lang": "js"}}}}, "$group.x.$accumulator.init"),
    ],
)
def test_javascript_is_refused_with_the_reason(stage, where):
    letter = "the code in a pipeline is never run, as it would have all the rights of this process"
    hint = "register a function (see docs/how-to/write-an-operator) and write {name: ..., args: [...]}"
    assert [f"stages[0].{where}: {letter}; {hint}"] == problems(stage)


@pytest.mark.parametrize(
    ("expression", "letter"),
    [
        ({"name": "twise", "args": [1]}, ".name: no function is registered as 'twise'; did you mean 'twice'?"),
        ({"name": "add", "args": [1]}, ".name: no function is registered as 'add'; registered are twice"),
        ({"name": "twice"}, ": 'args' is missing; it takes name, args"),
        ({"name": 5, "args": []}, ".name: no function is registered as 5; registered are twice"),
        ({"name": "twice", "args": [1, 2]}, ".args: takes exactly 1 argument, got 2"),
    ],
)
def test_a_wrong_call_is_a_problem(expression, letter):
    assert [f"stages[0].$set.x.$function{letter}"] == problems({"$set": {"x": {"$function": expression}}})
