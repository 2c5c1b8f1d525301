"""What a process that runs a pipeline sets for itself. A program that embeds Fluxion sets what it likes: nothing here is done for it."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["settle"]

_KEPT_BYTES: Final = 16 * 1024 * 1024


def settle() -> None:
    """Keep what is loaded out of the garbage collector's way, and memory that is freed for what comes next.

    glibc gives memory back to the system block by block, until one so large was freed (mallopt(3), ``M_MMAP_THRESHOLD``); the pages of
    every chunk that is read would be mapped anew, which costs 2 to 3 % of a run and a tenth of a worker's.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    gc.enable()
    bytes(_KEPT_BYTES)
