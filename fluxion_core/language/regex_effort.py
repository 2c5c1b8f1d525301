"""How much work a search may be whose time is at worst the square of the text's length: told from the text before it begins.

At every place where a match can begin, a loop of the pattern runs as far as the text lets it. So the work is at most the sum, over the
stretches that a loop can run along, of their length times the places in them where a match can begin. Words and lines are short;
what is refused is one stretch of tens of thousands of characters with as many beginnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from fluxion_core.language.regex_automaton import begins_at, parsed

__all__ = ["steps"]

_MANY: Final = 16
"""From so many repetitions on, a bounded repetition counts as a loop."""
_REPEATS: Final = frozenset(["MAX_REPEAT", "MIN_REPEAT"])
_LETTERS: Final = frozenset(["LITERAL", "NOT_LITERAL", "IN", "ANY"])


def steps(pattern: re.Pattern[str], text: str) -> int | None:
    """Return about how many steps a search of *pattern* takes in *text* at worst; ``None`` where it looks around or refers back."""
    prefix, loops, plain, lines = _parts(pattern)
    if not plain:
        return None
    folded = pattern.flags & re.IGNORECASE
    if lines:
        beginnings = text.count("\n") + 1
    else:
        beginnings = (text.lower().count(prefix.lower()) if folded else text.count(prefix)) if prefix else len(text)
    total = 0
    for loop in loops:
        lengths = [found.end() - found.start() for found in loop.finditer(text)] if loop is not None else [len(text)]
        each = sum(length * min(length, beginnings) for length in lengths)
        total += min(each, beginnings * max(lengths, default=0))
    return total


@lru_cache(maxsize=1024)
def _parts(pattern: re.Pattern[str]) -> tuple[str, list[re.Pattern[str] | None], bool, bool]:
    """Return what is known of *pattern*.

    That is the text that every match begins with, what each loop runs along (``None``: any text), whether that is all there is, and
    whether a match begins with a line.
    """
    tree = parsed(pattern)
    lines = begins_at(tree, pattern.flags) == "line"
    return _prefix(tree), [_stretch(tree, letters) for letters in _loops(tree)], _plain(tree), lines


def _plain(tree: Iterable[Any]) -> bool:
    for operation, argument in tree:
        name = str(operation)
        if name == "BRANCH":
            inner = argument[1]
        elif name in _REPEATS or name == "SUBPATTERN":
            if name == "SUBPATTERN" and (argument[1] or argument[2]):  # options of its own
                return False
            inner = [argument[-1]]
        elif name in _LETTERS or name == "AT":
            continue
        else:
            return False
        if not all(map(_plain, inner)):
            return False
    return True


def _prefix(tree: Iterable[Any]) -> str:
    found = ""
    for operation, argument in tree:
        name = str(operation)
        if name == "SUBPATTERN" and not found:
            return _prefix(argument[-1])
        if name != "LITERAL":
            break
        found += chr(argument)
    return found


def _loops(tree: Iterable[Any]) -> Iterable[list[Any] | None]:
    """Yield what the outermost loops are made of: their items of one character each, or ``None`` where that is not known."""
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS and argument[1] >= _MANY:
            letters = list(_letters(argument[2]))
            yield None if None in letters else letters
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _loops(branch)
        elif name in _REPEATS or name == "SUBPATTERN":
            yield from _loops(argument[-1])


def _letters(tree: Iterable[Any]) -> Iterable[Any]:
    for operation, argument in tree:
        name = str(operation)
        if name in _LETTERS:
            yield (operation, argument)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _letters(branch)
        elif name in _REPEATS or name == "SUBPATTERN":
            yield from _letters(argument[-1])
        elif name != "AT":
            yield None


def _stretch(tree: Any, letters: list[Any] | None) -> re.Pattern[str] | None:
    """Return the pattern of a longest stretch of *letters*, in the terms of the parser."""
    if letters is None:
        return None
    parser, constants = re._parser, re._constants  # type: ignore[attr-defined]  # noqa: SLF001  # as above
    inner = parser.SubPattern(tree.state, letters[:1])
    if len(letters) > 1:
        branches = [parser.SubPattern(tree.state, [letter]) for letter in letters]
        inner = parser.SubPattern(tree.state, [(constants.BRANCH, (None, branches))])
    whole = parser.SubPattern(tree.state, [(constants.MAX_REPEAT, (1, constants.MAXREPEAT, inner))])
    compiled: re.Pattern[str] = re._compiler.compile(whole, tree.state.flags)  # type: ignore[attr-defined]  # noqa: SLF001  # as above
    return compiled
