"""Regular expressions as PCRE reads them, and how matches are found one after the other.

Source: MongoDB manual, "$regex", "$regexFindAll"; the manual of PCRE2, "pcre2pattern".
"""

import re

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate


def found(pattern, text, **more):
    expression = {"$regexFindAll": {"input": "$text", "regex": {"$literal": pattern}, **more}}
    (row,) = aggregate([{"text": text}], [{"$project": {"_id": 0, "value": expression}}])
    return [match["match"] for match in row["value"]]


def matching(condition, *values):
    return [row["v"] for row in aggregate([{"v": value} for value in values], [{"$match": {"v": condition}}])]


@pytest.mark.parametrize(
    ("matches", "pattern", "text"),
    [
        (["7"], r"\d", "7\u0663"),
        (["n", "o"], r"\w", "n\u00f6o"),
        (["n", "\u00f6"], r"(*UCP)\w", "n\u00f6-"),
        (["n", "\u00f6"], r"(*UCP)[[:alpha:]]", "n\u00f6-1"),
        (["1", "\u0967"], r"(*UCP)[[:digit:]]", "1\u0967\u2160a"),
        (["\u0967", "-"], r"(*UCP)[[:^alpha:]]", "n\u0967-"),
        (["\u2014", "+"], r"(*UCP)[[:punct:]]", "\u2014+\u00d7a"),
        (["\u3000"], r"(*UCP)[[:blank:]]", "\u3000a"),
        (["\u00f6"], r"\W", "n\u00f6"),
        ([" "], r"\s", " \u00a0"),
        (["\u00a0"], r"[\S]", " \u00a0"),
        (["ab"], r"\bab\b", "\u00f6ab"),
        (["\u00c4\u00e4"], r"\p{L}+", "1\u00c4\u00e42"),
        (["1", "2"], r"[^\p{L}]", "1\u00c42"),
        (["\u00c4"], r"\p{Lu}", "\u00c4\u00e4"),
        (["a.b"], r"\Qa.b\E", "axb a.b"),
        (["aa"], r"(?<twice>a)\k<twice>", "aab"),
        (["aa"], r"(a)\g{1}", "aab"),
        (["\u263a"], r"\x{263A}", "a\u263a"),
        (["aB", "c"], r"a(?i)b|C", "aB c"),
        (["b"], r"(?:(?i)B)", "b"),
        ([" "], r"[[:^alnum:]]", "a 1"),
        (["\n"], r"\v", "a\nb"),
        (["ab"], "a # first\n b  # then", "ab"),
        (["a", "-", "."], r"[\w.-]", "a-.,"),
        (["a", "-", "7"], r"[-a\d]", "ab-7"),
        (["a", "c", "-", "7"], r"[a-c-\d]", "ac-7z"),
        (["aba"], r"(a)(b)\g{-2}", "aba"),
        (["xbb"], r"(?:x)(?<n>b)\g{-1}", "xbb"),
        (["A\n"], r"\o{101}\cJ", "A\n"),
        (["a", "7"], r"\p{Xan}", "a7-"),
        (["\u6f22"], r"\p{Han}", "a\u6f22"),
        (["\u03b1"], r"[\p{Greek}]", "a\u03b1"),
        (["e\u0301", "a", "\r\n"], r"\X", "e\u0301a\r\n"),
        (["d", "d"], r"(?<=ab|c)d", "abd cd d"),
        (["d"], r"(?<!ab|c)d", "abd cd d"),
        (["d"], r"(?<=(?i)AB|C)d", "abd d"),
        (["abc"], "(?x) a b  c \t", "abc"),
        (["ab c"], "(?x: a b )[ ]c", "ab c"),
        (["ab"], "(?x)a b (?-x:)", "ab"),
        (["a", "_"], r"\p{Xwd}", "a_-"),
        (["\x85"], r"\p{Xps}", "\x85a"),
        (["A"], r"\p{ lu }", "aA"),
        ([], r"\R{2}", "\r\n"),
        (["ab"], "[[:<:]]ab[[:>:]]", "abc ab"),
        (["aa"], r"\N{U+61}\N{1}", "aa"),
        (["\x06"], r"\x6", "\x06"),
        (["\x00g"], r"\xg", "\x00g"),
        (["\n"], r"\12", "\n"),
        (["\u0100"], r"\400", "\u0100"),
        (["8", "\x01"], r"[\8\1]", "8\x01"),
        (["a{,2}"], "a{,2}", "aaa{,2}"),
        (["ab"], r"a\Eb", "ab"),
        (["d", "d"], "(?<=a|bc)d", "ad bcd d"),
        (["d"], "(?<!a|bc)d", "ad bcd d"),
        (["a"], "(*pla:ab)a", "ab ac"),
        (["b"], "a(*F)|b", "ab"),
        (["B"], "(?i)(?^:B)|(?-)C(?i-)", "bB"),
        (["ab"], "(?x)a # (the first\n b", "ab"),
        (["ab"], "(?x: a # (\n) b", "ab"),
        (["ab", "c"], "(?<n>a)?(?(<n>)b|c)", "ab c"),
        (["I", "i"], "(?i)i", "I\u0130\u0131i"),
        (["a", "\u212a", "\u017f"], "(?i)[a-z]", "a\u0130\u0131\u212a\u017f"),
        (["a"], r"(?i)\w", "a\u0131\u017f"),
        (["\u0130", "\u0131"], "(?i)[^a-z]", "a\u0130\u0131"),
        ([""], "(?m)^$", "a\n\nb\n"),
        ([""], r"\B", ""),
    ],
)
def test_the_syntax_is_that_of_pcre(matches, pattern, text) -> None:
    assert matches == found(pattern, text, **({"options": "x"} if "#" in pattern else {}))


MALFORMED = [
    r"\u0061",
    "[a",
    "[[:letters:]]",
    r"\p{Nonsense}",
    "(a",
    "a)",
    r"\x{110000}",
    r"\x{d800}",
    "(?#a",
    "a{65536}",
    r"\b*a",
]


@pytest.mark.parametrize("pattern", [*MALFORMED, "[:alpha:]", "[[.a.]]", r"\g{-1}", r"\N{LATIN SMALL LETTER A}", r"[\N]", "(?"])
def test_what_pcre_does_not_know_is_an_error(pattern) -> None:
    with pytest.raises((CompileError, EvaluationError)):
        found(pattern, "a")


@pytest.mark.parametrize(
    "pattern",
    [
        *[r"a\Kb", r"\Ga", r"\C", "(?R)", "(?1)(a)", r"(a)\g<1>", "(?<n>a)(?&n)", "(?P<n>a)(?P>n)", "(?|(a)|(b))"],
        *[
            "(?U)a+",
            "(?n)(a)",
            "(?J)a",
            "(?xx)[a b]",
            "(?a)a",
            "(?C)a",
            "(*SKIP)a",
            "(*ANYCRLF)a",
            "a(*ACCEPT)",
            "(?(DEFINE)a)",
        ],
        *["(?(?=a)b|c)", r"(?:\1(a)|b)+", r"(a\1)"],
    ],
)
def test_what_python_lacks_is_an_error_that_says_so(pattern) -> None:
    with pytest.raises((CompileError, EvaluationError), match="not supported"):
        found(pattern, "a")


@pytest.mark.parametrize(
    ("matches", "pattern", "text"),
    [(["", "", ""], "", "abc"), ([""], "", ""), (["", "bb", ""], "b*", "abbc"), ([""], "$", "abc")],
)
def test_no_match_is_looked_for_at_the_end_that_the_search_came_to(matches, pattern, text) -> None:
    assert matches == found(pattern, text)


def test_a_comment_of_an_inline_option_ends_with_the_pattern() -> None:
    assert matching({"$regex": "(?x)a b # the end"}, "ab", "a b") == ["ab"]


def test_options_beside_those_of_the_pattern_are_an_error_although_empty() -> None:
    with pytest.raises((CompileError, EvaluationError)):
        found(re.compile("a", re.IGNORECASE), "a", options="")
    assert ["a"] == found(re.compile("a", re.IGNORECASE), "a", options=None)


def test_a_condition_finds_the_same_pattern_and_reads_it_as_pcre_does() -> None:
    stored = re.compile(r"\d")
    assert [stored, "7"] == matching({"$regex": r"\d"}, stored, "7", "\u0663")
    assert [stored, "7"] == matching(re.compile(r"\d"), stored, "7", "\u0663")
    assert [] == matching({"$regex": r"\d", "$options": "i"}, stored)


@pytest.mark.parametrize(
    "pattern", [r"[\w-.]", r"[a-\d]", r"[[:alpha:]-z]", r"[a-[:alpha:]]", r"[\p{L}-z]", r"[\w--]", r"[--\d]"]
)
def test_a_hyphen_between_a_class_of_characters_and_something_else_is_an_error(pattern: str) -> None:
    """PCRE2, error 150, "invalid range in character class" (pcre2pattern, "Square brackets and character classes")."""
    with pytest.raises(CompileError, match="hyphen beside a class"):
        list(aggregate([{"a": "a"}], [{"$match": {"a": {"$regex": pattern}}}]))


@pytest.mark.parametrize(
    ("matches", "pattern"),
    [(["]"], r"[\E]]"), (["a", "b"], r"[^\Q\E]]"), (["b", "]"], r"[\E^a]"), (["a"], r"[.a]")],
)
def test_quotations_of_nothing_before_the_first_member_of_brackets_are_passed_over(matches: list[str], pattern: str) -> None:
    """PCRE2 passes them over on both sides of the ``^``, so that a bracket behind them is a member (pcre2_compile, "Empty classes")."""
    assert matches == found(pattern, "ab]")


@pytest.mark.parametrize("pattern", [r"[\E]", r"[. .]", r"[..]", r"[.\].]", r"[=\\=]", r"[[.a\].]]"])
def test_what_looks_like_a_class_of_posix_is_an_error(pattern: str) -> None:
    with pytest.raises(CompileError):
        list(aggregate([{"a": "a"}], [{"$match": {"a": {"$regex": pattern}}}]))


@pytest.mark.parametrize(
    ("matches", "pattern", "text"),
    [
        (["a\nb"], "(*CR)a.b", "a\nb a\rb"),
        (["b"], "(*CR)b$", "b\n b\r"),
        (["a", "c"], "(*CR)(?m)^\\w", "a\nb\rc\r"),
        (["b", "c"], "(*CR)(?m)\\w$", "a\nb\rc"),
        (["\n"], r"(*CR)\N", "\n\r"),
        (["b"], "(*CR)(*LF)b$", "b\r b\n"),
    ],
)
def test_a_pattern_may_say_that_lines_end_with_a_carriage_return(matches: list[str], pattern: str, text: str) -> None:
    """Pcre2pattern, "Newline conventions"; the last one that is given counts."""
    assert matches == found(pattern, text)


def test_options_with_a_null_byte_are_an_error_even_without_a_pattern() -> None:
    with pytest.raises(EvaluationError):
        list(
            aggregate([{"o": "i\0"}], [{"$project": {"x": {"$regexMatch": {"input": "a", "regex": "$none", "options": "$o"}}}}])
        )


def test_patterns_of_one_text_are_ordered_by_the_letters_of_their_options() -> None:
    patterns = [re.compile("x", re.MULTILINE), re.compile("x", re.DOTALL | re.IGNORECASE), re.compile("x", re.IGNORECASE)]
    rows = aggregate([{"p": pattern} for pattern in patterns], [{"$sort": {"p": 1}}])
    assert patterns[::-1] == [row["p"] for row in rows]
