"""No component writes into a file that another one reads or writes: output would become input, or damage state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fluxion_core.errors import Problem

__all__ = ["shared_files"]


def shared_files(read: Mapping[str, Any], written: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for every component of *written*, by its place, whose file is also that of one of *read* or an earlier one.

    Files are compared by what they are, not by what they are called: by device and inode where they exist, else by the path that is
    left when all links are followed. Nothing is opened.
    """
    problems: list[Problem] = []
    owners: dict[object, tuple[str, Path]] = {}
    for where, path in _paths(read):
        for identity in _identities(path):
            owners.setdefault(identity, (where, path))
    for where, path in _paths(written):
        identities = _identities(path)
        owner = next((owners[identity] for identity in identities if identity in owners), None)
        if owner is not None:
            problems.append(_problem(where, path, *owner))
        for identity in identities:
            owners.setdefault(identity, (where, path))
    return problems


def _paths(components: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for where, component in components.items():
        path = getattr(getattr(component, "config", None), "path", None)
        if isinstance(path, Path):
            yield where, path


def _identities(path: Path) -> tuple[object, ...]:
    with suppress(OSError):
        found = path.stat()
        return os.path.realpath(path), (found.st_dev, found.st_ino)
    return (os.path.realpath(path),)


def _problem(where: str, path: Path, owner: str, owned: Path) -> Problem:
    called = "" if os.path.normpath(path) == os.path.normpath(owned) else f" by another name ({path} is {owned})"
    dead = where.endswith("dead_letter")
    hint = "give dead letters a file of their own" if dead else f"give the {where} a file of its own"
    return Problem(f"{where}.path", f"is the file of {owner}.path{called}", hint)
