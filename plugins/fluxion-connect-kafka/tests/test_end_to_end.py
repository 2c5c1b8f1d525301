"""The main job over TCP: a topic into an HTTP server, the pipeline killed several times, every customer's final value right."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS

pytestmark = [*KAFKA_MARKS, pytest.mark.crash, pytest.mark.xdist_group("kafka-end-to-end"), pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[3]
ORDERS = 6000
KILLS = 6
PATIENCE_SECONDS = 40


class Results(ThreadingHTTPServer):
    """Applies upserts as a server of one's own would: the last document per customer counts. Kills its client when told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.customers: dict[str, dict[str, Any]] = {}
        self.posts = 0
        self.victim: subprocess.Popen[bytes] | None = None
        self.kill_at: tuple[int, bool] | None = None
        """The number of the post during which *victim* is killed, and whether that post is applied before."""

    def apply(self, documents: list[dict[str, Any]]) -> bool:
        """Take a post; return whether there is anybody left to answer."""
        self.posts += 1
        number, applied_before = self.kill_at or (0, True)
        fatal = self.posts == number and self.victim is not None
        if applied_before or not fatal:
            for document in documents:
                self.customers[document["_id"]] = document
        if fatal and self.victim is not None:
            self.victim.kill()
        return not fatal


class _Handler(BaseHTTPRequestHandler):
    server: Results

    def do_POST(self) -> None:
        if self.server.apply(json.loads(self.rfile.read(int(self.headers["Content-Length"])))):
            self.send_response(204)
            self.end_headers()
        else:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def results() -> Iterator[Results]:
    server = Results()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def orders() -> list[dict[str, Any]]:
    draw = random.Random(11)
    return [
        {
            "orderId": number,
            "customerId": f"C-{draw.randrange(300)}",
            "status": draw.choice(["PAID", "PAID", "OPEN"]),
            "orderValue": draw.randrange(1, 100_000) / 100,
        }
        for number in range(ORDERS)
    ]


def expected(events: list[dict[str, Any]]) -> dict[str, tuple[int, float]]:
    counts: dict[str, int] = defaultdict(int)
    cents: dict[str, int] = defaultdict(int)
    for event in events:
        if event["status"] == "PAID":
            counts[event["customerId"]] += 1
            cents[event["customerId"]] += round(event["orderValue"] * 100)
    return {customer: (counts[customer], cents[customer] / 100) for customer in counts}


def known(results: Results) -> dict[str, tuple[int, float]]:
    customers = list(results.customers.values())
    return {customer["_id"]: (customer["orderCount"], round(customer["lifetimeValue"], 2)) for customer in customers}


class Pipeline:
    """The example's pipeline over a topic of three partitions, as processes; small batches, many seals."""

    def __init__(self, broker: Any, probe: Any, results: Results, folder: Path, client: str, runtime: str) -> None:
        self.topic = probe.create_topic(3)
        self.probe = probe
        self.log = folder / "log"
        self.log.touch()
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP": broker.bootstrap_servers,
            "ORDERS_TOPIC": self.topic,
            "LTV_ENDPOINT": f"http://127.0.0.1:{results.server_port}/ltv",
            "STATE_PATH": str(folder / "state.db"),
        }
        text = (ROOT / "examples" / "orders-ltv" / "kafka-to-http.yaml").read_text()
        text = text.replace(
            "source:\n", f"source:\n  client: {client}\n  connect_timeout_seconds: 2\n  health_check_seconds: 0.2\n"
        )
        self._file = folder / "pipeline.yaml"
        self._file.write_text(text + f"runtime: {{micro_batch_size: 50, seal_interval_seconds: 0.001{runtime}}}\n")
        (folder / "output").mkdir()
        self._started: list[subprocess.Popen[bytes]] = []

    def produce(self, events: list[dict[str, Any]]) -> None:
        self.probe.produce(self.topic, [json.dumps(event).encode() for event in events])

    def start(self) -> subprocess.Popen[bytes]:
        code = "from fluxion_core.cli import main; main()"
        with self.log.open("ab") as log:
            command = [sys.executable, "-c", code, "run", "--takeover", str(self._file)]
            self._started.append(subprocess.Popen(command, env=self._environment, stderr=log))
        return self._started[-1]

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Return when *condition* holds; fail when it does not in time, or when the pipeline ends before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self._started[-1].poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self) -> int:
        self._started[-1].send_signal(signal.SIGTERM)
        return self._started[-1].wait(PATIENCE_SECONDS)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def pipeline(request, kafka_broker, probe, results, client, tmp_path) -> Iterator[Pipeline]:
    pipeline = Pipeline(kafka_broker, probe, results, tmp_path, client, getattr(request, "param", ""))
    yield pipeline
    pipeline.close()


@pytest.mark.parametrize(
    "pipeline", ["", ", direct_handoff: true", ", parallelism: 2"], ids=["queues", "turns", "processes"], indirect=True
)
def test_every_value_is_right_after_kills_in_the_middle(pipeline, results) -> None:
    """Each kill falls into a post: before the server applied it, or after it did and before the pipeline knew."""
    events = orders()
    right = expected(events)
    part = len(events) // (KILLS + 1)
    for kill in range(KILLS):
        pipeline.produce(events[kill * part : (kill + 1) * part])
        results.kill_at = (results.posts + 1 + kill // 2 % 2, kill % 2 == 0)
        results.victim = process = pipeline.start()
        assert -signal.SIGKILL == process.wait(PATIENCE_SECONDS), pipeline.log.read_text()
        assert known(results) != right
    results.kill_at = None
    pipeline.produce(events[KILLS * part :])
    pipeline.start()
    pipeline.wait_for(lambda: known(results) == right)
    assert 128 + signal.SIGTERM == pipeline.stop(), pipeline.log.read_text()
    assert right == known(results)


def test_a_broker_that_goes_away_is_reported_and_waited_for(kafka_broker, pipeline, results) -> None:
    """An outage in the middle: the process stays, says so, and finishes the work afterwards."""
    events = orders()
    half = len(events) // 2
    pipeline.produce(events[:half])
    pipeline.start()
    pipeline.wait_for(lambda: known(results) == expected(events[:half]))
    kafka_broker.stop()
    try:
        pipeline.wait_for(lambda: f"brokers: {kafka_broker.bootstrap_servers}" in pipeline.log.read_text())
    finally:
        kafka_broker.start()
        pipeline.probe.close()
    pipeline.produce(events[half:])
    pipeline.wait_for(lambda: known(results) == expected(events))
    assert 128 + signal.SIGTERM == pipeline.stop(), pipeline.log.read_text()
