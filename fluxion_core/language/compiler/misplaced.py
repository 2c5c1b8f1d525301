"""A name that is known, but not as what it was written as: where it stands is told, instead of a name that looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["misplaced"]

_WANTED: Final = {
    "stage": "not a stage",
    "operator": "not an operator of expressions",
    "query operator": "not a condition",
    "accumulator": "not an accumulator",
    "window function": "not a window function",
}


def misplaced(parser: Parser, what: str, name: str) -> tuple[str, str] | None:
    """Return what to say of *name*, which is no *what* but something else, and how it is written; ``None`` if it is nothing."""
    from fluxion_core.language.query import NAMES, TOP  # late: these parse with the parser that asks, and only of errors
    from fluxion_core.language.stages.set_window_fields import FUNCTIONS

    written = f"{{{name}: ...}}"
    of_query = what == "query operator"
    within = {
        "stage": f"{{$set: {{field: {written}}}}}",
        "query operator": f"{{$match: {{$expr: {written}}}}}",
    }.get(what, f"it inside one: {{$sum: {written}}}")
    accumulator = parser.accumulators.get(name)
    grouping = name == "$accumulator" or (accumulator is not None and accumulator.group)
    in_group = f"{{$group: {{_id: ..., field: {written}}}}}"
    places = (  # what is meant most likely comes first
        (name in TOP and (of_query or what == "stage"), "a condition on documents", f"{{$match: {written}}}"),
        (name in NAMES and of_query, "a condition on a field", f"{{$match: {{field: {written}}}}}"),
        (grouping and what == "window function", "an accumulator", in_group),
        (name in parser.operators and what != "operator", "an operator", within),
        (name in TOP, "a condition on documents", f"{{$match: {written}}}"),
        (name in NAMES, "a condition on a field", f"{{$match: {{field: {written}}}}}"),
        (grouping and what != "accumulator", "an accumulator", in_group),
        (
            (name in FUNCTIONS or accumulator is not None) and what != "window function",
            "a window function",
            f"{{$setWindowFields: {{output: {{field: {written}}}}}}}",
        ),
        (name in parser.forms and what != "stage", "a stage", f"{written} as a stage of its own"),
    )
    for stands, kind, hint in places:
        if stands:
            told = f"'{name}' is {kind}"
            return (told if of_query and name in NAMES else f"{told}, {_WANTED[what]}"), f"write {hint}"
    return None
