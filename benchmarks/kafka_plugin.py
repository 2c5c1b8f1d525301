"""Measures the Kafka plugin beside the bare client: CPU seconds per million records, interleaved, medians, ratios.

    python benchmarks/kafka_plugin.py [--records N] [--rounds N]

The broker is a real Apache Kafka in a process of its own (Java 17 and Maven), so only the client's side counts. Reading is
``poll(500)`` against ``KafkaSource.poll(500)``; writing is ``send`` of ready-made keys and headers, acknowledged every 10,000
records, against ``KafkaSink.write`` of sealed batches of that size. A ratio above 1 is what the plugin adds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from fluxion_connect_kafka.testing.apache import ApacheKafka
from fluxion_connect_kafka.testing.ends import Reader, Writer, sealed
from fluxion_connect_kafka.testing.probe import Probe
from kafka import TopicPartition
from workload import documents

T = TypeVar("T")

PARTITIONS = 4
POLLED = 500
BATCH = 10_000
MILLION = 1_000_000


def bare_read(probe: Probe, topic: str, count: int) -> float:
    consumer = probe.consumer(isolation_level="read_committed")
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    started, got = time.process_time(), 0
    while got < count:
        got += sum(map(len, consumer.poll(1000, max_records=POLLED).values()))
    used = time.process_time() - started
    consumer.close()
    return used


def plugin_read(broker: ApacheKafka, topic: str, count: int) -> float:
    with Reader(broker, topic) as reader:
        started, got = time.process_time(), 0
        while got < count:
            got += len(reader.source.poll(POLLED, 1.0).payloads or ())
        return time.process_time() - started


def bare_write(probe: Probe, topic: str, payloads: list[bytes]) -> float:
    records = [(b"A-%d" % (index + 1), [("fluxion-key", b"i:1:%d" % index)], payload) for index, payload in enumerate(payloads)]
    with probe.producer(linger_ms=5, batch_size=256 * 1024) as producer:
        started = time.process_time()
        for chunk in chunks(records):
            futures = [producer.send(topic, payload, key=key, headers=headers) for key, headers, payload in chunk]
            producer.flush()
            for future in futures:
                future.get(0)
        return time.process_time() - started


def plugin_write(broker: ApacheKafka, topic: str, payloads: list[bytes]) -> float:
    batches = [sealed(chunk, seq) for seq, chunk in enumerate(chunks(payloads), 1)]
    with Writer(broker, topic, key="orderId") as sink:
        started = time.process_time()
        for batch in batches:
            if sink.write(batch).refused:
                raise SystemExit("the brokers refused records")
        return time.process_time() - started


def chunks(values: list[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, BATCH)):
        yield chunk


def report(name: str, count: int, rounds: int, bare: Callable[[], float], plugin: Callable[[], float]) -> None:
    pairs = [(bare(), plugin()) for _ in range(rounds)]
    alone, ours = (statistics.median(column) * MILLION / count for column in zip(*pairs, strict=True))
    ratios = [plugged / single for single, plugged in pairs]
    middle = statistics.median(ratios)
    print(f"| {name} | {alone:.2f} | {ours:.2f} | {middle:.2f} | {min(ratios):.2f}-{max(ratios):.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    payloads = [line for line in b"".join(documents(asked.records)).splitlines() if line]
    with ApacheKafka() as broker, Probe(broker.bootstrap_servers) as probe:
        source, target = probe.create_topic(PARTITIONS), probe.create_topic(PARTITIONS)
        probe.produce(source, payloads)
        print(
            "| kafka-python | client alone, CPU s/1M | plugin, CPU s/1M | ratio | spread |\n| --- | --- | --- | --- | --- |",
            flush=True,
        )
        count = len(payloads)
        report("read", count, asked.rounds, lambda: bare_read(probe, source, count), lambda: plugin_read(broker, source, count))
        report(
            "write",
            count,
            asked.rounds,
            lambda: bare_write(probe, target, payloads),
            lambda: plugin_write(broker, target, payloads),
        )


if __name__ == "__main__":
    main()
