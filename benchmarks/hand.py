"""Every job as the plain loop that a good engineer would write with orjson."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import Any

import orjson
from jobs import DEPTH

__all__ = ["HAND"]

_LINE = orjson.OPT_APPEND_NEWLINE
Write = Callable[[bytes], Any]


def round_trip(lines: Iterable[bytes], write: Write) -> None:
    for line in lines:
        write(orjson.dumps(orjson.loads(line), option=_LINE))


def group_at_end(lines: Iterable[bytes], write: Write) -> None:
    groups: dict[str, list[Any]] = {}
    for line in lines:
        order = orjson.loads(line)
        if order["status"] == "PAID":
            group = groups.get(order["customerId"])
            if group is None:
                groups[order["customerId"]] = [1, order["orderValue"]]
            else:
                group[0] += 1
                group[1] += order["orderValue"]
    for customer, (count, value) in groups.items():
        write(orjson.dumps({"_id": customer, "orderCount": count, "lifetimeValue": value}, option=_LINE))


def group_updates(lines: Iterable[bytes], write: Write) -> None:
    groups: dict[str, dict[str, Any]] = {}
    for line in lines:
        order = orjson.loads(line)
        if order["status"] == "PAID":
            customer = order["customerId"]
            group = groups.get(customer)
            if group is None:
                group = groups[customer] = {"_id": customer, "orderCount": 0, "lifetimeValue": 0}
            group["orderCount"] += 1
            group["lifetimeValue"] += order["orderValue"]
            write(orjson.dumps(group, option=_LINE))


def stateless(lines: Iterable[bytes], write: Write) -> None:
    for line in lines:
        order = orjson.loads(line)
        country = order["customer"]["country"]
        if order["status"] == "PAID" and country in {"DE", "FR", "US"}:
            value = order["orderValue"]
            row = {
                "orderId": order["orderId"],
                "customerId": order["customerId"],
                "total": sum(item["qty"] * item["price"] for item in order["items"]),
                "totalWithTax": round(value * 1.08, 2),
                "band": "high" if value >= 500 else "mid" if value >= 100 else "low",
                "country": country,
            }
            write(orjson.dumps(row, option=_LINE))


def unwind(lines: Iterable[bytes], write: Write) -> None:
    groups: dict[str, list[Any]] = {}
    for line in lines:
        for item in orjson.loads(line)["items"]:
            quantity, price = item["qty"], item["price"]
            group = groups.get(item["sku"])
            if group is None:
                groups[item["sku"]] = [quantity, quantity * price, price]
            else:
                group[0] += quantity
                group[1] += quantity * price
                group[2] = max(group[2], price)
    for sku, (units, revenue, price) in nlargest(100, groups.items(), key=lambda entry: entry[1][1]):
        write(orjson.dumps({"_id": sku, "units": units, "revenue": revenue, "maxPrice": price}, option=_LINE))


def by_minute(lines: Iterable[bytes], write: Write) -> None:
    groups: dict[tuple[int, str], list[Any]] = {}
    for line in lines:
        order = orjson.loads(line)
        key = (order["ts"] - order["ts"] % 60000, order["customer"]["country"])
        group = groups.get(key)
        if group is None:
            groups[key] = [1, order["orderValue"]]
        else:
            group[0] += 1
            group[1] += order["orderValue"]
    for (minute, country), (count, value) in groups.items():
        row = {"_id": {"minute": minute, "country": country}, "count": count, "average": value / count}
        write(orjson.dumps(row, option=_LINE))


def selective(lines: Iterable[bytes], write: Write) -> None:
    for line in lines:
        order = orjson.loads(line)
        if order["customer"]["tier"] == "platinum" and order["orderValue"] >= 500:
            write(orjson.dumps(order, option=_LINE))


def deep(lines: Iterable[bytes], write: Write) -> None:
    groups: dict[str, list[Any]] = {}
    for line in lines:
        order = orjson.loads(line)
        for _ in range(DEPTH):
            order = order["a"]
        if order["status"] == "PAID":
            group = groups.setdefault(order["customerId"], [0, 0])
            group[0] += 1
            group[1] += order["orderValue"]
    for customer, (count, value) in groups.items():
        write(orjson.dumps({"_id": customer, "orderCount": count, "lifetimeValue": value}, option=_LINE))


HAND: Mapping[str, Callable[[Iterable[bytes], Write], None]] = {
    "round-trip": round_trip,
    "group-at-end": group_at_end,
    "group-updates": group_updates,
    "stateless": stateless,
    "unwind": unwind,
    "by-minute": by_minute,
    "selective": selective,
    "deep": deep,
}
