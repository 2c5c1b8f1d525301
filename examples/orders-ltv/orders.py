"""Writes order events as newline-delimited JSON: the same bytes for the same count and seed, on every machine.

python orders.py [COUNT] [SEED] > orders.ndjson
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from typing import Any

CUSTOMERS = 5_000
STATUSES = (("PAID", 0.55), ("PENDING", 0.80), ("CANCELLED", 0.92), ("REFUNDED", 1.0))
COUNTRIES = ("DE", "DE", "DE", "FR", "FR", "US", "US", "GB", "IT", "ES", "NL", "PL")
PRODUCTS = tuple((f"S-{number:03d}", round(2.5 + (number * 7919 % 9000) / 100, 2)) for number in range(400))
FIRST_MILLISECOND = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def orders(count: int = 100_000, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Yield *count* orders; a few customers buy a lot, most buy little, as in a real shop."""
    draw = random.Random(seed)  # noqa: S311  # an example, not a secret
    weights = list(itertools.accumulate(1 / (rank + 10) ** 0.9 for rank in range(CUSTOMERS)))
    time = FIRST_MILLISECOND
    for number in range(1, count + 1):
        customer = bisect(weights, draw.random() * weights[-1])
        status = next(name for name, bound in STATUSES if draw.random() < bound or bound == 1.0)
        items = [_item(draw) for _ in range(1 + int(draw.random() * 4))]
        time += int(draw.random() * 400)
        yield {
            "orderId": f"A-{number}",
            "customerId": f"C-{customer:05d}",
            "status": status,
            "orderValue": round(sum(item["qty"] * item["price"] for item in items), 2),
            "currency": "EUR",
            "ts": time,
            "items": items,
            "country": COUNTRIES[customer % len(COUNTRIES)],
        }


def _item(draw: random.Random) -> dict[str, Any]:
    sku, price = PRODUCTS[int(draw.random() ** 2 * len(PRODUCTS))]
    return {"sku": sku, "qty": 1 + int(draw.random() ** 3 * 5), "price": price}


def lines(count: int = 100_000, seed: int = 7) -> Iterator[bytes]:
    """Yield the same orders as lines of JSON."""
    for order in orders(count, seed):
        yield json.dumps(order, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.stdout.buffer.writelines(lines(*arguments))
