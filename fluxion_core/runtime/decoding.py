"""Batches of any codec on their way into the stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fluxion_core.errors import PluginError
from fluxion_core.language import Output, Run
from fluxion_core.runtime.bugs import check_answers
from fluxion_core.runtime.error_policies import Located
from fluxion_core.spi import Batch, Codec, RecordError, Source

__all__ = ["Fed", "check_documents", "decoded", "feed_batch"]


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch of *records* records: the *output* of the stages, which were given the records at *indexes*.

    *broken* are the failures of those that the codec could not decode; *bytes_in* is how many bytes the payloads had.
    """

    output: Output
    records: int
    indexes: Sequence[int]
    broken: Sequence[Located] = ()
    bytes_in: int = 0


def feed_batch(run: Run, source: Source[Any], codec: Codec[Any], batch: Batch, limit_bytes: int) -> Fed:
    """Feed *run* with *batch* of *source*, whose payloads *codec* decodes where they are no JSON; none may have more than *limit_bytes*.

    Raises:
        PluginError: the source or the codec gave something that is no document.
    """
    if batch.documents is not None:
        check_documents(batch.documents, f"source '{source.name}'")
    elif not codec.json_text:
        return _feed_decoded(run, codec, batch.payload_list() or (), limit_bytes)
    output = run.feed(documents=batch.documents, payloads=batch.payloads, block=batch.block)
    bytes_in = len(batch.block) if batch.block is not None else sum(map(len, batch.payloads or ()))
    return Fed(output=output, records=output.records, indexes=range(output.records), bytes_in=bytes_in)


def check_documents(documents: Sequence[Any], giver: str) -> None:
    """Refuse what is no document before anything of it is sealed, for then it could not be read again.

    Raises:
        PluginError: *giver*, a call of a component, gave something else.
    """
    if [*map(type, documents)].count(dict) == len(documents):  # half of what a set of them costs
        return
    for number, document in enumerate(documents):
        if not isinstance(document, dict):
            msg = f"{giver} gave {type(document).__name__} as document {number}; the contract says dict (this is a bug in that component)"
            raise PluginError(msg)


def decoded(codec: Codec[Any], payloads: Sequence[bytes]) -> Sequence[Any]:
    """Return what *codec* makes of each of *payloads*.

    Raises:
        PluginError: it did not give one answer to each.
    """
    answers = codec.decode_batch(payloads)
    check_answers(answers, len(payloads), f"codec '{codec.name}': decode_batch()", "payloads")
    return answers


def _feed_decoded(run: Run, codec: Codec[Any], payloads: Sequence[bytes], limit_bytes: int) -> Fed:
    answers = [
        RecordError(f"the payload is too large: more than max_record_bytes ({limit_bytes})")
        if len(payload) > limit_bytes
        else answer
        for payload, answer in zip(payloads, decoded(codec, payloads), strict=True)
    ]
    indexes = [index for index, answer in enumerate(answers) if not isinstance(answer, RecordError)]
    documents: list[Any] = [answer for answer in answers if not isinstance(answer, RecordError)]
    check_documents(documents, f"codec '{codec.name}': decode_batch()")
    return Fed(
        output=run.feed(documents=documents),
        records=len(payloads),
        indexes=indexes,
        broken=[(index, "decode", answer, None) for index, answer in enumerate(answers) if isinstance(answer, RecordError)],
        bytes_in=sum(map(len, payloads)),
    )
