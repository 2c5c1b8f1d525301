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
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS

pytestmark = [*KAFKA_MARKS, pytest.mark.crash, pytest.mark.xdist_group("kafka"), pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[3]
ORDERS = 6000
KILLS = 5
PATIENCE_SECONDS = 90


class Results(ThreadingHTTPServer):
    """Applies upserts as a server of one's own would: the last document per customer counts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.customers: dict[str, dict[str, Any]] = {}


class _Handler(BaseHTTPRequestHandler):
    server: Results

    def do_POST(self) -> None:
        for document in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            self.server.customers[document["_id"]] = document
        self.send_response(204)
        self.end_headers()

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


def test_every_value_is_right_after_kills_in_the_middle(kafka_broker, probe, results, tmp_path) -> None:
    topic = probe.create_topic(3)
    events = orders()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP": kafka_broker.bootstrap_servers,
        "ORDERS_TOPIC": topic,
        "LTV_ENDPOINT": f"http://127.0.0.1:{results.server_port}/ltv",
        "STATE_PATH": str(tmp_path / "state.db"),
    }
    pipeline_file = tmp_path / "pipeline.yaml"
    pipeline_file.write_text((ROOT / "examples" / "orders-ltv" / "kafka-to-http.yaml").read_text())
    (tmp_path / "output").mkdir()
    command = [sys.executable, "-c", "from fluxion_core.cli import main; main()", "run", "--takeover", str(pipeline_file)]
    draw = random.Random(5)
    part = len(events) // (KILLS + 1)
    log = (tmp_path / "log").open("wb")
    with log:
        for kill in range(KILLS + 1):
            probe.produce(topic, [json.dumps(event).encode() for event in events[kill * part : (kill + 1) * part]])
            process = subprocess.Popen(command, env=environment, stderr=log)
            if kill < KILLS:
                time.sleep(0.4 + draw.random() * 0.6)
                assert process.poll() is None, (tmp_path / "log").read_text()
                process.kill()
                process.wait()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while known(results) != expected(events) and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert expected(events) == known(results)
