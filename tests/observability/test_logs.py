from __future__ import annotations

import logging

import pytest

from fluxion_core.observability import events
from fluxion_core.observability.events import Ended, Event, Paused, RecordFailed, Resumed, Sealed, Started, Warned
from fluxion_core.observability.logs import log_event

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
        RecordFailed(pipeline_id="p", stage="stages[0]", reason="bad", position={"offset": 7}, fate="skipped"),
        "WARNING",
        "record at {'offset': 7} skipped in stages[0]: bad",
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
