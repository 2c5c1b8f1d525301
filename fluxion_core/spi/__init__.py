"""The front door for connector authors: everything a plugin needs to import, and nothing that moves without notice."""

from __future__ import annotations

from fluxion_core.spi.batch import Batch, Document, Headers, Json, Refusal, SealedBatch, Split, WriteResult
from fluxion_core.spi.codec import Codec
from fluxion_core.spi.context import Context
from fluxion_core.spi.host import Clock, Files, Host, KillPoints
from fluxion_core.spi.options import REQUIRED, Option, Options, Secret, option
from fluxion_core.spi.runner import Execution, Runner
from fluxion_core.spi.signals import EndOfInput, FatalError, FencedError, RecordError, StateError, TransientError
from fluxion_core.spi.sink import Cursor, Sink, is_duplicate
from fluxion_core.spi.source import Source, StreamDescriptor
from fluxion_core.spi.stage import Stage, StageAnswer
from fluxion_core.spi.state import (
    KEY_GROUPS,
    Checkpoint,
    Lease,
    SealedOutput,
    SealRequest,
    StateRow,
    StateRows,
    StateStore,
    key_group,
    key_groups,
)

__all__ = [
    "KEY_GROUPS",
    "REQUIRED",
    "SPI_VERSION",
    "Batch",
    "Checkpoint",
    "Clock",
    "Codec",
    "Context",
    "Cursor",
    "Document",
    "EndOfInput",
    "Execution",
    "FatalError",
    "FencedError",
    "Files",
    "Headers",
    "Host",
    "Json",
    "KillPoints",
    "Lease",
    "Option",
    "Options",
    "RecordError",
    "Refusal",
    "Runner",
    "SealRequest",
    "SealedBatch",
    "SealedOutput",
    "Secret",
    "Sink",
    "Source",
    "Split",
    "Stage",
    "StageAnswer",
    "StateError",
    "StateRow",
    "StateRows",
    "StateStore",
    "StreamDescriptor",
    "TransientError",
    "WriteResult",
    "is_duplicate",
    "key_group",
    "key_groups",
    "option",
]

SPI_VERSION = (1, 0)
"""Major and minor version of this package's contract. A plugin says ``FLUXION_SPI = (1, 0)``: the version it was built for."""
