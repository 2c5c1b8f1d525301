"""Each option of the runtime does what it says: every test here fails without its option."""

import threading
from pathlib import Path
from time import monotonic, sleep

import attrs
import pytest

from fluxion_core import ErrorPolicy, SourceConfig, load_plugins
from fluxion_core.config.model import RuntimeConfig
from fluxion_core.language import Operator
from fluxion_core.observability.events import Sealed
from fluxion_core.spi import Batch, Context, EndOfInput, FatalError, Options, Source

SMALL = {"seal_max_bytes": 1, "seal_interval_seconds": 0}


class Watched(Source[Options]):
    """Notes how it is polled; hands out batches until the test ends it."""

    name = "watched"

    def open(self, context: Context, positions) -> None:
        self.next = positions.get("0") or 0

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        Watched.polls.append((max_records, timeout_seconds, threading.current_thread().name))
        if Watched.idle:
            sleep(timeout_seconds)
            return Batch.empty()
        if self.next >= Watched.count:
            raise EndOfInput
        start, self.next = self.next, min(self.next + max_records, Watched.count)
        return Batch(positions={"0": self.next}, documents=[{"n": number} for number in range(start, self.next)])


@pytest.fixture
def watched():
    Watched.polls, Watched.idle, Watched.count = [], False, 10**9
    return load_plugins().components.with_class("source", Watched)


def seals(bench):
    return [event for event in bench.events if isinstance(event, Sealed)]


def test_micro_batch_size_is_the_most_that_is_polled_and_run_at_a_time(bench, watched):
    Watched.count = 100
    handle = bench.start(source=SourceConfig("watched"), components=watched, runtime={"micro_batch_size": 7})
    assert handle.wait(10)
    assert {7} == {most for most, _, _ in Watched.polls}
    assert (-(-100 // 7), 0) == (handle.metrics().batches, handle.metrics().queue_depth)


def test_max_wait_seconds_is_what_a_poll_may_wait(bench, watched, until):
    Watched.idle = True
    bench.start(source=SourceConfig("watched"), components=watched, runtime={"max_wait_seconds": 0.03})
    until(lambda: len(Watched.polls) > 3)
    assert {0.03} == {wait for _, wait, _ in Watched.polls}


@pytest.mark.parametrize("capacity", [2, 9])
def test_source_queue_capacity_bounds_the_batches_that_wait_for_the_stages(bench, watched, until, capacity):
    bench.wall.held.clear()
    runtime = {**SMALL, "source_queue_capacity": capacity, "micro_batch_size": 1, "queue_capacity": 1}
    handle = bench.start(source=SourceConfig("watched"), components=watched, runtime=runtime)
    until(lambda: handle.metrics().queue_depth_max == capacity)
    sleep(0.2)
    polled = len(Watched.polls)
    sleep(0.2)
    assert polled == len(Watched.polls)
    assert capacity == handle.metrics().queue_depth_max


@pytest.mark.parametrize("capacity", [10, 100])
def test_queue_capacity_bounds_the_documents_that_wait_for_the_sink(bench, until, capacity):
    bench.wall.held.clear()
    runtime = {**SMALL, "queue_capacity": capacity, "micro_batch_size": 1}
    handle = bench.start(runtime=runtime)
    until(lambda: handle.metrics().sink_queue_documents >= capacity)
    sleep(0.3)
    assert capacity == handle.metrics().sink_queue_documents == handle.metrics().sink_queue_documents_max


def test_a_single_seal_larger_than_the_queue_is_let_in(bench):
    handle = bench.start(source=SourceConfig("generator", count=500), runtime={"queue_capacity": 1})
    assert handle.wait(10)
    assert 500 == len(bench.wall.lines)


@pytest.mark.parametrize(("direct", "names"), [(True, 1), (False, 3)])
def test_direct_handoff_does_everything_in_one_thread(bench, watched, until, direct, names):
    Watched.idle = True
    bench.start(source=SourceConfig("watched"), components=watched, runtime={"direct_handoff": direct})
    until(lambda: bool(Watched.polls))
    running = {thread.name for thread in threading.enumerate() if thread.name.startswith("fluxion-bench")}
    assert names == len(running)
    assert direct == (Watched.polls[0][2] == "fluxion-bench-stages")


def test_direct_handoff_gives_the_same_results(bench):
    assert bench.start(source=SourceConfig("generator", count=1000), runtime={"direct_handoff": True}).wait(10)
    assert list(range(1000)) == [line["n"] for line in bench.wall.lines]


def test_seal_interval_seconds_spaces_seals_under_load(bench, watched, until):
    began = monotonic()
    runtime = {"seal_interval_seconds": 0.4, "micro_batch_size": 50, "direct_handoff": True}
    bench.start(source=SourceConfig("watched"), components=watched, stages=[{"$match": {"n": -1}}], runtime=runtime)
    until(lambda: len(seals(bench)) == 3)
    assert monotonic() - began >= 3 * 0.4


def test_an_idle_source_is_sealed_at_once_whatever_the_interval(bench, until):
    began = monotonic()
    handle = bench.start(
        source=SourceConfig("generator", rate_per_second=1, template={"n": {"$index": 0}}),
        runtime={"seal_interval_seconds": 60},
    )
    until(lambda: bool(bench.wall.lines))
    assert monotonic() - began < 5
    assert "running" == handle.status()


def test_seal_max_bytes_seals_before_the_interval(bench, until):
    handle = bench.start(
        runtime={"seal_interval_seconds": 60, "seal_max_bytes": 1000, "micro_batch_size": 10, "queue_capacity": 10**6}
    )
    until(lambda: len(seals(bench)) > 20)
    handle.stop()
    handle.wait(10)
    assert all(seal.documents < 300 for seal in seals(bench)[:-1])


@pytest.mark.parametrize(("limit", "refused"), [(20, 1), (1000, 0)])
def test_max_record_bytes_makes_a_larger_payload_a_record_at_fault(bench, limit, refused):
    source = bench.file("in.ndjson", {"n": 1}, {"n": "x" * 50})
    handle = bench.start(source=source, error_policy=ErrorPolicy.skip(), runtime={"max_record_bytes": limit})
    assert handle.wait(10)
    assert refused == handle.metrics().ledger.skipped


@pytest.mark.parametrize(("limit", "skipped"), [(5, 1), (6, 0)])
def test_max_rows_per_record_bounds_what_comes_of_a_record(bench, limit, skipped):
    source = bench.file("in.ndjson", {"a": [1, 2, 3], "b": [1, 2]}, {"a": [1], "b": [1]})
    stages = [{"$unwind": "$a"}, {"$unwind": "$b"}]
    handle = bench.start(source=source, stages=stages, error_policy=ErrorPolicy.skip(), runtime={"max_rows_per_record": limit})
    assert handle.wait(10)
    assert (skipped, 7 - 6 * skipped) == (handle.metrics().ledger.skipped, len(bench.wall.lines))


def test_a_document_that_is_made_too_large_is_refused_and_the_others_go_on(bench):
    source = bench.file("in.ndjson", {"t": "x" * (9 * 1024 * 1024)}, {"t": "y"})
    stages = [{"$project": {"a": "$t", "b": "$t"}}]
    handle = bench.start(source=source, stages=stages, error_policy=ErrorPolicy.skip())
    assert handle.wait(20)
    assert [{"a": "y", "b": "y"}] == bench.wall.lines


def test_max_groups_stops_a_flood_of_keys_and_loses_nothing(bench):
    stages, source = [{"$group": {"_id": "$n"}}], SourceConfig("generator", count=100)
    runtime = {"micro_batch_size": 10, "max_groups": 50}
    with pytest.raises(FatalError, match=r"^stages: 60 groups; at most max_groups \(50\) are kept; nothing was dropped"):
        bench.start(source=source, stages=stages, runtime=runtime).wait(10)
    assert bench.start(source=source, stages=stages, runtime={"max_groups": 100}).wait(10)
    assert 100 == len(bench.wall.lines)


@pytest.mark.parametrize("size", [1, 4])
def test_worker_thread_pool_size_is_the_most_calls_to_the_outside_at_a_time(bench, size):
    lock, running, most = threading.Lock(), 0, 0

    def call(value):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sleep(0.02)
        with lock:
            running -= 1
        return value

    def evaluate(calls, effects):
        return list(effects.pool.map(lambda arguments: call(arguments[0]), calls))

    operator = Operator(name="$slow", pure=False, foldable=False, evaluate_batch=evaluate, family="test")
    components = load_plugins().components.with_class("operator", operator)
    handle = bench.start(
        source=SourceConfig("generator", count=12),
        components=components,
        stages=[{"$set": {"m": {"$slow": "$n"}}}],
        runtime={"worker_thread_pool_size": size},
    )
    assert handle.wait(20)
    assert (size, 12) == (most, len(bench.wall.lines))


def test_every_option_has_a_test_here_or_beside():
    """An option that nobody tests is an option that may do nothing."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [] == [field.name for field in attrs.fields(RuntimeConfig) if f'"{field.name}"' not in text]
