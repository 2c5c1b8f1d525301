"""The small broker as a process: ``python -m fluxion_connect_kafka.testing.broker [--port N] [--topic NAME:PARTITIONS]...``.

It prints its address and lives until its standard input closes. A line on standard input is a command, answered by one line:
``stop`` and ``start`` play an outage, ``create TOPIC PARTITIONS`` makes a topic, ``fail API FAULT...`` queues faults, where a
fault is an error code's name, ``drop``, ``drop-after`` or seconds (``2.5``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TextIO

from fluxion_connect_kafka.testing.broker import Code, Delay, Drop, DropAfter, SmallBroker
from fluxion_connect_kafka.testing.broker.cluster import Settings
from fluxion_connect_kafka.testing.broker.codes import Refused
from fluxion_connect_kafka.testing.broker.faults import Fault

__all__ = ["main"]


def main(arguments: Sequence[str], commands: TextIO, answers: TextIO) -> None:
    """Run a broker until *commands* ends."""
    options = _parser().parse_args(arguments)
    settings = Settings(auto_create_partitions=options.auto_create)
    with SmallBroker(port=options.port, settings=settings) as broker:
        for topic in options.topic:
            name, _, partitions = topic.partition(":")
            broker.create_topic(name, int(partitions or 1))
        print(broker.bootstrap_servers, file=answers, flush=True)
        for line in commands:
            print(_answer(broker, line.split()), file=answers, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fluxion_connect_kafka.testing.broker", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on (a free one)")
    parser.add_argument("--topic", action="append", default=[], help="NAME:PARTITIONS of a topic to begin with")
    parser.add_argument("--auto-create", type=int, default=4, help="partitions of a topic made on first use; 0 for never")
    return parser


def _answer(broker: SmallBroker, words: list[str]) -> str:
    try:
        _obey(broker, words)
    except (ValueError, Refused) as error:
        return f"error: {error}"
    return "ok"


def _obey(broker: SmallBroker, words: list[str]) -> None:
    match words:
        case ["stop"]:
            broker.stop()
        case ["start"]:
            broker.start()
        case ["create", name, partitions]:
            broker.create_topic(name, int(partitions))
        case ["fail", api, *faults]:
            broker.fail(api, *(_fault(word) for word in faults))
        case _:
            msg = f"{' '.join(words)!r} is no command; expected stop, start, create TOPIC PARTITIONS or fail API FAULT..."
            raise ValueError(msg)


def _fault(word: str) -> Fault:
    if word == "drop":
        return Drop()
    if word == "drop-after":
        return DropAfter()
    if word in Code.__members__:
        return Code[word]
    return Delay(float(word))


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdin, sys.stdout)
