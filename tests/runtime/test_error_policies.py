"""What becomes of a record at fault, wherever the fault shows; the ledger balances every time."""

import json
from base64 import b64decode
from time import sleep

import pytest

from fluxion_core import ErrorPolicy, SinkConfig, SourceConfig, load_plugins
from fluxion_core.language import Operator
from fluxion_core.spi import FatalError, RecordError

GOOD, BAD, BROKEN, ODD = {"n": 1}, {"n": "x"}, b'{"n":', b'{"n":"\xff"}'
STAGES = [{"$set": {"half": {"$divide": ["$n", 2]}}}]


def ended(handle):
    assert handle.wait(20)
    ledger = handle.metrics().snapshot()["ledger"]
    fates = ("delivered", "filtered", "skipped", "dead_lettered", "in_flight")
    assert ledger["records_in"] == sum(ledger[fate] for fate in fates)
    assert ledger["documents_sealed"] == sum(ledger[f"documents_{what}"] for what in ("delivered", "refused", "waiting"))
    return ledger


def letters(bench):
    return [json.loads(line) for line in (bench.folder / "dead.ndjson").read_text().splitlines()]


def dead(bench, source, **parts):
    config = SinkConfig("file", path=str(bench.folder / "dead.ndjson"))
    return bench.start(source=source, dead_letter=config, error_policy=ErrorPolicy.dead_letter(), **parts)


@pytest.mark.parametrize("direct", [False, True])
def test_fail_fast_names_the_record_and_seals_nothing_of_its_batch(bench, direct):
    source = bench.file("in.ndjson", GOOD, BAD)
    handle = bench.start(source=source, stages=STAGES, runtime={"direct_handoff": direct})
    with pytest.raises(
        FatalError, match=r"^stages\[0\]\.\$set\.half\.\$divide: byte 9 of .*in\.ndjson: .*error_policy: skip or dead_letter"
    ):
        handle.wait(20)
    assert 0 == handle.metrics().ledger.documents_sealed


def test_skip_goes_on_without_the_record(bench):
    ledger = ended(
        bench.start(source=bench.file("in.ndjson", GOOD, BAD, BROKEN), stages=STAGES, error_policy=ErrorPolicy.skip())
    )
    assert (3, 1, 2) == (ledger["records_in"], ledger["delivered"], ledger["skipped"])
    assert [{"n": 1, "half": 0.5}] == bench.wall.lines


def test_a_dead_letter_holds_the_bytes_the_reason_the_stage_and_the_position(bench):
    ledger = ended(dead(bench, bench.file("in.ndjson", GOOD, BAD, BROKEN, ODD), stages=STAGES))
    assert (4, 1, 3) == (ledger["records_in"], ledger["delivered"], ledger["dead_lettered"])
    found = {letter["source"]["position"]: letter for letter in letters(bench)}
    stages = {9: "stages[0].$set.half.$divide", 20: "decode", 26: "decode"}
    assert stages == {position: letter["operatorName"] for position, letter in found.items()}
    assert all(letter["errInfo"]["reason"] for letter in found.values())
    assert [json.dumps(BAD), BROKEN.decode()] == [found[9]["payload"], found[20]["payload"]]
    assert ODD == b64decode(found[26]["payloadBase64"])


@pytest.mark.parametrize("policy", ["skip", "dead_letter"])
def test_a_document_that_the_sink_refuses_is_a_fault_of_its_own(bench, policy):
    bench.wall.refuses = staticmethod(lambda document: document["n"] % 2 == 1)
    source = SourceConfig("generator", count=10)
    ledger = ended(
        dead(bench, source) if policy == "dead_letter" else bench.start(source=source, error_policy=ErrorPolicy.skip())
    )
    assert (10, 5, 5) == (ledger["documents_sealed"], ledger["documents_delivered"], ledger["documents_refused"])
    if policy == "dead_letter":
        assert [1, 3, 5, 7, 9] == [json.loads(letter["payload"])["n"] for letter in letters(bench)]


def test_a_document_that_the_sink_refuses_stops_a_pipeline_that_fails_fast(bench):
    bench.wall.refuses = staticmethod(lambda _: True)
    with pytest.raises(FatalError, match=r"^sink: output at .*: refused by the wall"):
        bench.start(source=SourceConfig("generator", count=1)).wait(20)


def test_a_document_without_a_form_in_the_sinks_codec_is_a_fault_of_its_own(bench):
    sink = SinkConfig("file", path=str(bench.folder / "out"), codec="raw")
    source = bench.file("in.ndjson", {"payload": "a"}, {"n": 1}, {"payload": "b"})
    ledger = ended(dead(bench, source, sink=sink))
    assert (3, 2, 1) == (ledger["documents_sealed"], ledger["documents_delivered"], ledger["documents_refused"])
    assert "a\nb\n" == (bench.folder / "out").read_text()
    (letter,) = letters(bench)
    assert ("encode", {"n": 1}) == (letter["operatorName"], letter["doc"])


def test_a_document_without_a_form_stops_a_pipeline_that_fails_fast(bench):
    sink = SinkConfig("file", path=str(bench.folder / "out"), codec="raw")
    with pytest.raises(FatalError, match=r"^encode: the document has the fields n; "):
        bench.start(source=SourceConfig("generator", count=1), sink=sink).wait(20)


def test_dead_letters_that_their_own_codec_cannot_write_stop_the_pipeline(bench):
    config = SinkConfig("file", path=str(bench.folder / "dead"), codec="raw")
    handle = bench.start(source=bench.file("in", BROKEN), dead_letter=config, error_policy=ErrorPolicy.dead_letter())
    with pytest.raises(FatalError, match=r"^dead_letter\.codec: cannot write a dead letter: .*nothing was dropped"):
        handle.wait(20)


def test_dead_letters_that_their_sink_refuses_stop_the_pipeline(bench):
    bench.wall.refuses = staticmethod(lambda document: "errInfo" in document)
    handle = bench.start(
        source=bench.file("in", BROKEN), dead_letter=SinkConfig("wall"), error_policy=ErrorPolicy.dead_letter()
    )
    with pytest.raises(FatalError, match=r"^dead-letter sink refused a record: refused by the wall; nothing was dropped"):
        handle.wait(20)


def test_an_outage_of_the_sink_fills_no_dead_letter_queue(bench, until):
    bench.wall.writing = False
    handle = dead(bench, SourceConfig("generator", count=10))
    until(lambda: handle.metrics().retries >= 2)
    bench.wall.writing = True
    ledger = ended(handle)
    assert (10, 0, []) == (ledger["documents_delivered"], ledger["dead_lettered"], letters(bench))


def test_dead_letters_that_wait_for_their_sink_are_bounded_too(bench):
    """However many records are at fault: when their sink is behind, reading stops."""
    bench.wall.held.clear()
    source = SourceConfig("generator", template={"n": "x", "pad": "y" * 1000})
    handle = bench.start(
        source=source,
        stages=STAGES,
        sink=SinkConfig("stdout"),
        dead_letter=SinkConfig("wall"),
        error_policy=ErrorPolicy.dead_letter(),
        runtime={"seal_max_bytes": 100_000, "queue_capacity": 200, "seal_interval_seconds": 0, "source_queue_capacity": 2},
    )
    sleep(1)
    taken = handle.metrics().records_this_run
    sleep(0.5)
    assert taken == handle.metrics().records_this_run < 5000


@pytest.mark.parametrize(
    "stage", [{"$sort": {"a": 1, "b": 1}}, {"$bucketAuto": {"groupBy": "$a", "buckets": 2, "granularity": "R5"}}]
)
def test_a_fault_of_no_single_record_stops_the_pipeline_whatever_the_policy(bench, stage):
    """Skipping it would drop every document that the stage holds, and count all of them as delivered."""
    source = bench.file("in.ndjson", {"a": 1, "b": 1}, {"a": [1, 2], "b": [1, 2]})
    with pytest.raises(FatalError, match=r"^stages\[0\]\.\$.*: .*; this concerns every document .*nothing was dropped"):
        dead(bench, source, stages=[stage]).wait(20)
    assert [] == bench.wall.lines


DEEP = [b'{"n":%d,"d":%s%s}' % (depth, b"[" * depth, b"]" * depth) for depth in (10, 900)]
HOLDING = [
    [{"$sort": {"n": 1}}],
    [{"$group": {"_id": None, "all": {"$push": "$$ROOT"}}}],
    [{"$group": {"_id": "$n", "all": {"$first": "$d"}}}],
    [{"$setWindowFields": {"sortBy": {"n": 1}, "output": {"all": {"$push": "$d"}}}}],
]


@pytest.mark.parametrize("stages", HOLDING, ids=lambda stages: next(iter(stages[0])))
def test_documents_that_nest_deep_are_held_and_sealed_like_others(bench, stages):
    sink = SinkConfig("file", path=str(bench.folder / "out.ndjson"))
    ended(bench.start(source=bench.file("in.ndjson", *DEEP), stages=stages, sink=sink))
    assert (bench.folder / "out.ndjson").read_bytes().count(b"[" * 900) >= 1


def test_a_hostile_depth_in_a_sort_key_stops_the_pipeline_with_a_letter(bench):
    """It is noticed only when everything is compared; whoever wants to go on leaves such records out before the stage."""
    deep = b'{"n":1,"d":' + b'{"a":' * 700 + b"1" + b"}" * 700 + b"}"
    stages = [{"$group": {"_id": None, "all": {"$topN": {"n": 1, "sortBy": {"d": 1}, "output": "$n"}}}}]
    with pytest.raises(FatalError, match="a value is nested too deeply; this concerns every document"):
        dead(bench, bench.file("in.ndjson", deep, *DEEP), stages=stages).wait(20)


@pytest.mark.parametrize(("attempts", "skipped"), [(3, 0), (2, 1)])
def test_retry_tries_the_record_again_and_then_does_as_told(bench, attempts, skipped):
    asked = []

    def evaluate(calls, effects):
        asked.append([value for (value,) in calls])
        return [value if value != 1 or len(asked) > 2 else RecordError("not yet") for (value,) in calls]

    operator = Operator(name="$ask", pure=False, foldable=False, evaluate_batch=evaluate, family="test")
    policy = ErrorPolicy.retry(max_attempts=attempts, backoff_seconds=0.001, then=ErrorPolicy.skip())
    handle = bench.start(
        source=SourceConfig("generator", count=3),
        components=load_plugins().components.with_class("operator", operator),
        stages=[{"$set": {"m": {"$ask": "$n"}}}],
        error_policy=policy,
    )
    assert (3, skipped) == (ended(handle)["records_in"], handle.metrics().ledger.skipped)
    assert [[0, 1, 2], *[[1]] * (attempts - 1)] == asked
    assert attempts - 1 == handle.metrics().retries
