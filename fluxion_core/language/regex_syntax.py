"""PCRE's syntax as Python's: what MongoDB reads in a regular expression, written so that ``re`` means the same.

The classes of digits, word characters and spaces are those of ASCII, as in PCRE without ``(*UCP)``; options may begin anywhere within a group.
Source: the manual of PCRE2, "pcre2pattern".
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from fluxion_core.language.regex_classes import CLASSES, begins_posix, caseless, cluster, opposite, posix_class, property_class
from fluxion_core.language.regex_newlines import NEWLINES, line_text
from fluxion_core.language.regex_ranges import Range

__all__ = ["Unsupported", "translate"]

_ALONE: Final = {  # escapes that stand outside of brackets only
    "A": r"\A",
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "R": r"(?>\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "N": r"[^\n]",
    "b": r"(?a:\b)",
    "B": r"(?!(?a:\b))",  # Python's own does not match in an empty text
}
_ASSERTIONS: Final = frozenset("AzZbB")
_LACKING: Final = frozenset("KGC")
_LEADING: Final = re.compile(
    r"\(\*(?P<verb>UTF8?|UCP|NO_AUTO_POSSESS|NO_START_OPT|NO_JIT|NO_DOTSTAR_ANCHOR|LF|CR|BSR_UNICODE|LIMIT_[A-Z]+=\d+)\)"
)
_VERB: Final = re.compile(r"\(\*([A-Za-z_]*)([:)])")
_VERBS: Final = {
    **dict.fromkeys(["pla", "positive_lookahead"], "(?="),
    **dict.fromkeys(["nla", "negative_lookahead"], "(?!"),
    **dict.fromkeys(["plb", "positive_lookbehind"], "(?<="),
    **dict.fromkeys(["nlb", "negative_lookbehind"], "(?<!"),
    "atomic": "(?>",
}
_OPTIONS: Final = re.compile(r"\(\?(?P<none>\^)?(?P<on>[imsx]*)(?:-(?P<off>[imsx]*))?(?P<end>[:)])")
_NAMED_GROUP: Final = re.compile(r"\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_CONDITION: Final = re.compile(r"\(\?\((?:<(\w+)>|'(\w+)'|(\w+))\)")
_OPENING: Final = re.compile(r"\(\?(?:[=!>]|<[=!]|P=\w+)")
_REFERENCE: Final = re.compile(r"\\k(?:<(\w+)>|\{(\w+)\}|'(\w+)')|\\g(?:\{(-?\w+)\}|(-?\d+))")
_NUMBER: Final = re.compile(r"\\([1-9]\d*)")
_OCTAL: Final = re.compile(r"\\([0-7]{1,3})")
_CODE: Final = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|N\{U\+([0-9A-Fa-f]+)\}|o\{([0-7]+)\}|x(?!\{)([0-9A-Fa-f]{0,2})|c([ -~]))")
_PROPERTY: Final = re.compile(r"\\([pP])(?:\{(\^?)([\w &-]+)\}|(\w))")
_QUOTED: Final = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_BRACKET: Final = re.compile(r"\[(?:\\E|\\Q\\E)*+(\^?)(?:\\E|\\Q\\E)*+")
"""``[``, and before the first member a ``^`` and quotations of nothing."""
_POSIX_CLASS: Final = re.compile(r"\[:(\^?)(\w+):\]")
_QUANTIFIER: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_WORD_EDGES: Final = {"[[:<:]]": r"(?a:\b(?=\w))", "[[:>:]]": r"(?a:\b(?<=\w))"}
_MOST_REPETITIONS: Final = 65535


class Unsupported(Exception):
    """The pattern uses what PCRE has and Python's engine has not: the message."""


class _Group(msgspec.Struct):
    """A group that is open. *begun*: the options that began within it, as they are written; *options*: those in effect."""

    options: str
    begun: list[str] = msgspec.field(default_factory=list)
    again: str = "|"
    """What ends one alternative and begins the next."""
    close: str = ")"


def translate(pattern: str, options: str = "") -> str:
    """Return *pattern* for ``re``; *options* are those that are set for all of it.

    Raises:
        re.error: it has what PCRE refuses.
        Unsupported: it has what ``re`` lacks.
    """
    return _Translation(pattern, options).text()


class _Translation:
    """One pass over a pattern: where it stands, and which options are open in which group."""

    def __init__(self, pattern: str, options: str) -> None:
        self.pattern = pattern
        self.unicode = False
        self._newline = "\n"
        self.at = 0
        self.out: list[str] = []
        self.groups = 0
        self.open = [_Group(options)]
        self._unrepeatable = -1
        """How many pieces there were behind the last assertion, which cannot be repeated."""

    def text(self) -> str:
        """Translate the whole pattern."""
        while (verb := _LEADING.match(self.pattern, self.at)) is not None:
            self.unicode = self.unicode or verb["verb"] == "UCP"
            self._newline = NEWLINES.get(verb["verb"], self._newline)
            self.at = verb.end()
        while self.at < len(self.pattern):
            self._step()
        self.out.append(")" * len(self.open[0].begun))
        return "".join(self.out)

    @property
    def _options(self) -> str:
        return self.open[-1].options

    def _step(self) -> None:
        letter = self.pattern[self.at]
        group = self.open[-1]
        if letter == "\\":
            self._escape()
        elif letter == "[":
            self._brackets()
        elif letter == "(":
            self._group()
        elif letter == ")" and len(self.open) > 1:
            self.open.pop()
            self._put(")" * len(group.begun) + group.close, 1)
        elif letter == "|":
            self._put(")" * len(group.begun) + group.again + "".join(group.begun), 1)
        elif letter == "#" and "x" in group.options:
            end = self.pattern.find(self._newline, self.at)
            self.at = len(self.pattern) if end < 0 else end
        elif letter in "*+?{":
            self._quantifier(letter)
        elif letter in ".^$" and (text := line_text(letter, group.options, self._newline)) is not None:
            self._put(text, 1)
            if letter != ".":
                self._unrepeatable = len(self.out)
        else:
            self._literal(letter, 1, raw=True)

    def _put(self, text: str, length: int) -> None:
        self.out.append(text)
        self.at += length

    def _literal(self, letter: str, length: int, *, raw: bool = False) -> None:
        """Write one character; in Python's eyes, the i of the Turks is an i too."""
        if "i" in self._options and letter in "iIıİ":
            self._put(f"(?-i:[{'Ii' if letter in 'iI' else letter}])", length)
        else:
            self._put(letter if raw else re.escape(letter), length)

    def _matched(self, reader: re.Pattern[str]) -> re.Match[str] | None:
        return reader.match(self.pattern, self.at)

    def _quantifier(self, letter: str) -> None:
        if letter == "{":
            found = self._matched(_QUANTIFIER)
            if found is None:
                self._put("\\{", 1)
                return
            if max(int(found[1]), int(found[2] or 0)) > _MOST_REPETITIONS:
                raise re.error("number too big in {} quantifier")
        if len(self.out) == self._unrepeatable:
            raise re.error("quantifier does not follow a repeatable item")
        self._put(letter if letter != "{" else found[0], 1 if letter != "{" else len(found[0]))  # type: ignore[index]  # a brace was found

    # ------------------------------------------------------------------------------------------------- groups

    def _group(self) -> None:
        if self.pattern.startswith("(?#", self.at):
            end = self.pattern.find(")", self.at)
            if end < 0:
                raise re.error("missing ) after (?# comment")
            self.at = end + 1
            return
        options, verb = self._matched(_OPTIONS), self._matched(_VERB)
        if options is not None:
            self._set_options(options)
        elif verb is not None:
            self._verb(verb)
        else:
            self._opened()

    def _set_options(self, found: re.Match[str]) -> None:
        if "xx" in found["on"]:
            raise Unsupported("(?xx")
        off = set("imsx" if found["none"] else found["off"] or "")
        on = set(found["on"]) - set(found["off"] or "")
        off -= on
        options = "".join(sorted((set(self._options) | on) - off))
        begin = f"(?{''.join(sorted(on))}{'-' if off else ''}{''.join(sorted(off))}:"
        if found["end"] == ":":
            self.open.append(_Group(options))
            self._put(begin, len(found[0]))
            return
        self.open[-1].options = options
        if on or off:
            self.open[-1].begun.append(begin)
        self._put(begin if on or off else "", len(found[0]))

    def _verb(self, found: re.Match[str]) -> None:
        name = found[1]
        if name in {"F", "FAIL"} and found[2] == ")":
            self._put("(?!)", len(found[0]))
            self._unrepeatable = len(self.out)
        elif name in _VERBS and found[2] == ":":
            self._begin(_VERBS[name], len(found[0]))
        else:
            raise Unsupported(f"(*{name or ':'}")

    def _begin(self, opening: str, length: int) -> None:
        """Open a group; each alternative of a look-behind has a length of its own in PCRE, and is one of its own here."""
        if opening in {"(?<=", "(?<!"}:
            self.open.append(_Group(self._options, again=f"){'|' if opening == '(?<=' else ''}{opening}", close="))"))
            opening = f"(?:{opening}"
        else:
            self.open.append(_Group(self._options))
        self._put(opening, length)

    def _opened(self) -> None:
        named, condition, opening = self._matched(_NAMED_GROUP), self._matched(_CONDITION), self._matched(_OPENING)
        if named is not None:
            self.groups += 1
            self._begin(f"(?P<{named[1] or named[2]}>", len(named[0]))
        elif condition is not None:
            name = condition[1] or condition[2] or condition[3]
            if re.fullmatch(r"R\d*|DEFINE|VERSION", name):
                raise Unsupported(f"(?({name})")
            self._begin(f"(?({name})", len(condition[0]))
        elif opening is not None:
            if opening[0].startswith("(?P="):  # no group: what a group has matched
                self._put(opening[0], len(opening[0]))
                self.open.append(_Group(self._options))
            else:
                self._begin(opening[0], len(opening[0]))
        elif self.pattern.startswith("(?", self.at):
            if len(self.pattern) == self.at + 2:
                raise re.error("unrecognized character after (?")
            raise Unsupported(self.pattern[self.at : self.at + 3])
        else:
            self.groups += 1
            self._begin("(", 1)

    # ------------------------------------------------------------------------------------------------- escapes

    def _escape(self) -> None:
        reference, quoted = self._matched(_REFERENCE), self._matched(_QUOTED)
        letter = self.pattern[self.at + 1 : self.at + 2]
        if reference is not None:
            self._refer(next(part for part in reference.groups() if part), len(reference[0]))
        elif letter == "g":
            raise Unsupported("\\g with a call or a group that follows")
        elif quoted is not None:
            for character in quoted[1]:
                self._literal(character, 0)
            self.at += len(quoted[0])
        elif letter == "E":
            self.at += 2
        elif letter in _LACKING:
            raise Unsupported(f"\\{letter}")
        elif letter == "X":
            self._put(cluster(), 2)
        elif letter in _ALONE and not self.pattern.startswith("{U+", self.at + 2):
            self._alone(letter)
        else:
            members = self._members()
            if members is None:
                self._character()
            else:
                self._put(f"(?-i:[{members}])" if "i" in self._options else f"[{members}]", 0)  # case makes no difference to it

    def _alone(self, letter: str) -> None:
        if letter == "N" and self.pattern.startswith("{", self.at + 2) and not _QUANTIFIER.match(self.pattern, self.at + 2):
            raise re.error("PCRE does not know \\N{name}")
        text = _ALONE[letter].replace(r"\n", self._newline) if letter in "ZN" else _ALONE[letter]
        self._put(text.replace("(?a:", "(?:") if self.unicode and letter in "bB" else text, 2)
        if letter in _ASSERTIONS:
            self._unrepeatable = len(self.out)

    def _refer(self, name: str, length: int) -> None:
        if name.startswith("-"):  # counted back from here
            name = str(self.groups + 1 + int(name))
        if name.startswith("-") or name == "0":
            raise re.error("reference to a group that there is not")
        self._put(f"(?:\\{name})" if name.isdigit() else f"(?P={name})", length)

    def _members(self) -> str | None:
        """Return what an escape for many characters puts between brackets, and pass it; ``None`` for another escape."""
        found = self._matched(_PROPERTY)
        if found is not None:
            self.at += len(found[0])
            return property_class(found[3] or found[4], negated=(found[1] == "P") != bool(found[2]))
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter.lower() not in CLASSES or (self.unicode and letter in "dDwWsS"):
            return None
        inside, outside = CLASSES[letter.lower()]
        self.at += 2
        return inside if letter.islower() else outside or opposite(inside)

    def _character(self) -> None:
        """Pass an escape for one character, or a reference by number."""
        number = self._matched(_NUMBER)
        if number is not None and (int(number[1]) < 10 or number[1][0] in "89" or int(number[1]) <= self.groups):
            self._refer(number[1], len(number[0]))
            return
        code = self._code_point()
        if code is None:
            self._put(self._simple_escape(), 2)
        else:
            self._literal(chr(code), 0)

    def _code_point(self) -> int | None:
        """Return the character that is escaped by its number, and pass it; ``None`` for another escape."""
        found = self._matched(_CODE)
        octal = self._matched(_OCTAL) if found is None else None
        if octal is not None:
            self.at += len(octal[0])
            return int(octal[1], 8)
        if found is None:
            return None
        self.at += len(found[0])
        if found[5]:
            return ord(found[5].upper()) ^ 0x40
        code = int(found[3], 8) if found[3] else int(found[1] or found[2] or found[4] or "0", 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise re.error(f"there is no character {code:#x}")
        return code

    def _simple_escape(self) -> str:
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter in {"u", "U", "l", "L", "x", "o", "c", "k", "p", "P"}:
            raise re.error(f"PCRE does not know \\{letter} as it is written here")
        return "\\x1b" if letter == "e" else "\\" + letter

    # ------------------------------------------------------------------------------------------------- brackets

    def _brackets(self) -> None:
        edge = _WORD_EDGES.get(self.pattern[self.at : self.at + 7])
        if edge is not None:
            self._put(edge, 7)
            return
        if begins_posix(self.pattern, self.at):
            raise re.error("a class of POSIX stands within brackets only")
        opening = self._matched(_BRACKET)
        negated = opening is not None and bool(opening[1])
        self.at += len(opening[0]) if opening is not None else 1
        members: list[str] = []
        if self.pattern.startswith("]", self.at):
            members.append("\\]")
            self.at += 1
        self._range = Range(begun=bool(members))
        while self.at < len(self.pattern) and self.pattern[self.at] != "]":
            members.append(self._member())
        if self.at == len(self.pattern):
            raise re.error("missing terminating ] for a class of characters")
        text, sign = "".join(members), "^" if negated else ""
        self._put(caseless(text, sign) if "i" in self._options else f"[{sign}{text}]", 1)

    def _member(self) -> str:
        """Return what stands here between brackets, and pass it."""
        posix, quoted = self._matched(_POSIX_CLASS), self._matched(_QUOTED)
        if posix is not None:
            self.at += len(posix[0])
            self._range.refuse(self.pattern, self.at)
            return posix_class(posix[2], negated=bool(posix[1]), unicode=self.unicode)
        if begins_posix(self.pattern, self.at):
            raise re.error("collating elements of POSIX are not supported")
        if quoted is not None:
            self.at += len(quoted[0])
            for _ in quoted[1]:
                self._range.single()
            return re.escape(quoted[1])
        letter = self.pattern[self.at]
        if letter == "\\":
            return self._escaped_member()
        self.at += 1
        if letter == "-" and self._range.opens(self.pattern, self.at):
            return letter
        self._range.single()
        return "\\" + letter if letter in "[&~|-" else letter

    def _escaped_member(self) -> str:
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter == "E":
            self.at += 2
            return ""
        members = self._members()
        if members is not None:
            self._range.refuse(self.pattern, self.at)
            return members
        self._range.single()
        code = self._code_point()
        if code is not None:
            return re.escape(chr(code))
        if letter in "NR" or (letter in "89" and letter):
            if letter in "NR":
                raise re.error(f"\\{letter} cannot stand within brackets")
            self.at += 2
            return letter
        text = self._simple_escape()
        self.at += 2
        return text
