"""What a path may name for a component that goes back and forth in a file: a regular file, or nothing yet."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["no_place_to_write", "no_regular_file"]

_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_STREAMS: Final = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


def no_regular_file(path: Path) -> str | None:
    """Return why *path* cannot be read line by line from any offset; ``None`` where opening it tells more."""
    found = _kind(path)
    return f"{path} is {found}, no regular file; use type: stdin, redirected with <" if found else None


def no_place_to_write(path: Path) -> str | None:
    """Return why no results can be written to *path*, with a cursor beside them; ``None`` where opening it tells more."""
    found = _kind(path)
    if found is None and os.path.normpath(path).startswith(_STREAMS):
        found = "a stream of this process"  # a regular file today, by where the shell leads it
    return f"{path} is {found}, no regular file; use type: stdout, redirected with >" if found else None


def _kind(path: Path) -> str | None:
    try:
        return _KINDS.get(stat.S_IFMT(path.stat().st_mode))
    except OSError:
        return None
