"""What of a pattern depends on where lines end, as ``re`` writes it: ``re`` knows a line feed only, PCRE a carriage return as well.

Source: the manual of PCRE2, "pcre2pattern", "Newline conventions".
"""

from __future__ import annotations

from typing import Final

__all__ = ["NEWLINES", "line_text"]

NEWLINES: Final = {"LF": "\n", "CR": "\r"}
"""What ends a line by the verb that says so at the start of a pattern."""


def line_text(letter: str, options: str, newline: str) -> str | None:
    """Return how ``.``, ``^`` or ``$`` is written; ``None`` where it means the same to ``re``."""
    if letter == "^":
        if "m" not in options:
            return None
        # Not behind the newline that ends the text.
        return r"^(?!\Z(?<=\n))" if newline == "\n" else r"(?:\A|(?<=\r)(?!\Z))"
    if newline == "\n":
        return None
    if letter == "$":
        return r"(?=\r|\Z)" if "m" in options else r"(?=\r?\Z)"
    return None if "s" in options else r"[^\r]"
