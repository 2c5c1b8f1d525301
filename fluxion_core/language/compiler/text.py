"""What must hold of every name and string of a pipeline before its stages are parsed: that it is text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from fluxion_core.errors import Problem

__all__ = ["text_problems"]

_Place: TypeAlias = "tuple[_Place | None, str]"
"""Where a value stands: the place of what holds it, and its name there. (A path for each would take time and memory by the square of the depth.)"""


def text_problems(stages: Any, where: str) -> Iterator[Problem]:
    """Yield a problem for every name that is no string, and for every string that is no text.

    *stages* may nest as deep as they like; what stands at several places in them is looked at once.
    """
    waiting: list[tuple[Any, _Place]] = [(stages, (None, where))]
    seen: set[int] = set()
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, dict | list | tuple):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(name, str):
                    yield Problem(_path(place), f"a name in an object is a string, not {name!r}"[:120])
                elif not _is_text(name):
                    yield Problem(_path(place), f"{name!r} holds half of a character"[:120])
                else:
                    waiting.append((inner, (place, f".{name}")))
        elif isinstance(value, list | tuple):
            waiting += [(inner, (place, f"[{index}]")) for index, inner in enumerate(value)]
        elif isinstance(value, str) and not _is_text(value):
            yield Problem(_path(place), f"{value!r} holds half of a character"[:120])


def _path(place: _Place | None) -> str:
    names = []
    while place is not None:
        place, name = place
        names.append(name)
    return "".join(reversed(names))


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
