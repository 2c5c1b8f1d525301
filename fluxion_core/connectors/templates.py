"""Templates of the generator: documents in which some values are drawn anew for each index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

__all__ = ["Draw", "check_template", "fill_template"]

T = TypeVar("T")

_MASK = 2**64 - 1
_START = datetime(2024, 1, 1, tzinfo=UTC)


class Draw:
    """Random values that follow from *seed*, *index* and how many were drawn before, and from nothing else.

    SplitMix64: one multiplication chain per value, where seeding Python's generator for every document would cost far more.
    """

    __slots__ = ("_state", "index")

    def __init__(self, seed: int, index: int) -> None:
        self.index = index
        self._state = (seed * 0xD1342543DE82EF95 + index * 0x9E3779B97F4A7C15 * 64) & _MASK

    def below(self, limit: int) -> int:
        """Return an integer from 0 to *limit* - 1."""
        self._state = mixed = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) * limit >> 64

    def between(self, low: float, high: float) -> float:
        """Return a number from *low* up to, but not, *high*."""
        return low + (high - low) * (self.below(2**53) / 2**53)

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of *choices*."""
        return choices[self.below(len(choices))]


_DRAWS: Mapping[str, Callable[[Draw, Any], Any]] = {
    "$index": lambda draw, start: start + draw.index,
    "$int": lambda draw, limits: limits[0] + draw.below(limits[1] - limits[0] + 1),
    "$number": lambda draw, limits: draw.between(*limits),
    "$choice": lambda draw, choices: draw.one_of(choices),
    "$time": lambda draw, step: (_START + timedelta(seconds=step * draw.index)).isoformat().replace("+00:00", "Z"),
}


def fill_template(template: Any, draw: Draw) -> Any:
    """Return *template* with its variable values drawn."""
    if isinstance(template, Mapping):
        marker = _marker(template)
        if marker:
            return _DRAWS[marker](draw, template[marker])
        return {name: fill_template(value, draw) for name, value in template.items()}
    if isinstance(template, list):
        return [fill_template(value, draw) for value in template]
    return template


def check_template(template: Any) -> str | None:
    """Return what is wrong with *template*, or ``None``."""
    if isinstance(template, list):
        return next(filter(None, map(check_template, template)), None)
    if not isinstance(template, Mapping):
        return None
    marker = _marker(template)
    if marker:
        return _check_marker(marker, template[marker])
    return next(filter(None, map(check_template, template.values())), None)


def _marker(template: Mapping[str, Any]) -> str:
    name = next(iter(template), "")
    return name if len(template) == 1 and name.startswith("$") else ""


def _check_marker(marker: str, value: Any) -> str | None:
    if marker not in _DRAWS:
        return f"unknown '{marker}'; known: {', '.join(_DRAWS)}"
    if marker == "$choice":
        return None if isinstance(value, list) and value else "$choice: expected a list of at least one value"
    if marker in ("$int", "$number"):
        kind = int if marker == "$int" else int | float
        good = isinstance(value, list) and len(value) == 2 and all(isinstance(part, kind) for part in value)
        return None if good and value[0] <= value[1] else f"{marker}: expected [low, high]"
    kind = int if marker == "$index" else int | float
    return None if isinstance(value, kind) else f"{marker}: expected a number"
