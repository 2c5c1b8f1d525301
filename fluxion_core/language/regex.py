"""Regular expressions: MongoDB's PCRE syntax as Python patterns, without those that can take exponential time.

Python's engine backtracks. A pattern is refused when a repeated group can match the same text in more than one way: a repetition
within a repetition (``(a+)+``), or alternatives in a repetition that begin alike (``(a|ab)*``).
Source: MongoDB manual, "$regex"; PCRE2, "Differences from Perl"; R. Cox, "Regular Expression Matching Can Be Simple And Fast".
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any, Final

from fluxion_core.errors import EvaluationError

__all__ = ["compile_pattern"]

MAXIMUM_LENGTH: Final = 32764
"""The longest pattern, PCRE's limit in MongoDB."""

_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "u": re.UNICODE}
_POSIX: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
    "blank": r" \t",
}
_ESCAPES: Final = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": r"[ \t]", "R": r"(?:\r\n|\n|\r)", "e": r"\x1b"}
_TOKEN: Final = re.compile(r"\\(?P<escape>.)|\[:(?P<posix>\w+):\]|\(\?<(?P<name>[A-Za-z_]\w*)>|(?P<other>.)", re.DOTALL)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, options: str = "") -> re.Pattern[str]:
    """Return *pattern* compiled with *options* (``i m s x u``).

    Raises:
        EvaluationError: it is malformed, uses what Python's engine lacks, or could take exponential time.
    """
    flags = 0
    for letter in options:
        if letter not in _FLAGS:
            raise EvaluationError(f"unknown option '{letter}' of a regular expression; there are i, m, s, x and u")
        flags |= _FLAGS[letter]
    if len(pattern) > MAXIMUM_LENGTH:
        raise EvaluationError(f"a regular expression may have {MAXIMUM_LENGTH} characters, not {len(pattern)}")
    if "\0" in pattern:
        raise EvaluationError("a regular expression may not hold a null byte")
    text = _leading_flags(_TOKEN.sub(_translated, pattern))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(text, flags)
            tree = re._parser.parse(text, flags)  # type: ignore[attr-defined]  # noqa: SLF001  # the only way to see the structure that the engine will run
    except (re.error, RecursionError, OverflowError) as error:
        raise EvaluationError(f"the regular expression is malformed: {error}") from None
    _check(tree)
    return compiled


def _translated(found: re.Match[str]) -> str:
    if found["escape"] is not None:
        return _ESCAPES.get(found["escape"], found[0])
    if found["posix"] is not None:
        return _POSIX.get(found["posix"], found[0])
    if found["name"] is not None:
        return f"(?P<{found['name']}>"
    return found[0]


def _leading_flags(text: str) -> str:
    """Turn ``a(?i)b`` into ``a(?i:b)``: PCRE lets flags begin anywhere, Python only at the start."""
    found = re.search(r"(?<!\\)\(\?([imsx]+)\)", text)
    if found is None or found.start() == 0:
        return text
    before, after = text[: found.start()], text[found.end() :]
    return f"{before}(?{found[1]}:{after})" if before.count("(") == before.count(")") else text


# --------------------------------------------------------------------------------------------------- safety

_REPEATS: Final = {"MAX_REPEAT", "MIN_REPEAT"}


def _check(tree: Any) -> None:
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            _low, high, body = argument
            if high > 1 and _ambiguous(body, unbounded=high > 20):  # a few repetitions cannot explode
                raise EvaluationError(
                    "the regular expression could take exponential time: a repeated group matches the same text in several ways"
                )
            _check(body)
        else:
            for inner in _inner(argument):
                _check(inner)


def _inner(argument: Any) -> list[Any]:
    """Return the patterns inside an operation's argument."""
    if isinstance(argument, re._parser.SubPattern):  # type: ignore[attr-defined]  # noqa: SLF001  # as above
        return [argument]
    if isinstance(argument, list | tuple):
        return [inner for item in argument for inner in _inner(item)]
    return []


def _ambiguous(body: Any, *, unbounded: bool) -> bool:
    """Whether the repetition of *body* can match one text in several ways."""
    if not unbounded:
        return False
    items = list(body)
    while len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
        items = list(items[0][1][-1])
    if len(items) == 1 and str(items[0][0]) in _REPEATS:
        return bool(items[0][1][1] > 1)
    if items and str(items[0][0]) == "BRANCH":
        return _alike(items[0][1][1])
    variable = [index for index, (operation, _) in enumerate(items) if _variable(operation, items[index][1])]
    if not variable:
        return False
    return all(_variable(operation, argument) for operation, argument in items) or _overlapping(items)


def _variable(operation: Any, argument: Any) -> bool:
    name = str(operation)
    if name in _REPEATS:
        return bool(argument[1] > argument[0] and argument[1] > 20)  # as above
    if name == "SUBPATTERN":
        inner = list(argument[-1])
        return bool(inner) and all(_variable(*item) for item in inner)
    return False


def _overlapping(items: list[Any]) -> bool:
    """Whether a repetition at the end can run on into the beginning of the next round."""
    first, last = items[0], items[-1]
    ends = _letters(last) if _variable(*last) else None
    starts = _letters(first)
    if ends is None:
        return False
    return _meet(starts, ends)


def _alike(branches: Any) -> bool:
    """Whether two alternatives can begin with the same letter, or one is empty."""
    seen: list[Any] = []
    for branch in branches:
        items = list(branch)
        if not items:
            return True
        letters = _letters(items[0])
        if any(_meet(letters, other) for other in seen):
            return True
        seen.append(letters)
    return False


def _letters(item: Any) -> Any:
    """Return the set of code points with which *item* can begin, or ``None`` for any."""
    name, argument = str(item[0]), item[1]
    if name == "LITERAL":
        return {argument}
    if name == "IN" and all(str(kind) == "LITERAL" for kind, _ in argument):
        return {value for _, value in argument}
    if name == "IN" and all(str(kind) in {"LITERAL", "RANGE"} for kind, _ in argument):
        ranges = [
            range(value[0], value[1] + 1) if str(kind) == "RANGE" else range(value, value + 1) for kind, value in argument
        ]
        return {point for span in ranges for point in span} if sum(map(len, ranges)) < 4096 else None  # sets stay small
    if name in _REPEATS:
        return _letters(next(iter(argument[2]))) if argument[0] > 0 and len(argument[2]) else None
    if name == "SUBPATTERN":
        inner = list(argument[-1])
        return _letters(inner[0]) if inner else None
    return None


def _meet(left: Any, right: Any) -> bool:
    return left is None or right is None or bool(left & right)
