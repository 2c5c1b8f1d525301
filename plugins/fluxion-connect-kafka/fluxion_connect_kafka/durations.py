"""Lengths of time as text with a unit (``500ms``, ``2s``, ``1m``) or in ISO 8601 (``PT1.5S``), as in the Java original."""

from __future__ import annotations

import re

__all__ = ["check_duration", "seconds_of"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PLAIN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_ISO = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def seconds_of(text: str) -> float:
    """Return the seconds that *text* stands for.

    Raises:
        ValueError: it is no length of time, or has no unit.
    """
    plain = _PLAIN.fullmatch(text.strip().lower())
    if plain:
        return float(plain[1]) * _UNITS[plain[2]]
    iso = _ISO.fullmatch(text.strip().upper())
    if iso and any(iso.groups()):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return hours * _UNITS["h"] + minutes * _UNITS["m"] + seconds
    msg = f"'{text}' is no length of time; write it with a unit, such as 500ms, 2s, 1m or PT2S"
    raise ValueError(msg)


def check_duration(value: str | float) -> str | None:
    """Return what is wrong with *value* as a length of time above zero, or ``None``."""
    try:
        return None if seconds_of(str(value)) > 0 else f"'{value}' is no time at all; expected more than 0"
    except ValueError as error:
        return str(error)
