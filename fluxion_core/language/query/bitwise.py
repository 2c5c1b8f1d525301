"""Bitwise: ``$bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet`` on whole numbers and binary data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from fluxion_core.language.query.leaves import Leaf
from fluxion_core.language.values import INT32_MAX, INT64_MAX, is_whole, kind

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["QUERIES"]


def _mask(parser: Parser, spec: Any, where: str) -> int:
    if isinstance(spec, list | tuple):
        if all(is_whole(bit) and 0 <= bit <= INT32_MAX for bit in spec):
            return sum({1 << min(int(bit), 1 << 16) for bit in spec})
    elif kind(spec) == "binData":
        return _binary(spec)
    elif is_whole(spec) and 0 <= spec <= INT64_MAX:
        return int(spec)
    parser.problem(where, "a mask is a non-negative whole number, a list of bit positions, or binary data")
    return 0


def _binary(value: Any) -> int:
    return int.from_bytes(value.bytes if isinstance(value, UUID) else bytes(value), "little")


def _bits(value: Any) -> int | None:
    """Return the bits of *value* as an endless two's complement, or ``None`` if it has none."""
    if kind(value) == "binData":
        return _binary(value)
    if is_whole(value):
        return int(value)
    return None


def _bit_test(decide: Callable[[int, int], bool]) -> Callable[[Parser, Any, str], Leaf]:
    def parse(parser: Parser, spec: Any, where: str) -> Leaf:
        mask = _mask(parser, spec, where)

        def test(value: Any) -> bool:
            bits = _bits(value)
            return bits is not None and decide(bits, mask)

        return Leaf(test)

    return parse


QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {
    "$bitsAllClear": _bit_test(lambda bits, mask: bits & mask == 0),
    "$bitsAllSet": _bit_test(lambda bits, mask: bits & mask == mask),
    "$bitsAnyClear": _bit_test(lambda bits, mask: bits & mask != mask),
    "$bitsAnySet": _bit_test(lambda bits, mask: bits & mask != 0),
}
