"""Runs kafka-to-http.yaml with everything that it needs: a small Kafka broker and an HTTP server, both on loopback, for this run only.

pip install fluxion-connect-kafka fluxion-connect-http
python examples/orders-ltv/kafka_to_http.py
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from heapq import nlargest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from fluxion_connect_kafka.testing.broker import SmallBroker
from fluxion_connect_kafka.testing.probe import Probe
from orders import lines

HERE = Path(__file__).parent
ORDERS = 20_000
PATIENCE_SECONDS = 60


class Results(ThreadingHTTPServer):
    """Keeps the last document that was posted for every customer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.customers: dict[str, dict[str, Any]] = {}

    @property
    def orders(self) -> int:
        """How many paid orders the results account for."""
        return sum(customer["orderCount"] for customer in list(self.customers.values()))


class _Handler(BaseHTTPRequestHandler):
    server: Results

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for customer in json.loads(body):
            self.server.customers[customer["_id"]] = customer
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


def main() -> int:
    """Start the servers, write the orders, run the pipeline until every paid order is accounted for, and stop it."""
    (HERE / "output").mkdir(exist_ok=True)
    state = HERE / "output" / "kafka-state.db"
    state.unlink(missing_ok=True)
    paid = sum(json.loads(line)["status"] == "PAID" for line in lines(ORDERS))
    with SmallBroker() as broker, Results() as results:
        Thread(target=results.serve_forever, daemon=True).start()
        broker.create_topic("orders.v1", 3)
        with Probe(broker.bootstrap_servers) as probe:
            probe.produce("orders.v1", lines(ORDERS))
        print(f"wrote {ORDERS:,} orders to topic orders.v1 on {broker.bootstrap_servers}")
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP": broker.bootstrap_servers,
            "LTV_ENDPOINT": f"http://127.0.0.1:{results.server_port}/ltv",
            "STATE_PATH": str(state),
        }
        command = [Path(sys.executable).with_name("fluxion"), "run", str(HERE / "kafka-to-http.yaml")]
        pipeline = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while results.orders < paid and pipeline.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        pipeline.send_signal(signal.SIGTERM)
        pipeline.wait(PATIENCE_SECONDS)
        print(
            f"\nthe server knows {len(results.customers):,} customers with {results.orders:,} of {paid:,} paid orders; the top five:"
        )
        for customer in nlargest(5, results.customers.values(), key=lambda customer: customer["lifetimeValue"]):
            print(f"  {customer['_id']}  {customer['orderCount']:5d} orders  {customer['lifetimeValue']:12,.2f} EUR")
        results.shutdown()
        return 0 if results.orders == paid else 1


if __name__ == "__main__":
    sys.exit(main())
