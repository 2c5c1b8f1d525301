"""The workload: order documents of about 330 bytes as NDJSON, the same bytes for the same count and seed.

python benchmarks/workload.py COUNT [SEED] > orders.ndjson
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from bisect import bisect
from collections.abc import Iterator

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


def documents(count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield *count* lines."""
    draw = random.Random(seed)
    prices = [round(draw.lognormvariate(3.0, 1.0) + 0.5, 2) for _ in range(PRODUCTS)]
    who = [(draw.choice(TIERS), draw.choice(COUNTRIES)) for _ in range(CUSTOMERS)]
    customers = list(itertools.accumulate(1 / (rank + 10) ** 0.9 for rank in range(CUSTOMERS)))
    products = list(itertools.accumulate(1 / (rank + 5) ** 0.7 for rank in range(PRODUCTS)))
    milliseconds = 1_700_000_000_000
    for number in range(1, count + 1):
        customer = bisect(customers, draw.random() * customers[-1])
        milliseconds += int(draw.random() * 100)
        items = []
        for _ in range(1 + int(draw.random() * 5)):
            product = bisect(products, draw.random() * products[-1])
            items.append({"sku": f"S-{product}", "qty": 1 + int(draw.random() ** 3 * 8), "price": prices[product]})
        order = {
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
        yield json.dumps(order, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.stdout.buffer.writelines(documents(*arguments))
