"""How long a backtracking engine can take over a pattern: a number of paths, a power of the text's length, or exponentially long.

An upper bound is told from the pattern alone, once; where a text is longer than that allows, its own paths are counted.
Source: as :mod:`~fluxion_core.language.regex_automaton`; A. Weber, H. Seidl, "On the degree of ambiguity of finite automata", 1991.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from fluxion_core.language.regex_automaton import Automaton

__all__ = ["FEW_PATHS", "Cost", "cost_of", "repeats_a_loop", "runs_from"]

_SAMPLES: Final = "aZ_09 \t\n\r.,;:-+*/=<>()[]{}!?@#$%&'\"\\|~^`é中\u2028"
_SMALL: Final = 12
"""In a loop of so many positions, two ways over one text are looked for; in a larger one, they are supposed."""
_MANY_LOOPS: Final = 40
_MOST_PATHS: Final = 2**62
FEW_PATHS: Final = 20
"""So many paths are walked for each character of any text."""


class Cost(msgspec.Struct, frozen=True):
    """At worst about *paths* times the length of the text to the power of *degree* steps; exponentially many without a degree."""

    paths: int
    degree: int | None

    def longest(self, steps: int, any_length: int) -> int:
        """Return the length of the longest text over which at most so many *steps* are taken."""
        if self.degree is None:
            return 0
        if self.degree <= 1 and self.paths <= FEW_PATHS:
            return any_length
        return int((steps / self.paths) ** (1 / max(1, self.degree)))


def cost_of(automaton: Automaton, tree: Any) -> Cost:
    """Return what the engine can need for the pattern of *automaton*, which was parsed to *tree*."""
    letters = _letters(automaton, "".join(sorted(set(_alphabet(tree)) | set(_SAMPLES))))
    components, component_of = _components(automaton)
    loops = {
        number for number, members in enumerate(components) if len(members) > 1 or members[0] in automaton.follows[members[0]]
    }
    if any(_two_ways(automaton, components[number], letters) for number in loops):
        return Cost(1, None)
    degrees = _degrees(automaton, components, component_of, loops, letters)
    in_lines = not any("\n" in letters[node] for number in loops for node in components[number])
    once = automaton.begins_at == "text" or (automaton.begins_at == "line" and in_lines)
    beginnings = 0 if once else 1
    return Cost(_count(automaton, components, component_of), beginnings + max(degrees.values(), default=0))


def _letters(automaton: Automaton, alphabet: str) -> list[frozenset[str]]:
    """Return for each position the letters of *alphabet* that it matches."""
    by_kind: dict[int, set[str]] = {}
    for letter in alphabet:
        for number in automaton.kinds_of(letter):
            by_kind.setdefault(number, set()).add(letter)
    frozen = {number: frozenset(found) for number, found in by_kind.items()}
    return [frozen.get(number, frozenset()) for number in automaton.kinds]


def _alphabet(tree: Any) -> Iterator[str]:
    """Yield letters that tell the sets of a pattern apart: the ends of its ranges, and what lies beside them."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple) and len(item) == 2 and str(item[0]) in {"LITERAL", "NOT_LITERAL", "RANGE"}:
            low, high = item[1] if str(item[0]) == "RANGE" else (item[1], item[1])
            yield from (chr(point) for point in (low, high, min(high + 1, 0x10FFFF)))
        elif isinstance(item, tuple | list) or hasattr(item, "data"):
            stack += item.data if hasattr(item, "data") else item


def _components(automaton: Automaton) -> tuple[list[list[int]], list[int]]:
    """Return what is strongly connected, what comes later first (Tarjan's algorithm, without recursion), and the number for each."""
    follows = automaton.follows
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    component_of = [-1] * len(follows)
    components: list[list[int]] = []
    stack: list[int] = []
    for root in range(len(follows)):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        work = [(root, iter(follows[root]))]
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    members = stack[stack.index(node) :] if stack[-1] != node else [node]
                    del stack[-len(members) :]
                    for member in members:
                        component_of[member] = len(components)
                    components.append(members)
            elif following not in order:
                order[following] = low[following] = len(order)
                stack.append(following)
                work.append((following, iter(follows[following])))
            elif component_of[following] < 0:
                low[node] = min(low[node], order[following])
    return components, component_of


def _two_ways(automaton: Automaton, members: list[int], letters: list[frozenset[str]]) -> bool:
    """Whether a position of the loop can be reached from itself over one text in two ways, or that is not known."""
    inside = set(members)
    follows = {node: {to: ways for to, ways in automaton.follows[node].items() if to in inside} for node in members}
    if any(ways > 1 for edges in follows.values() for ways in edges.values()):
        return True
    if not any(letters[a] & letters[b] for edges in follows.values() for a in edges for b in edges if a != b):
        return False
    return len(members) > _SMALL or any(_again(start, follows, letters) for start in members)


def _again(start: int, follows: dict[int, dict[int, int]], letters: list[frozenset[str]]) -> bool:
    seen: set[tuple[int, int]] = set()
    stack = [(start, start)]
    while stack:
        left, right = stack.pop()
        for a in follows[left]:
            for b in follows[right]:
                if not letters[a] & letters[b]:
                    continue
                if a == start and b == start and left != right:
                    return True
                if (a, b) not in seen:
                    seen.add((a, b))
                    stack.append((a, b))
    return False


def _degrees(
    automaton: Automaton,
    components: list[list[int]],
    component_of: list[int],
    loops: set[int],
    letters: list[frozenset[str]],
) -> dict[int, int]:
    """Return for each loop how many, from it on, can take each other's characters one after the other."""
    degrees: dict[int, int] = {}
    for number in sorted(loops):  # those that come later have the lower numbers
        own = frozenset().union(*(letters[node] for node in components[number]))
        reached = _reached(automaton, components[number], own, letters) if len(loops) <= _MANY_LOOPS else range(len(letters))
        behind = {component_of[node] for node in reached} & degrees.keys() - {number}
        degrees[number] = 1 + max((degrees[other] for other in behind), default=0)
    return degrees


def _reached(automaton: Automaton, start: list[int], own: frozenset[str], letters: list[frozenset[str]]) -> Iterable[int]:
    """Return the positions that are reached from *start* over letters of *own* alone."""
    seen = set(start)
    stack = list(start)
    while stack:
        for following in automaton.follows[stack.pop()]:
            if following not in seen and letters[following] & own:
                seen.add(following)
                stack.append(following)
    return seen


def _count(automaton: Automaton, components: list[list[int]], component_of: list[int]) -> int:
    """Return how many paths lead through the pattern, each loop passed once."""
    paths: list[int] = []
    for number, members in enumerate(components):
        total = 0
        for node in members:
            for following, ways in automaton.follows[node].items():
                other = component_of[following]
                total += ways * paths[other] if other != number else 0
        paths.append(min(max(1, total), _MOST_PATHS))
    return max(1, min(sum(ways * paths[component_of[node]] for node, ways in automaton.first.items()), _MOST_PATHS))


# --------------------------------------------------------------------------------------------------- what no text makes good

_LOOPS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT"})


def repeats_a_loop(tree: Any) -> bool:
    """Whether a loop without end repeats nothing but a loop without end, perhaps in a group: ``(a+)+``."""
    stack = [tree]
    while stack:
        for operation, argument in stack.pop():
            name = str(operation)
            if name in _LOOPS:
                if _endless(argument[1]) and _only_loop(argument[2]):
                    return True
                stack.append(argument[2])
            elif name == "SUBPATTERN":
                stack.append(argument[-1])
            elif name == "BRANCH":
                stack += argument[1]
            elif name in {"ASSERT", "ASSERT_NOT"}:
                stack.append(argument[1])
    return False


def _endless(most: Any) -> bool:
    return str(most) == "MAXREPEAT"


def _only_loop(body: Any) -> bool:
    items = list(body)
    if len(items) != 1:
        return False
    name, argument = str(items[0][0]), items[0][1]
    if name == "SUBPATTERN":
        return _only_loop(argument[-1])
    if name == "BRANCH":
        return any(_only_loop(branch) for branch in argument[1])
    return name in _LOOPS and _endless(argument[1])


def runs_from(tree: Any, flags: int) -> str:
    """Return where a match may as well begin, since any character may come first, as often as it likes; nothing if not so."""
    first: Any = next(iter(tree), ("", None))
    name, argument = str(first[0]), first[1]
    if name == "SUBPATTERN":
        _, added, removed, body = argument
        return runs_from(body, (flags | added) & ~removed)
    if name == "BRANCH":
        places = {runs_from(branch, flags) for branch in argument[1]}
        return places.pop() if len(places) == 1 else ""
    if name not in _LOOPS or not _endless(argument[1]) or [str(item[0]) for item in argument[2]] != ["ANY"]:
        return ""
    return r"\A" if flags & re.DOTALL else "(?m:^)"
