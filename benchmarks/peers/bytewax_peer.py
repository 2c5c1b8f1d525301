"""bytewax: a dataflow of Python functions on a Rust engine, one worker.  python bytewax_peer.py JOB INPUT OUTPUT"""

from __future__ import annotations

import sys
from collections.abc import Callable
from heapq import nlargest
from pathlib import Path
from typing import Any

import orjson
from bytewax import operators as op
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators import Stream
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

Order = dict[str, Any]


class _Lines(StatelessSinkPartition[Order]):
    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb", buffering=1 << 18)  # noqa: SIM115  # closed by close

    def write_batch(self, items: list[Order]) -> None:
        for item in items:
            self._file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.close()


class LineSink(DynamicSink[Order]):
    def __init__(self, path: str) -> None:
        self._path = path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Lines:
        del step_id, worker_index, worker_count
        return _Lines(self._path)


def add(group: list[Any], order: Order) -> list[Any]:
    group[0] += 1
    group[1] += order["orderValue"]
    return group


def paid_by_customer(orders: Stream[Order]) -> Any:
    paid = op.filter("paid", orders, lambda order: order["status"] == "PAID")
    return op.key_on("customer", paid, lambda order: order["customerId"])


def group_at_end(orders: Stream[Order]) -> Stream[Order]:
    groups = op.fold_final("group", paid_by_customer(orders), lambda: [0, 0], add)
    return op.map("row", groups, lambda one: {"_id": one[0], "orderCount": one[1][0], "lifetimeValue": one[1][1]})


def group_updates(orders: Stream[Order]) -> Stream[Order]:
    def update(group: list[Any] | None, order: Order) -> tuple[list[Any], tuple[int, float]]:
        group = add(group or [0, 0], order)
        return group, (group[0], group[1])

    groups = op.stateful_map("group", paid_by_customer(orders), update)
    return op.map("row", groups, lambda one: {"_id": one[0], "orderCount": one[1][0], "lifetimeValue": one[1][1]})


def stateless(orders: Stream[Order]) -> Stream[Order]:
    def enrich(order: Order) -> Order | None:
        country = order["customer"]["country"]
        if order["status"] != "PAID" or country not in {"DE", "FR", "US"}:
            return None
        value = order["orderValue"]
        return {
            "orderId": order["orderId"],
            "customerId": order["customerId"],
            "total": sum(item["qty"] * item["price"] for item in order["items"]),
            "totalWithTax": round(value * 1.08, 2),
            "band": "high" if value >= 500 else "mid" if value >= 100 else "low",
            "country": country,
        }

    return op.filter_map("enrich", orders, enrich)


def unwind(orders: Stream[Order]) -> Stream[Order]:
    def fold(group: list[Any], item: Order) -> list[Any]:
        group[0] += item["qty"]
        group[1] += item["qty"] * item["price"]
        group[2] = max(group[2], item["price"])
        return group

    def gather(all_groups: list[Any], one: Any) -> list[Any]:
        all_groups.append(one)
        return all_groups

    items = op.key_on("sku", op.flat_map("items", orders, lambda order: order["items"]), lambda item: item["sku"])
    groups = op.fold_final("group", items, lambda: [0, 0, 0], fold)
    everything = op.fold_final("gather", op.key_on("all", groups, lambda _: "all"), list, gather)
    top = op.flat_map("top", everything, lambda one: nlargest(100, one[1], key=lambda group: group[1][1]))
    return op.map("row", top, lambda one: {"_id": one[0], "units": one[1][0], "revenue": one[1][1], "maxPrice": one[1][2]})


def by_minute(orders: Stream[Order]) -> Stream[Order]:
    def key(order: Order) -> str:
        return f"{order['ts'] - order['ts'] % 60000} {order['customer']['country']}"

    def row(one: tuple[str, list[Any]]) -> Order:
        minute, country = one[0].split()
        return {"_id": {"minute": int(minute), "country": country}, "count": one[1][0], "average": one[1][1] / one[1][0]}

    return op.map("row", op.fold_final("group", op.key_on("minute", orders, key), lambda: [0, 0], add), row)


def selective(orders: Stream[Order]) -> Stream[Order]:
    return op.filter("few", orders, lambda order: order["customer"]["tier"] == "platinum" and order["orderValue"] >= 500)


FLOWS: dict[str, Callable[[Stream[Order]], Stream[Order]]] = {
    "round-trip": lambda orders: orders,
    "group-at-end": group_at_end,
    "group-updates": group_updates,
    "stateless": stateless,
    "unwind": unwind,
    "by-minute": by_minute,
    "selective": selective,
}


def main(job: str, source: str, target: str) -> None:
    flow = Dataflow("orders")
    lines = op.input("lines", flow, FileSource(source, batch_size=1000))
    op.output("output", FLOWS[job](op.map("decode", lines, orjson.loads)), LineSink(target))
    run_main(flow)


if __name__ == "__main__":
    main(*sys.argv[1:])
