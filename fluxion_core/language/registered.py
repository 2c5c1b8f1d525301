"""``$function`` and ``$accumulator``: functions that the host registered, called by their names.

MongoDB's take JavaScript. A pipeline that holds code would run whatever its author wrote, with the rights of the process; here it can only
name what the operator of the host installed (a plugin's descriptor, or ``operators=`` and ``accumulators=`` of ``compile_pipeline``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.errors import did_you_mean
from fluxion_core.language.compiler.nodes import Constant, Node
from fluxion_core.language.operators import Example, Form
from fluxion_core.language.values import shown

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser

__all__ = ["ACCUMULATOR_EXAMPLE", "OPERATORS", "registered"]

_CODE: Final = frozenset(
    {"body", "lang", "init", "initArgs", "accumulate", "accumulateArgs", "merge", "finalize"}
)  # the arguments of MongoDB's forms


def registered(parser: Parser, table: Iterable[str], spec: Any, where: str) -> tuple[str, Any] | None:
    """Return the full name and the arguments of ``{name: ..., args: ...}``; ``None`` after a problem was kept.

    *table* holds the names that were registered, each with its ``$``.
    """
    code = sorted(_CODE & spec.keys()) if isinstance(spec, Mapping) else []
    if code:
        message = "the code in a pipeline is never run, as it would have all the rights of this process"
        hint = "register a function (see docs/how-to/write-an-operator) and write {name: ..., args: [...]}"
        parser.problem(f"{where}.{code[0]}", message, hint)
        return None
    members = parser.members(spec, where, ("name", "args"))
    if len(members) < 2:
        return None
    name = members["name"]
    full = name if isinstance(name, str) and name.startswith("$") else f"${name}"
    if not isinstance(name, str) or full not in table:
        names = sorted(known[1:] for known in table)
        hint = did_you_mean(str(name), names) or (f"registered are {', '.join(names)}" if names else "none is registered here")
        parser.problem(f"{where}.name", f"no function is registered as {shown(name)}", hint)
        return None
    return full, members["args"]


def _function(parser: Parser, spec: Any, where: str) -> Node:
    names = [name for name in parser.operators if name in parser.registered]
    found = registered(parser, names, spec, where)
    if found is None:
        return Constant(where, None)
    name, arguments = found
    return parser.call(name, arguments, f"{where}.args")


ACCUMULATOR_EXAMPLE: Final = Example(
    {"$accumulator": {"name": "product", "args": "$v"}}, 6, documents=[{"v": 1}, {"v": 2}, {"v": 3}]
)
OPERATORS = (
    Form(
        name="$function",
        parse=_function,
        family="custom aggregation",
        examples=[Example({"$function": {"name": "shout", "args": ["$word"]}}, "HI!", {"word": "hi"})],
    ),
)
