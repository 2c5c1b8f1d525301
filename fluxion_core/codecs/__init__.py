"""Codecs of the core: JSON, Extended JSON and raw bytes."""

from __future__ import annotations

from typing import Any

from fluxion_core.codecs.ejson import CanonicalExtendedJsonCodec, ExtendedJsonCodec
from fluxion_core.codecs.json import JsonCodec
from fluxion_core.codecs.raw import RawCodec
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Codec

__all__ = ["CanonicalExtendedJsonCodec", "ExtendedJsonCodec", "JsonCodec", "RawCodec"]


@hookimpl
def fluxion_register_codecs() -> list[type[Codec[Any]]]:
    """Return the codecs."""
    return [JsonCodec, ExtendedJsonCodec, CanonicalExtendedJsonCodec, RawCodec]
