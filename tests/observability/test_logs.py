from __future__ import annotations

import logging

import pytest

from fluxion_core.observability import events
from fluxion_core.observability.events import Ended, Event, Paused, RecordFailed, Resumed, Sealed, Started, Warned
from fluxion_core.observability.logs import EventLog, log_event

LINES = [
    (
        Started(pipeline_id="p", epoch=2, incarnation="i", resumed=True, delivery="exactly_once"),
        "INFO",
        "resumed: epoch 2, delivery exactly_once",
    ),
    (
        Started(pipeline_id="p", epoch=1, incarnation="i", resumed=False, delivery="at_least_once"),
        "INFO",
        "started: epoch 1, delivery at_least_once",
    ),
    (
        Sealed(pipeline_id="p", number=3, records=10, documents=4, seconds=0.0125),
        "DEBUG",
        "seal 3: 10 records, 4 documents, 12.5 ms",
    ),
    (
        RecordFailed(pipeline_id="p", stage="stages[0]", reason="bad", position=7, place="byte 7 of in.ndjson", fate="skipped"),
        "WARNING",
        "record at byte 7 of in.ndjson skipped in stages[0]: bad",
    ),
    (
        Paused(pipeline_id="p", where="sink", reason="no answer", attempt=2, retry_in_seconds=0.4),
        "WARNING",
        "waiting for the sink: no answer; attempt 2, next in 0.4 s",
    ),
    (Resumed(pipeline_id="p", where="sink", seconds=3.25), "INFO", "the sink is back after 3.2 s"),
    (Warned(pipeline_id="p", message="100% full"), "WARNING", "100% full"),
    (Ended(pipeline_id="p", status="finished", reason="", ledger={}), "INFO", "finished"),
    (Ended(pipeline_id="p", status="failed", reason="gone", ledger={}), "ERROR", "failed: gone"),
]


@pytest.mark.parametrize(("event", "level", "line"), LINES)
def test_an_event_is_one_line(event: Event, level: str, line: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    log_event(event)
    assert [("fluxion.pipeline.p", level, line)] == [(one.name, one.levelname, one.getMessage()) for one in caplog.records]


def test_a_reason_with_newlines_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody who writes records writes log lines too."""
    log_event(Warned(pipeline_id="p", message="first\r\nERROR fluxion second\n\tthird"))
    assert ["first ERROR fluxion second third"] == [one.getMessage() for one in caplog.records]


def test_every_event_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    kinds = {getattr(events, name) for name in events.__all__ if name not in ("Event", "Listener")}
    assert kinds == {type(event) for event, _, _ in LINES}


def test_an_event_of_a_later_version_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    log_event(Event(pipeline_id="p"))
    assert [] == caplog.records


@pytest.mark.parametrize(("fate", "told_of"), [("skipped", ""), ("dead_lettered", ", and dead letters tell of each")])
def test_a_flood_of_records_at_fault_does_not_flood_the_log(caplog: pytest.LogCaptureFixture, fate: str, told_of: str) -> None:
    caplog.set_level(logging.INFO)
    seconds = [100.0]
    tell = EventLog(most_per_second=3, monotonic=lambda: seconds[0])
    fault = RecordFailed(pipeline_id="p", stage="decode", reason="bad", position=0, place="split 0 at 0", fate=fate)
    for second, faults in ((100.0, 10), (101.5, 2)):
        seconds[0] = second
        for _ in range(faults):
            tell(fault)
    tell(Ended(pipeline_id="p", status="finished", reason="", ledger={}))
    told = [record.getMessage() for record in caplog.records]
    line, more = (
        f"record at split 0 at 0 {fate} in decode: bad",
        f"7 more records at fault; the ledger counts them{told_of}",
    )
    assert [*[line] * 3, more, *[line] * 2, "finished"] == told


def test_what_was_left_out_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tell = EventLog(most_per_second=1, monotonic=lambda: 100.0)
    for fate in ("skipped", "skipped", "fatal"):
        tell(RecordFailed(pipeline_id="p", stage="decode", reason="bad", position=0, place="split 0 at 0", fate=fate))
    tell(Ended(pipeline_id="p", status="failed", reason="bad", ledger={}))
    assert ["record", "record", "1", "failed:"] == [record.getMessage().split()[0] for record in caplog.records]
