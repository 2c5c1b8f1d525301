"""What is counted and timed for each stage."""

from time import sleep

from fluxion_core import SourceConfig, load_plugins
from fluxion_core.language import Operator

SLOW = Operator(
    name="$slow",
    pure=False,
    foldable=False,
    evaluate_batch=lambda calls, effects: [sleep(0.05) or value for (value,) in calls],
    family="test",
)
STAGES = [{"$match": {"n": {"$gte": 2}}}, {"$sort": {"n": -1}}, {"$set": {"m": {"$slow": "$n"}}}]


def counted(bench, stages, count=6, **runtime):
    components = load_plugins().components.with_class("operator", SLOW)
    handle = bench.start(source=SourceConfig("generator", count=count), components=components, stages=stages, runtime=runtime)
    assert handle.wait(20)
    return handle.metrics().snapshot()["stages"]


def test_documents_in_and_out_and_invocations(bench):
    match, sort, _ = counted(bench, STAGES, micro_batch_size=2)
    assert ("$match", 6, 4, 3) == tuple(match[name] for name in ("name", "documents_in", "documents_out", "invocations"))
    assert ("$sort", 4, 0) == tuple(sort[name] for name in ("name", "documents_in", "failures"))


def test_the_time_that_the_outside_takes_counts_for_the_stage_that_asks(bench):
    match, asking = counted(bench, [STAGES[0], STAGES[2]])
    assert asking["duration_seconds"] >= 4 * 0.05
    assert 0 < match["duration_seconds"] < 4 * 0.05


def test_stages_of_one_segment_share_its_time(bench):
    first, second = counted(bench, [{"$match": {"n": {"$gte": 2}}}, {"$set": {"m": 1}}])
    assert first["segment"] == second["segment"]
    assert first["duration_seconds"] == second["duration_seconds"] > 0
