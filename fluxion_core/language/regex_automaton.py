"""A parsed pattern as an automaton of its positions (Glushkov's), with the number of ways from each to each.

The states are the characters of the pattern. A backtracking engine takes, at worst, a step for every path through it that a beginning of
the text allows; so paths are what is counted. What stands aside (look-arounds) is a branch that leads nowhere; a reference to a group may
match anything. Bounded repetitions are written out where they are small, and otherwise are loops, which have more paths.
Source: Weideman, van der Merwe, Berglund, Watson, "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers
by Using Ambiguity of NFA", CIAA 2016.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

__all__ = ["Automaton", "TooComplex", "begins_at", "parsed"]

_parser: Final = re._parser  # type: ignore[attr-defined]  # noqa: SLF001  # the structure that the engine runs
_compiler: Final = re._compiler  # type: ignore[attr-defined]  # noqa: SLF001  # as above

_WRITTEN_OUT: Final = 200
"""The most positions that a bounded repetition is written out to."""
_MOST_EDGES: Final = 100_000
_MOST_POSITIONS: Final = 40_000
_MOST_WAYS: Final = 2**62
_MOST_LOOKS: Final = 1_500_000
"""How many ways from place to place are looked at in one text."""
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_LETTERS: Final = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
_ANYTHING: Final = "anything"

Ways = dict[int, int]


@lru_cache(maxsize=1024)
def parsed(pattern: re.Pattern[str]) -> Any:
    """Return the structure that the engine runs for *pattern*; nobody may change it."""
    return _parser.parse(pattern.pattern, pattern.flags)


class TooComplex(Exception):
    """The pattern has more paths from character to character than can be looked at."""


class _Part(msgspec.Struct):
    """A part of the pattern: in how many ways it matches nothing, begins and ends with each position."""

    nothing: int
    first: Ways
    last: Ways


def _more(left: Ways, right: Ways, times: int) -> Ways:
    """Return *left* and *right*, those so many *times*."""
    if not times:
        return left
    made = dict(left)
    for position, ways in right.items():
        made[position] = min(made.get(position, 0) + ways * times, _MOST_WAYS)
    return made


class Automaton:
    """The positions of a parsed pattern: what each matches, and which may follow which, in how many ways."""

    def __init__(self, tree: Any, flags: int) -> None:
        self.follows: list[Ways] = []
        self.kinds: list[int] = []
        """For each position, the number of what it matches."""
        self._edges = 0
        self._numbers: dict[Any, int] = {}
        self._matchers: list[re.Pattern[str] | None] = []
        self._by_letter: dict[str, frozenset[int]] = {}
        whole = self._sequence(_without_end(tree), flags)
        self.first = whole.first
        self.begins_at = begins_at(tree, flags)

    # ------------------------------------------------------------------------------------------------- building

    def _sequence(self, tree: Iterable[Any], flags: int) -> _Part:
        whole = _Part(1, {}, {})
        for operation, argument in tree:
            whole = self._after(whole, self._item(str(operation), operation, argument, flags))
        return whole

    def _connect(self, last: Ways, first: Ways, times: int = 1) -> None:
        self._edges += len(last) * len(first)
        if self._edges > _MOST_EDGES:
            raise TooComplex
        for position, ways in last.items():
            self.follows[position] = _more(self.follows[position], first, min(ways * times, _MOST_WAYS))

    def _after(self, left: _Part, right: _Part) -> _Part:
        self._connect(left.last, right.first)
        return _Part(
            min(left.nothing * right.nothing, _MOST_WAYS),
            _more(left.first, right.first, left.nothing),
            _more(right.last, left.last, right.nothing),
        )

    def _item(self, name: str, operation: Any, argument: Any, flags: int) -> _Part:
        if name in _LETTERS:
            return self._letter((operation, argument), flags)
        if name in _REPEATS:
            low, high, body = argument
            return self._repeat(low, high, body, flags)
        if name == "SUBPATTERN":
            _, added, removed, body = argument
            return self._sequence(body, (flags | added) & ~removed)
        if name == "ATOMIC_GROUP":
            return self._sequence(argument, flags)
        if name == "BRANCH":
            return self._either([self._sequence(branch, flags) for branch in argument[1]])
        if name == "GROUPREF_EXISTS":
            return self._either([self._sequence(branch or (), flags) for branch in argument[1:]])
        if name in {"ASSERT", "ASSERT_NOT"}:
            aside = self._sequence(argument[1], flags) if argument[0] > 0 else self._behind(argument[1])
            return _Part(1, aside.first, {})
        if name == "GROUPREF":
            reference = self._letter(_ANYTHING, flags)
            self._connect(reference.last, reference.first)
            return _Part(1, reference.first, reference.last)
        return _Part(1, {}, {})  # anchors, and what always fails

    def _behind(self, body: Any) -> _Part:
        """Return what looks behind: as many positions as it has characters, which it finds where they are not looked for."""
        part = _Part(1, {}, {})
        for _ in range(min(body.getwidth()[1], _WRITTEN_OUT)):
            part = self._after(part, self._letter(_ANYTHING, 0))
        return part

    @staticmethod
    def _either(parts: Iterable[_Part]) -> _Part:
        whole = _Part(0, {}, {})
        for part in parts:
            whole.nothing = min(whole.nothing + part.nothing, _MOST_WAYS)
            whole.first.update(part.first)  # no two have a position in common
            whole.last.update(part.last)
        return whole

    def _repeat(self, low: int, high: Any, body: Any, flags: int) -> _Part:
        before = len(self.follows)
        part = self._sequence(body, flags)
        if part.nothing and low > _WRITTEN_OUT:  # so often the engine goes through it, although there is nothing
            raise TooComplex
        if high <= 1:
            return _Part(part.nothing + (low == 0), part.first, part.last)
        if (len(self.follows) - before) * high <= _WRITTEN_OUT and high < _WRITTEN_OUT:
            optional = _Part(part.nothing + 1, part.first, part.last) if low < high else part
            for number in range(1, high):
                optional = self._after(self._sequence(body, flags), optional)
                if number < high - low:
                    optional = _Part(optional.nothing + 1, optional.first, optional.last)
            return optional
        self._connect(part.last, part.first, 1 + part.nothing)
        around = 1 + part.nothing
        ways = {position: min(ways * around, _MOST_WAYS) for position, ways in part.first.items()}
        ends = {position: min(ways * around, _MOST_WAYS) for position, ways in part.last.items()}
        return _Part(part.nothing + (low == 0), ways, ends)

    def _letter(self, item: Any, flags: int) -> _Part:
        if len(self.follows) >= _MOST_POSITIONS:
            raise TooComplex
        relevant = flags & (re.IGNORECASE | re.DOTALL | re.ASCII | re.UNICODE)
        key = (relevant, item if item is _ANYTHING else repr(item))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._matchers)
            self._matchers.append(None if item is _ANYTHING else _matcher(item, relevant))
        self.kinds.append(number)
        self.follows.append({})
        position = len(self.follows) - 1
        return _Part(0, {position: 1}, {position: 1})

    # ------------------------------------------------------------------------------------------------- running

    def kinds_of(self, letter: str) -> frozenset[int]:
        """Return the numbers of what matches *letter*."""
        found = self._by_letter.get(letter)
        if found is None:
            matching = [number for number, one in enumerate(self._matchers) if one is None or one.match(letter)]
            found = self._by_letter[letter] = frozenset(matching)
        return found

    def paths(self, text: str, most: int) -> int:
        """Return how many ways from place to place are tried in *text* at worst, or something above *most*."""
        kinds, follows = self.kinds, self.follows
        tried = [sum(ways.values()) for ways in follows]
        beginnings = sum(self.first.values())
        begins_everywhere, begins_with_lines = self.begins_at == "any", self.begins_at == "line"
        counts: Ways = {}
        total = looks = 0
        begins = True
        for letter in text:
            allowed = self.kinds_of(letter)
            reached: Ways = {}
            if begins:
                looks += len(self.first)
                total += beginnings
                reached = {position: ways for position, ways in self.first.items() if kinds[position] in allowed}
            begins = begins_everywhere or (begins_with_lines and letter == "\n")
            for position, count in counts.items():
                looks += len(follows[position])
                total += count * tried[position]
                for following, ways in follows[position].items():
                    if kinds[following] in allowed:
                        reached[following] = reached.get(following, 0) + count * ways
            counts = reached
            if total > most:
                break
            if looks > _MOST_LOOKS:
                return most + 1
        return total


def begins_at(tree: Any, flags: int) -> Literal["any", "line", "text"]:
    """Return where a match of the parsed pattern *tree* begins: at ``any`` place, that of a ``line``, or that of the ``text``."""
    first: Any = next(iter(tree), ("", None))
    name, argument = str(first[0]), first[1]
    if name == "SUBPATTERN":
        _, added, removed, body = argument
        return begins_at(body, (flags | added) & ~removed)
    at = str(argument) if name == "AT" else ""
    if at == "AT_BEGINNING" and flags & re.MULTILINE:
        return "line"
    return "text" if at in {"AT_BEGINNING", "AT_BEGINNING_STRING"} else "any"


def _without_end(tree: Any) -> list[Any]:
    """Return the items of *tree* without loops over a character at its end: they never fail, and all is matched by then."""
    items = list(tree)
    while items and str(items[-1][0]) in _REPEATS and not items[-1][1][0] and _is_letter(items[-1][1][2]):
        items.pop()
    return items


def _is_letter(body: Any) -> bool:
    return len(body) == 1 and str(body[0][0]) in _LETTERS


def _matcher(item: Any, flags: int) -> re.Pattern[str]:
    """Return the pattern of one character, in the terms of the parser."""
    state = _parser.State()
    state.flags = flags
    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, [item]), flags)
    return compiled
