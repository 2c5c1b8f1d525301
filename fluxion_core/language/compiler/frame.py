"""What generated code sees of its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import current
from fluxion_core.language.compiler.parts import Part, PerDocument, evaluation_error

if TYPE_CHECKING:
    from fluxion_core.language.compiler.loaded import Loaded
    from fluxion_core.language.compiler.run import Run

__all__ = ["Counter", "Frame", "Gathering", "stage_of"]


class Frame:
    """What generated code sees of its run: the clock, randomness, counters, and where to report a failure."""

    def __init__(self, run: Run, code: Loaded, origins: Sequence[int | None] | None, parts: Sequence[Part] = ()) -> None:
        self.now = run.now.replace(microsecond=run.now.microsecond // 1000 * 1000)  # dates have milliseconds
        self.random = run.random
        self.counters = run.counters
        self.outer = run.outer
        self.allowance = current()
        self.row_limit = run.max_rows_per_record
        self.code = code
        self.origins = origins
        self.failed: list[int | None] = []
        self.counted: list[tuple[int, ...]] = []
        """What was counted of each odd document, and of each that a full ``$limit`` would have dropped."""
        self._run = run
        self._parts = parts
        self._of_odd: Frame | None = None

    def fail(self, origin: int | None, document: Any, fault: BaseException) -> None:
        """Report that *document*, made from record *origin*, failed, unless it came too late to matter."""
        full = self._full_behind(self.code.path_of(fault))
        if full is None:
            self._run.fail(self, origin, document, fault)
            return
        counters = self.code.written.counters
        place = counters.index((full.stage, "dropped")) if counters else 0
        self.counted.append(tuple(int(index == place) for index in range(len(counters))))

    def fail_at(self, position: int, document: Any, fault: BaseException) -> None:
        """Report that the document at *position* of what the segment was given failed."""
        self.fail(self.origins[position] if self.origins is not None else position, document, fault)

    def _full_behind(self, path: str) -> Part | None:
        """Return the ``$limit`` behind the stage of *path* that was full before, if there is one: MongoDB asks for nothing more then.

        Where several documents come of one, those before may have filled it, and are taken back with the one that failed.
        """
        behind = False
        for part in self._parts if self.counters else ():
            if not isinstance(part, PerDocument) or part.fans_out:
                return None
            counter = self.counters.get(part.id) if behind and part.counter() is not None else None
            if counter is not None and counter.ends and counter.full:
                return part
            behind = behind or path == part.where or path.startswith(f"{part.where}.")
        return None

    def error_of(self, fault: BaseException) -> EvaluationError:
        """Return *fault* as an error with the path of the expression that raised it."""
        return evaluation_error(fault, self.code.path_of(fault))

    def odd(self, origin: int | None, document: Any, rows: list[Any], kept: list[int | None], state: Any) -> None:
        """Run *document*, made from record *origin*, through the code for documents of any classes."""
        assert self.code.general is not None
        if self.code.likely is not None:
            document = self.code.likely.demand.loosened(document)
        if self._of_odd is None:
            self._of_odd = Frame(self._run, self.code.general, None)
            self._of_odd.failed = self.failed
        self._of_odd.origins = origins = (origin,)
        self.counted.append(self.code.general.function((document,), origins, None, self._of_odd, rows, kept, state))

    def odd_at(self, position: int, document: Any, rows: list[Any], kept: list[int | None], state: Any) -> None:
        """Do the same for the document at *position* of what the segment was given."""
        self.odd(self.origins[position] if self.origins is not None else position, document, rows, kept, state)


class Gathering(Frame):
    """The frame of a segment that gathers arguments: its documents are numbered by position, and the places are known."""

    def __init__(self, run: Run, code: Loaded, places: Sequence[int | None]) -> None:
        super().__init__(run, code, None)
        self._places = places

    def fail(self, origin: int | None, document: Any, fault: BaseException) -> None:
        """Report that the document at position *origin* failed."""
        super().fail(None if origin is None else self._places[origin], document, fault)


class Counter(msgspec.Struct):
    """How many documents a ``$limit`` let through or a ``$skip`` dropped. *ends*: a full one ends the input."""

    limit: int
    ends: bool
    seen: int = 0

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.seen >= self.limit


def stage_of(path: str) -> int | None:
    """Return the index of the stage in which a path begins."""
    if not path.startswith("stages["):
        return None
    return int(path[7 : path.index("]")])
