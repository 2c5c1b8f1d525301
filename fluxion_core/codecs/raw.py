"""Codec "raw": bytes as they are."""

from __future__ import annotations

from typing import ClassVar

from fluxion_core.spi import Codec, Document, Options, RecordError

__all__ = ["RawCodec"]


class RawCodec(Codec[Options]):
    """Each record is ``{"payload": bytes}``, and such a document is written as its bytes; text is written as UTF-8."""

    name: ClassVar[str] = "raw"

    def __init__(self, config: Options | None = None) -> None:
        """Keep the options, of which there are none."""
        super().__init__(config or Options())

    def decode(self, payload: bytes) -> Document:
        """Return the document that holds *payload*."""
        return {"payload": payload}

    def encode(self, document: Document) -> bytes:
        """Return the document's ``payload``.

        Raises:
            RecordError: there is none, it is neither bytes nor text, or there are other fields, which would be lost.
        """
        payload = document.get("payload")
        if not isinstance(payload, bytes | str) or len(document) > 1:
            fields = ", ".join(document) or "none"
            msg = f"the document has the fields {fields}; codec raw writes {{payload: bytes or text}} and nothing else"
            raise RecordError(msg)
        return payload.encode() if isinstance(payload, str) else payload
