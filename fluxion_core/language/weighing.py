"""Refuses documents of more than 16 MiB where they are Python values, and no text has told how long they are.

To find the size of a value, all of it must be gone through, which costs more than most pipelines do. So the first documents are looked
at, and one now and then; once one of them is large, all are, and all that come of them; and so are groups that gathered many values.
What operators make is counted where it is made (:mod:`~fluxion_core.language.allowance`), and text where it is read and written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import LIMIT_DOCUMENT_BYTES
from fluxion_core.language.bson_size import bson_size, rough_size
from fluxion_core.language.compiler.loaded import SegmentStep

if TYPE_CHECKING:
    from fluxion_core.language.compiler.program import Program

__all__ = ["EACH", "FIRST", "Weighing", "too_large"]

FIRST: Final = 8
"""So many documents are looked at, at first, ..."""
EACH: Final = 1024
"""... and then one of so many."""
LARGE_BYTES: Final = 1024 * 1024
"""Those that may have so many bytes are weighed."""
MANY: Final = 1000
"""A group with an array of so many values is weighed."""
LIMIT_MIB: Final = LIMIT_DOCUMENT_BYTES >> 20
_SINGLE: Final = frozenset({"$sum", "$avg", "$count", "$min", "$max", "$first", "$last", "$stdDevPop", "$stdDevSamp"})
"""Accumulators that gather nothing."""


class Weighing:
    """Weighs what goes into one run of *program* and what comes out, both as Python values."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._passed = 0
        self._next = 0
        self._large = False
        self._known: dict[int, tuple[Any, int]] = {}
        """What was weighed of the documents at hand, which may come out as they came."""

    def came(self, documents: Sequence[Any]) -> Sequence[Any]:
        """Return *documents*.

        Raises:
            EvaluationError: one of them is too large; its path is its number among all.
        """
        start, self._passed = self._passed, self._passed + len(documents)
        self._known = {}
        while self._next < self._passed:
            number = self._next
            if self._too_large(documents[number - start]):
                raise EvaluationError(f"a document that comes in is larger than {LIMIT_MIB} MiB", f"documents[{number}]")
            self._next += 1 if self._large or number + 1 < FIRST else EACH
        return documents

    def left(self, documents: list[dict[str, Any]], *, held: bool = False) -> list[dict[str, Any]]:
        """Return *documents*; *held*: they come at the end of input, where groups do.

        Raises:
            EvaluationError: one of them is too large; the path is that of the last stage.
        """
        looks = self._large
        if held and not looks and self._passed > MANY and documents and _gathers(self._program):
            looks = any(value.__class__ is list and len(value) > MANY for row in documents for value in row.values())
        if looks and any(map(self._too_large, documents)):
            raise too_large(self._program)
        return documents

    def _too_large(self, document: Any) -> bool:
        if not isinstance(document, dict):
            return False
        try:
            if rough_size(document.values(), LARGE_BYTES) <= LARGE_BYTES:
                return False
            self._large = True
            return bson_size(document, self._known, LIMIT_DOCUMENT_BYTES) > LIMIT_DOCUMENT_BYTES
        except (
            RecursionError,
            AttributeError,
        ):  # nested without end, or with names that are no texts: others find fault with it
            return False


def _gathers(program: Program) -> bool:
    folding = [step.segment.folding for step in program.steps if isinstance(step, SegmentStep)]
    return any(field[1].name not in _SINGLE for found in folding if found is not None for field in found.fields)


def too_large(program: Program) -> EvaluationError:
    """Return what is said of a document that *program* made and that has more bytes than one may have."""
    last = len(program.stage_names) - 1
    path = f"stages[{last}].{program.stage_names[last]}" if program.stage_names else ""
    return EvaluationError(f"a document grew beyond {LIMIT_MIB} MiB", path)
