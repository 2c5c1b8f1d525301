"""Source and sink "memory": Python values in, Python values out; for tests, notebooks and programs that embed Fluxion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, ClassVar

import attrs
import msgspec

from fluxion_core.spi import (
    Batch,
    Context,
    Cursor,
    Document,
    EndOfInput,
    Json,
    Options,
    SealedBatch,
    Sink,
    Source,
    StateError,
    WriteResult,
    is_duplicate,
    option,
)

__all__ = ["MemorySink", "MemorySinkOptions", "MemorySource", "MemorySourceOptions"]

_SPLIT = "0"


def _document_problem(value: Any) -> str | None:
    if all(isinstance(document, dict) for document in value):
        return None
    wrong = next(index for index, document in enumerate(value) if not isinstance(document, dict))
    return f"document {wrong} is of type {type(value[wrong]).__name__}; expected a dict each"


def _payload_problem(value: Any) -> str | None:
    if all(isinstance(payload, bytes | str) for payload in value):
        return None
    return "a payload is neither bytes nor text; expected bytes or text each"


@attrs.frozen
class MemorySourceOptions(Options):
    """What there is to read: one of the two."""

    documents: list[Any] | None = option(None, "The documents to read, as they are.", check=_document_problem)
    payloads: list[Any] | None = option(
        None, "The payloads to read, bytes or text, for the codec to decode.", check=_payload_problem
    )

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return a problem unless exactly one of the two is given."""
        if (self.documents is None) == (self.payloads is None):
            return [("documents", "expected either documents or payloads")]
        return ()


class MemorySource(Source[MemorySourceOptions]):
    """Reads a list: ``SourceConfig("memory", documents=[...])``. A position is the index of the next element.

    Resuming in another process presumes that the same list is given again.
    """

    name: ClassVar[str] = "memory"
    options: ClassVar[type[Options]] = MemorySourceOptions
    prompt: ClassVar[bool] = True

    def __init__(self, config: MemorySourceOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._next = 0

    @property
    def bounded(self) -> bool:
        """A list ends."""
        return True

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Stand at the position.

        Raises:
            StateError: the list is shorter than what was read of it.
        """
        del context
        position = positions.get(_SPLIT)
        self._next = position if isinstance(position, int) else 0
        if self._next > len(self._items):
            msg = (
                f"source memory: {self._next} elements were read before, now there are {len(self._items)}; give the same list, or "
                'keep the state in memory too (state: {type: memory}; StateConfig("memory") as state_store in Python)'
            )
            raise StateError(msg)

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return the next elements.

        Raises:
            EndOfInput: all were handed out.
        """
        del timeout_seconds
        start = self._next
        part = self._items[start : start + max_records]
        if not part:
            raise EndOfInput
        self._next += len(part)
        positions, places = {_SPLIT: self._next}, range(start, self._next)
        if self.config.documents is not None:
            return Batch(positions=positions, documents=part, record_positions=places)
        payloads = [item.encode() if isinstance(item, str) else item for item in part]
        return Batch(positions=positions, payloads=payloads, record_positions=places)

    def lag(self) -> int | None:
        """Return how many elements are left."""
        return len(self._items) - self._next

    @property
    def _items(self) -> list[Any]:
        return (self.config.documents if self.config.documents is not None else self.config.payloads) or []


def _list_problem(value: Any) -> str | None:
    return None if isinstance(value, list) else f"expected a list to append to, not {type(value).__name__}"


@attrs.frozen
class MemorySinkOptions(Options):
    """Where the documents go."""

    into: Any = option(None, "A list of the calling program that every document is appended to.", check=_list_problem)
    place: str | None = option(None, "Without a list: the name to ask MemorySink.results for; unset, the pipeline's id.")


class _Held(msgspec.Struct, frozen=True):
    """What a list holds of a pipeline: up to which batch, and the last document of it, by which the list is known again."""

    cursor: Cursor
    last: Document | None


class MemorySink(Sink[MemorySinkOptions]):
    """Appends documents to a list: ``SinkConfig("memory", into=results)``, or ``MemorySink.results(place)`` afterwards.

    Which batches a list holds is remembered as long as this process lives, so a pipeline that restarts repeats none. Results of
    another life of the state must be taken out of the list before new ones go in.
    """

    name: ClassVar[str] = "memory"
    options: ClassVar[type[Options]] = MemorySinkOptions
    accepts = "documents"
    dedupe = "batch"
    durable: ClassVar[bool] = False

    _places: ClassVar[dict[str, list[Document]]] = {}
    _held: ClassVar[dict[int, _Held]] = {}  # by id of the list, which takes no weak reference
    _lock: ClassVar[Lock] = Lock()

    def __init__(self, config: MemorySinkOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._into: list[Document] = []
        self._context = Context(pipeline_id="-")

    @classmethod
    def results(cls, place: str) -> list[Document]:
        """Return the list named *place*, to read, to empty, or to look at while it fills."""
        with cls._lock:
            return cls._places.setdefault(place, [])

    def open(self, context: Context) -> Cursor | None:
        """Find the list, and return what it holds of this pipeline."""
        self._context = context
        given = self.config.into
        self._into = given if given is not None else self.results(self.config.place or context.pipeline_id)
        with self._lock:
            held = self._held.get(id(self._into))
            if held and held.cursor.incarnation != context.incarnation and not self._is_inside(held.last):
                del self._held[id(self._into)]  # the results were taken out, or the list is a new one at an old one's address
                return None
            return held.cursor if held else None

    def write(self, batch: SealedBatch) -> WriteResult:
        """Append the documents of *batch*, all or none.

        Raises:
            FencedError: a newer owner has written.
            StateError: the batch does not follow the last one, or the list holds results of another life of the state.
        """
        documents = list(batch.documents or ())
        with self._lock:
            held = self._held.get(id(self._into))
            if is_duplicate(held.cursor if held else None, batch, "sink memory"):
                return WriteResult(duplicate=True)
            self._context.host.reach("written-half")  # nothing is half written: one statement appends all
            self._into += documents
            last = documents[-1] if documents else held.last if held else None
            self._held[id(self._into)] = _Held(Cursor(batch.incarnation, batch.epoch, batch.seq), last)
        return WriteResult()

    def _is_inside(self, document: Document | None) -> bool:
        return any(one is document for one in reversed(self._into))
