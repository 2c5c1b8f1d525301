"""quixstreams: a streaming data frame, called in process without Kafka.  python quixstreams_peer.py JOB INPUT OUTPUT"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from quixstreams import Application
from quixstreams.models import Topic

Order = dict[str, Any]


def enrich(order: Order) -> Order:
    value = order["orderValue"]
    return {
        "orderId": order["orderId"],
        "customerId": order["customerId"],
        "total": sum(item["qty"] * item["price"] for item in order["items"]),
        "totalWithTax": round(value * 1.08, 2),
        "band": "high" if value >= 500 else "mid" if value >= 100 else "low",
        "country": order["customer"]["country"],
    }


def wanted(order: Order) -> bool:
    return order["status"] == "PAID" and order["customer"]["country"] in {"DE", "FR", "US"}


FRAMES: dict[str, Callable[[Any], Any]] = {
    "round-trip": lambda frame: frame,
    "stateless": lambda frame: frame.filter(wanted).apply(enrich),
    "selective": lambda frame: frame.filter(
        lambda order: order["customer"]["tier"] == "platinum" and order["orderValue"] >= 500
    ),
}


def main(job: str, source: str, target: str) -> None:
    application = Application(broker_address="127.0.0.1:1", consumer_group="bench", loglevel=None)
    with Path(source).open("rb") as lines, Path(target).open("wb", buffering=1 << 18) as output:

        def write(value: Any, *_: Any) -> None:
            output.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

        frame = FRAMES[job](application.dataframe(Topic("orders")))
        run = frame.compose(write)["orders"]
        for line in lines:
            run(orjson.loads(line), b"", 0, [])


if __name__ == "__main__":
    main(*sys.argv[1:])
