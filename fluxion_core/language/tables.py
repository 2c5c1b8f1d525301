"""Tables of the language that import no more of it than is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["LazyTable"]

T = TypeVar("T")


class LazyTable(Mapping[str, T], Generic[T]):
    """What the modules of a package define, by name; a module is imported when one of its names is first looked up.

    *families*: for each module of *package* the names in its *table*, in the same order. Most pipelines need few of them, and
    importing all takes ten times as long as compiling what they need.
    """

    def __init__(self, package: str, table: str, families: Mapping[str, str]) -> None:
        self._package = package
        self._table = table
        self._family = {name: family for family, names in families.items() for name in names.split()}
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """Return what is called *name*.

        Raises:
            KeyError: nothing is.
        """
        if name not in self._loaded:
            module: Any = importlib.import_module(f".{self._family[name]}", self._package)
            self._loaded.update((one.name, one) for one in getattr(module, self._table))
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return whether something is called *name*; imports nothing."""
        return name in self._family

    def __iter__(self) -> Iterator[str]:
        """Iterate over all names."""
        return iter(self._family)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._family)
