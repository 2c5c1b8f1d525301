"""One example for every window function of ``$setWindowFields`` that is no accumulator: shown in the reference, executed by a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fluxion_core.language.operators import Example

__all__ = ["WINDOW_EXAMPLES"]

_DAYS: Final = ({"d": 1, "v": 10, "m": 1}, {"d": 2, "v": 20, "m": None}, {"d": 3, "v": 20, "m": 3})


def _example(output: Any, *expected: Any, by: str = "d") -> Example:
    return Example([{"$setWindowFields": {"sortBy": {by: 1}, "output": {"result": output}}}], list(expected), documents=_DAYS)


WINDOW_EXAMPLES: Final[Mapping[str, Example]] = {
    "$rank": _example({"$rank": {}}, 1, 2, 2, by="v"),
    "$denseRank": _example({"$denseRank": {}}, 1, 2, 2, by="v"),
    "$documentNumber": _example({"$documentNumber": {}}, 1, 2, 3),
    "$shift": _example({"$shift": {"output": "$v", "by": -1, "default": 0}}, 0, 10, 20),
    "$derivative": _example({"$derivative": {"input": "$v"}, "window": {"documents": [-1, 0]}}, None, 10.0, 0.0),
    "$integral": _example({"$integral": {"input": "$v"}, "window": {"documents": ["unbounded", "current"]}}, 0, 15.0, 35.0),
    "$expMovingAvg": _example({"$expMovingAvg": {"input": "$v", "alpha": 0.5}}, 10, 15.0, 17.5),
    "$covariancePop": _example({"$covariancePop": ["$d", "$d"]}, *[2 / 3] * 3),
    "$covarianceSamp": _example({"$covarianceSamp": ["$d", "$d"]}, *[1.0] * 3),
    "$locf": _example({"$locf": "$m"}, 1, 1, 3),
    "$linearFill": _example({"$linearFill": "$m"}, 1, 2.0, 3),
    "$minMaxScaler": _example({"$minMaxScaler": {"input": "$v"}}, 0.0, 1.0, 1.0),
}
