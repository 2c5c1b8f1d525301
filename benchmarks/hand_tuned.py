"""Every job as the limit of pure Python: typed structs of only the fields needed, one decode and one encode per 64 KiB.

Nobody writes this by hand: sums are naive, and one document of another type ends the program. It shows how far there is to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

__all__ = ["TUNED"]

Chunks = Iterable[bytes]  # of whole lines
Write = Callable[[bytes], Any]
Number = float | int
_encode = Encoder().encode_lines


class _Nothing(Struct, gc=False):
    pass


class _Paid(Struct, gc=False):
    status: str
    customerId: str
    orderValue: Number


class _Country(Struct, gc=False):
    country: str


class _Line(Struct, gc=False):
    qty: Number
    price: Number


class _Enriched(Struct, gc=False):
    status: str
    orderId: Raw
    customerId: Raw
    orderValue: Number
    customer: _Country
    items: list[_Line]


class _Product(Struct, gc=False):
    sku: str
    qty: Number
    price: Number


class _Products(Struct, gc=False):
    items: list[_Product]


class _Timed(Struct, gc=False):
    ts: int
    customer: _Country
    orderValue: Number


class _Tier(Struct, gc=False):
    tier: str


class _Selected(Struct, gc=False):
    customer: _Tier
    orderValue: Number


def _write_rows(rows: list[dict[str, Any]], write: Write) -> None:
    for start in range(0, len(rows), 1000):
        write(_encode(rows[start : start + 1000]))


def round_trip(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Nothing).decode_lines
    for chunk in chunks:
        decode(chunk)
        write(chunk)


def group_at_end(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Paid).decode_lines
    groups: dict[str, list[Any]] = {}
    for chunk in chunks:
        for order in decode(chunk):
            if order.status == "PAID":
                group = groups.get(order.customerId)
                if group is None:
                    groups[order.customerId] = [1, order.orderValue]
                else:
                    group[0] += 1
                    group[1] += order.orderValue
    _write_rows([{"_id": who, "orderCount": count, "lifetimeValue": value} for who, (count, value) in groups.items()], write)


def group_updates(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Paid).decode_lines
    groups: dict[str, list[Any]] = {}
    for chunk in chunks:
        rows = []
        for order in decode(chunk):
            if order.status == "PAID":
                group = groups.get(order.customerId)
                if group is None:
                    group = groups[order.customerId] = [0, 0]
                group[0] += 1
                group[1] += order.orderValue
                rows.append({"_id": order.customerId, "orderCount": group[0], "lifetimeValue": group[1]})
        write(_encode(rows))


def stateless(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Enriched).decode_lines
    wanted = frozenset(("DE", "FR", "US"))
    for chunk in chunks:
        rows = [
            {
                "orderId": order.orderId,
                "customerId": order.customerId,
                "total": sum([item.qty * item.price for item in order.items]),
                "totalWithTax": round((value := order.orderValue) * 1.08, 2),
                "band": "high" if value >= 500 else "mid" if value >= 100 else "low",
                "country": order.customer.country,
            }
            for order in decode(chunk)
            if order.status == "PAID" and order.customer.country in wanted
        ]
        write(_encode(rows))


def unwind(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Products).decode_lines
    groups: dict[str, list[Any]] = {}
    for chunk in chunks:
        for order in decode(chunk):
            for item in order.items:
                quantity, price = item.qty, item.price
                group = groups.get(item.sku)
                if group is None:
                    groups[item.sku] = [quantity, quantity * price, price]
                else:
                    group[0] += quantity
                    group[1] += quantity * price
                    if price > group[2]:  # noqa: PLR1730  # a call of max() costs more than the whole comparison
                        group[2] = price
    top = nlargest(100, groups.items(), key=lambda entry: entry[1][1])
    _write_rows([{"_id": sku, "units": units, "revenue": sold, "maxPrice": price} for sku, (units, sold, price) in top], write)


def by_minute(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Timed).decode_lines
    groups: dict[tuple[int, str], list[Any]] = {}
    for chunk in chunks:
        for order in decode(chunk):
            key = (order.ts - order.ts % 60000, order.customer.country)
            group = groups.get(key)
            if group is None:
                groups[key] = [1, order.orderValue]
            else:
                group[0] += 1
                group[1] += order.orderValue
    rows = [
        {"_id": {"minute": minute, "country": country}, "count": count, "average": value / count}
        for (minute, country), (count, value) in groups.items()
    ]
    _write_rows(rows, write)


def selective(chunks: Chunks, write: Write) -> None:
    decode = Decoder(_Selected).decode_lines
    for chunk in chunks:
        found = [n for n, order in enumerate(decode(chunk)) if order.orderValue >= 500 and order.customer.tier == "platinum"]
        if found:
            lines = chunk.split(b"\n")
            write(b"\n".join([lines[n] for n in found]) + b"\n")


TUNED: Mapping[str, Callable[[Chunks, Write], None]] = {
    "round-trip": round_trip,
    "group-at-end": group_at_end,
    "group-updates": group_updates,
    "stateless": stateless,
    "unwind": unwind,
    "by-minute": by_minute,
    "selective": selective,
}
