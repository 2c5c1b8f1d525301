"""Turns JSON text into documents for a program: only the fields that it reads, a whole block at a time.

What is accepted does not depend on the projection: the text of a block is checked to be UTF-8 as a whole, and a block with a bad
record is taken line by line, so that each record fails or passes on its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fluxion_core.errors import RecordError

if TYPE_CHECKING:
    from fluxion_core.language.compiler.likely import Likely

__all__ = ["Decoded", "Decoder", "lines_within"]


_HALF_PAIR: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])", re.DOTALL)
"""An escape of the first half that no second follows; a backslash that is itself escaped begins none."""


class Decoded(msgspec.Struct):
    """Documents (dicts or structs), the index of each in the input if some are lacking, and the records that are no documents."""

    documents: list[Any]
    count: int
    """How many records there were."""
    lines: int
    """How many lines or payloads there were, blank ones included."""
    indexes: Sequence[int] | None = None
    refused: Sequence[tuple[int, RecordError]] = ()
    likely: bool = False
    """Whether the documents are of the likely classes."""
    block: bytes | None = None
    """The lines as one piece, as far as they are counted."""


class Decoder:
    """Decodes into dicts, or into *record*, which holds no more than is read."""

    def __init__(self, record: type[msgspec.Struct] | None) -> None:
        kind: Any = record or dict[str, Any]
        self._one = msgspec.json.Decoder(kind).decode
        self._all = msgspec.json.Decoder(list[kind]).decode
        self.skips_blank = False
        """Whether blank lines are passed over and counted; else one without a byte is none, and others are wrong records."""

    def block(self, block: bytes, limit_bytes: int | None, likely: Likely | None = None) -> Decoded:
        """Return the documents of newline-ended records. *likely*: the classes to try first."""
        array, count = _as_array(block)
        if limit_bytes is None or len(block) <= limit_bytes or lines_within(block, limit_bytes):
            try:
                if not block.isascii():
                    block.decode()
                if likely is not None:
                    with suppress(msgspec.ValidationError):
                        documents = likely.all(array)
                        if len(documents) == count:
                            return Decoded(documents, count, count, likely=True, block=block)
                documents = self._all(array)
                if len(documents) == count:
                    return Decoded(documents, count, count, block=block)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
        lines = block.split(b"\n")[:-1]
        if not self.skips_blank and b"" in lines:
            return self.block(b"".join([line + b"\n" for line in lines if line]), limit_bytes, likely)
        decoded = self._each(lines, limit_bytes, self._one)
        decoded.block = block
        return decoded

    def payloads(self, payloads: Sequence[bytes], limit_bytes: int | None, likely: Likely | None = None) -> Decoded:
        """Return the documents of *payloads*, one record each. *likely*: the classes to try first."""
        if likely is not None:
            found = self._each(payloads, limit_bytes, likely.one)
            found.likely = not found.refused  # one that is refused may be of other classes, or wrong
            if found.likely:
                return found
        return self._each(payloads, limit_bytes, self._one)

    def _each(self, payloads: Sequence[bytes], limit_bytes: int | None, one: Callable[[bytes], Any]) -> Decoded:
        documents: list[Any] = []
        indexes: list[int] = []
        refused: list[tuple[int, RecordError]] = []
        blank = 0
        for index, payload in enumerate(payloads):
            if self.skips_blank and not payload.strip():
                blank += 1
                continue
            try:
                if (
                    limit_bytes is not None and len(payload) > limit_bytes
                ):  # first: a record that was cut may end in half a character
                    raise RecordError(f"the record is too large: more than max_record_bytes ({limit_bytes})")
                if not payload.isascii():
                    payload.decode()
                documents.append(one(payload))
                indexes.append(index)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                refused.append((index, RecordError(_letter(payload, error))))
            except RecordError as error:
                refused.append((index, error))
        count = len(payloads)
        return Decoded(documents, count - blank, count, indexes if refused or blank else None, refused)


def _as_array(block: bytes) -> tuple[bytes, int]:
    """Return the newline-ended documents of *block* as one JSON array, and how many lines there are.

    With a comma behind each newline, as many documents as lines are one document a line: msgspec's ``decode_lines`` also takes two
    documents of one line, and blank lines, so that what it takes depended on where the input is cut.
    """
    separated = block.replace(b"\n", b"\n,")
    return b"".join((b"[", memoryview(separated)[:-1], b"]")), len(separated) - len(block)


def lines_within(block: bytes, limit_bytes: int) -> bool:
    """Return whether every line of *block* has at most so many bytes, by looking at one line in so many bytes."""
    start = 0
    while len(block) - start > limit_bytes:
        end = block.rfind(b"\n", start, start + limit_bytes + 1)
        if end < 0:
            return False
        start = end + 1
    return True


def _letter(payload: bytes, error: Exception) -> str:
    """Return what is wrong with *payload*, without a piece of it: it may hold what nobody should read."""
    if isinstance(error, RecursionError):
        return "the record is nested too deeply to be decoded"
    if isinstance(error, UnicodeDecodeError):
        return f"the record is not UTF-8: byte {error.start} of {len(payload)} cannot be decoded"
    if not payload.strip():
        return "the record is empty; expected a JSON object"
    found = str(error)
    if isinstance(error, msgspec.ValidationError):
        return f"the record is {'no JSON object' if found.startswith('Expected') else 'not JSON that can be read'}: {found}"
    if "surrogate" in found or (("truncated" in found or "hex escape" in found) and _HALF_PAIR.search(payload)):
        return "the record is not JSON that can be read: a \\u escape in it is half of a surrogate pair"
    return f"the record is not JSON: {found}"
