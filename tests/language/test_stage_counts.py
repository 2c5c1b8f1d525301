"""What a run counts: documents where they enter a stage and where they leave it, and the groups that changed since the last seal."""

import pytest

from fluxion_core import compile_pipeline

DOCUMENTS = [{"n": 0}, {"n": 1}, {"n": 1}, {"n": 2}]
POSITIVE = {"$match": {"n": {"$gt": 0}}}


@pytest.mark.parametrize(
    ("stage", "counts"),
    [
        ({"$count": "n"}, (4, 1, 0)),
        ({"$sortByCount": "$n"}, (4, 3, 0)),
        ({"$subPipeline": {"pipelines": [[POSITIVE, {"$group": {"_id": "$n"}}, {"$sort": {"_id": 1}}]]}}, (4, 2, 0)),
        ({"$subPipeline": {"pipelines": [[POSITIVE], [{"$unwind": "$n"}]]}}, (4, 3, 0)),
        ({"$subPipeline": {"pipelines": [[{"$group": {"_id": "$n"}}, {"$set": {"x": {"$divide": [1, "$_id"]}}}]]}}, (4, 2, 1)),
        ({"$subPipeline": {"pipelines": [[POSITIVE], []], "parallel": True}}, (4, 7, 0)),
    ],
)
def test_a_stage_of_several_parts_counts_once(stage, counts):
    run = compile_pipeline([stage]).start()
    run.feed(documents=DOCUMENTS)
    run.finish()
    assert [counts] == run.stage_counts()


def test_two_stages_of_one_segment_count_each_for_itself():
    run = compile_pipeline([POSITIVE, {"$match": {"n": 1}}]).start()
    run.feed(documents=DOCUMENTS)
    assert [(4, 3, 0), (3, 2, 0)] == run.stage_counts()


@pytest.mark.parametrize("held", [{"$sort": {"n": 1}}, {"$facet": {"all": []}}, {"$group": {"_id": "$n"}}])
def test_a_record_that_became_several_documents_is_held_once(held):
    output = compile_pipeline([{"$unwind": "$n"}, held]).start().feed(documents=[{"n": [1, 2, 3]}, {"n": []}])
    assert (1, 1) == (output.passed, output.filtered)


@pytest.mark.parametrize("emit", ["final", "updates"])
def test_the_groups_that_a_seal_would_hold_are_counted_before_it(emit):
    run = compile_pipeline([{"$group": {"_id": "$k"}}]).start(emit=emit)
    run.feed(documents=[{"k": key} for key in (1, 2, 1)])
    run.changed()
    run.feed(documents=[{"k": 3}])
    assert 3 == run.changed_keys
    (changed,) = run.state_delta().values()
    assert 3 == len(changed)
    assert 0 == run.changed_keys
