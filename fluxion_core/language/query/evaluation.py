"""Evaluation: ``$mod $regex`` on fields; ``$expr`` is found in :mod:`~fluxion_core.language.query.logical`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.query.comparison import matching, searching
from fluxion_core.language.query.leaves import Leaf
from fluxion_core.language.values import INT64_MAX, INT64_MIN, is_finite, is_number, is_string, kind, type_name

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["QUERIES", "regex_leaf"]


def _finite(value: Any) -> bool:
    return is_number(value) and is_finite(value)


def _near(value: Any) -> bool:
    """Whether *value*, cut to a whole number, is not far from 64 bits: a decimal's digits may fill the memory."""
    return bool(INT64_MIN - 1 <= value <= INT64_MAX + 1)


def _mod(parser: Parser, spec: Any, where: str) -> Leaf:
    if (
        not isinstance(spec, list | tuple) or len(spec) != 2 or not all(_finite(item) and _near(item) for item in spec)
    ):  # divisor and remainder
        parser.problem(where, "$mod needs [divisor, remainder], two numbers")
        return Leaf(lambda _value: False)
    divisor, remainder = (math.trunc(item) for item in spec)
    if not all(INT64_MIN <= whole <= INT64_MAX for whole in (divisor, remainder)):
        parser.problem(where, "divisor and remainder of $mod have 64 bits")
        return Leaf(lambda _value: False)
    if divisor == 0:
        parser.problem(where, "the divisor of $mod cannot be 0")
        return Leaf(lambda _value: False)

    def test(value: Any) -> bool:
        if not _finite(value) or not _near(value):
            return False
        whole = math.trunc(value)
        if not INT64_MIN <= whole <= INT64_MAX:
            return False
        rest = abs(whole) % abs(divisor)
        return bool((rest if whole >= 0 else -rest) == remainder)

    return Leaf(test)


def regex_leaf(parser: Parser, spec: Any, beside: Mapping[str, Any], where: str) -> Leaf:
    """Return the condition of ``{$regex: spec}``; ``$options`` stands *beside* it, before it or after it."""
    from fluxion_core.language import regex  # late: it brings much that few need

    nothing = Leaf(lambda _value: False)
    options = beside.get("$options", "")
    if not is_string(options):
        parser.problem(where, f"$options must be a string, not {type_name(options)}")
        return nothing
    if kind(spec) == "regex":
        names = [name for name in beside if name in {"$regex", "$options"}]
        if regex.options_of(spec.flags) and (options or names == ["$regex", "$options"]):  # empty ones after it count as well
            parser.problem(where, "options are set both in the pattern and in $options")
            return nothing
        if not options:
            return matching(parser, spec, where)
    elif not is_string(spec):
        parser.problem(where, f"$regex must be a string or a pattern, not {type_name(spec)}")
        return nothing
    try:
        source = spec if is_string(spec) else regex.source_of(spec)
        compiled = regex.compile_pattern(source, options)
        return searching(
            regex.searching(compiled, where),
            lambda value: (
                kind(value) == "regex"
                and value.pattern == source
                and set(regex.options_of(value.flags)) == set(options) - {"u"}
            ),
        )
    except EvaluationError as error:
        parser.problem(where, error.message)
        return nothing


QUERIES: Final[Mapping[str, Callable[[Parser, Any, str], Leaf]]] = {"$mod": _mod}
