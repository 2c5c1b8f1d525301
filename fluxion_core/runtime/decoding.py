"""Payloads of any codec on their way into the stages: documents, and the payloads that are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fluxion_core.spi import Codec, Document, RecordError

__all__ = ["DecodedPayloads", "decode_payloads"]


class DecodedPayloads(msgspec.Struct, frozen=True):
    """*documents* with the *indexes* of the payloads that they were, and what is wrong with each of the others."""

    documents: Sequence[Document]
    indexes: Sequence[int]
    broken: Sequence[tuple[int, RecordError]]


def decode_payloads(codec: Codec[Any], payloads: Sequence[bytes], limit_bytes: int) -> DecodedPayloads:
    """Return *payloads* decoded by *codec*; none may have more than *limit_bytes*."""
    answers = [
        RecordError(f"the payload is too large: more than max_record_bytes ({limit_bytes})")
        if len(payload) > limit_bytes
        else answer
        for payload, answer in zip(payloads, codec.decode_batch(payloads), strict=True)
    ]
    return DecodedPayloads(
        [answer for answer in answers if not isinstance(answer, RecordError)],
        [index for index, answer in enumerate(answers) if not isinstance(answer, RecordError)],
        [(index, answer) for index, answer in enumerate(answers) if isinstance(answer, RecordError)],
    )
