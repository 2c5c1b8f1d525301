"""How long a backtracking engine can take over a pattern: exponentially long (refused), or a power of the text's length (bounded).

A pattern takes exponential time when a loop can match one text in two ways: found on the position automaton (Glushkov), whose states
are the characters of the pattern, as a pair of different paths from a state back to itself over the same text. Loops in a row
that can take each other's characters make the time a power of the length.
Source: Weideman, van der Merwe, Berglund, Watson, "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers
by Using Ambiguity of NFA", CIAA 2016.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

__all__ = ["Cost", "cost_of"]

MAXIMUM_POSITIONS: Final = 300
"""The most characters within loops that are examined; a pattern with more is refused."""
MANY: Final = 16
"""From so many repetitions on, a bounded repetition counts as a loop."""
_SAMPLES: Final = "aZ_09 \t\n\r.,;:-+*/=<>()[]{}!?@#$%&'\"\\|~^`é中\u2028"


class Cost(msgspec.Struct, frozen=True):
    """*exponential*, or at worst about the length of the text to the power of *degree* steps."""

    exponential: bool
    degree: int


class _Part(msgspec.Struct):
    """A part of the pattern in the position automaton."""

    nullable: bool
    first: set[int]
    last: set[int]


class _Automaton:
    """Positions of a pattern: what each matches, and which may follow which."""

    def __init__(self, alphabet: str, flags: int) -> None:
        self._alphabet = alphabet
        self._flags = flags
        self.letters: list[frozenset[str]] = []
        self.follows: list[set[int]] = []
        self._forks = 0
        self.nested = False
        """Whether a loop repeats something that loops over the same text already."""

    def part(self, tree: Iterable[Any]) -> _Part:
        """Return a sequence."""
        whole = _Part(nullable=True, first=set(), last=set())
        for operation, argument in tree:
            whole = self._after(whole, self._item(str(operation), operation, argument))
        return whole

    def _after(self, left: _Part, right: _Part) -> _Part:
        for position in left.last:
            self.follows[position] |= right.first
        return _Part(
            left.nullable and right.nullable,
            left.first | (right.first if left.nullable else set()),
            right.last | (left.last if right.nullable else set()),
        )

    def _item(self, name: str, operation: Any, argument: Any) -> _Part:
        if name == "BRANCH":
            return self._either([self.part(branch) for branch in argument[1]])
        if name in {"SUBPATTERN", "ATOMIC_GROUP"}:
            return self.part(argument[-1] if name == "SUBPATTERN" else argument)
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            return self._repeat(*argument)
        if name in {"LITERAL", "NOT_LITERAL", "IN", "ANY", "RANGE", "CATEGORY"}:
            return self._letter(operation, argument)
        if name == "GROUPREF_EXISTS":
            return self._either([self.part(branch) for branch in argument[1:] if branch is not None])
        return _Part(nullable=True, first=set(), last=set())  # anchors, assertions, references

    def _either(self, parts: list[_Part]) -> _Part:
        self._forks += sum(part.nullable for part in parts) > 1  # two ways to match nothing
        return _Part(
            any(part.nullable for part in parts),
            set().union(*(part.first for part in parts)),
            set().union(*(part.last for part in parts)),
        )

    def _repeat(self, low: int, high: Any, body: Any) -> _Part:
        forks = self._forks
        part = self.part(body)
        if high >= MANY:
            self.nested = self.nested or self._forks > forks or (part.nullable and _loops(body)) or _only_loop(body)
            for position in part.last:
                self.follows[position] |= part.first
        return _Part(part.nullable or low == 0, part.first, part.last)

    def _letter(self, operation: Any, argument: Any) -> _Part:
        test = _letter_test(operation, argument, self._flags)
        self.letters.append(frozenset(letter for letter in self._alphabet if test(letter)))
        self.follows.append(set())
        position = len(self.letters) - 1
        return _Part(nullable=False, first={position}, last={position})

    def ambiguous_loop(self) -> bool:
        """Whether a position can be reached from itself over one text in two ways."""
        looping = [position for position in range(len(self.letters)) if self._reaches(position, position)]
        if len(looping) > MAXIMUM_POSITIONS:
            return True
        return any(self._two_ways(position) for position in looping)

    def _reaches(self, start: int, end: int) -> bool:
        seen: set[int] = set()
        stack = list(self.follows[start])
        while stack:
            position = stack.pop()
            if position == end:
                return True
            if position not in seen:
                seen.add(position)
                stack += self.follows[position]
        return False

    def _two_ways(self, start: int) -> bool:
        seen: set[tuple[int, int]] = set()
        stack = [(start, start)]
        while stack:
            left, right = stack.pop()
            for a in self.follows[left]:
                for b in self.follows[right]:
                    if not self.letters[a] & self.letters[b]:
                        continue
                    if a == start and b == start and left != right:
                        return True
                    if (a, b) not in seen:
                        seen.add((a, b))
                        stack.append((a, b))
        return False


def _loops(tree: Iterable[Any]) -> bool:
    """Whether there is a loop anywhere in *tree*."""
    for operation, argument in tree:
        name = str(operation)
        if name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[1] >= MANY:
            return True
        inner = _inner(name, argument)
        if any(_loops(part) for part in inner):
            return True
    return False


def _only_loop(body: Any) -> bool:
    """Whether *body* is nothing but a loop, perhaps in a group."""
    items = list(body)
    if len(items) != 1:
        return False
    name, argument = str(items[0][0]), items[0][1]
    if name == "SUBPATTERN":
        return _only_loop(argument[-1])
    if name == "BRANCH":
        return any(_only_loop(branch) for branch in argument[1])
    return name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[1] >= MANY


def _inner(name: str, argument: Any) -> list[Any]:
    if name == "BRANCH":
        return list(argument[1])
    if name in {"SUBPATTERN", "MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        return [argument[-1]]
    return [argument] if name == "ATOMIC_GROUP" else []


def _letter_test(operation: Any, argument: Any, flags: int) -> Callable[[str], bool]:
    """Return whether a letter matches one item of a parsed pattern, case aside where the flags say so."""
    test = _exact_test(str(operation), argument, flags)
    if not flags & re.IGNORECASE:
        return test
    return lambda letter: test(letter) or test(letter.lower()[:1]) or test(letter.upper()[:1])


def _exact_test(name: str, argument: Any, flags: int) -> Callable[[str], bool]:
    if name == "LITERAL":
        return lambda letter: ord(letter) == argument
    if name == "NOT_LITERAL":
        return lambda letter: ord(letter) != argument
    if name == "RANGE":
        return lambda letter: argument[0] <= ord(letter) <= argument[1]
    if name == "CATEGORY":
        return _category(str(argument))
    if name == "ANY":
        return lambda letter: bool(flags & re.DOTALL) or letter != "\n"
    tests = [_exact_test(str(kind), value, flags) for kind, value in argument if str(kind) != "NEGATE"]
    if any(str(kind) == "NEGATE" for kind, _ in argument):
        return lambda letter: not any(test(letter) for test in tests)
    return lambda letter: any(test(letter) for test in tests)


def _category(name: str) -> Callable[[str], bool]:
    code = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name.rpartition("_")[2]]
    pattern = re.compile(code if "NOT" not in name else code.upper())
    return lambda letter: pattern.match(letter) is not None


def _alphabet(tree: Iterable[Any]) -> set[str]:
    """Return letters that tell the sets of a pattern apart: the ends of its ranges, what lies beside them, and samples."""
    found: set[str] = set()
    for operation, argument in tree:
        name = str(operation)
        if name in {"LITERAL", "NOT_LITERAL"}:
            found.add(chr(argument))
        elif name == "IN":
            found |= _alphabet(item for item in argument if str(item[0]) in {"LITERAL", "NOT_LITERAL", "RANGE"})
        elif name == "RANGE":
            found |= {
                chr(point) for point in (argument[0], argument[1], argument[1] + 1) if point < 0x110000
            }  # the end of Unicode
        for part in _inner(name, argument):
            found |= _alphabet(part)
    return found


# --------------------------------------------------------------------------------------------------- loops in a row


def _degree(tree: Any, automaton_letters: Callable[[Any], frozenset[str]]) -> int:
    """Return how many loops in a row can take each other's characters, and one more where a search can begin anywhere."""
    items = list(tree)
    anchored = bool(items) and str(items[0][0]) == "AT" and str(items[0][1]) in {"AT_BEGINNING", "AT_BEGINNING_STRING"}
    leading = bool(items) and str(items[0][0]) in {"MAX_REPEAT", "MIN_REPEAT"} and str(next(iter(items[0][1][2]))[0]) == "ANY"
    longest = _chain(items, automaton_letters)
    return longest + (0 if anchored or leading else 1) if longest else 1


def _chain(items: Iterable[Any], letters: Callable[[Any], frozenset[str]]) -> int:
    longest = current = 0
    reach: frozenset[str] = frozenset()
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in {"MAX_REPEAT", "MIN_REPEAT"} and argument[1] >= MANY:
            own = letters(item)
            current = current + 1 if reach & own else 1
            reach = own if current == 1 else reach & own
            current = max(current, _chain(argument[2], letters))
        elif name in {"LITERAL", "NOT_LITERAL", "IN", "ANY"}:
            if not reach & letters(item):
                current, reach = 0, frozenset()
        else:
            inner = max((_chain(part, letters) for part in _inner(name, argument)), default=0)
            if inner:
                current += inner
                reach = reach | letters(item)
        longest = max(longest, current)
    return longest


def cost_of(tree: Any, flags: int) -> Cost:
    """Return what the engine can need for a parsed pattern."""
    alphabet = "".join(sorted(_alphabet(tree) | set(_SAMPLES)))
    automaton = _Automaton(alphabet, flags)
    automaton.part(tree)

    def letters(item: Any) -> frozenset[str]:
        small = _Automaton(alphabet, flags)
        small.part([item])
        return frozenset().union(*small.letters)

    return Cost(automaton.nested or automaton.ambiguous_loop(), _degree(tree, letters))
