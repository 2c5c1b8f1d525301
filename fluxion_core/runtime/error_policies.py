"""What becomes of a record at fault: it stops the pipeline, is skipped, or goes to the dead-letter sink with its bytes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from fluxion_core.config.model import ErrorPolicy
from fluxion_core.errors import EvaluationError, FatalError
from fluxion_core.language import Failure
from fluxion_core.spi import Batch, Document, Json, Source

__all__ = ["Fault", "Located", "dead_letter", "fatal", "faults_of", "located", "nobodys", "place_of", "too_many_groups"]

Located: TypeAlias = "tuple[int | None, str, Exception, Any]"
"""A failure: the index of its record in the batch, or ``None`` for a later document; the stage; the error; the document."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A record at fault: what is wrong, in which stage (``decode``, ``stages[1].$set``, ``sink``), and where it stood.

    *payload* holds the original bytes; for a record that never had any, *document* is what the stage saw.
    """

    reason: str
    kind: str
    stage: str
    split: str | None = None
    position: Json = None
    payload: bytes | None = None
    document: Document | None = None

    @classmethod
    def of(cls, error: Exception, *, stage: str, **where: Any) -> Fault:
        """Return the fault that *error* describes."""
        reason = error.message if isinstance(error, EvaluationError) else str(error)
        path = error.path if isinstance(error, EvaluationError) and error.path else stage
        return cls(reason=reason, kind=type(error).__name__, stage=path, **where)


def located(failures: Sequence[Failure], stage_names: Sequence[str], indexes: Sequence[int] | None) -> list[Located]:
    """Return *failures* of a run; *indexes*: the record that each of the fed documents was, if they were not all of a batch."""
    return [
        (
            failure.index if indexes is None or failure.index is None else indexes[failure.index],
            "decode" if failure.stage is None else f"stages[{failure.stage}].{stage_names[failure.stage]}",
            failure.error,
            failure.document,
        )
        for failure in failures
    ]


def faults_of(batch: Batch, failures: Sequence[Located]) -> Iterator[tuple[Fault, bool]]:
    """Yield a fault for each of *failures* in *batch*, and whether it is that of one record."""
    payloads = batch.payload_list() if failures else None
    only_split = next(iter(batch.positions)) if len(batch.positions) == 1 else None
    for index, stage, error, document in failures:
        if index is None:
            yield Fault.of(error, stage=stage, document=document), False
            continue
        fault = Fault.of(
            error,
            stage=stage,
            split=batch.splits[index] if batch.splits is not None else only_split,
            position=batch.record_positions[index] if batch.record_positions is not None else None,
            payload=payloads[index] if payloads is not None else None,
            document=batch.documents[index] if batch.documents is not None else None,
        )
        yield fault, True


def dead_letter(fault: Fault, pipeline_id: str, now: datetime) -> Document:
    """Return the document that the dead-letter sink gets: reason, stage, position and the record itself.

    The original bytes stand under ``payload`` as text where they are UTF-8 (it encodes back to the same bytes), else under
    ``payloadBase64``; a record that had none stands under ``doc``. Where MongoDB Atlas Stream Processing's dead-letter
    documents have a name for a thing, so is it called here.
    """
    return {
        "processorName": pipeline_id,
        "dlqTime": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "operatorName": fault.stage,
        "errInfo": {"reason": fault.reason, "class": fault.kind},
        "source": {"split": fault.split, "position": fault.position},
        **_content(fault),
    }


def _content(fault: Fault) -> Document:
    if fault.payload is None:
        return {"doc": fault.document}
    try:
        return {"payload": fault.payload.decode("utf-8")}
    except UnicodeDecodeError:
        return {"payloadBase64": b64encode(fault.payload).decode("ascii")}


def place_of(fault: Fault, source: Source[Any]) -> str:
    """Return where the record at fault stood, in the words of *source*; empty where that is not known."""
    if fault.position is None or fault.split is None:
        return ""
    return f"{fault.split} at {fault.position}" if fault.stage == "sink" else source.place(fault.split, fault.position)


def fatal(fault: Fault, policy: ErrorPolicy, place: str) -> FatalError:
    """Return the error that stops a pipeline whose policy is to fail at once; *place* is where the record at *fault* stood."""
    where = f"{place}: " if place else ""
    hint = "" if policy.action != "fail_fast" else "; error_policy: skip or dead_letter would go on without this record"
    return FatalError(f"{fault.stage}: {where}{fault.reason}{hint}")


def nobodys(fault: Fault) -> str:
    """Return the message for a fault of no single record: a stage cannot make its result of everything that it holds."""
    return (
        f"{fault.stage}: {fault.reason}; this concerns every document that the stage holds, so no error policy can answer it; "
        "nothing was dropped: mend the stages, or what they read, and start with new state"
    )


def too_many_groups(found: int, limit: int) -> str:
    """Return the message for keys that are more than memory should hold, be it an attack or a wrong ``_id``."""
    return (
        f"stages: {found:,} groups; at most max_groups ({limit:,}) are kept; nothing was dropped: group by what has fewer values, "
        "or raise runtime.max_groups and run again"
    )
