"""The workload: order documents of about 330 bytes as NDJSON, the same bytes for the same count, shape and seed.

    python benchmarks/workload.py COUNT [SHAPE] [SEED] > orders.ndjson

A shape changes the documents of the plain workload; see SHAPES.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from bisect import bisect
from collections.abc import Callable, Iterator
from typing import Any

from jobs import DEPTH

CUSTOMERS = 50_000
PRODUCTS = 1_000
COUNTRIES = (
    ("DE",) * 28
    + ("FR",) * 16
    + ("US",) * 14
    + ("GB",) * 10
    + ("IT",) * 8
    + ("ES",) * 7
    + ("NL",) * 6
    + ("PL",) * 5
    + ("SE", "AT") * 3
)
TIERS = ("bronze",) * 60 + ("silver",) * 25 + ("gold",) * 12 + ("platinum",) * 3
STATUSES = ("PAID",) * 55 + ("PENDING",) * 25 + ("CANCELLED",) * 12 + ("REFUNDED",) * 8
TAGS = ("web", "app", "promo", "gift", "first", "b2b", "express", "returning")

Document = dict[str, Any]


def orders(count: int, seed: int = 7) -> Iterator[Document]:
    """Yield *count* plain orders."""
    draw = random.Random(seed)
    prices = [round(draw.lognormvariate(3.0, 1.0) + 0.5, 2) for _ in range(PRODUCTS)]
    who = [(draw.choice(TIERS), draw.choice(COUNTRIES)) for _ in range(CUSTOMERS)]
    customers = list(itertools.accumulate(1 / (rank + 10) ** 0.9 for rank in range(CUSTOMERS)))
    products = list(itertools.accumulate(1 / (rank + 5) ** 0.7 for rank in range(PRODUCTS)))
    milliseconds = 1_700_000_000_000
    for number in range(1, count + 1):
        customer = bisect(customers, draw.random() * customers[-1])
        milliseconds += int(draw.random() * 100)
        items: list[Document] = []
        for _ in range(1 + int(draw.random() * 5)):
            product = bisect(products, draw.random() * products[-1])
            items.append({"sku": f"S-{product}", "qty": 1 + int(draw.random() ** 3 * 8), "price": prices[product]})
        yield {
            "_id": f"o-{number:07d}",
            "orderId": f"A-{number}",
            "customerId": f"C-{customer}",
            "status": STATUSES[int(draw.random() * 100)],
            "orderValue": round(sum(item["qty"] * item["price"] for item in items), 2),
            "currency": "EUR",
            "ts": milliseconds + int((draw.random() - 0.5) * 4000),
            "items": items,
            "customer": {"tier": who[customer][0], "country": who[customer][1]},
            "tags": draw.sample(TAGS, int(draw.random() * 4)),
        }


def odd(order: Document, way: int) -> Document:
    """Give one field of *order* another type, in one of six ways that no stage of the jobs refuses."""
    match way % 6:
        case 0:
            order["orderValue"] = None
        case 1:
            order["customer"] = [order["customer"]]
        case 2:
            order["customerId"] = int(order["customerId"][2:])
        case 3:
            order["items"] = None
        case 4:
            del order["orderValue"]
        case _:
            order["customerId"] = {"key": order["customerId"]}
    return order


def odd_one_percent(number: int, order: Document) -> Document:
    return odd(order, number // 100) if number % 100 == 50 else order


def odd_all_one_way(number: int, order: Document) -> Document:  # noqa: ARG001  # every shape is called alike
    return odd(order, 2)


def odd_all_six_ways(number: int, order: Document) -> Document:
    return odd(order, number)


def wide(number: int, order: Document) -> Document:
    """Add fields up to one hundred: half of them text, half of them numbers, before and behind those that are used."""
    more = [(f"field{index:02d}", f"text {number} of {index}" if index % 2 else number * index / 7) for index in range(90)]
    return dict([*more[:45], *order.items(), *more[45:]])


def deep(number: int, order: Document) -> Document:  # noqa: ARG001  # every shape is called alike
    """Put the order below twenty documents: ``a.a. ... .a.status``."""
    for level in range(DEPTH):
        order = {"a": order, "n": level}
    return order


def large_arrays(number: int, order: Document) -> Document:
    """Repeat the items up to two hundred, with other products."""
    first = order["items"][0]
    order["items"] = [{**first, "sku": f"S-{(number * 31 + index) % PRODUCTS}", "qty": index % 7 + 1} for index in range(200)]
    return order


SHAPES: dict[str, Callable[[int, Document], Document]] = {
    "plain": lambda _, order: order,
    "odd-1": odd_one_percent,
    "odd-100-alike": odd_all_one_way,
    "odd-100": odd_all_six_ways,
    "wide": wide,
    "deep": deep,
    "arrays": large_arrays,
}


def documents(count: int, shape: str = "plain", seed: int = 7) -> Iterator[bytes]:
    """Yield *count* lines."""
    change = SHAPES[shape]
    for number, order in enumerate(orders(count, seed)):
        yield json.dumps(change(number, order), separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    amount, asked, drawn = [*sys.argv[1:], *("", "plain", "7")[len(sys.argv) - 1 :]]
    sys.stdout.buffer.writelines(documents(int(amount), asked, int(drawn)))
