"""The ``window`` of an output of ``$setWindowFields``: from where to where, in documents or in the values sorted by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.language import windows
from fluxion_core.language.compiler.nodes import Constant
from fluxion_core.language.ordering import compare
from fluxion_core.language.stages.sort import Order
from fluxion_core.language.values import INT32_MAX, INT32_MIN, MISSING, is_finite, is_number, is_string, shown
from fluxion_core.language.windows import Bounds

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["check_unsorted", "parse_bounds"]


def check_unsorted(parser: Parser, spec: Any, where: str) -> None:
    """Refuse a window of documents that are near: without an order there is no near."""
    window = spec.get("window") if isinstance(spec, dict) else None
    given = window.get("documents") if isinstance(window, dict) else None
    if isinstance(given, list | tuple) and any(end != "unbounded" for end in given):
        parser.problem(f"{where}.window.documents", "a window of documents needs a sortBy")


def parse_bounds(parser: Parser, spec: Any, where: str, order: Order | None) -> Bounds:
    """Return the window; the whole partition where nothing is said."""
    if spec is MISSING:
        return Bounds()
    if not isinstance(spec, dict):
        parser.problem(where, f"an object was expected, not {shown(spec)}")
        return Bounds()
    members = parser.members(spec, where, (), ("documents", "range", "unit"))
    if "documents" in members and ("range" in members or "unit" in members):
        parser.problem(where, "documents cannot stand beside range and unit")
        return Bounds()
    if "unit" in members and "range" not in members:
        parser.problem(where, "unit needs a range")
        return Bounds()
    if not members:
        return Bounds()
    by_range = "range" in members
    kind = "range" if by_range else "documents"
    given = members[kind]
    if not isinstance(given, list | tuple) or len(given) != 2:  # low and high
        parser.problem(f"{where}.{kind}", f"[low, high] was expected, not {shown(given)}")
        return Bounds()
    unit = members.get("unit")
    if "unit" in members and (not is_string(unit) or (unit not in windows.UNIT_MILLISECONDS and unit not in windows.MONTHS)):
        parser.problem(f"{where}.unit", f"unknown unit {shown(unit)}")
        unit = None
    if by_range and (order is None or len(order) != 1):
        parser.problem(where, "a range needs a sortBy of one field")
    elif by_range and order is not None and order[0][1]:
        parser.problem(where, "a range needs a rising sortBy")
    ends = [
        _end(parser, end, f"{where}.{kind}[{index}]", whole=not by_range or unit is not None) for index, end in enumerate(given)
    ]
    low, high = (None if end == "unbounded" else 0 if end == "current" and not by_range else end for end in ends)
    least, most = (0 if end == "current" else end for end in (low, high))
    if least is not None and most is not None and compare(least, most) > 0:  # NaN is the least of all
        parser.problem(f"{where}.{kind}", "the window must not end before it begins")
    return Bounds(low, high, by_range, unit)


def _end(parser: Parser, end: Any, where: str, *, whole: bool) -> Any:
    if end in {"unbounded", "current"} if is_string(end) else False:
        return end
    if isinstance(end, dict):
        node = parser.expression(end, where)
        end = node.value if isinstance(node, Constant) else end
    if is_number(end) and (not whole or (is_finite(end) and end == int(end) and INT32_MIN <= end <= INT32_MAX)):
        return int(end) if whole else end
    parser.problem(where, f"'unbounded', 'current' or a {'whole ' if whole else ''}number was expected, not {shown(end)}")
    return 0
