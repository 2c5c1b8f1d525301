"""DuckDB: SQL over NDJSON, one thread.  python duckdb_peer.py JOB INPUT OUTPUT"""

from __future__ import annotations

import sys

import duckdb

COLUMNS = {
    "_id": "VARCHAR",
    "orderId": "VARCHAR",
    "customerId": "VARCHAR",
    "status": "VARCHAR",
    "orderValue": "DOUBLE",
    "currency": "VARCHAR",
    "ts": "BIGINT",
    "items": "STRUCT(sku VARCHAR, qty BIGINT, price DOUBLE)[]",
    "customer": "STRUCT(tier VARCHAR, country VARCHAR)",
    "tags": "VARCHAR[]",
}
QUERIES = {
    "round-trip": (tuple(COLUMNS), "select * from orders"),
    "group-at-end": (
        ("customerId", "status", "orderValue"),
        """select customerId as _id, count(*) as orderCount, sum(orderValue) as lifetimeValue
           from orders where status = 'PAID' group by customerId""",
    ),
    "group-updates": (
        ("customerId", "status", "orderValue"),
        """select customerId as _id, count(*) over w as orderCount, sum(orderValue) over w as lifetimeValue
           from (select *, row_number() over () as n from orders where status = 'PAID')
           window w as (partition by customerId order by n rows unbounded preceding) order by n""",
    ),
    "stateless": (
        ("orderId", "customerId", "status", "orderValue", "items", "customer"),
        """select orderId, customerId, list_sum(list_transform(items, lambda i: i.qty * i.price)) as total,
                  round(orderValue * 1.08, 2) as totalWithTax,
                  case when orderValue >= 500 then 'high' when orderValue >= 100 then 'mid' else 'low' end as band,
                  customer.country as country
           from orders where status = 'PAID' and customer.country in ('DE', 'FR', 'US')""",
    ),
    "unwind": (
        ("items",),
        """select i.sku as _id, sum(i.qty) as units, sum(i.qty * i.price) as revenue, max(i.price) as maxPrice
           from (select unnest(items) as i from orders) group by 1 order by revenue desc limit 100""",
    ),
    "by-minute": (
        ("ts", "customer", "orderValue"),
        """select {'minute': ts - ts % 60000, 'country': customer.country} as _id, count(*) as count, avg(orderValue) as average
           from orders group by 1""",
    ),
    "selective": (tuple(COLUMNS), "select * from orders where customer.tier = 'platinum' and orderValue >= 500"),
}


def main(job: str, source: str, target: str) -> None:
    database = duckdb.connect(config={"threads": 1})
    fields, query = QUERIES[job]
    columns = ", ".join(f"{name}: '{COLUMNS[name]}'" for name in fields)
    orders = f"select * from read_json('{source}', format = 'newline_delimited', columns = {{{columns}}})"
    database.execute(f"copy (with orders as ({orders}) {query}) to '{target}' (format json)")


if __name__ == "__main__":
    main(*sys.argv[1:])
