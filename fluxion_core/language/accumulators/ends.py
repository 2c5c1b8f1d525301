"""``$first $last $firstN $lastN $top $topN $bottom $bottomN``: by arrival, or by an order of one's own; missing counts as null.

Of what is level with the last of the n that are kept, MongoDB keeps what came first. Only where a window has a lower bound does it
hold every document, and ``$bottom`` is the last in the order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fluxion_core.language.accumulators.extremes import checked_n
from fluxion_core.language.compiler.nodes import Constant, Node, ObjectOf, checked
from fluxion_core.language.operators import Accumulator, Example
from fluxion_core.language.ordering import greatest
from fluxion_core.language.values import MISSING, present

if TYPE_CHECKING:
    from fluxion_core.language.compiler.parse import Parser
    from fluxion_core.language.stages.sort import Order

_Entry = dict[str, Any]
_Arranged = Callable[[int, "Order", list[_Entry]], list[_Entry]]
"""What is kept of the entries so far: ``arranged(n, order, entries)``."""

__all__ = ["ACCUMULATORS"]


def _nothing() -> Any:
    return MISSING


def _first(state: Any, value: Any) -> Any:
    return present(value) if state is MISSING else state


def _last(state: Any, value: Any) -> Any:
    del state
    return present(value)


# The state is the pair of n and the values so far.
def _several(n: Any) -> list[Any]:
    return [checked_n(n), []]


def _first_n(state: list[Any], value: Any) -> list[Any]:
    if len(state[1]) < state[0]:
        state[1].append(present(value))
    return state


def _last_n(state: list[Any], value: Any) -> list[Any]:
    values = state[1]
    values.append(present(value))
    if len(values) > state[0]:
        del values[0]
    return state


def _values(state: list[Any]) -> list[Any]:
    return list(state[1])


def _plain(state: list[Any]) -> list[Any]:
    return [state[0], list(state[1])]


# State of $top and its like: [n, order, entries]; an entry is {"d": sort document, "v": output}
def _ranked(order: Any, n: Any) -> list[Any]:
    return [checked_n(n), tuple((tuple(names), descending) for names, descending in order), []]


def _rank(state: list[Any], document: Any, value: Any, *, arranged: _Arranged) -> list[Any]:
    state[2].append({"d": document, "v": present(value)})
    if len(state[2]) > 2 * state[0] + 64:
        state[2] = arranged(*state)
    return state


def _sorted(order: Order, entries: list[_Entry]) -> list[_Entry]:
    from fluxion_core.language.stages.sort import ordered

    return ordered(entries, tuple((("d", *names), descending) for names, descending in order))


def _top(n: int, order: Order, entries: list[_Entry]) -> list[_Entry]:
    return _sorted(order, entries)[:n]


def _bottom(n: int, order: Order, entries: list[_Entry]) -> list[_Entry]:
    from fluxion_core.language.stages.sort import order_key

    key_of = order_key(order)
    return greatest(entries, n, lambda entry: key_of(entry["d"]))


def _dump_ranked(state: list[Any]) -> list[Any]:
    return [state[0], [[list(names), descending] for names, descending in state[1]], list(state[2])]


def _load_ranked(state: list[Any]) -> list[Any]:
    return [state[0], tuple((tuple(names), descending) for names, descending in state[1]), list(state[2])]


def _parse_ranked(
    parser: Parser, name: str, spec: Any, where: str, *, several: bool
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    from fluxion_core.language.stages.sort import check_order, parse_order

    def sortable(document: Any) -> Any:
        check_order(document, order)
        return document

    members = parser.members(spec, where, ("n", "sortBy", "output") if several else ("sortBy", "output"))
    order = parse_order(parser, members.get("sortBy"), f"{where}.sortBy") if "sortBy" in members else ()
    plain = [[list(names), descending] for names, descending in order]
    n = parser.expression(members.get("n"), f"{where}.n") if several else Constant(where, 1)
    output = parser.expression(members.get("output"), f"{where}.output")
    tops = dict.fromkeys(names[0] for names, _ in order)
    document = ObjectOf(where, tuple((name, parser.expression(f"${name}", where)) for name in tops))
    return (Constant(where, plain), n), (checked(document, name, sortable, where), output)


def _ranking(name: str, *, several: bool, examples: list[Example], arranged: _Arranged) -> Accumulator:
    def result(state: list[Any]) -> Any:
        values = [entry["v"] for entry in arranged(*state)]
        return values if several else values[0] if values else None  # a window may be empty

    def parse(parser: Parser, spec: Any, where: str) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
        return _parse_ranked(parser, name, spec, where, several=several)

    return Accumulator(
        name=name,
        initial=_ranked,
        step=partial(_rank, arranged=arranged),
        result=result,
        dump=_dump_ranked,
        load=_load_ranked,
        parse=parse,
        family="ends",
        examples=examples,
    )


_VALUES: Final = ({"v": 3}, {"v": 1}, {"v": 2})
ACCUMULATORS = (
    Accumulator(
        name="$first",
        initial=_nothing,
        step=_first,
        result=present,
        family="ends",
        examples=[Example({"$first": "$v"}, 3, documents=_VALUES)],
    ),
    Accumulator(
        name="$last",
        initial=_nothing,
        step=_last,
        result=present,
        family="ends",
        examples=[Example({"$last": "$v"}, 2, documents=_VALUES)],
    ),
    Accumulator(
        name="$firstN",
        initial=_several,
        step=_first_n,
        result=_values,
        dump=_plain,
        load=_plain,
        parameters=("n",),
        arguments=("input",),
        family="ends",
        examples=[Example({"$firstN": {"input": "$v", "n": 2}}, [3, 1], documents=_VALUES)],
    ),
    Accumulator(
        name="$lastN",
        initial=_several,
        step=_last_n,
        result=_values,
        dump=_plain,
        load=_plain,
        parameters=("n",),
        arguments=("input",),
        family="ends",
        examples=[Example({"$lastN": {"input": "$v", "n": 2}}, [1, 2], documents=_VALUES)],
    ),
    _ranking(
        "$top",
        arranged=_top,
        several=False,
        examples=[Example({"$top": {"sortBy": {"v": 1}, "output": "$v"}}, 1, documents=_VALUES)],
    ),
    _ranking(
        "$bottom",
        arranged=_bottom,
        several=False,
        examples=[Example({"$bottom": {"sortBy": {"v": 1}, "output": "$v"}}, 3, documents=_VALUES)],
    ),
    _ranking(
        "$topN",
        arranged=_top,
        several=True,
        examples=[Example({"$topN": {"n": 2, "sortBy": {"v": 1}, "output": "$v"}}, [1, 2], documents=_VALUES)],
    ),
    _ranking(
        "$bottomN",
        arranged=_bottom,
        several=True,
        examples=[Example({"$bottomN": {"n": 2, "sortBy": {"v": 1}, "output": "$v"}}, [2, 3], documents=_VALUES)],
    ),
)
