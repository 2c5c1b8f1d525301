"""The last words of a client library's log: often the only place where it says why it cannot connect."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterable

__all__ = ["LogTail", "hush_debug"]

_KEPT_LINES = 50
_open: Counter[str] = Counter()
_lock = threading.Lock()


class LogTail(logging.Handler):
    """Remembers the last warnings of a logger and its children while it is open, and keeps them from going further.

    A client repeats itself for as long as an outage lasts, while the connector reports it once. Where somebody has given that
    logger a level, the lines go on to where they would have gone.
    """

    def __init__(self, logger: str) -> None:
        """Listen to *logger* (``"kafka"``) from now until ``close``."""
        super().__init__(logging.WARNING)
        self._logger = logging.getLogger(logger)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listening = True
        self._logger.addHandler(self)
        with _lock:
            _open[logger] += 1
            self._logger.propagate = self._logger.level != logging.NOTSET

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._lines.append(" ".join(record.getMessage().split()))

    def close(self) -> None:
        """Stop listening. What was heard stays. May be called twice."""
        if not self._listening:
            return
        self._listening = False
        self._logger.removeHandler(self)
        with _lock:
            _open[self._logger.name] -= 1
            if not _open[self._logger.name]:
                self._logger.propagate = True
        super().close()

    def last(self, count: int = 2) -> list[str]:
        """Return the last *count* different lines, the oldest first."""
        return list(dict.fromkeys(reversed(self._lines)))[:count][::-1]

    def clear(self) -> None:
        """Forget what was heard."""
        self._lines.clear()

    def mentions(self, *words: str) -> bool:
        """Return whether any remembered line holds one of *words*, whatever their case."""
        return any(word.lower() in line.lower() for line in list(self._lines) for word in words)


def hush_debug(loggers: Iterable[str]) -> None:
    """Keep what these *loggers* say at DEBUG from everybody, for good: it holds credentials in whatever spelling."""
    for name in loggers:
        logging.getLogger(name).addFilter(_above_debug)


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
