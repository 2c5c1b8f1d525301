"""What the status of an answer means for a batch, and how long the server asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

__all__ = ["Verdict", "retry_after_seconds", "verdict_on"]


class Verdict(Enum):
    """The five things that an answer can mean."""

    DONE = "everything is written"
    PARTLY = "written, but for the records that the answer names"
    RECORDS = "nothing is written, because of what some record is"
    LATER = "nothing is written, or nobody knows; the same again later"
    NEVER = "nothing will ever be written this way"


_RECORDS = frozenset({400, 413, 422})
_LATER = frozenset({408, 409, 425, 429})  # 409: a request with the same key is still under way


def verdict_on(status: int) -> Verdict:
    """Return what *status* means. A redirect is never followed: the host was fixed by whoever runs the pipeline."""
    if status == 207:
        return Verdict.PARTLY
    if 200 <= status < 300:
        return Verdict.DONE
    if status in _RECORDS:
        return Verdict.RECORDS
    return Verdict.LATER if status in _LATER or status >= 500 else Verdict.NEVER


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return the wish in a ``Retry-After`` header (seconds, or a date) as seconds from *now*; ``None`` without a usable one."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
