"""Polars: lazy frames over NDJSON; POLARS_MAX_THREADS says how many threads.  python polars_peer.py JOB INPUT OUTPUT"""

from __future__ import annotations

import sys
from collections.abc import Callable

import polars as pl
from polars import col


def paid(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.filter(col("status") == "PAID")


def group_at_end(orders: pl.LazyFrame) -> pl.LazyFrame:
    groups = paid(orders).group_by(col("customerId").alias("_id"))
    return groups.agg(orderCount=pl.len(), lifetimeValue=col("orderValue").sum())


def group_updates(orders: pl.LazyFrame) -> pl.LazyFrame:
    return paid(orders).select(
        col("customerId").alias("_id"),
        orderCount=pl.int_range(1, pl.len() + 1).over("customerId"),
        lifetimeValue=col("orderValue").cum_sum().over("customerId"),
    )


def stateless(orders: pl.LazyFrame) -> pl.LazyFrame:
    country = col("customer").struct.field("country")
    item = pl.element().struct
    value = col("orderValue")
    return (
        paid(orders)
        .filter(country.is_in(["DE", "FR", "US"]))
        .select(
            "orderId",
            "customerId",
            total=col("items").list.eval(item.field("qty") * item.field("price")).list.sum(),
            totalWithTax=(value * 1.08).round(2),
            band=pl.when(value >= 500).then(pl.lit("high")).when(value >= 100).then(pl.lit("mid")).otherwise(pl.lit("low")),
            country=country,
        )
    )


def unwind(orders: pl.LazyFrame) -> pl.LazyFrame:
    items = orders.select(col("items").explode()).unnest("items")
    groups = items.group_by(col("sku").alias("_id")).agg(
        units=col("qty").sum(), revenue=(col("qty") * col("price")).sum(), maxPrice=col("price").max()
    )
    return groups.sort("revenue", descending=True).limit(100)


def by_minute(orders: pl.LazyFrame) -> pl.LazyFrame:
    keys = (col("ts") - col("ts") % 60000).alias("minute"), col("customer").struct.field("country").alias("country")
    groups = orders.group_by(*keys).agg(count=pl.len(), average=col("orderValue").mean())
    return groups.select(pl.struct("minute", "country").alias("_id"), "count", "average")


def selective(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.filter((col("customer").struct.field("tier") == "platinum") & (col("orderValue") >= 500))


FRAMES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "round-trip": lambda orders: orders,
    "group-at-end": group_at_end,
    "group-updates": group_updates,
    "stateless": stateless,
    "unwind": unwind,
    "by-minute": by_minute,
    "selective": selective,
}


def main(job: str, source: str, target: str) -> None:
    FRAMES[job](pl.scan_ndjson(source)).collect().write_ndjson(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
