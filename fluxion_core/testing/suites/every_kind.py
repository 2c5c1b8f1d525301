"""Values of every BSON type, the odd ones among them: what may stand in a field, whatever an author had in mind."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fluxion_core.language import MISSING
from fluxion_core.spi import Document

__all__ = ["every_kind", "varied"]


def every_kind() -> list[Any]:
    """Return values of every type, made anew: ``MISSING`` first, then null; those of ``bson`` only where it is installed."""
    return [*_plain(), *_foreign()]


def varied(documents: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Return copies of *documents*, and behind them the last one again and again, with every kind of value in each of its fields."""
    last = dict(documents[-1])
    odd = [{**last, name: value} for name in last for value in every_kind()]
    present = [{name: value for name, value in one.items() if value is not MISSING} for one in odd]
    return [deepcopy(dict(one)) for one in (*documents, *present)]


def _plain() -> list[Any]:
    numbers = [
        0,
        1,
        -1,
        2**31,
        2**63 - 1,
        0.0,
        1.5,
        -1e308,
        math.nan,
        math.inf,
        Decimal("1.5"),
        Decimal("NaN"),
        Decimal("-Infinity"),
    ]
    texts = ["", "a", "Grüße 🎉", "2024-01-31", "$a", "\0"]
    nested = [{}, {"a": 1}, {"a": {"b": [1, None]}}, [], [1], [None, "a", 1.5, [2], {"a": 1}]]
    dates = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)]
    return [
        MISSING,
        None,
        False,
        True,
        *numbers,
        *texts,
        *nested,
        *dates,
        b"",
        b"\xff",
        UUID(int=1),
        re.compile("a", re.IGNORECASE),
    ]


def _foreign() -> list[Any]:
    with suppress(ImportError):
        bson = importlib.import_module("bson")
        return [
            bson.ObjectId("5f43a1b2c3d4e5f6a7b8c9d0"),
            bson.Timestamp(1, 2),
            bson.MinKey(),
            bson.MaxKey(),
            bson.Regex("a", "i"),
            bson.Code("return 1"),
            bson.Int64(5),
            bson.Binary(b"a", 5),
        ]
    return []
