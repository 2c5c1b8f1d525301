"""A source that has its records at hand is polled by the thread that runs the stages; nothing else changes."""

import threading
from typing import ClassVar

import pytest

from fluxion_core import SourceConfig, load_plugins
from fluxion_core.connectors.generator import GeneratorSource
from fluxion_core.connectors.memory import MemorySource
from fluxion_core.spi import TransientError


class Leaving(MemorySource):
    """Hands out the first batch, and then is away until somebody says otherwise."""

    name = "leaving"
    away: ClassVar[threading.Event]
    closed_by: ClassVar[list[str]]

    def poll(self, max_records, timeout_seconds):
        if self._next and self.away.is_set():
            raise TransientError("the other side is away")
        return super().poll(max_records, timeout_seconds)

    def close(self):
        self.closed_by.append(threading.current_thread().name)


class LeavingThreaded(Leaving):
    name = "leaving"
    prompt = False


@pytest.fixture(params=[Leaving, LeavingThreaded], ids=["polled by the stages", "with a thread of its own"])
def leaving(request):
    Leaving.away, Leaving.closed_by = threading.Event(), []
    return load_plugins().components.with_class("source", request.param)


def numbers(count):
    return SourceConfig("leaving", documents=[{"n": number} for number in range(count)])


@pytest.mark.parametrize(("prompt", "threads"), [(True, {"stages", "sink"}), (False, {"stages", "sink", "source"})])
def test_only_a_source_that_may_wait_has_a_thread_of_its_own(bench, until, prompt, threads):
    made = type("Made", (GeneratorSource,), {"name": "made", "prompt": prompt})
    components = load_plugins().components.with_class("source", made)
    bench.start(source=SourceConfig("made", rate_per_second=1000), components=components)
    until(lambda: bool(bench.wall.lines))
    running = {thread.name for thread in threading.enumerate()}
    assert threads == {name.rpartition("-")[2] for name in running if name.startswith("fluxion-bench")}


def test_what_was_read_before_an_outage_is_delivered_during_it(bench, until, leaving):
    Leaving.away.set()
    bench.start(source=numbers(10), components=leaving, runtime={"micro_batch_size": 4, "seal_interval_seconds": 60})
    until(lambda: len(bench.wall.lines) == 4)
    assert list(range(4)) == [line["n"] for line in bench.wall.lines]


def test_an_outage_that_ends_leaves_no_trace(bench, until, leaving):
    Leaving.away.set()
    handle = bench.start(source=numbers(10), components=leaving, runtime={"micro_batch_size": 4})
    until(lambda: handle.status() == "waiting")
    Leaving.away.clear()
    assert handle.wait(10)
    assert list(range(10)) == [line["n"] for line in bench.wall.lines]


def test_a_stop_during_an_outage_delivers_what_was_read(bench, until, leaving):
    Leaving.away.set()
    handle = bench.start(source=numbers(10), components=leaving, runtime={"micro_batch_size": 4, "seal_interval_seconds": 60})
    until(lambda: handle.status() == "waiting")
    handle.stop()
    assert handle.wait(10)
    assert (True, "stopped", 4) == (handle.drained, handle.status(), len(bench.wall.lines))


def test_the_source_is_closed_by_the_thread_that_polled(bench, leaving):
    assert bench.start(source=numbers(10), components=leaving).wait(10)
    polled_by = "stages" if leaving.get("source", "leaving").value.prompt else "source"
    assert [f"fluxion-bench-{polled_by}"] == Leaving.closed_by[-1:]
