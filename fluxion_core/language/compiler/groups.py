"""The state of a ``$group`` during a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, Protocol

from fluxion_core.language.compiler.loaded import Loaded, SegmentStep
from fluxion_core.language.compiler.nodes import ObjectOf
from fluxion_core.language.compiler.parts import Folding
from fluxion_core.language.encoding import decode_value, encode_plain, encode_value
from fluxion_core.language.ordering import identity
from fluxion_core.language.values import MISSING

__all__ = ["Groups", "KeptGroups"]

_NO_GROUPS: Final[Mapping[Any, Any]] = MappingProxyType({})


class KeptGroups(Protocol):
    """What a run asks of the groups of a ``$group``, wherever they are kept."""

    @property
    def count(self) -> int:
        """How many groups are kept."""

    @property
    def changed_keys(self) -> int:
        """About how many groups :meth:`delta` would return."""

    @property
    def state_bytes(self) -> int:
        """About how many bytes all groups take in the store."""

    def rows(self) -> list[Any]:
        """Return every group."""

    @property
    def row_form(self) -> Literal["dict", "ended line"]:
        """The form of what :meth:`rows` returned last; lines only where no stage follows."""

    def changed(self) -> list[dict[str, Any]]:
        """Return the groups that changed since the last call."""

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the changed groups as rows of state, by key."""

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take back groups."""


class Groups:
    """The state of one ``$group``: every group by its key, and those that were touched since they were last asked for."""

    row_form: ClassVar[Literal["dict", "ended line"]] = "dict"

    def __init__(self, step: SegmentStep, folding: Folding, loaded: Loaded) -> None:
        self.groups: dict[Any, Any] = {}
        self.epoch = 0
        self.touched: list[Any] = []
        self._unsealed: dict[int, Any] = {}
        self._folding = folding
        self._loaded = loaded
        self.step = step
        self._row_bytes = 0.0
        self._only_texts = True

    def texts(self) -> Callable[[Any], Any]:
        """Return what finds a group by its key if that is a text, and nothing by any other key, or nothing at all."""
        return self.groups.get if self._only_texts else _NO_GROUPS.get

    def no_texts(self) -> Callable[[Any], Any]:
        """Take note of a group whose key is neither a text nor null; return what finds nothing.

        Such a group could be found by a key that is another one: to Python, ``True`` is 1.
        """
        self._only_texts = False
        return self.texts()

    def use(self, loaded: Loaded) -> None:
        """Share the state between forms of input: the class of a group is that of the first form."""
        if loaded is not self._loaded:
            loaded.namespace["Group"] = self._loaded.namespace["Group"]

    def rows_of(self, groups: Iterable[Any]) -> list[dict[str, Any]]:
        """Return *groups* as documents."""
        rows: list[dict[str, Any]] = self._loaded.namespace["group_rows"](groups)
        return rows

    def rows(self) -> list[dict[str, Any]]:
        """Return every group."""
        return self.rows_of(self.groups.values())

    def changed(self) -> list[dict[str, Any]]:
        """Return the groups touched since the last call, in the order of their first touch."""
        return self.rows_of(self.take_touched())

    def take_touched(self) -> list[Any]:
        """Return the same, not as documents."""
        touched = self._turn()
        self._unsealed.update((id(group), group) for group in touched)
        return touched

    def _turn(self) -> list[Any]:
        touched, self.touched = self.touched, []
        self.epoch += 1
        return touched

    def delta(self) -> dict[bytes, bytes | None]:
        """Return the changed groups as rows of state, by key."""
        return dict(zip(*self.packed(self.unsealed()), strict=True))

    def unsealed(self) -> list[Any]:
        """Return the groups that changed since the last call."""
        unsealed = self._turn()
        if self._unsealed:
            unsealed = list({**self._unsealed, **{id(group): group for group in unsealed}}.values())
            self._unsealed = {}
        return unsealed

    def packed(self, groups: Sequence[Any]) -> tuple[list[bytes], list[bytes]]:
        """Return *groups* as rows of state: their keys, and what belongs to each."""
        names = [group.key for group in groups]
        keys = list(map(encode_plain if set(map(type, names)) == {str} else encode_value, names))
        contents: list[bytes] = self._loaded.namespace["group_bytes"](groups)
        if keys:
            self._row_bytes = (sum(map(len, keys)) + sum(map(len, contents))) / len(keys)
        return keys, contents

    @property
    def count(self) -> int:
        """How many groups are kept."""
        return len(self.groups)

    @property
    def changed_keys(self) -> int:
        """How many groups :meth:`delta` would return, counting those twice that :meth:`changed` gave out and that changed again."""
        return len(self.touched) + len(self._unsealed)

    @property
    def state_bytes(self) -> int:
        """About how many bytes all groups take in the store, from those that were sealed last."""
        return int(self._row_bytes * len(self.groups))

    def _identity(self, key: Any) -> Any:
        """Return what generated code finds the group by."""
        by = self._folding.key
        if isinstance(by, ObjectOf) and by.fields:
            return tuple(identity(key.get(name, MISSING)) for name, _ in by.fields)
        return identity(key)

    def restore(self, rows: Mapping[bytes, bytes]) -> None:
        """Take back groups."""
        restored = self._loaded.namespace["restored"]
        for packed, content in rows.items():
            key = decode_value(packed)
            found = self._identity(key)
            self.groups[found] = restored(key, decode_value(content))
            self._only_texts &= found.__class__ is str or found is None
        if rows:
            self._row_bytes = sum(map(len, [*rows, *rows.values()])) / len(rows)
