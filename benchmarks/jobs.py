"""What is measured: every job as stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["DEPTH", "JOBS", "STAGES"]

DEPTH = 20
"""How far below the top the fields of a deep document are."""
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
