from __future__ import annotations

import json
import threading

import msgspec
import pytest

from fluxion_core.observability import events
from fluxion_core.observability.metrics import FATES, Ledger, MetricsRegistry, StageMetrics


def test_the_ledger_adds_up() -> None:
    ledger = Ledger(records_in=100, delivered=40, filtered=30, skipped=5, dead_lettered=10)
    assert ledger.in_flight == 15
    assert ledger.records_in == sum(ledger.snapshot()[fate] for fate in FATES)


def test_documents_add_up_apart_from_records() -> None:
    ledger = Ledger(documents_sealed=10, documents_delivered=6, documents_refused=1)
    assert (ledger.documents_waiting, ledger.snapshot()["documents_waiting"]) == (3, 3)


def test_what_is_sealed_of_the_ledger_makes_the_same_ledger() -> None:
    ledger = Ledger(records_in=7, delivered=3, documents_sealed=2)
    assert ledger == Ledger(**ledger.sealed_form())


def test_stages_are_counted_in_their_order() -> None:
    metrics = StageMetrics()
    metrics.reset(["$match", "$group"], [0, 1])
    metrics.stages[0].documents_in += 3
    assert [(one["name"], one["segment"], one["documents_in"]) for one in metrics.snapshot()] == [
        ("$match", 0, 3),
        ("$group", 1, 0),
    ]


def test_a_reset_keeps_the_list_that_a_reader_holds() -> None:
    metrics = StageMetrics()
    held = metrics.stages
    metrics.reset(["$match"], [0])
    assert held is metrics.stages


def test_stages_and_segments_belong_together() -> None:
    with pytest.raises(ValueError, match="shorter"):
        StageMetrics().reset(["$match", "$group"], [0])


def test_a_snapshot_is_plain() -> None:
    metrics = MetricsRegistry("p")
    metrics.stages.reset(["$match"], [0])
    snapshot = metrics.snapshot()
    assert snapshot == json.loads(json.dumps(snapshot))
    assert {"pipeline_id", "stages", "ledger", "throughput", "dead_letters", "lag_records", "queue_depth_max"} <= set(snapshot)


def test_a_snapshot_does_not_change_later() -> None:
    metrics = MetricsRegistry("p")
    metrics.stages.reset(["$match"], [0])
    before = metrics.snapshot()
    metrics.ledger.records_in += 1
    metrics.stages.stages[0].failures += 1
    assert (before["ledger"]["records_in"], before["stages"][0]["failures"]) == (0, 0)


def test_throughput_is_of_this_run() -> None:
    metrics = MetricsRegistry("p", ledger=Ledger(records_in=1_000_000))
    metrics.records_this_run = 500
    times = iter([10.0, 11.0, 12.0])
    metrics.begin(lambda: next(times))
    assert 500.0 == metrics.throughput
    metrics.end()
    assert (2.0, 250.0) == (metrics.running_seconds, metrics.throughput)


def test_throughput_of_no_time_is_nothing() -> None:
    assert MetricsRegistry("p").throughput == 0.0


def test_the_deepest_queue_is_remembered() -> None:
    metrics = MetricsRegistry("p")
    for depth in (1, 7, 3):
        metrics.observe_queue(depth)
        metrics.observe_sink_queue(depth * 10)
    assert (
        metrics.queue_depth, metrics.queue_depth_max, metrics.sink_queue_documents, metrics.sink_queue_documents_max,
    ) == (3, 7, 30, 70)  # fmt: skip


def test_metrics_can_be_read_while_they_are_written() -> None:
    metrics = MetricsRegistry("p")
    done = threading.Event()

    def write() -> None:
        for _ in range(300):
            metrics.stages.reset(["$match", "$group", "$sort"], [0, 1, 2])
            metrics.ledger.records_in += 1
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert metrics.snapshot()["ledger"]["in_flight"] >= 0
    writer.join()
    assert metrics.snapshot()["ledger"]["records_in"] == 300


@pytest.mark.parametrize("name", [name for name in events.__all__ if name != "Listener"])
def test_events_are_immutable_and_name_their_pipeline(name: str) -> None:
    kind = getattr(events, name)
    fields = {field.name: None for field in msgspec.structs.fields(kind)} | {"pipeline_id": "p"}
    event = kind(**fields)
    assert event.pipeline_id == "p"
    with pytest.raises(AttributeError):
        event.pipeline_id = "q"


def test_a_failed_record_is_told_without_its_bytes() -> None:
    """Events go to logs and plugins; the bytes go to the dead letters alone."""
    assert {"pipeline_id", "stage", "reason", "position", "place", "fate"} == {
        field.name for field in msgspec.structs.fields(events.RecordFailed)
    }
