"""How many bytes a document has as MongoDB stores it: what ``$bsonSize`` answers and what the limit of a document is told from.

Source: the BSON specification, version 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fluxion_core.language.values import INT32_MAX, INT32_MIN, INT64_MAX, kind, type_name

__all__ = ["bson_size", "rough_size"]

_FRAME_BYTES: Final = 5
"""The length before a document and the zero behind it; of a text and of binary data, the length and a byte more."""
_LONG_BYTES: Final = 8
_ELEMENT_BYTES: Final = 32
_SMALL_BYTES: Final = 1024
"""A smaller container is visited as often as it stands somewhere."""
_SIZES: Final[Mapping[str, int]] = {
    "null": 0,
    "bool": 1,
    "double": 8,
    "date": 8,
    "objectId": 12,
    "timestamp": 8,
    "decimal": 16,
    "minKey": 0,
    "maxKey": 0,
}


def rough_size(items: Iterable[Any], most: int) -> int:
    """Return about how many bytes the values *items* have, rather too many than too few, or something above *most*; names are left out."""
    total = 0
    for item in items:
        cls = item.__class__
        if cls is str:
            total += 4 * len(item)
        elif cls is dict or cls is list:
            total += _ELEMENT_BYTES * len(item) + rough_size(item.values() if cls is dict else item, most)
        elif cls is bytes:
            total += len(item)
        if total > most:
            break
    return total


def bson_size(value: Any, known: dict[int, tuple[Any, int]], most: int = INT64_MAX) -> int:
    """Return the bytes of the document or array *value*; what it shares counts as often as it stands in it, and is visited once.

    *known*: the containers that were visited, with their bytes. *most*: the answer may be too small where it is more than that.
    """
    found = known.get(id(value))
    if found is not None:
        return found[1]
    total = _FRAME_BYTES + 2 * len(value)  # a type and a zero behind the name, for each element
    if isinstance(value, dict):
        for name in value:
            total += len(name) if name.isascii() else _text_bytes(name)
        items: Any = value.values()
    else:
        total += _index_digits(len(value))
        items = value
    for item in items:
        cls = item.__class__
        if cls is str:
            total += _FRAME_BYTES + (len(item) if item.isascii() else _text_bytes(item))
        elif cls is int:
            total += 4 if INT32_MIN <= item <= INT32_MAX else _LONG_BYTES
        elif cls is float:
            total += 8
        elif cls is dict or cls is list or cls is tuple:
            total += bson_size(item, known, most)
            if total > most:
                return total
        elif item is not None:
            total += _other_bytes(item, known, most)
    if total >= _SMALL_BYTES:
        known[id(value)] = value, total  # the value is kept too, so that its id stays its own
    return total


def _text_bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _index_digits(count: int) -> int:
    """Return how many digits the numbers below *count* have together: the names of the elements of an array."""
    total, digits, start = 0, 1, 0
    while start < count:
        end = min(count, 10**digits)
        total += (end - start) * digits
        start, digits = end, digits + 1
    return total


def _other_bytes(value: Any, known: dict[int, tuple[Any, int]], most: int) -> int:
    name = kind(value)
    if name in {"object", "array"}:
        return bson_size(value, known, most)
    if name == "string" or name.startswith("javascript"):
        return _FRAME_BYTES + _text_bytes(str(value))
    if name == "binData":
        return _FRAME_BYTES + len(getattr(value, "bytes", value))
    if name == "regex":
        from fluxion_core.language.regex import options_of  # late: it brings much that few need

        return 2 + len(str(value.pattern).encode()) + len(options_of(value.flags))
    if name == "int":
        return 4 if type_name(value) == "int" else _LONG_BYTES
    return _SIZES.get(name, 0)
