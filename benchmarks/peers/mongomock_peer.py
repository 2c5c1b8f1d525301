"""mongomock: MongoDB in Python, for tests.  python mongomock_peer.py JOB INPUT OUTPUT"""

from __future__ import annotations

import sys
from pathlib import Path

import mongomock
import orjson
from jobs import STAGES


def main(job: str, source: str, target: str) -> None:
    orders = mongomock.MongoClient().shop.orders
    with Path(source).open("rb") as lines:
        orders.insert_many(map(orjson.loads, lines))
    with Path(target).open("wb", buffering=1 << 18) as output:
        output.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in orders.aggregate(STAGES[job][1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
