"""Measures the Kafka plugin beside the bare clients: CPU seconds per million records, interleaved, medians, ratios.

    python benchmarks/kafka_plugin.py [--records N] [--rounds N] [--json PATH]

The broker is a real Apache Kafka in a process of its own (Java 17 and Maven), so only the client's side counts, its threads
included. Both client libraries do the same four things in every round:

* reading with the library alone: 500 records at a time, errors looked for, payloads taken;
* reading with ``KafkaSource.poll(500)``;
* writing with the library alone: records with keys and headers made ready before, acknowledged every 10,000;
* writing with ``KafkaSink.write`` of sealed batches of 10,000, which finds the keys in the payloads and makes the headers.

The garbage collector is set for both sides as ``fluxion run`` sets it. A ratio above 1 is what the plugin adds. ``--json`` writes ``{"about": as in the other result files,
"rows": [{"client", "direction", "bare_cpu_seconds_per_million", "plugin_cpu_seconds_per_million", "ratio", "lowest_ratio", "highest_ratio"}]}``.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import attrs
import confluent_kafka
from fluxion_connect_kafka.properties import KAFKA_PYTHON, LIBRDKAFKA
from fluxion_connect_kafka.testing.apache import ApacheKafka
from fluxion_connect_kafka.testing.ends import Reader, Writer, sealed
from fluxion_connect_kafka.testing.probe import Probe
from kafka import TopicPartition
from results import about_this_run
from workload import documents

T = TypeVar("T")
Record = tuple[bytes, bytes, list[tuple[str, bytes]]]

PARTITIONS = 4
POLLED = 500
BATCH = 10_000
BATCH_BYTES = 256 * 1024
MILLION = 1_000_000


@attrs.frozen
class Bench:
    """The broker, and what is read from it and written to it."""

    broker: ApacheKafka
    probe: Probe
    payloads: Sequence[bytes]
    source: str
    target: str

    # Each measurement returns the CPU seconds of the whole process between its first and its last record.

    def plugin_read(self, client: str) -> float:
        with Reader(self.broker, self.source, client=client) as reader:
            started, got = time.process_time(), 0
            while got < len(self.payloads):
                got += len(reader.source.poll(POLLED, 1.0).payloads or ())
            return time.process_time() - started

    def plugin_write(self, client: str) -> float:
        batches = [sealed(chunk, seq) for seq, chunk in enumerate(chunks(self.payloads), 1)]
        with Writer(self.broker, self.target, client=client) as sink:
            started = time.process_time()
            for batch in batches:
                if sink.write(batch).refused:
                    raise SystemExit("the brokers refused records")
            return time.process_time() - started

    def kafka_python_read(self) -> float:
        consumer = self.probe.consumer(isolation_level="read_committed")
        consumer.assign([TopicPartition(self.source, partition) for partition in range(PARTITIONS)])
        started, got = time.process_time(), 0
        while got < len(self.payloads):
            for records in consumer.poll(1000, max_records=POLLED).values():
                got += len([record.value for record in records])
        used = time.process_time() - started
        consumer.close()
        return used

    def librdkafka_read(self) -> float:
        consumer = confluent_kafka.Consumer(self._librdkafka() | {"group.id": "bench", "enable.auto.commit": False})
        consumer.assign([confluent_kafka.TopicPartition(self.source, partition, 0) for partition in range(PARTITIONS)])
        started, got = time.process_time(), 0
        while got < len(self.payloads):
            got += len([message.value() for message in consumer.consume(POLLED, 1.0) if not message.error()])
        used = time.process_time() - started
        consumer.close()
        return used

    def kafka_python_write(self) -> float:
        records = self._records()
        with self.probe.producer(linger_ms=5, batch_size=BATCH_BYTES) as producer:
            started = time.process_time()
            for chunk in chunks(records):
                futures = [producer.send(self.target, payload, key=key, headers=headers) for payload, key, headers in chunk]
                producer.flush()
                for future in futures:
                    future.get(0)
            return time.process_time() - started

    def librdkafka_write(self) -> float:
        records = self._records()
        failures: list[Any] = []
        producer = confluent_kafka.Producer(
            self._librdkafka()
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "batch.size": BATCH_BYTES,
                "delivery.report.only.error": True,
                "on_delivery": lambda *failure: failures.append(failure),
            }
        )
        started = time.process_time()
        for chunk in chunks(records):
            for payload, key, headers in chunk:
                producer.produce(self.target, payload, key, headers=headers)
            if producer.flush() or failures:
                raise SystemExit("the brokers refused records")
        return time.process_time() - started

    def _librdkafka(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.broker.bootstrap_servers}

    def _records(self) -> Sequence[Record]:
        return [
            (payload, b"o-%07d" % (index + 1), [("fluxion-key", b"i:1:%d" % index)])
            for index, payload in enumerate(self.payloads)
        ]


def chunks(values: Sequence[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, BATCH)):
        yield chunk


def measured(bench: Bench, rounds: int) -> list[dict[str, Any]]:
    """Run every measurement once in each round, and return a row for each client and direction."""
    jobs: list[tuple[str, str, Callable[[], float], Callable[[], float]]] = [
        (KAFKA_PYTHON, "read", bench.kafka_python_read, lambda: bench.plugin_read(KAFKA_PYTHON)),
        (LIBRDKAFKA, "read", bench.librdkafka_read, lambda: bench.plugin_read(LIBRDKAFKA)),
        (KAFKA_PYTHON, "write", bench.kafka_python_write, lambda: bench.plugin_write(KAFKA_PYTHON)),
        (LIBRDKAFKA, "write", bench.librdkafka_write, lambda: bench.plugin_write(LIBRDKAFKA)),
    ]
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {(client, direction): [] for client, direction, _, _ in jobs}
    for _ in range(rounds):
        for client, direction, bare, plugin in jobs:
            pairs[client, direction].append((alone(bare), alone(plugin)))
    return [row(client, direction, found, len(bench.payloads)) for (client, direction), found in pairs.items()]


def alone(measurement: Callable[[], float]) -> float:
    gc.collect()  # what an earlier client left behind is not this one's
    gc.freeze()
    return measurement()


def row(client: str, direction: str, pairs: Sequence[tuple[float, float]], count: int) -> dict[str, Any]:
    bare, plugin = (statistics.median(column) * MILLION / count for column in zip(*pairs, strict=True))
    ratios = [with_plugin / without for without, with_plugin in pairs]
    return {
        "client": client,
        "direction": direction,
        "bare_cpu_seconds_per_million": bare,
        "plugin_cpu_seconds_per_million": plugin,
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too")
    asked = parser.parse_args()
    about = {**about_this_run(), "records": asked.records, "rounds": asked.rounds}
    gc.set_threshold(100_000)  # as the command line sets it, for both sides
    payloads = [line for line in b"".join(documents(asked.records)).splitlines() if line]
    with ApacheKafka() as broker, Probe(broker.bootstrap_servers) as probe:
        bench = Bench(broker, probe, payloads, probe.create_topic(PARTITIONS), probe.create_topic(PARTITIONS))
        probe.produce(bench.source, payloads)
        probe.close()
        rows = measured(bench, asked.rounds)
    print("| client | direction | alone, CPU s/1M | plugin, CPU s/1M | ratio | spread |\n| --- | --- | --- | --- | --- | --- |")
    for found in rows:
        print(
            "| {client} | {direction} | {bare_cpu_seconds_per_million:.2f} | {plugin_cpu_seconds_per_million:.2f} "
            "| {ratio:.2f} | {lowest_ratio:.2f}-{highest_ratio:.2f} |".format(**found)
        )
    if asked.json is not None:
        asked.json.write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
