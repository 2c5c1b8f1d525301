"""What a run gives back: rows, the fates of records, and failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, Final, Literal

import msgspec

from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.encoding import encode_json_lines
from fluxion_core.language.values import MISSING

__all__ = ["Failure", "Output", "of_good_records"]

PART_ROWS: Final = 256
PART_BYTES: Final = 4 * 1024 * 1024


class Failure(msgspec.Struct, frozen=True):
    """A record (*index* in what was fed, or ``None`` for a later document) that a stage, or the decoder, could not take."""

    index: int | None
    stage: int | None
    path: str
    error: Exception
    document: Any = None


def of_good_records(
    rows: Sequence[Any], origins: Sequence[int | None], failures: Sequence[Failure], *, columns: bool
) -> tuple[Sequence[Any], Sequence[int | None], int]:
    """Return *rows*, their *origins* and how many records these are, without those of which another row has failed.

    Rows that do not lie beside their origins, as the groups of a ``$group``, are returned as they are. *columns*: whether they are columns.
    """
    failed = {failure.index for failure in failures} & set(origins) if failures else ()
    if failed:
        good = [origin not in failed for origin in origins]
        if columns:
            rows = [list(compress(column, good)) for column in rows]
        elif len(rows) == len(origins):
            rows = list(compress(rows, good))
        origins = list(compress(origins, good))
    return rows, origins, len(set(origins))


class Output(msgspec.Struct):
    """What came out: rows in one of five forms (columns, a list of each value of all rows, only from the head of a cut), and the fates of the records that went in."""

    rows: list[Any] = msgspec.field(default_factory=list)
    form: Literal["dict", "struct", "columns", "line", "ended line"] = "dict"
    names: tuple[str, ...] = ()
    records: int = 0
    """How many went in."""
    passed: int = 0
    filtered: int = 0
    failures: list[Failure] = msgspec.field(default_factory=list)
    block: bytes | None = None
    """The lines as one piece, where all of the input passed unchanged; the rows only say how many."""
    origins: Sequence[int | None] | None = None
    """The record that each row came of, where the last step that ran keeps track of it."""

    @property
    def count(self) -> int:
        """How many documents came out."""
        if self.form == "columns":
            return len(self.rows[0]) if self.rows else len(self.origins or ())
        return len(self.rows)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents as dicts."""
        if self.form in {"line", "ended line"}:
            lines = self.block.split(b"\n")[:-1] if self.block is not None else self.rows
            return Decoder(None).payloads(lines, None).documents
        if self.form == "struct":
            attributes = [(name, f"f{index}") for index, name in enumerate(self.names)]
            return [
                {name: value for name, attribute in attributes if (value := getattr(row, attribute)) is not MISSING}
                for row in self.rows
            ]
        return self.rows

    def json_parts(self) -> Iterator[bytes]:
        """Yield the documents as newline-ended JSON: a few, and then about so many at a time as come to :data:`PART_BYTES`."""
        if self.block is not None or len(self.rows) <= PART_ROWS:
            if self.rows:
                yield self.json_lines()
            return
        start, rows = 0, PART_ROWS
        while start < len(self.rows):
            lines = Output(self.rows[start : start + rows], self.form, self.names).json_lines()
            yield lines
            start, rows = start + rows, max(1, min(PART_BYTES * rows // len(lines), 100 * rows))

    def json_lines(self) -> bytes:
        """Return the documents as newline-ended JSON."""
        if self.block is not None:
            return self.block
        if self.form == "ended line":
            return b"".join(self.rows)
        if self.form == "line":
            return b"\n".join([*self.rows, b""])
        return encode_json_lines(self.rows)
