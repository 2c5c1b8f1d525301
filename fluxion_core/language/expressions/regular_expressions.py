"""Regular expressions as expressions: ``$regexFind $regexFindAll $regexMatch``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from fluxion_core.errors import EvaluationError
from fluxion_core.language.allowance import CONTAINER_BYTES, ITEM_BYTES, LOOK_NANOSECONDS, SMALL_BYTES, take, take_work
from fluxion_core.language.operators import Example, Operator
from fluxion_core.language.regex import compile_pattern, first_match, fitting, options_of, search_nanoseconds, source_of
from fluxion_core.language.values import MISSING, is_string, kind, type_name

__all__ = ["OPERATORS"]

_MATCH_BYTES: Final = 2 * CONTAINER_BYTES + 5 * ITEM_BYTES + CONTAINER_BYTES
"""What a match takes, beside its captures and the texts."""
_SHORT: Final = 256
"""A text of so few characters is searched for nothing."""
_COMPILE_NANOSECONDS: Final = 100_000
_LETTER_NANOSECONDS: Final = 20_000
"""What it takes to make a pattern ready, and more for each of its letters."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str, options: str) -> re.Pattern[str]:
    """Return *pattern* compiled; each document may hold another, or many, and one takes as long as a thousand matches."""
    take_work(_COMPILE_NANOSECONDS + len(pattern) * _LETTER_NANOSECONDS)
    return compile_pattern(pattern, options)


def _prepared(name: str, text: Any, pattern: Any, options: Any) -> re.Pattern[str] | None:
    """Return the pattern to search for, or ``None`` when the answer is that nothing is found."""
    if text is not None and text is not MISSING and not is_string(text):
        raise EvaluationError(f"{name} needs a string as its input, not {type_name(text)}")
    if options is not MISSING and options is not None and not is_string(options):
        raise EvaluationError(f"{name} needs a string as its options, not {type_name(options)}")
    if is_string(options) and "\0" in options:
        raise EvaluationError(f"{name}: the options may not hold a null byte")
    if pattern is None or pattern is MISSING:
        return None
    found: re.Pattern[str]
    if kind(pattern) == "regex":
        letters = options_of(pattern.flags)
        if is_string(options) and letters:
            raise EvaluationError(f"{name}: options are set both in the pattern and in 'options'")
        found = _compiled(source_of(pattern), letters or _letters(options))
    elif is_string(pattern):
        found = _compiled(pattern, _letters(options))
    else:
        raise EvaluationError(f"{name} needs a string or a pattern as its regex, not {type_name(pattern)}")
    if text is None or text is MISSING:
        return None
    if len(text) > _SHORT:
        take_work(search_nanoseconds(found, text))
    return found


def _letters(options: Any) -> str:
    """Return *options* with each letter once; what is kept of patterns is as short as they are."""
    if not options or options is MISSING:
        return ""
    take_work(len(options) * LOOK_NANOSECONDS)
    return "".join(dict.fromkeys(options))


def _shown(found: re.Match[str]) -> dict[str, Any]:
    return {"match": found[0], "idx": found.start(), "captures": list(found.groups())}


def regex_find(text: Any, pattern: Any, options: Any = MISSING) -> Any:
    """``$regexFind``: the first match, or null."""
    compiled = _prepared("$regexFind", text, pattern, options)
    found = first_match(compiled, text) if compiled is not None else None
    return None if found is None else _shown(found)


def regex_find_all(text: Any, pattern: Any, options: Any = MISSING) -> Any:
    """``$regexFindAll``: every match."""
    compiled = _prepared("$regexFindAll", text, pattern, options)
    found: list[dict[str, Any]] = []
    start = size = 0
    if compiled is not None:
        fitting(compiled, text)
    while compiled is not None:  # an empty text is searched too; the end of another one is not, once the search came there
        match = compiled.search(text, start)
        if match is None:
            break
        found.append(_shown(match))
        size += _MATCH_BYTES + sum(ITEM_BYTES + len(text or "") for text in (match[0], *match.groups()))
        if size > SMALL_BYTES:
            take(size, 10 * size)
            size = 0
        start = match.end() if match[0] else match.end() + (match.end() < len(text))
        if start >= len(text):
            break
    return found


def regex_match(text: Any, pattern: Any, options: Any = MISSING) -> bool:
    """``$regexMatch``: whether there is a match."""
    compiled = _prepared("$regexMatch", text, pattern, options)
    return compiled is not None and first_match(compiled, text) is not None


OPERATORS = tuple(
    Operator(
        name=name,
        function=function,
        arguments=("input", "regex"),
        optional=("options",),
        family="regular expression",
        examples=[Example({name: {"input": "abc", "regex": "B(c)", "options": "i"}}, answer)],
    )
    for name, function, answer in (
        ("$regexFind", regex_find, {"match": "bc", "idx": 1, "captures": ["c"]}),
        ("$regexFindAll", regex_find_all, [{"match": "bc", "idx": 1, "captures": ["c"]}]),
        ("$regexMatch", regex_match, True),
    )
)
