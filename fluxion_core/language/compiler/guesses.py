"""What generated code may take for granted of the classes of fields, and how a document is turned away that is different.

A segment is first written for documents of any kind, and notes of which fields it would help to know the class. When a run has seen
which classes come, the segment is written again for those: it looks at a class once and computes on without asking. A document of
other classes is *odd*: it is found so before anything changed, and takes the code for any kind. So the answers never depend on a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from fluxion_core.language.compiler.demand import plain
from fluxion_core.language.values import INT64_MAX, INT64_MIN, MISSING

__all__ = ["Classes", "Guesses", "Odd", "Path", "Sample", "differs"]

Path = tuple[str | None, ...]
"""Where a value stands in the document of the input: names; ``None`` stands for each element of an array."""

Classes = Mapping[Path, str]
"""``str``, ``int``, ``float``, ``number`` or ``list``, for the fields that have hardly any other class."""

_GUESSED: Final = {str: "str", int: "int", float: "float", list: "list"}
_SHARE: Final = 0.97
"""How many of the values of a field must have one class; an odd document costs two to three times as much as another."""

_NUMBERS: Final = frozenset({int, float})

_ELEMENTS: Final = 20
"""How many elements of an array are looked at."""


_NAMES: Final = 1_000
"""How many names of fields are taken from documents."""


class Odd(Exception):
    """Raised by generated code: the document has other classes than the code was written for."""


class Guesses(msgspec.Struct):
    """The guesses of one writing of a segment."""

    classes: Classes = msgspec.field(default_factory=dict)
    asked: dict[Path, bool] = msgspec.field(default_factory=dict)
    """The paths whose class would have helped, and whether it would if they have arrays."""
    sure: set[Path] = msgspec.field(default_factory=set)
    """The paths that were looked at ahead of a loop, or by the decoder; a path that others begin with is a document."""
    numbers: set[Path] = msgspec.field(default_factory=set)
    """The paths where the decoder lets nothing but numbers of 64 bits pass; that they are floats is still a guess."""
    open: bool = True
    """Whether a document can still be turned away: nothing has changed yet."""
    inline: bool = False
    """Whether elements of unwound arrays are asked for their classes one by one: what they are does not matter to the others."""
    unbounded: bool = False
    """Whether whole numbers found so may have any size."""

    def class_at(self, path: Path | None) -> str:
        """Return the class that values at *path* can be taken to have, or nothing; arrays are no class of their own here."""
        if path is None:
            return ""
        self.asked.setdefault(path, False)
        if self.open or path in self.sure:
            found = self.classes.get(path, "")
            return "" if found == "list" else found
        return "number" if path in self.numbers else ""

    def array_at(self, path: Path | None) -> bool:
        """Return whether values at *path* can be taken for arrays."""
        if path is None:
            return False
        self.asked[path] = True
        return (self.open or path in self.sure) and self.classes.get(path) == "list"

    def certain(self, path: Path | None) -> bool:
        """Whether values at *path* can be taken to have one class, and so to be there."""
        return path in self.classes and (self.open or path in self.sure or path in self.numbers)

    def known(self, path: Path | None, kind: str) -> bool:
        """Whether values at *path* were found to be of *kind* already."""
        return path in self.sure or (kind == "number" and path in self.numbers)

    def of_elements(self, path: Path | None) -> list[str]:
        """Return the fields that are guessed of the elements of unwound arrays at *path*, if those are asked one by one."""
        if not self.inline or self.open or path is None or path[-1:] != (None,) or path in self.sure:
            return []
        return [known[-1] for known in self.classes if known[:-1] == path and known[-1] is not None]

    def below(self, path: Path | None) -> bool:
        """Whether something is guessed of the fields below *path*, which is then a document."""
        if path is None or not (self.open or path in self.sure):
            return False
        return any(
            len(known) > len(path) and known[: len(path)] == path and known[len(path)] is not None for known in self.classes
        )


def differs(text: str, kind: str, *, bounded: bool = False) -> str:
    """Return the test that *text* is not of class *kind*; *bounded*: or a whole number that a float may not be able to hold."""
    bounds = f"not {INT64_MIN} <= {text} <= {INT64_MAX}"
    if kind == "number":
        return f"{text}.__class__ is not float and ({text}.__class__ is not int or {bounds})"
    test = f"{text}.__class__ is not {kind}"
    return f"{test} or {bounds}" if bounded and kind == "int" else test


class Sample:
    """The classes of the values at some paths, in the documents seen so far. *paths*: with each, whether arrays are asked for."""

    def __init__(self, paths: Mapping[Path, bool]) -> None:
        self.size = 0
        """How many documents were looked at."""
        self.names: dict[str, str] = {}
        """Names of fields, each the very string that a document has it by: a dict compares no letters of a name that is its own."""
        self._paths = paths
        self._seen: dict[Path, Counter[type]] = {path: Counter() for path in paths}

    def add(self, documents: Sequence[Any]) -> None:
        """Look at *documents*, decoded whole or in part."""
        self.size += len(documents)
        for document in documents[:1]:
            _add_names(document, self.names)
        for document in documents:
            whole = plain(document)
            for path, seen in self._seen.items():
                _look(whole, path, seen)

    @property
    def weight(self) -> float:
        """How many values were looked at per document and path: more than one where there are arrays."""
        return max(1.0, sum(seen.total() for seen in self._seen.values()) / max(1, self.size * len(self._seen)))

    @property
    def classes(self) -> dict[Path, str]:
        """The classes that can be guessed."""
        found = {}
        for path, seen in self._seen.items():
            (most, count), *_ = seen.most_common(1) or [(object, 0)]
            if most in _GUESSED and (most is not list or self._paths[path]) and count >= _SHARE * seen.total():
                found[path] = _GUESSED[most]
            elif most in _NUMBERS and sum(seen[number] for number in _NUMBERS) >= _SHARE * seen.total():
                found[path] = "number"
        return found


def _add_names(value: Any, names: dict[str, str]) -> None:
    """Add the names of fields in *value* and in what it holds, about so many."""
    waiting = [value]
    while waiting and len(names) < _NAMES:
        value = waiting.pop()
        if value.__class__ is dict:
            names.update((name, name) for name in islice(value, _NAMES) if name.__class__ is str)
            waiting += islice(value.values(), _NAMES)
        elif value.__class__ is list:
            waiting += value[:1]


def _look(value: Any, path: Path, seen: Counter[type]) -> None:
    for index, name in enumerate(path):
        if name is None and value.__class__ is list:
            for item in value[:_ELEMENTS]:
                _look(plain(item), path[index + 1 :], seen)
            return
        value = plain(value.get(name, MISSING)) if name is not None and value.__class__ is dict else MISSING
    seen[value.__class__] += 1
