"""The five rules of ``fluxion_core.spi.sink``, for the sinks of this package that keep a cursor."""

from __future__ import annotations

from fluxion_core.spi import Cursor, FencedError, SealedBatch, StateError

__all__ = ["is_duplicate"]


def is_duplicate(cursor: Cursor | None, batch: SealedBatch, where: str) -> bool:
    """Return whether *batch* is already behind *cursor* (rule 1).

    Raises:
        FencedError: a newer owner has written (rule 3).
        StateError: batches are missing in between (rule 4), or the cursor is of another life of the state (rule 5).
    """
    if cursor is None:
        cursor = Cursor(batch.incarnation, 0, 0)
    if cursor.incarnation != batch.incarnation:
        msg = (
            f"{where}: holds results of another life of the state ({cursor.incarnation}, this is {batch.incarnation}); "
            "put the old state back, or move the results away"
        )
        raise StateError(msg)
    if cursor.epoch > batch.epoch:
        msg = f"{where}: a newer owner of the pipeline has written (epoch {cursor.epoch}, this is {batch.epoch}); this one ends"
        raise FencedError(msg)
    if batch.seq > cursor.seq + 1:
        msg = f"{where}: holds the batches up to {cursor.seq}, and now comes {batch.seq}; expected {cursor.seq + 1}"
        raise StateError(msg)
    return batch.seq <= cursor.seq
