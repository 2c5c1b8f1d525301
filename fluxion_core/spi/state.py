"""The contract of a state store: the one truth of a pipeline.

Source positions, keyed state, sealed output, fates and the epoch change together in one transaction, the *seal*.
Everything outside (the sinks, the source's own offsets) follows from it and may be repeated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from binascii import crc32
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, overload

import attrs

from fluxion_core.spi.batch import Json
from fluxion_core.spi.context import Context
from fluxion_core.spi.options import Options

__all__ = [
    "KEY_GROUPS",
    "Checkpoint",
    "Lease",
    "SealRequest",
    "SealedOutput",
    "StateRow",
    "StateRows",
    "StateStore",
    "key_group",
    "key_groups",
]

O = TypeVar("O", bound=Options)  # the customary letter would read worse

KEY_GROUPS = 128
"""The number of key groups: the finest grain in which keyed state can be spread over processes."""


def key_group(key: bytes) -> int:
    """Return the key group (0 to 127) that *key*, in its canonical encoding, belongs to."""
    return crc32(key) % KEY_GROUPS


def key_groups(keys: Iterable[bytes]) -> list[int]:
    """Return :func:`key_group` of each of *keys*."""
    return [checksum % KEY_GROUPS for checksum in map(crc32, keys)]


StateRow: TypeAlias = "tuple[str, bytes, bytes | None]"
"""The state of one key of one stateful stage: operator id, canonical key, encoded value (``None``: deleted)."""


class StateRows(Sequence[StateRow]):
    """Rows of state: a sequence, and *by_operator* the same as tables, which is the faster form to take a whole delta in."""

    def __init__(self, by_operator: dict[str, dict[bytes, bytes | None]]) -> None:
        """Keep the tables, which nobody changes from now on."""
        self.by_operator = by_operator

    @overload
    def __getitem__(self, index: int) -> StateRow: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[StateRow]: ...

    def __getitem__(self, index: int | slice) -> StateRow | Sequence[StateRow]:
        """Return the row at *index*."""
        return list(self)[index]

    def __iter__(self) -> Iterator[StateRow]:
        """Iterate over the rows, an operator after the other."""
        return ((name, key, value) for name, keyed in self.by_operator.items() for key, value in keyed.items())

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(map(len, self.by_operator.values()))


@attrs.frozen
class SealedOutput:
    """One sealed batch as it lies in the store: for *target* ("sink" or "dead_letter"), numbered per target from 1.

    *data* is opaque to the store; what comes out is what went in.
    """

    target: str
    seq: int
    count: int
    data: bytes


@attrs.frozen(kw_only=True)
class Lease:
    """Proof of ownership: *epoch* is one above every earlier owner's; *incarnation* names this life of the state."""

    pipeline_id: str
    epoch: int
    incarnation: str


@attrs.frozen(kw_only=True)
class SealRequest:
    """What one seal makes durable, all or nothing.

    *positions* replaces the stored ones of the same splits; *rows* are the changed rows of keyed state; *outputs* continue
    the numbering of each target; *delivered* says up to which seq each target has everything, so that the store may
    forget those outputs; *ledger* and *meta* replace the stored ones.
    """

    lease: Lease
    positions: Mapping[str, Json]
    rows: Sequence[StateRow] = ()
    outputs: Sequence[SealedOutput] = ()
    delivered: Mapping[str, int] = attrs.field(factory=dict)
    ledger: Mapping[str, int] = attrs.field(factory=dict)
    meta: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Checkpoint:
    """What the seals so far add up to.

    *sealed* and *delivered* hold the last seq per target; *outputs* are the sealed batches that are not known to be
    delivered, in order; *rows* yields the live rows of keyed state once.
    """

    positions: Mapping[str, Json] = attrs.field(factory=dict)
    sealed: Mapping[str, int] = attrs.field(factory=dict)
    delivered: Mapping[str, int] = attrs.field(factory=dict)
    outputs: Sequence[SealedOutput] = ()
    ledger: Mapping[str, int] = attrs.field(factory=dict)
    meta: Mapping[str, Any] = attrs.field(factory=dict)
    rows: Iterable[StateRow] = ()


class StateStore(ABC, Generic[O]):
    """The one truth of a pipeline.

    Called from one thread: ``open``, ``claim``, ``load``, then ``seal`` again and again, ``close``. A store may hold many
    pipelines, told apart by their id.
    """

    name: ClassVar[str]
    options: ClassVar[type[Options]] = Options
    durable: ClassVar[bool] = True
    """Whether the state outlives the process; if not, delivery guarantees hold until the process ends."""

    def __init__(self, config: O) -> None:
        """Keep the parsed options; touch nothing yet."""
        self.config = config

    @abstractmethod
    def open(self, context: Context) -> None:
        """Open or create the store. Called once per start, and again after it raised ``TransientError``.

        Raises:
            StateError: what is there is damaged, or of a newer version; it is left as it is.
            TransientError: it cannot be written just now (the disk is full); the runtime backs off and tries again.
            FatalError: it cannot be created or written.
        """

    @abstractmethod
    def claim(self, pipeline_id: str, *, takeover: bool = False) -> Lease:
        """Become the owner of *pipeline_id*: the epoch rises by one, and every earlier owner is fenced.

        Without *takeover* a living owner is respected.

        Raises:
            FencedError: another process owns the pipeline; the message names it.
        """

    @abstractmethod
    def load(self) -> Checkpoint:
        """Return what was sealed for the claimed pipeline; empty on its first run."""

    @abstractmethod
    def seal(self, request: SealRequest) -> None:
        """Make *request* durable in one transaction, fenced by the lease's epoch; return when it is on the disk.

        Raises:
            FencedError: a newer owner exists; nothing was changed.
            TransientError: not possible just now (disk full, locked); nothing was changed, the same request comes again.
        """

    @abstractmethod
    def snapshot(self) -> bytes:
        """Return the claimed pipeline's whole state as bytes that ``restore`` of the same kind of store understands."""

    @abstractmethod
    def restore(self, snapshot: bytes) -> None:
        """Replace the claimed pipeline's state by *snapshot*; the epoch stays ours."""

    @property
    def place(self) -> str:
        """Where the state is kept, as a person finds it; for messages."""
        return f"the state store '{self.name}'"

    @property
    def state_bytes(self) -> int:
        """About how many bytes the claimed pipeline's keyed state takes in the store."""
        return 0

    def close(self) -> None:
        """Give up ownership and let go of everything. May be called twice and may never be called (SIGKILL)."""
