"""Regular expressions: MongoDB's PCRE syntax as Python patterns, not tried where they could take exponential time.

Python's engine backtracks; :mod:`~fluxion_core.language.regex_safety` tells over which texts it could take for ever. As in MongoDB,
whose engine gives up after so many steps, it is the text that decides; only a loop of nothing but a loop is refused as such.
Source: MongoDB manual, "$regex"; PCRE2, "Differences from Perl"; R. Cox, "Regular Expression Matching Can Be Simple And Fast".
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.regex_automaton import Automaton, TooComplex, parsed
from fluxion_core.language.regex_effort import steps
from fluxion_core.language.regex_safety import FEW_PATHS, Cost, cost_of, repeats_a_loop, runs_from
from fluxion_core.language.regex_syntax import Unsupported, translate

__all__ = ["compile_pattern", "compile_value", "first_match", "fitting", "options_of", "searching", "source_of"]

ANY_LENGTH: Final = 2**63
MAXIMUM_STEPS: Final = 5 * 10**6
"""How many steps a search may take at worst, as they are reckoned from pattern and text."""
_LOOK_NANOSECONDS: Final = 5
"""What a search takes for each character, where one look at it is enough, ..."""
_LONGEST_NANOSECONDS: Final = 100_000_000
"""... and in the longest text that a pattern whose steps grow with its square may be tried on."""
MAXIMUM_SQUARE_STEPS: Final = 5 * 10**7
"""How many, where a single loop runs over a stretch of the text from each of its places: such steps are short."""
COUNTED_LENGTH: Final = 1_000_000
"""In longer texts the steps are not counted one by one."""
MAXIMUM_WRITTEN: Final = 200_000
"""How long a pattern may be when its classes of characters are written out."""
MAXIMUM_LENGTH: Final = 32764
"""The longest pattern, PCRE's limit in MongoDB."""

_LACKING: Final = ("cannot refer to an open group", "invalid group reference")
_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "u": re.UNICODE}


def options_of(flags: int) -> str:
    """Return the letters of the options among *flags* of ``re``."""
    return "".join(letter for letter in "imsx" if flags & _FLAGS[letter])


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
    try:
        text = translate(pattern, options)
        if len(text) > MAXIMUM_WRITTEN:
            raise Unsupported("too many classes of characters")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(text, flags)
            tree = parsed(compiled)
    except Unsupported as error:
        raise EvaluationError(f"the regular expression uses {error}, which is not supported") from None
    except (re.error, RecursionError, OverflowError) as error:
        if str(error).startswith(_LACKING):
            raise EvaluationError(
                "the regular expression refers to a group that ends later, which is not supported, or to none"
            ) from None
        raise EvaluationError(f"the regular expression is malformed: {error}") from None
    if repeats_a_loop(tree):
        raise EvaluationError(
            "the regular expression could take exponential time: something repeated matches the same text in several ways; "
            "make the alternatives exclusive, or repeat only once"
        )
    return compiled


def source_of(pattern: Any) -> str:
    """Return the text of *pattern*, a ``re.Pattern`` or bson's ``Regex``.

    Raises:
        EvaluationError: it is made of bytes that are not UTF-8.
    """
    source = pattern.pattern
    try:
        return source if isinstance(source, str) else bytes(source).decode()
    except UnicodeDecodeError:
        raise EvaluationError("a regular expression is UTF-8 text") from None


def compile_value(pattern: Any) -> re.Pattern[str]:
    """Return *pattern*, a ``re.Pattern`` or bson's ``Regex``, as PCRE reads it.

    Raises:
        EvaluationError: see :func:`compile_pattern`.
    """
    return compile_pattern(source_of(pattern), options_of(pattern.flags))


@lru_cache(maxsize=1024)
def _known(pattern: re.Pattern[str]) -> tuple[Automaton | None, Cost]:
    """Return the automaton of *pattern*, ``None`` if that is too large, and what a search costs."""
    tree = parsed(pattern)
    try:
        automaton = Automaton(tree, pattern.flags)
    except (TooComplex, RecursionError):
        return None, Cost(1, None)
    return automaton, cost_of(automaton, tree)


@lru_cache(maxsize=1024)
def _longest(pattern: re.Pattern[str]) -> int:
    """Return the length of the longest text that *pattern* may be tried on unseen."""
    return _known(pattern)[1].longest(MAXIMUM_STEPS, ANY_LENGTH)


def fitting(pattern: re.Pattern[str], text: str, where: str = "") -> str:
    """Return *text* if *pattern*, which stands at *where*, may be tried on it.

    Raises:
        EvaluationError: the search could take more than a second.
    """
    if len(text) <= _longest(pattern) or _affordable(pattern, text):
        return text
    raise EvaluationError(
        f"a text of {len(text)} characters is too long for this regular expression, whose repetitions can take each "
        "other's characters; make them exclusive, or anchor it",
        where,
    )


def _affordable(pattern: re.Pattern[str], text: str) -> bool:
    automaton, cost = _known(pattern)
    if (
        cost.degree == 2
        and cost.paths <= FEW_PATHS
        and (found := steps(pattern, text)) is not None
        and found <= MAXIMUM_SQUARE_STEPS
    ):
        return True
    return automaton is not None and len(text) <= COUNTED_LENGTH and automaton.paths(text, MAXIMUM_STEPS) <= MAXIMUM_STEPS


@lru_cache(maxsize=1024)
def _from_lines(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern with the first match of *pattern*: one that begins with ``.*`` is tried only where a line begins.

    A match that began later in the line could begin there too. PCRE2 does so as well: "pcre2pattern", "Repetition".
    """
    tree = parsed(pattern)
    place = runs_from(tree, pattern.flags)
    if not place or "GROUPREF" in str(tree):
        return pattern
    end = "\n)" if pattern.flags & re.VERBOSE else ")"
    try:
        return re.compile(f"{place}(?:{pattern.pattern}{end}", pattern.flags)
    except re.error:  # options within it that stand for the whole pattern
        return pattern


def search_nanoseconds(pattern: re.Pattern[str], text: str) -> int:
    """Return about how long a search for *pattern* in *text* takes that finds nothing."""
    longest = _longest(pattern)
    steps = len(text) * _LOOK_NANOSECONDS
    if longest >= ANY_LENGTH:
        return steps
    share = min(1, len(text) / longest)
    return max(steps, int(share * share * _LONGEST_NANOSECONDS))


def first_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first match of *pattern* in *text*.

    Raises:
        EvaluationError: the search could take more than a second.
    """
    pattern = _from_lines(pattern)
    return pattern.search(fitting(pattern, text))


def searching(pattern: re.Pattern[str], where: str) -> Callable[[str], bool]:
    """Return a function that tells whether *pattern*, which stands at *where*, is found in a text, as far as that may be tried."""
    pattern = _from_lines(pattern)
    longest, search = _longest(pattern), pattern.search

    def found(text: str) -> bool:
        if len(text) > longest:
            fitting(pattern, text, where)
        return search(text) is not None

    return found
