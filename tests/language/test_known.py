"""What MongoDB has and Fluxion has not is told apart from what is mistyped, with the reason."""

import pytest

from fluxion_core import CompileError, compile_pipeline
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


@pytest.mark.parametrize("keyword", ["textScore", "searchScore", "indexKey", "stream.source.topic"])
def test_meta_says_that_there_is_no_index_and_no_metadata(keyword):
    assert problem({"$set": {"x": {"$meta": keyword}}}) == (
        "stages[0].$set.x.$meta: operator '$meta' of MongoDB is not supported by Fluxion; scores and keys come from the index of a "
        "MongoDB server, and what a source knows beside the document is not handed to the stages; a source can put it into its documents"
    )


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
