"""A stop ends in the time that it was given, whatever the outside does; what is left undelivered comes with the next run."""

from time import monotonic

import pytest

from fluxion_core import ErrorPolicy, SourceConfig, StateConfig, load_plugins
from fluxion_core.connectors.generator import GeneratorSource
from fluxion_core.spi import FatalError, TransientError
from fluxion_core.state import SqliteStateStore

TIGHT = {"drain_timeout_seconds": 0.3}
WAYS = {
    "a thread for the sink": {},
    "a thread for the sink, output at its limit": {"seal_max_bytes": 1000},
    "one thread": {"direct_handoff": True},
}


class Waiting(GeneratorSource):
    """Numbers from a source that has a thread of its own."""

    name = "waiting"
    prompt = False


def stopped_after(handle) -> float:
    began = monotonic()
    handle.stop()
    assert handle.wait(10)
    return monotonic() - began


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", ["opening", "writing"])
@pytest.mark.parametrize("source", ["generator", "waiting"])
def test_a_stop_while_the_sink_is_away_ends_at_the_drain_timeout(bench, until, part, way, source):
    setattr(bench.wall, part, False)
    components = load_plugins().components.with_class("source", Waiting)
    handle = bench.start(source=SourceConfig(source), components=components, runtime={**TIGHT, **WAYS[way]})
    until(lambda: handle.status() == "waiting")
    assert 0.2 < stopped_after(handle) < 3
    assert (False, "stopped") == (handle.drained, handle.status())


def test_a_stop_after_the_end_of_input_ends_at_the_drain_timeout_too(bench, until):
    bench.wall.writing = False
    handle = bench.start(source=SourceConfig("generator", count=10), runtime=TIGHT)
    until(lambda: handle.status() == "draining")
    assert stopped_after(handle) < 3
    assert 10 == handle.metrics().ledger.documents_waiting


def test_without_a_stop_the_end_of_input_waits_for_the_sink_as_long_as_it_takes(bench, until):
    bench.wall.writing = False
    handle = bench.start(
        source=SourceConfig("generator", count=10), runtime=TIGHT, error_policy=ErrorPolicy.retry(backoff_seconds=0.05)
    )
    until(lambda: handle.status() == "draining")
    assert not handle.wait(0.6)
    bench.wall.writing = True
    assert handle.wait(10)
    assert (10, "finished") == (len(bench.wall.lines), handle.status())


def test_a_stop_while_a_write_hangs_ends_at_the_drain_timeout(bench, until):
    bench.wall.held.clear()
    handle = bench.start(runtime={**TIGHT, "seal_max_bytes": 1000})
    until(lambda: handle.metrics().sink_queue_documents > 0)
    handle.stop()
    until(lambda: handle.status() == "stopped" or handle._execution.abandoned.is_set())
    bench.wall.held.set()
    assert handle.wait(10)


class Full(SqliteStateStore):
    name = "full"

    def seal(self, request):
        raise TransientError("the disk is full")


def test_a_stop_while_the_state_cannot_be_written_ends_at_the_drain_timeout(bench, until):
    components = load_plugins().components.with_class("state store", Full)
    store = StateConfig("full", path=str(bench.folder / "state.db"))
    handle = bench.start(components=components, state_store=store, runtime=TIGHT)
    until(lambda: handle.status() == "waiting")
    assert stopped_after(handle) < 3


def test_what_a_stop_left_is_delivered_by_the_next_run(bench, until):
    bench.wall.writing = False
    source = SourceConfig("generator", count=10)
    handle = bench.start(source=source, runtime=TIGHT)
    until(lambda: handle.metrics().ledger.documents_sealed == 10)
    stopped_after(handle)
    bench.wall.writing = True
    bench.start(source=source).wait(10)
    assert list(range(10)) == [line["n"] for line in bench.wall.lines]


def test_a_stop_tries_once_more_at_once(bench, until):
    """The pause before the next attempt may be half a minute: the stop does not sit it out."""
    bench.wall.writing = False
    policy = ErrorPolicy.retry(backoff_seconds=30, jitter=0)
    handle = bench.start(source=SourceConfig("generator", count=10), error_policy=policy)
    until(lambda: handle.status() in {"waiting", "draining"} and handle.metrics().retries == 1)
    bench.wall.writing = True
    assert stopped_after(handle) < 5
    assert (10, True) == (len(bench.wall.lines), handle.drained)


def test_abandoning_ends_at_once(bench, until):
    bench.wall.writing = False
    handle = bench.start()
    until(lambda: handle.status() == "waiting")
    handle.stop()
    handle.stop(abandon=True)
    assert handle.wait(2)


def test_an_outage_without_end_stops_the_pipeline_when_it_was_told_so(bench):
    bench.wall.writing = False
    handle = bench.start(runtime={"give_up_after_seconds": 0.2})
    with pytest.raises(
        FatalError, match=r"sink: gave up after \d+ s \(give_up_after_seconds is 0\.2\): the other side is away"
    ):
        handle.wait(10)
