"""What is measured: every job as stages, and as the plain loop that a good engineer would write with orjson."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import Any, Literal

import orjson
from workload import DEPTH

__all__ = ["HAND", "JOBS", "STAGES"]

_LINE = orjson.OPT_APPEND_NEWLINE
Write = Callable[[bytes], Any]

_BELOW = ".".join("a" * DEPTH)
LTV = {"$group": {"_id": "$customerId", "orderCount": {"$sum": 1}, "lifetimeValue": {"$sum": "$orderValue"}}}
STAGES: Mapping[str, tuple[Literal["final", "each"], list[dict[str, Any]]]] = {
    "round-trip": ("final", []),
    "group-at-end": ("final", [{"$match": {"status": "PAID"}}, LTV]),
    "group-updates": ("each", [{"$match": {"status": "PAID"}}, LTV]),
    "stateless": (
        "final",
        [
            {"$match": {"status": "PAID", "customer.country": {"$in": ["DE", "FR", "US"]}}},
            {
                "$set": {
                    "total": {"$sum": {"$map": {"input": "$items", "as": "i", "in": {"$multiply": ["$$i.qty", "$$i.price"]}}}},
                    "totalWithTax": {"$round": [{"$multiply": ["$orderValue", 1.08]}, 2]},
                    "band": {
                        "$switch": {
                            "branches": [
                                {"case": {"$gte": ["$orderValue", 500]}, "then": "high"},
                                {"case": {"$gte": ["$orderValue", 100]}, "then": "mid"},
                            ],
                            "default": "low",
                        }
                    },
                }
            },
            {
                "$project": {
                    "_id": 0,
                    "orderId": 1,
                    "customerId": 1,
                    "total": 1,
                    "totalWithTax": 1,
                    "band": 1,
                    "country": "$customer.country",
                }
            },
        ],
    ),
    "unwind": (
        "final",
        [
            {"$unwind": "$items"},
            {
                "$group": {
                    "_id": "$items.sku",
                    "units": {"$sum": "$items.qty"},
                    "revenue": {"$sum": {"$multiply": ["$items.qty", "$items.price"]}},
                    "maxPrice": {"$max": "$items.price"},
                }
            },
            {"$sort": {"revenue": -1}},
            {"$limit": 100},
        ],
    ),
    "by-minute": (
        "final",
        [
            {
                "$group": {
                    "_id": {"minute": {"$subtract": ["$ts", {"$mod": ["$ts", 60000]}]}, "country": "$customer.country"},
                    "count": {"$sum": 1},
                    "average": {"$avg": "$orderValue"},
                }
            }
        ],
    ),
    "selective": ("final", [{"$match": {"customer.tier": "platinum", "orderValue": {"$gte": 500}}}]),
    "deep": (
        "final",
        [
            {"$match": {f"{_BELOW}.status": "PAID"}},
            {
                "$group": {
                    "_id": f"${_BELOW}.customerId",
                    "orderCount": {"$sum": 1},
                    "lifetimeValue": {"$sum": f"${_BELOW}.orderValue"},
                }
            },
        ],
    ),
}
JOBS = ("round-trip", "group-at-end", "group-updates", "stateless", "unwind", "by-minute", "selective")


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
