"""PCRE's syntax as Python's: what MongoDB reads in a regular expression, written so that ``re`` means the same.

The classes of digits, word characters and spaces are those of ASCII, as in PCRE without ``(*UCP)``; options may begin anywhere within a group.
Source: the manual of PCRE2, "pcre2pattern".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

__all__ = ["translate"]

_LAST: Final = "\U0010ffff"
_HORIZONTAL: Final = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_VERTICAL: Final = r"\n\x0b\f\r\x85\u2028\u2029"
_CLASSES: Final = {  # what stands between brackets for an escape, and for its opposite
    "d": ("0-9", f"\\x00-/:-{_LAST}"),
    "w": ("A-Za-z0-9_", f"\\x00-/:-@\\[-\\^`{{-{_LAST}"),
    "s": (r" \t\n\r\f\v", f"\\x00-\\x08\\x0e-\\x1f!-{_LAST}"),
    "h": (_HORIZONTAL, None),
    "v": (_VERTICAL, None),
}
_POSIX: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": "A-Za-z0-9_",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "print": " -~",
    "graph": "!-~",
    "ascii": r"\x00-\x7f",
}
_ALONE: Final = {  # escapes that stand outside of brackets only
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "N": r"[^\n]",
    "b": r"(?a:\b)",
    "B": r"(?a:\B)",
}
_LEADING: Final = re.compile(r"\(\*(?P<verb>UTF8?|UCP|NO_AUTO_POSSESS|NO_START_OPT|CRLF|CR|LF|ANYCRLF|ANY)\)")
_OPTIONS: Final = re.compile(r"\(\?(?P<on>[imsx]*)(?:-(?P<off>[imsx]+))?\)")
_BACKWARDS: Final = re.compile(r"\\k(?:<(\w+)>|\{(\w+)\}|'(\w+)')|\\g(?:\{(-?\w+)\}|(\d+))")
_HEXADECIMAL: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_CODE: Final = re.compile(r"\\(?:o\{([0-7]{1,7})\}|c([ -~]))")
_PROPERTY: Final = re.compile(r"\\([pP])(?:\{(\^?)(\w+&?)\}|(\w))")
_SEVERAL: Final = {"Any": ("",), "L&": ("Lu", "Ll", "Lt"), "Xan": ("L", "N"), "Xsp": ("Z",), "Xps": ("Z",)}
"""Properties that stand for several general categories."""
_QUOTED: Final = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_NAMED_GROUP: Final = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_POSIX_CLASS: Final = re.compile(r"\[:(\^?)(\w+):\]")
_SCOPED: Final = re.compile(r"\(\?(?P<on>[imsx]*)(?:-(?P<off>[imsx]+))?:")
_COUNT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MAXIMUM_COUNT: Final = 65_535
_LOOKS_BEHIND: Final = ("(?<=", "(?<!")
_SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Han": ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "CJK RADICAL", "KANGXI RADICAL", "IDEOGRAPHIC NUMBER"),
    **{
        script: (script.upper(),)
        for script in [
            "Arabic",
            "Armenian",
            "Bengali",
            "Cyrillic",
            "Devanagari",
            "Ethiopic",
            "Georgian",
            "Greek",
            "Gujarati",
            "Gurmukhi",
            "Hangul",
            "Hebrew",
            "Hiragana",
            "Kannada",
            "Katakana",
            "Khmer",
            "Lao",
            "Latin",
            "Malayalam",
            "Mongolian",
            "Myanmar",
            "Sinhala",
            "Tamil",
            "Telugu",
            "Thai",
            "Tibetan",
        ]
    },
}
"""Scripts after ``\\p``, and how the names of their characters begin."""


def translate(pattern: str, *, verbose: bool = False) -> str:
    """Return *pattern* for ``re``; *verbose* says that its option ``x`` is set.

    Raises:
        re.error: it has what PCRE refuses.
    """
    return _Translation(pattern, verbose=verbose).text()


class _Group:
    """A group that is open: where it began, where its alternatives meet, and whether the option ``x`` was set before it."""

    def __init__(self, start: int, verbose: bool) -> None:  # noqa: FBT001  # two facts, in one place
        self.start = start
        self.bars: list[int] = []
        self.verbose = verbose


class _Translation:
    """One pass over a pattern: where it stands, and which options are open in which group."""

    def __init__(self, pattern: str, *, verbose: bool) -> None:
        self.pattern = pattern
        self.verbose = verbose
        self.unicode = False
        self.at = 0
        self.out: list[str] = []
        self.groups = 0
        self.open: list[list[str]] = [[]]  # for every group around, the options that began within it
        self.groups_around: list[_Group] = []

    def text(self) -> str:
        """Translate the whole pattern."""
        while (verb := _LEADING.match(self.pattern, self.at)) is not None:
            self.unicode = self.unicode or verb["verb"] == "UCP"
            self.at = verb.end()
        while self.at < len(self.pattern):
            self._step()
        self.out.append(")" * len(self.open[0]))
        return "".join(self.out)

    def _step(self) -> None:
        letter = self.pattern[self.at]
        if letter == "\\":
            self._escape()
        elif letter == "[":
            self._brackets()
        elif letter == "(":
            self._group()
        elif letter == ")" and len(self.open) > 1:
            self._close()
        elif letter == "|":
            begun = self.open[-1]
            if self.groups_around:
                self.groups_around[-1].bars.append(len(self.out) + 1)
            self.out += [")" * len(begun), "|"]
            self._put("".join(begun), 1)
        elif letter == "#" and self.verbose:
            end = self.pattern.find("\n", self.at)
            self.at = len(self.pattern) if end < 0 else end
        elif letter == "{" and any(int(count or 0) > _MAXIMUM_COUNT for count in self._counts()):
            raise re.error(f"a repetition may be of {_MAXIMUM_COUNT}")
        else:
            self._put(letter, 1)

    def _counts(self) -> Sequence[str | None]:
        found = self._matched(_COUNT)
        return () if found is None else found.groups()

    def _close(self) -> None:
        """End a group; the alternatives of a look behind become looks of their own, as those of PCRE may differ in length."""
        group = self.groups_around.pop()
        self.verbose = group.verbose
        self._put(")" * len(self.open.pop()), 0)
        head = self.out[group.start]
        if head in _LOOKS_BEHIND and group.bars:
            ends = [*group.bars, len(self.out)]
            starts = [group.start + 1, *(bar + 1 for bar in group.bars)]
            looks = [f"{head}{''.join(self.out[start:end])})" for start, end in zip(starts, ends, strict=True)]
            self.out[group.start :] = [f"(?:{'|'.join(looks)}" if head == _LOOKS_BEHIND[0] else f"(?:{''.join(looks)}"]
        self._put(")", 1)

    def _put(self, text: str, length: int) -> None:
        self.out.append(text)
        self.at += length

    def _matched(self, reader: re.Pattern[str]) -> re.Match[str] | None:
        return reader.match(self.pattern, self.at)

    def _group(self) -> None:
        if self.pattern.startswith("(?#", self.at):
            end = self.pattern.find(")", self.at)
            self.at = len(self.pattern) if end < 0 else end + 1
            return
        options = self._matched(_OPTIONS)
        if options is not None and (options["on"] or options["off"]):
            begin = f"(?{options['on']}{'-' + options['off'] if options['off'] else ''}:"
            self.open[-1].append(begin)
            self._put(begin, len(options[0]))
            self._read_options(options)
            return
        self.open.append([])
        self.groups_around.append(_Group(len(self.out), self.verbose))
        named = self._matched(_NAMED_GROUP)
        scoped = self._matched(_SCOPED)
        if named is not None:
            self._put(f"(?P<{named[1] or named[2]}>", len(named[0]))
        elif scoped is not None:
            self._read_options(scoped)
            self._put(scoped[0], len(scoped[0]))
            return
        elif self.pattern.startswith(_LOOKS_BEHIND, self.at):
            self._put(self.pattern[self.at : self.at + 4], 4)
            return
        else:
            self._put("(", 1)
        following = self.pattern[self.at : self.at + 3]
        self.groups += named is not None or not following.startswith("?") or following == "?P<"

    def _read_options(self, found: re.Match[str]) -> None:
        self.verbose = (self.verbose or "x" in found["on"]) and "x" not in (found["off"] or "")

    def _escape(self) -> None:
        backwards, quoted = self._matched(_BACKWARDS), self._matched(_QUOTED)
        if backwards is not None:
            name = next(part for part in backwards.groups() if part)
            if name.startswith("-"):  # counted back from here
                name = str(self.groups + 1 + int(name))
            self._put(f"(?:\\{name})" if name.isdigit() else f"(?P={name})", len(backwards[0]))
            return
        if quoted is not None:
            self._put(re.escape(quoted[1]), len(quoted[0]))
            return
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter == "X":
            self._put(_cluster(), 2)
            return
        if letter in _ALONE and not (self.unicode and letter in "bB"):
            self._put(_ALONE[letter], 2)
            return
        members = self._members()
        if members is None:
            self._character()
        else:
            self._put(f"[{members}]", 0)

    def _members(self) -> str | None:
        """Return what an escape for many characters puts between brackets, and pass it; ``None`` for another escape."""
        found = self._matched(_PROPERTY)
        if found is not None:
            self.at += len(found[0])
            return _category(found[3] or found[4], negated=(found[1] == "P") != bool(found[2]))
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter.lower() not in _CLASSES or (self.unicode and letter in "dDwWsS"):
            return None
        inside, outside = _CLASSES[letter.lower()]
        self.at += 2
        return inside if letter.islower() else outside or _opposite(inside)

    def _character(self) -> None:
        """Pass an escape for one character."""
        found = self._matched(_HEXADECIMAL)
        if found is not None:
            self._put(_code_point(int(found[1], 16)), len(found[0]))
            return
        found = self._matched(_CODE)
        if found is not None:
            code = int(found[1], 8) if found[1] else ord(found[2].upper()) ^ 0x40
            self._put(_code_point(code), len(found[0]))
            return
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter in {"u", "U", "l", "L"}:
            raise re.error(f"PCRE does not know \\{letter}")
        self._put("\\x1b" if letter == "e" else "\\" + letter, 2)

    def _brackets(self) -> None:
        self._put("[", 1)
        if self.pattern.startswith("^", self.at):
            self._put("^", 1)
        if self.pattern.startswith("]", self.at):
            self._put("\\]", 1)
        while self.at < len(self.pattern) and self.pattern[self.at] != "]":
            posix, quoted = self._matched(_POSIX_CLASS), self._matched(_QUOTED)
            if posix is not None:
                self._put(_posix(posix[2], negated=bool(posix[1])), len(posix[0]))
                self._put(self._hyphen(), 0)
            elif quoted is not None:
                self._put(re.escape(quoted[1]), len(quoted[0]))
            elif self.pattern[self.at] == "\\":
                members = self._members()
                if members is None:
                    self._character()
                else:
                    self._put(members + self._hyphen(), 0)
            else:
                letter = self.pattern[self.at]
                self._put("\\" + letter if letter in "[&~|" or (letter == "-" and self._before_class()) else letter, 1)
        if self.at == len(self.pattern):
            raise re.error("missing terminating ] for a class of characters")
        self._put("]", 1)

    def _hyphen(self) -> str:
        """Pass the hyphen behind a class of characters, which begins no range."""
        if not self.pattern.startswith("-", self.at) or self.pattern.startswith("-]", self.at):
            return ""
        self.at += 1
        return "\\-"

    def _before_class(self) -> bool:
        """Whether the hyphen here stands before a class of characters, and ends no range."""
        following = self.pattern[self.at + 1 : self.at + 3]
        return following == "[:" or (following[:1] == "\\" and following[1:].lower() in {*_CLASSES, "p"})


def _code_point(code: int) -> str:
    if code > ord(_LAST) or 0xD800 <= code < 0xE000:
        raise re.error(f"there is no character of the number {code:x}")
    return re.escape(chr(code))


@lru_cache(maxsize=1)
def _cluster() -> str:
    """Return what matches a character with its marks, and what a joiner puts behind it."""
    marks = _category("M", negated=False)
    return f"(?>\\r\\n|(?s:.)(?:[{marks}]|\\u200d[^{marks}\\u200d]?)*)"


def _posix(name: str, *, negated: bool) -> str:
    if name not in _POSIX:
        raise re.error(f"unknown class [:{name}:]")
    return _opposite(_POSIX[name]) if negated else _POSIX[name]


@lru_cache(maxsize=64)
def _opposite(members: str) -> str:
    """Return the characters that are not in the class ``[members]``, as ranges."""
    return _ranges(re.compile(f"[^{members}]"))


@lru_cache(maxsize=64)
def _category(name: str, *, negated: bool) -> str:
    """Return the characters of a general category (``L``, ``Lu``; ``Any``), as ranges."""
    if name in _SCRIPTS:
        return _spans([unicodedata.name(chr(code), "").startswith(_SCRIPTS[name]) != negated for code in range(0x110000)])
    categories = _SEVERAL.get(name, (name,))
    inside = [unicodedata.category(chr(code)).startswith(categories) for code in range(0x110000)]
    if not any(inside):
        raise re.error(f"unknown property '{name}' after \\p")
    return _spans([found != negated for found in inside])


def _ranges(reader: re.Pattern[str]) -> str:
    return _spans([reader.match(chr(code)) is not None for code in range(0x110000)])


def _spans(inside: list[bool]) -> str:
    spans: list[str] = []
    start = -1
    for code, found in enumerate([*inside, False]):
        if found and start < 0:
            start = code
        elif not found and start >= 0:
            spans.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = -1
    return "".join(spans)
