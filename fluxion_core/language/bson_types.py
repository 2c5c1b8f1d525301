"""BSON's types that Python lacks, from the extra ``bson``; and binary data with its subtype, which is one of them for most subtypes.

Source: BSON specification 1.1, "Binary - the subtypes".
"""

from __future__ import annotations

import importlib
from typing import Any, Final
from uuid import UUID

from fluxion_core.errors import EvaluationError

__all__ = ["UUID_SUBTYPE", "binary_data", "bson_value", "octets", "subtype"]

UUID_SUBTYPE: Final = 4
"""The subtype of binary data whose 16 bytes are a UUID."""
_UUID_BYTES: Final = 16


def bson_value(name: str, *arguments: Any) -> Any:
    """Return an instance of the package ``bson``'s class *name*.

    Raises:
        EvaluationError: the package is not installed.
    """
    try:
        bson = importlib.import_module("bson")
    except ImportError:
        raise EvaluationError(f"a value of BSON type {name} needs the extra 'bson': pip install 'fluxion-core[bson]'") from None
    return getattr(bson, name)(*arguments)


def subtype(value: Any) -> int:
    """Return the subtype, 0 to 255, of binary data: ``bytes``, a ``UUID`` or ``bson``'s ``Binary``."""
    return UUID_SUBTYPE if isinstance(value, UUID) else getattr(value, "subtype", 0)


def octets(value: Any) -> bytes:
    """Return the bytes of binary data, without its subtype."""
    return value.bytes if isinstance(value, UUID) else bytes(value)


def binary_data(data: bytes, of: int) -> Any:
    """Return *data* as binary data of a subtype: ``bytes`` of 0, a ``UUID`` of 4 with 16 bytes, ``bson``'s ``Binary`` of all others.

    Raises:
        EvaluationError: the subtype needs the package ``bson``, which is not installed.
    """
    if of == 0:
        return data
    if of == UUID_SUBTYPE and len(data) == _UUID_BYTES:
        return UUID(bytes=data)
    return bson_value("Binary", data, of)
