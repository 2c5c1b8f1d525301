"""``$hash $hexHash``: the digest of a text or of binary data.

Source: MongoDB manual, "$hash" and "$hexHash" (new in 8.3); for XXH64, the specification "xxHash fast digest algorithm".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import take_work
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.values import described, is_nullish, is_string, kind, type_name

__all__ = ["OPERATORS"]

_PRIMES: Final = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_MASK: Final = 2**64 - 1
_STRIPE_BYTES: Final = 32
_STRIPE_NANOSECONDS: Final = 2000
"""What Python takes for 32 bytes of XXH64."""


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _PRIMES[1]) & _MASK, 31) * _PRIMES[0] & _MASK


def _merged(total: int, lane: int) -> int:
    return ((total ^ _round(0, lane)) * _PRIMES[0] + _PRIMES[3]) & _MASK


def _of_stripes(data: bytes, stripes: int) -> int:
    """Return what the first *stripes* of 32 bytes come to: four lanes, brought together."""
    one, two = _PRIMES[0], _PRIMES[1]
    lanes = [(one + two) & _MASK, two, 0, -one & _MASK]
    for words in struct.iter_unpack("<4Q", data[: stripes * _STRIPE_BYTES]):
        lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
    total = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        total = _merged(total, lane)
    return total


def _xxh64(data: bytes) -> bytes:
    """Return XXH64 of *data* with seed 0, the highest byte first."""
    one, two, three, four, five = _PRIMES
    stripes = len(data) // _STRIPE_BYTES
    take_work(stripes * _STRIPE_NANOSECONDS)
    total = _of_stripes(data, stripes) if stripes else five
    total = (total + len(data)) & _MASK
    rest = data[stripes * _STRIPE_BYTES :]
    while len(rest) >= 8:
        total = (_rotated(total ^ _round(0, int.from_bytes(rest[:8], "little")), 27) * one + four) & _MASK
        rest = rest[8:]
    if len(rest) >= 4:
        total = (_rotated(total ^ (int.from_bytes(rest[:4], "little") * one & _MASK), 23) * two + three) & _MASK
        rest = rest[4:]
    for byte in rest:
        total = _rotated(total ^ (byte * five & _MASK), 11) * one & _MASK
    total = (total ^ total >> 33) * two & _MASK
    total = (total ^ total >> 29) * three & _MASK
    return (total ^ total >> 32).to_bytes(8, "big")


def _of_library(name: str) -> Callable[[bytes], bytes]:
    def digest(data: bytes) -> bytes:
        import hashlib  # late, as it loads a library that few pipelines need

        return hashlib.new(name, data, usedforsecurity=False).digest()

    return digest


_ALGORITHMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "md5": _of_library("md5"),
    "sha256": _of_library("sha256"),
    "xxh64": _xxh64,
}


def _hash(value: Any, algorithm: Any) -> Any:
    """``$hash``: binary data of 8 bytes (xxh64), 16 (md5) or 32 (sha256)."""
    if is_nullish(value):
        return None
    if is_string(value):
        data = value.encode()
    elif kind(value) == "binData":
        data = bytes(getattr(value, "bytes", value))
    else:
        raise EvaluationError(f"$hash needs a string or binary data as its input, not {type_name(value)}")
    digest = _ALGORITHMS.get(algorithm) if is_string(algorithm) else None
    if digest is None:
        raise EvaluationError(f"$hash knows the algorithms {', '.join(_ALGORITHMS)}, not {described(algorithm)}"[:200])
    return digest(data)


def _hex_hash(value: Any, algorithm: Any) -> Any:
    """``$hexHash``: as ``$hash``, in hexadecimal digits."""
    digest = _hash(value, algorithm)
    return None if digest is None else digest.hex().upper()


OPERATORS = (
    Operator(
        name="$hash",
        function=_hash,
        arguments=("input", "algorithm"),
        family="miscellaneous",
        examples=[Example({"$hash": {"input": "", "algorithm": "xxh64"}}, bytes.fromhex("EF46DB3751D8E999"))],
    ),
    Operator(
        name="$hexHash",
        function=_hex_hash,
        arguments=("input", "algorithm"),
        family="miscellaneous",
        examples=[Example({"$hexHash": {"input": "", "algorithm": "md5"}}, "D41D8CD98F00B204E9800998ECF8427E")],
    ),
)
