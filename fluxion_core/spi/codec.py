"""The contract of a codec: bytes to documents and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from fluxion_core.errors import RecordError
from fluxion_core.spi.batch import Document
from fluxion_core.spi.options import Options

__all__ = ["Codec"]

O = TypeVar("O", bound=Options)  # the customary letter would read worse


class Codec(ABC, Generic[O]):
    """Bytes to documents and back; called from one thread at a time, never blocks.

    A codec whose payloads are JSON text sets ``json_text``: the compiled program then decodes the payloads itself, only the
    fields that the pipeline reads, and ``decode`` is not called.
    """

    name: ClassVar[str]
    options: ClassVar[type[Options]] = Options
    json_text: ClassVar[bool] = False

    def __init__(self, config: O) -> None:
        """Keep the parsed options."""
        self.config = config

    @abstractmethod
    def decode(self, payload: bytes) -> Document:
        """Return the document in *payload*.

        Raises:
            RecordError: the payload is not of this format; the error policy decides, the bytes are kept.
            FatalError: decoding needs what is not installed here; the pipeline stops, and reads this record again when it is run again.
        """

    @abstractmethod
    def encode(self, document: Document) -> bytes:
        """Return *document* as bytes, the same bytes for the same document.

        Raises:
            RecordError: the document has no form in this format.
        """

    def decode_batch(self, payloads: Sequence[bytes]) -> list[Document | RecordError]:
        """Return one document, or the error in its place, per payload. Override where a batch decodes faster."""
        return [self._decode_one(payload) for payload in payloads]

    def _decode_one(self, payload: bytes) -> Document | RecordError:
        try:
            return self.decode(payload)
        except RecordError as error:
            return error
