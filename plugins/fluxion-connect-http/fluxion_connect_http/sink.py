"""The sink ``http``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from fluxion_connect_http.bodies import Span, body_of, key_of, spans_of
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.verdicts import Verdict, verdict_on
from fluxion_core.spi import Context, Cursor, FatalError, Refusal, SealedBatch, Sink, WriteResult

if TYPE_CHECKING:
    from fluxion_connect_http.attempts import Attempts
    from fluxion_connect_http.client import Answer, HttpClient

__all__ = ["HttpSink"]


@attrs.define
class _Delivery:
    """How far one batch has come: what is still to be sent, in order, and what was refused.

    It outlives a ``TransientError``, so that the same batch, handed over again, goes on where it stopped. A new process
    starts from the beginning, with the same keys.
    """

    batch: SealedBatch
    payloads: Sequence[bytes]
    waiting: list[Span]
    refused: list[Refusal] = attrs.field(factory=list)

    @classmethod
    def of(cls, batch: SealedBatch, config: HttpSinkOptions) -> _Delivery:
        return cls(batch, batch.payloads, spans_of(batch, config))

    def settle(self, answer: Answer) -> None:
        """Take the first waiting span off: written, refused, or in two halves that are asked about one by one."""
        span = self.waiting.pop(0)
        verdict = verdict_on(answer.status)
        if verdict is Verdict.PARTLY:
            self.refused += _named_refusals(answer, span)
        elif verdict is Verdict.RECORDS and len(span) > 1:
            self.waiting[:0] = span.halves()
        elif verdict is Verdict.RECORDS and len(span) == 1:
            self.refused.append(Refusal(span.start, f"the server answered {answer.status}: {answer.excerpt}".rstrip(": ")))


class HttpSink(Sink[HttpSinkOptions]):
    """Sends each batch to an HTTP server, as a JSON array, as NDJSON, or as one request per document.

    Every request carries a key (``Idempotency-Key``) that is the same whenever the same records are sent again. A server that
    keeps those keys makes the delivery effectively-once; without it, it is at-least-once. Answers of 400, 413 and 422 are
    about records: which ones is found by sending halves. Answers of 408, 409, 425, 429 and 5xx, and everything that breaks a
    connection, are waited out. Any other answer, and a server whose TLS certificate is not good, stops the pipeline.
    """

    name: ClassVar[str] = "http"
    options: ClassVar[type[HttpSinkOptions]] = HttpSinkOptions
    dedupe = "none"
    ordered = True

    def __init__(self, config: HttpSinkOptions) -> None:
        """Keep the options; reach nothing outside yet."""
        super().__init__(config)
        self._client: HttpClient | None = None
        self._attempts: Attempts | None = None
        self._delivery: _Delivery | None = None
        self._context = Context(pipeline_id="")

    @property
    def max_batch_records(self) -> int:
        """The option ``batch_size``."""
        return self.config.batch_size

    @property
    def max_batch_bytes(self) -> int:
        """The option ``max_body_bytes``."""
        return self.config.max_body_bytes

    def open(self, context: Context) -> Cursor | None:
        """Make a session. Reaches no network, because there is no request that every server would take as a question.

        Raises:
            FatalError: a certificate file cannot be used.
        """
        from fluxion_connect_http.attempts import Attempts
        from fluxion_connect_http.client import HttpClient

        self.close()
        if self._attempts is None and self.config.verify is False:
            context.logger.warning(
                "sink http: verify is false: anyone on the way to %s can read and change what is sent",
                self.config.safe_endpoint,
            )
        self._client = HttpClient(self.config, context.host.clock)
        self._attempts = Attempts(self.config, context, reached=self._attempts is not None and self._attempts.reached)
        self._context = context
        return None

    def write(self, batch: SealedBatch) -> WriteResult:
        """Send *batch*; return when the server has accepted or refused every record.

        Raises:
            TransientError: the server is not reachable, overloaded or broken; also when the pipeline is stopping.
            FatalError: the server refuses us, not the records.
        """
        client, attempts = self._client, self._attempts
        if client is None or attempts is None:
            msg = "write was called before open"
            raise RuntimeError(msg)
        if self._delivery is None or self._delivery.batch.key != batch.key:
            self._delivery = _Delivery.of(batch, self.config)
        delivery, half = self._delivery, batch.count // 2
        while delivery.waiting:
            span = delivery.waiting[0]
            if 0 < span.start == half:
                self._context.host.reach("written-half")
            body, key = self._body(delivery, span), key_of(batch, span, self.config)
            delivery.settle(attempts.send(lambda body=body, key=key: client.send(body, key)))  # type: ignore[misc]
        self._delivery = None
        return WriteResult(refused=tuple(delivery.refused))

    def _body(self, delivery: _Delivery, span: Span) -> bytes:
        block = delivery.batch.block
        if self.config.format == "ndjson" and block is not None and len(span) == delivery.batch.count:
            return block
        return body_of(delivery.payloads, span, self.config)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _named_refusals(answer: Answer, span: Span) -> list[Refusal]:
    """Return the records that the body of a 207 names: ``{"refused": [{"index": 0, "reason": ".."}]}``, from 0.

    Raises:
        FatalError: the body says nothing of the kind; guessing would lose records.
    """
    try:
        entries = json.loads(answer.body)["refused"]
        return [_named_refusal(entry, span) for entry in entries]
    except (ValueError, LookupError, TypeError, RecursionError):
        msg = (
            "the server answered 207 without saying which records it refused; expected a body "
            '{"refused": [{"index": 0, "reason": "..."}]} or one of the statuses 200 and 422'
        )
        raise FatalError(msg) from None


def _named_refusal(entry: dict[str, Any], span: Span) -> Refusal:
    index = entry["index"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(span):
        raise LookupError
    return Refusal(span.start + index, f"the server answered 207: {str(entry.get('reason', ''))[:200]}".rstrip(": "))
