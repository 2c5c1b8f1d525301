"""What MongoDB has and Fluxion has not is told apart from what is mistyped, with the reason."""

import pytest

from fluxion_core import CompileError, aggregate, compile_pipeline
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler import known
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.operators import Operator
from fluxion_core.language.query import NAMES
from fluxion_core.language.stages import STAGES


def problem(stage, **more):
    with pytest.raises(CompileError) as caught:
        compile_pipeline([stage], **more)
    (found,) = caught.value.problems
    return str(found)


@pytest.mark.parametrize(
    ("keyword", "letter"),
    [
        ("textScore", "'textScore' comes from a $text search before it, which a stream does not have"),
        ("geoNearDistance", "'geoNearDistance' comes from $geoNear before it, which a stream does not have"),
        (
            "stream.source.topic",
            "what a source knows beside the document is not handed to the stages; a source can put it into its documents",
        ),
        ("indexkey", "'indexkey' is no keyword of $meta; did you mean 'indexKey'?"),
        (1, "$meta needs a keyword as a string, not int"),
    ],
)
def test_meta_says_which_keyword_it_cannot_answer(keyword, letter):
    assert f"stages[0].$set.x.$meta: {letter}" == problem({"$set": {"x": {"$meta": keyword}}})


@pytest.mark.parametrize("keyword", ["indexKey", "recordId", "searchScore", "sortKey"])
def test_meta_of_what_no_document_has_is_missing(keyword):
    assert [{"a": 1}] == list(aggregate([{"a": 1}], [{"$set": {"x": {"$meta": keyword}}}]))


@pytest.mark.parametrize(
    ("stage", "letter"),
    [
        ({"$emit": {}}, "stages[0].$emit: stage '$emit' is what a sink does; name the sink in the pipeline's sink:"),
        ({"$out": "x"}, "stages[0].$out: stage '$out' is what a sink does; name the sink in the pipeline's sink:"),
        ({"$merge": "x"}, "stages[0].$merge: stage '$merge' is what a sink does; name the sink in the pipeline's sink:"),
        (
            {"$source": {}},
            "stages[0].$source: stage '$source' of MongoDB is not supported by Fluxion; name it in the pipeline's source:",
        ),
        (
            {"$match": {"$where": "x"}},
            (
                "stages[0].$match.$where: query operator '$where' of MongoDB is not supported by Fluxion; "
                "the code in a pipeline is never run; write $expr"
            ),
        ),
        ({"$mach": {}}, "stages[0].$mach: unknown stage '$mach'; did you mean '$match'?"),
    ],
)
def test_a_stage_or_operator_that_we_lack_says_what_to_do(stage, letter):
    assert letter == problem(stage)


OPERATOR = Operator(name="$ask", evaluate_batch=lambda _context, rows: rows, pure=False)


@pytest.mark.parametrize(
    ("stage", "letter"),
    [
        ({"$ask": 1}, "$ask: '$ask' is an operator, not a stage; write {$set: {field: {$ask: ...}}}"),
        ({"$divide": [1, 2]}, "$divide: '$divide' is an operator, not a stage; write {$set: {field: {$divide: ...}}}"),
        ({"divide": [1, 2]}, "divide: '$divide' is an operator, not a stage; write {$set: {field: {$divide: ...}}}"),
        ({"match": {}}, "match: 'match' is no stage; did you mean '$match'?"),
        ({"$or": []}, "$or: '$or' is a condition on documents, not a stage; write {$match: {$or: ...}}"),
        ({"$exists": 1}, "$exists: '$exists' is a condition on a field, not a stage; write {$match: {field: {$exists: ...}}}"),
        ({"$push": 1}, "$push: '$push' is an accumulator, not a stage; write {$group: {_id: ..., field: {$push: ...}}}"),
        (
            {"$rank": {}},
            "$rank: '$rank' is a window function, not a stage; write {$setWindowFields: {output: {field: {$rank: ...}}}}",
        ),
        *(
            (
                {"$setWindowFields": {"output": {"x": {name: {}}}}},
                (
                    f"$setWindowFields.output.x: '{name}' is an accumulator, not a window function; "
                    f"write {{$group: {{_id: ..., field: {{{name}: ...}}}}}}"
                ),
            )
            for name in ("$accumulator", "$mergeObjects")
        ),
        ({"$match": {"$ask": 1}}, "$match.$ask: '$ask' is an operator, not a condition; write {$match: {$expr: {$ask: ...}}}"),
        (
            {"$match": {"a": {"$divide": [1, 2]}}},
            "$match.a.$divide: '$divide' is an operator, not a condition; write {$match: {$expr: {$divide: ...}}}",
        ),
        ({"$match": {"$gt": 1}}, "$match.$gt: '$gt' is a condition on a field; write {$match: {field: {$gt: ...}}}"),
        ({"$match": {"a": {"$or": []}}}, "$match.a.$or: '$or' is a condition on documents; write {$match: {$or: ...}}"),
        (
            {"$match": {"$sort": 1}},
            "$match.$sort: '$sort' is a stage, not a condition; write {$sort: ...} as a stage of its own",
        ),
        (
            {"$set": {"a": {"$group": {}}}},
            "$set.a.$group: '$group' is a stage, not an operator of expressions; write {$group: ...} as a stage of its own",
        ),
        (
            {"$set": {"a": {"$exists": 1}}},
            (
                "$set.a.$exists: '$exists' is a condition on a field, not an operator of expressions; "
                "write {$match: {field: {$exists: ...}}}"
            ),
        ),
        (
            {"$group": {"_id": 1, "a": {"$divide": [1, 2]}}},
            "$group.a: '$divide' is an operator, not an accumulator; write it inside one: {$sum: {$divide: ...}}",
        ),
        (
            {"$group": {"_id": 1, "a": {"$rank": {}}}},
            (
                "$group.a: '$rank' is a window function, not an accumulator; "
                "write {$setWindowFields: {output: {field: {$rank: ...}}}}"
            ),
        ),
    ],
)
def test_what_stands_in_the_wrong_place_is_told_its_own(stage, letter):
    assert f"stages[0].{letter}" == problem(stage, operators=[OPERATOR])


def test_reasons_are_given_only_for_names_of_mongodb_that_we_lack():
    names = known.STAGES | known.EXPRESSIONS | known.ACCUMULATORS | known.QUERIES
    assert set() == known.REASONS.keys() - names
    assert {"$rand"} == known.REASONS.keys() & {*STAGES, *OPERATORS, *ACCUMULATORS, *NAMES}  # an expression, but no query


def test_all_that_we_have_of_mongodb_is_in_the_lists():
    assert {"$subPipeline"} == STAGES.keys() - known.STAGES
    assert set() == OPERATORS.keys() - known.EXPRESSIONS
    assert set() == ACCUMULATORS.keys() - known.ACCUMULATORS
