"""Jobs over documents that are in memory as dicts already, as plain Python: no decoding, no encoding, rows out as dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import Any

__all__ = ["HAND_DICTS"]

Documents = Iterable[dict[str, Any]]
Rows = list[dict[str, Any]]


def group_at_end(orders: Documents) -> Rows:
    groups: dict[str, list[Any]] = {}
    for order in orders:
        if order["status"] == "PAID":
            group = groups.get(order["customerId"])
            if group is None:
                groups[order["customerId"]] = [1, order["orderValue"]]
            else:
                group[0] += 1
                group[1] += order["orderValue"]
    return [{"_id": customer, "orderCount": count, "lifetimeValue": value} for customer, (count, value) in groups.items()]


def stateless(orders: Documents) -> Rows:
    rows = []
    for order in orders:
        country = order["customer"]["country"]
        if order["status"] == "PAID" and country in {"DE", "FR", "US"}:
            value = order["orderValue"]
            rows.append(
                {
                    "orderId": order["orderId"],
                    "customerId": order["customerId"],
                    "total": sum(item["qty"] * item["price"] for item in order["items"]),
                    "totalWithTax": round(value * 1.08, 2),
                    "band": "high" if value >= 500 else "mid" if value >= 100 else "low",
                    "country": country,
                }
            )
    return rows


def unwind(orders: Documents) -> Rows:
    groups: dict[str, list[Any]] = {}
    for order in orders:
        for item in order["items"]:
            quantity, price = item["qty"], item["price"]
            group = groups.get(item["sku"])
            if group is None:
                groups[item["sku"]] = [quantity, quantity * price, price]
            else:
                group[0] += quantity
                group[1] += quantity * price
                group[2] = max(group[2], price)
    top = nlargest(100, groups.items(), key=lambda entry: entry[1][1])
    return [{"_id": sku, "units": units, "revenue": revenue, "maxPrice": price} for sku, (units, revenue, price) in top]


def selective(orders: Documents) -> Rows:
    return [order for order in orders if order["customer"]["tier"] == "platinum" and order["orderValue"] >= 500]


HAND_DICTS: Mapping[str, Callable[[Documents], Rows]] = {
    "group-at-end": group_at_end,
    "stateless": stateless,
    "unwind": unwind,
    "selective": selective,
}
