"""The last words of a client library's log: often the only place where it says why it cannot connect."""

from __future__ import annotations

import logging
from collections import deque
from types import TracebackType
from typing import Self

__all__ = ["LogTail"]

_KEPT_LINES = 50


class LogTail(logging.Handler):
    """Remembers the last warnings of a logger and its children while it is open."""

    def __init__(self, logger: str) -> None:
        """Listen to *logger* (``"kafka"``) from now until ``close``."""
        super().__init__(logging.WARNING)
        self._logger = logging.getLogger(logger)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._lines.append(" ".join(record.getMessage().split()))

    def close(self) -> None:
        """Stop listening. What was heard stays."""
        self._logger.removeHandler(self)
        super().close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close."""
        self.close()

    def last(self, count: int = 2) -> list[str]:
        """Return the last *count* different lines, the oldest first."""
        return list(dict.fromkeys(reversed(self._lines)))[:count][::-1]

    def clear(self) -> None:
        """Forget what was heard."""
        self._lines.clear()

    def mentions(self, *words: str) -> bool:
        """Return whether any remembered line holds one of *words*, whatever their case."""
        return any(word.lower() in line.lower() for line in self._lines for word in words)
