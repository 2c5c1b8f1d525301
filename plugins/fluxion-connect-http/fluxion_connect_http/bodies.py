"""Request bodies and the keys that name them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import attrs

from fluxion_connect_http.options import HttpSinkOptions
from fluxion_core.spi import SealedBatch

__all__ = ["CONTENT_TYPES", "Span", "body_of", "key_of", "spans_of"]

CONTENT_TYPES = {"json_array": "application/json", "ndjson": "application/x-ndjson", "single": "application/json"}


@attrs.frozen
class Span:
    """The records of a batch from *start* up to, not including, *end*: the content of one request."""

    start: int
    end: int

    def __len__(self) -> int:
        """Return the number of records."""
        return self.end - self.start

    def halves(self) -> tuple[Span, Span]:
        """Return the two halves; only for two records or more."""
        middle = (self.start + self.end) // 2
        return Span(self.start, middle), Span(middle, self.end)


def spans_of(batch: SealedBatch, config: HttpSinkOptions) -> list[Span]:
    """Return what *batch* is sent as: nothing, one request per record, or one for all."""
    if config.format == "single":
        return [Span(index, index + 1) for index in range(batch.count)]
    return [Span(0, batch.count)] if batch.count or config.allow_empty else []


def body_of(payloads: Sequence[bytes], span: Span, config: HttpSinkOptions) -> bytes:
    """Return the body that carries the records of *span*."""
    records = payloads[span.start : span.end]
    if config.format == "json_array":
        return b"[" + b",".join(records) + b"]"
    if config.format == "ndjson":
        return b"".join(record + b"\n" for record in records)
    return records[0]


def key_of(batch: SealedBatch, span: Span, config: HttpSinkOptions) -> str:
    """Return the key of the request with *span*: the same for the same records on every redelivery.

    The whole batch has the batch's key; one record ``key:index``; a part ``key:start-end``. Percent-encoded where an id
    holds what a header cannot carry.
    """
    key = quote(batch.key, safe="!#$&'()*+,/:;=?@[]")
    if config.format != "single" and len(span) == batch.count:
        return key
    return f"{key}:{span.start}" if len(span) == 1 else f"{key}:{span.start}-{span.end}"
