"""Pipelines that the tests of limits run each in a process of its own, so that the system tells the most memory that it took."""

from __future__ import annotations

import resource
import sys
from typing import Any

from fluxion_core import compile_pipeline

MIB = 1024 * 1024
DOCUMENT = {
    "ten": 10,
    "many": 2000,
    "million": 10**6,
    "billion": 10**9,
    "text": "x" * 100_000,
    "megabyte": "y" * 10**6,
    "letters": "a" * 300_000,
    "pattern": "(a+)+$",
    "numbers": list(range(1000)),
    "object": {f"k{index}": index for index in range(10_000)},
}
WIDE = {"a": list(range(1000)), "b": list(range(1000)), "c": list(range(1000)), "n": 10**6}
DOCUMENTS = {"document": [DOCUMENT], "wide": [WIDE], "twenty thousand": [{"n": number} for number in range(20_000)]}
COLLECTIONS = {"c": [{"k": number} for number in range(1000)], "w": [WIDE]}


def peak() -> int:
    """Return the most bytes that this process held in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def feed(stages: Any, documents: str) -> None:
    """Run *stages* to the end and raise the first failure.

    Raises:
        AssertionError: it took 100 MiB.
    """
    run = compile_pipeline(stages, collections=COLLECTIONS).start()
    before = peak()
    failures = [*run.feed(documents=DOCUMENTS[documents]).failures, *run.finish().failures]
    assert peak() - before < 100 * MIB, f"it took {(peak() - before) // MIB} MiB"
    raise failures[0].error
