"""Markdown tables and the few words that a report says about a figure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["about", "figure", "judged", "middle", "plot", "spread", "table", "times"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(value: float | None, digits: int = 2, unit: str = "") -> str:
    """Return *value* as text, a dash if there is none."""
    return "-" if value is None else f"{value:,.{digits}f}{unit}"


def times(value: float | None) -> str:
    """Return a speed as a multiple."""
    return figure(value, 2, "x")


def judged(value: float | None, must: float, show: Callable[[float | None], str] = figure, *, at_most: bool = False) -> str:
    """Return *value*, in bold with the word "short" if it falls short of *must* (or lies above it with *at_most*)."""
    if value is None:
        return "-"
    met = value <= must if at_most else value >= must
    return show(value) if met else f"**{show(value)} (short)**"


def about(facts: Mapping[str, Any]) -> str:
    """Return one line on the run behind a section."""
    load = f"load {facts['load_before']} to {facts['load_after']}" if "load_after" in facts else f"load {facts['load_before']}"
    counted = next((f"{facts[what]:,} {what}" for what in ("documents", "records") if what in facts), "")
    sizes = f"{counted}, rounds: {facts['rounds']}; " if counted else ""
    where = f"Python {facts['python']}, {facts['machine']}, {facts['cores']} cores"
    note = f" {facts['note']}" if "note" in facts else ""
    return f"*{sizes}{where}, {load}; {facts['day']}, commit {facts['commit']}.{note}*"


def spread(seconds: Sequence[float]) -> float:
    """Return the largest over the smallest."""
    return max(seconds) / min(seconds)


def middle(values: Iterable[float]) -> float:
    """Return the median."""
    return float(statistics.median(values))


def plot(path: Path, draw: Callable[[Any], None], *, size: tuple[float, float] = (8, 3.6)) -> None:
    """Draw an SVG file of always the same bytes for the same figures; *draw* gets the axes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fluxion"
    from matplotlib import pyplot as plt

    canvas, axes = plt.subplots(figsize=size, layout="constrained")
    draw(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, format="svg", metadata={"Date": None})
    plt.close(canvas)
