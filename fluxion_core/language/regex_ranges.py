"""Ranges between the brackets of a regular expression. Source: the manual of PCRE2, "pcre2pattern", "Square brackets and character classes"."""

from __future__ import annotations

import re

__all__ = ["Range"]


class Range:
    """Where a range may stand between brackets: PCRE2 lets none begin or end with a class of characters (its error 150)."""

    def __init__(self, *, begun: bool) -> None:
        self._begun = begun
        self._open = False

    def single(self) -> None:
        """One character stands here: it ends a range, or may begin one."""
        self._begun, self._open = not self._open, False

    def opens(self, pattern: str, behind: int) -> bool:
        """Whether the hyphen before *behind* stands within a range; any other is a character of its own."""
        if self._begun and not pattern.startswith("]", behind):
            self._begun, self._open = False, True
            return True
        return False

    def refuse(self, pattern: str, behind: int) -> None:
        """Take note of the class of characters before *behind*.

        Raises:
            re.error: it begins or ends a range.
        """
        if self._open or (pattern.startswith("-", behind) and not pattern.startswith("-]", behind)):
            raise re.error("a hyphen beside a class of characters is no range; put it first, last, or behind a backslash")
        self._begun = False
