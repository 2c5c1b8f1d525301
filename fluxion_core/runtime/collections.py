"""The collections of a pipeline: read whole from bounded sources when it starts, kept in memory, joined by ``$lookup`` and its like."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from fluxion_core.errors import FatalError, PluginError, RecordError
from fluxion_core.runtime.decoding import check_documents, decoded
from fluxion_core.runtime.retry import Abandoned, Patience
from fluxion_core.spi import Batch, Codec, Context, Document, EndOfInput, Source

__all__ = ["BoundCollection"]

_POLL_RECORDS: Final = 1000
_POLL_SECONDS: Final = 0.1


class BoundCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection that a bounded source holds. *documents* is the list that the program joins with; it is empty until ``fill``."""

    name: str
    source: Source[Any]
    codec: Codec[Any]
    documents: list[Document] = msgspec.field(default_factory=list)

    def fill(self, context: Context, patience: Patience) -> None:
        """Read the whole source into ``documents``, waiting for the outside world if need be; done before the program starts.

        Raises:
            FatalError: the source cannot be read, or holds a record that is no document: a join with a part would be wrong.
            Abandoned: the pipeline is stopping.
        """
        self.documents[:] = patience.call(lambda: self._read(context))

    def _read(self, context: Context) -> list[Document]:
        read: list[Document] = []
        try:
            splits = self.source.splits(context)
            self.source.open(context, {split.id: None for split in splits})
            while not context.stopping.is_set():
                read += self._documents(self.source.poll(_POLL_RECORDS, _POLL_SECONDS), len(read))
        except EndOfInput:
            return read
        finally:
            self.source.close()
        raise Abandoned

    def _documents(self, batch: object, before: int) -> list[Document]:
        if not isinstance(batch, Batch):
            msg = f"source '{self.source.name}': poll() returned {type(batch).__name__}; the contract says Batch"
            raise PluginError(msg)
        payloads = batch.payload_list()
        found = list(batch.documents or ()) if payloads is None else decoded(self.codec, payloads)
        documents: list[Document] = []
        for number, document in enumerate(found, before + 1):
            if isinstance(document, RecordError):
                msg = f"collections.{self.name}: record {number}: {document}"
                raise FatalError(msg) from document
            documents.append(document)
        check_documents(
            documents, f"source '{self.source.name}'" if payloads is None else f"codec '{self.codec.name}': decode_batch()"
        )
        return documents
