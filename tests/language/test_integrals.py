"""``$integral`` over windows that are kept up to date.

Source: the server's WindowFunctionIntegral and RemovableSum.
"""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fluxion_core import EvaluationError, aggregate


def windowed(output: dict[str, Any], documents: list[dict[str, Any]]) -> list[Any]:
    """Return the field that *output* computes over *documents*, sorted by ``k``."""
    return [row["r"] for row in aggregate(documents, [{"$setWindowFields": {"sortBy": {"k": 1}, "output": {"r": output}}}])]


def integrals(values: list[Any], bounds: list[Any]) -> list[Any]:
    """Return the integral of *values*, one apart, over windows of documents."""
    documents = [{"k": place, "v": value} for place, value in enumerate(values)]
    return windowed({"$integral": {"input": "$v"}, "window": {"documents": bounds}}, documents)


def test_an_infinity_that_left_the_window_leaves_nothing() -> None:
    assert [0, math.inf, math.inf, 3.5] == integrals([1, math.inf, 3, 4], [-1, 0])


def test_nan_that_left_the_window_leaves_nothing() -> None:
    assert [0, "nan", "nan", 3.5] == [
        "nan" if math.isnan(value) else value for value in integrals([1, math.nan, 3, 4], [-1, 0])
    ]


def test_a_decimal_makes_the_area_one_while_it_is_in_the_window() -> None:
    found = integrals([1, Decimal(2), 3, 4], [-1, 0])
    assert [int, Decimal, Decimal, float] == [value.__class__ for value in found]
    assert [0, Decimal("1.5"), Decimal("2.5"), 3.5] == found


def test_an_empty_window_has_no_area() -> None:
    assert [1.5, 0, None] == integrals([7, 1, 2], [1, 2])


def test_a_document_in_no_window_may_hold_anything() -> None:
    assert [1.5, 2.5, 0, None] == integrals(["x", 1, 2, 3], [1, 2])


def test_a_document_in_a_window_holds_a_number() -> None:
    with pytest.raises(EvaluationError, match="numbers"):
        integrals([1, "x"], [-1, 0])


def test_a_unit_divides_the_area() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    documents = [{"k": start + timedelta(hours=place), "v": place + 1} for place in range(3)]
    output = {"$integral": {"input": "$v", "unit": "hour"}, "window": {"documents": ["unbounded", 0]}}
    assert [0.0, 1.5, 4.0] == windowed(output, documents)
