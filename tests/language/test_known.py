"""What MongoDB has and Fluxion has not is told apart from what is mistyped, with the reason."""

import pytest

from fluxion_core import CompileError, aggregate, compile_pipeline
from fluxion_core.language.accumulators import ACCUMULATORS
from fluxion_core.language.compiler import known
from fluxion_core.language.expressions import OPERATORS
from fluxion_core.language.query import NAMES
from fluxion_core.language.stages import STAGES


def problem(stage):
    with pytest.raises(CompileError) as caught:
        compile_pipeline([stage])
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


def test_reasons_are_given_only_for_names_of_mongodb_that_we_lack():
    names = known.STAGES | known.EXPRESSIONS | known.ACCUMULATORS | known.QUERIES
    assert set() == known.REASONS.keys() - names
    assert {"$rand"} == known.REASONS.keys() & {*STAGES, *OPERATORS, *ACCUMULATORS, *NAMES}  # an expression, but no query


def test_all_that_we_have_of_mongodb_is_in_the_lists():
    assert {"$subPipeline"} == STAGES.keys() - known.STAGES
    assert set() == OPERATORS.keys() - known.EXPRESSIONS
    assert set() == ACCUMULATORS.keys() - known.ACCUMULATORS
