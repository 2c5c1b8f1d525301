"""Regular expressions: MongoDB's PCRE syntax as Python patterns, without those that can take exponential time.

Python's engine backtracks; :mod:`~fluxion_core.language.regex_safety` tells which patterns it could take for ever over.
Source: MongoDB manual, "$regex"; PCRE2, "Differences from Perl"; R. Cox, "Regular Expression Matching Can Be Simple And Fast".
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.regex_effort import steps
from fluxion_core.language.regex_safety import cost_of
from fluxion_core.language.regex_syntax import Unsupported, translate

__all__ = ["compile_pattern", "compile_value", "fitting", "options_of", "source_of"]

FREE_DEGREE: Final = 1
"""Patterns that take at worst as long as the text are tried on any text."""
ANY_LENGTH: Final = 2**63
SQUARE_LENGTH: Final = 20_000
MAXIMUM_SQUARE_STEPS: Final = 4 * 10**8
"""A pattern that takes at worst the square of the text's length is tried on a longer text only if the text lets it take so many steps."""
MAXIMUM_STEPS: Final = 10**8
SHORT: Final = 40
"""Texts up to this length are not worth a question."""
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(text, flags)
            tree = re._parser.parse(text, flags)  # type: ignore[attr-defined]  # noqa: SLF001  # the only way to see the structure that the engine will run
    except Unsupported as error:
        raise EvaluationError(f"the regular expression uses {error}, which is not supported") from None
    except (re.error, RecursionError, OverflowError) as error:
        if str(error).startswith(_LACKING):
            raise EvaluationError(
                "the regular expression refers to a group that ends later, which is not supported, or to none"
            ) from None
        raise EvaluationError(f"the regular expression is malformed: {error}") from None
    cost = cost_of(tree, flags)
    if cost.exponential:
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
def _longest(pattern: re.Pattern[str]) -> int:
    """Return the length of the longest text that *pattern* may be tried on."""
    degree = cost_of(re._parser.parse(pattern.pattern, pattern.flags), pattern.flags).degree  # type: ignore[attr-defined]  # noqa: SLF001  # as above
    if degree == FREE_DEGREE + 1:
        return SQUARE_LENGTH
    return ANY_LENGTH if degree <= FREE_DEGREE else int(MAXIMUM_STEPS ** (1 / degree))


def fitting(pattern: re.Pattern[str], text: str, where: str = "") -> str:
    """Return *text* if *pattern*, which stands at *where*, may be tried on it.

    Raises:
        EvaluationError: it is so long that the search could take minutes.
    """
    if len(text) > SHORT and len(text) > (longest := _longest(pattern)):
        if longest == SQUARE_LENGTH and steps(pattern, text) <= MAXIMUM_SQUARE_STEPS:
            return text
        raise EvaluationError(
            f"a text of {len(text)} characters is too long for this regular expression, whose repetitions can take each "
            "other's characters; make them exclusive, or anchor it",
            where,
        )
    return text
