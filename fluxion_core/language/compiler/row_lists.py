"""Where the rows of a segment go: into one list, or each of their values into a list of its own, the *columns*."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fluxion_core.language.compiler.writer import Writer

__all__ = ["RowLists"]


class RowLists(msgspec.Struct, frozen=True):
    """Writes what fills the lists ``rows`` or, if there are *columns*, the lists in ``rows``; and ``kept``, if the segment *tracks* records."""

    writer: Writer
    columns: int | None
    tracks: bool

    def begin(self) -> None:
        """Write what stands before the loop."""
        if self.columns is None:
            self.writer.line("out = rows.append")
        elif self.columns:
            self.writer.line("; ".join(f"out{place} = rows[{place}].append" for place in range(self.columns)))

    def note(self) -> None:
        """Write that it is noted how many rows there are."""
        self.writer.line(f"before = len({'rows' if self.columns is None else 'kept' if self.tracks else 'rows[0]'})")

    def take_back(self) -> None:
        """Write that the rows go which came after the note."""
        self.writer.line("del rows[before:]" if self.columns is None else "for column in rows: del column[before:]")
        if self.tracks:
            self.writer.line("del kept[before:]")

    def add(self, row: str) -> None:
        """Write that *row* is added."""
        self.writer.line(f"out({row})")
        self._track()

    def add_values(self, values: Sequence[str]) -> None:
        """Write that the row of *values* is added, which are locals: nothing can fail between one list and the next."""
        if values:
            self.writer.line("; ".join(f"out{place}({value})" for place, value in enumerate(values)))
        self._track()

    def _track(self) -> None:
        if self.tracks:
            self.writer.line("kept.append(i)")
