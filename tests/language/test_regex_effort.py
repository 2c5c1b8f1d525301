"""No regular expression takes long: over each text it ends within a second, or is refused with an error that says why.

Source: the patterns that the literature on denial of service by regular expressions shows (OWASP; Weideman and others, CIAA 2016).
"""

import time
from contextlib import suppress
from itertools import product

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate, compile_pipeline
from fluxion_core.language.regex import compile_pattern, first_match, fitting

MOST_SECONDS = 3
"""A second on a machine that does nothing else."""
TEXTS = [
    "a" * 15 + "!",
    "a" * 39 + "!",
    "ab" * 19 + "!",
    "a" * 3000 + "!",
    "a" * 19_990 + "!",
    "a" * 100_000 + "!",
    "ab" * 9000,
]
TEXTS += ["s" * 35 + "!", "1" * 39, " " * 39, "\n" * 19_000, "\r\n" * 19, "Aa" * 19 + "!", "k" * 39]
NASTY = [
    *[".*b", ".*?b", "(?m)^.*b", "(?=.*b)a", "(?=(a|a)*$)", "(?=(a+)+$)a", "(?!(a+)+$)a", "(?=a*a*a*a*b)", r"((a+)\2)+b"],
    *[r"(?:(a+)\1)+b", r"(a*)(\1)*\1*b", "(?:a{1,9}){1,15}b", "(a{0,15}){0,15}b", "(?:(?:a?){15}){15}b", "(?:.*a){11}b"],
    *["(?:a*b?){15}c", "a*" * 12 + "b", "(x+x+)+y", "(a|aa)+b", "(a|a?)+b", "(.|a)*b", r"(?i)(s|\x{17f})+b", "(?i:(a|A)+b)"],
    *["(?:(?i:a)|A)+b", r"(?i)(k|\x{212a})+b", r"(?m)^\s*\s*x", "^(([a-z])+.)+[A-Z]([a-z])+$", r"(\w+\s*)+:", r"(?:\s|\s)*x"],
    *["(?:a+b?)+c", "(?:a+(?:b|c|))*d", "(?:a{2,3})*b", "(?:a{1,2}){16}b", "(?:a|ab|b)" * 15 + "c", "((a{1,10}){1,10}){1,10}b"],
    *["(?:a++)*+b", r"(?:\R|\n)*x", r"(?:(a)|b|\1)*c", "a?" * 30 + "a" * 30, "a*" * 150 + "b", "(?:a|b)*" * 50 + "c"],
    *["(a" * 90 + ")*" * 90, "(?:" * 15 + "a" + "{1,2})" * 15 + "b", "[ab]*" * 9 + "c", "(?=a*)" * 100 + "b", "a|" * 16_000],
    *[
        "(?:x*" * 10 + "y" + ")" * 10,
        r"\p{L}" * 2000,
        "(?i)[a-z]" * 1500,
        "ab*" * 1000,
        "(?:" * 90 + "a" + "?)" * 90 + "b",
        "(?:a?){65535}b",
        "(?:)*a",
        "(?:){3}a",
    ],
]


@pytest.mark.parametrize("pattern", NASTY, ids=lambda pattern: pattern[:30])
def test_every_text_is_searched_within_a_second_or_refused(pattern) -> None:
    before = time.process_time()
    with suppress(CompileError):
        program = compile_pipeline([{"$match": {"t": {"$regex": pattern}}}])
        for text in TEXTS:
            assert time.process_time() - before < MOST_SECONDS
            before = time.process_time()
            program.start().feed(documents=[{"t": text}])
    assert time.process_time() - before < MOST_SECONDS


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@)[a-z0-9]+[.](([a-z]{2,3})|([a-z]{2,3}[.][a-z]{2,3}))$", "jane@x.com"),
        (r"^(\w+\s?)+$", "a few words"),
        (r"[a-z]+@[a-z]+\.[a-z]+", "x" * 3000),
        (r"(\d{1,3}\.){3}\d{1,3}", "10.0.0.1 " * 10_000),
        (".*foo.*", ("bar " * 20 + "\n") * 2000),
        (r"\s+$", "word " * 50_000),
        (r"(?m)^.*b", "a\n" * 500_000),
        ("error|warning|fatal|panic", "info " * 200_000),
    ],
    ids=lambda value: value[:30],
)
def test_what_takes_no_time_over_a_text_is_searched_for(pattern, text) -> None:
    assert text == fitting(compile_pattern(pattern), text)


def test_a_text_that_a_pattern_could_take_for_ever_over_is_an_error_with_its_place() -> None:
    with pytest.raises(EvaluationError, match=r"^stages\[0\]\.\$match\.t.*: a text of 60 characters is too long"):
        list(aggregate([{"t": "a" * 60}], [{"$match": {"t": {"$regex": "(a|aa)+b"}}}]))


@pytest.mark.parametrize("pattern", [".*foo", ".+?foo", "(?s).*foo", "(?x) .* f  # oo", ".*f|.*g", "(.*)foo"])
def test_a_pattern_that_begins_with_any_characters_takes_no_time_over_a_line_of_any_length(pattern) -> None:
    assert first_match(compile_pattern(pattern), "x" * 2_000_000) is None


@pytest.mark.parametrize(
    "pattern",
    [
        ".*a",
        ".*?a",
        ".+b",
        ".{2,}?b",
        "(?s).*b",
        "(?s:.*)a$",
        "(.*)a(?=b)",
        r"(.*)a\1b",
        ".*a|.*b",
        "(?s).+|.*b",
        "(?:.*a)?b",
        r"(?m).*\n^b",
        ".*",
    ],
)
def test_what_is_tried_where_lines_begin_finds_what_would_be_found_anywhere(pattern) -> None:
    compiled = compile_pattern(pattern)
    for text in ("".join(letters) for length in range(7) for letters in product("ab\n", repeat=length)):
        expected, found = compiled.search(text), first_match(compiled, text)
        assert (expected and (expected.span(), expected.groups())) == (found and (found.span(), found.groups()))
