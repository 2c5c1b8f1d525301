"""Classes of characters as ``re`` writes them between brackets: those of escapes, of POSIX and of Unicode's properties.

Source: the manual of PCRE2, "pcre2pattern": "Generic character types", "POSIX character classes", "Unicode character properties".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

__all__ = ["CLASSES", "begins_posix", "caseless", "cluster", "opposite", "posix_class", "property_class"]

_LAST: Final = "\U0010ffff"
_HORIZONTAL: Final = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_VERTICAL: Final = r"\n\x0b\f\r\x85\u2028\u2029"
CLASSES: Final = {  # what stands between brackets for an escape, and for its opposite
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
_POSIX_PROPERTIES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "alpha": (("L",), ""),
    "digit": (("Nd",), ""),
    "alnum": (("Xan",), ""),
    "upper": (("Lu",), ""),
    "lower": (("Ll",), ""),
    "space": (("Xps",), ""),
    "punct": (("P",), "$+<=>\\^`|~"),
    "word": (("Xwd",), ""),
    "blank": ((), _HORIZONTAL),
    "cntrl": (("Cc",), ""),
    "print": (("L", "M", "N", "P", "S", "Cf", "Zs"), ""),
    "graph": (("L", "M", "N", "P", "S", "Cf"), ""),
}
"""What a class of POSIX holds under ``(*UCP)``: properties, and more characters (pcre2pattern, "Posix character classes")."""
_SPACES: Final = _HORIZONTAL + _VERTICAL
_SEVERAL: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "any": (("",), ""),
    "l&": (("Lu", "Ll", "Lt"), ""),
    "lc": (("Lu", "Ll", "Lt"), ""),
    "xan": (("L", "N"), ""),
    "xwd": (("L", "N"), "_"),
    "xsp": (("Z",), _SPACES),
    "xps": (("Z",), _SPACES),
}
"""Properties that stand for several general categories, and for more characters."""
_SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "han": ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "CJK RADICAL", "KANGXI RADICAL", "IDEOGRAPHIC NUMBER"),
    **{
        script.lower(): (script,)
        for script in [
            "ARABIC",
            "ARMENIAN",
            "BENGALI",
            "CYRILLIC",
            "DEVANAGARI",
            "ETHIOPIC",
            "GEORGIAN",
            "GREEK",
            "GUJARATI",
            "GURMUKHI",
            "HANGUL",
            "HEBREW",
            "HIRAGANA",
            "KANNADA",
            "KATAKANA",
            "KHMER",
            "LAO",
            "LATIN",
            "MALAYALAM",
            "MONGOLIAN",
            "MYANMAR",
            "SINHALA",
            "TAMIL",
            "TELUGU",
            "THAI",
            "TIBETAN",
        ]
    },
}
"""Scripts after ``\\p``, and how the names of their characters begin."""
_POSIX_LIKE: Final = re.compile(r"\[([:.=])(?:\\[\]\\]|(?!\[\1|\1?\]).)*+\1\]", re.DOTALL)
_TURKISH: Final = "ıİ"
_LAST_CASED: Final = 0x1E943


def posix_class(name: str, *, negated: bool, unicode: bool) -> str:
    """Return the members of ``[:name:]``: those of ASCII, or of all characters where *unicode*.

    Raises:
        re.error: there is none.
    """
    if name not in _POSIX:
        raise re.error(f"unknown class [:{name}:]")
    members = _POSIX[name]
    if unicode and name in _POSIX_PROPERTIES:
        properties, more = _POSIX_PROPERTIES[name]
        members = "".join(property_class(one, negated=False) for one in properties) + more
    return opposite(members) if negated else members


def begins_posix(pattern: str, at: int) -> bool:
    """Whether a class of POSIX, or one of its collating elements, begins in *pattern* at that place."""
    return _POSIX_LIKE.match(pattern, at) is not None


@lru_cache(maxsize=64)
def opposite(members: str) -> str:
    """Return the characters that are not in the class ``[members]``, as ranges."""
    return _ranges(re.compile(f"[^{members}]"))


@lru_cache(maxsize=64)
def property_class(name: str, *, negated: bool) -> str:
    """Return the characters of a general category (``L``, ``Lu``; ``Any``), as ranges.

    Raises:
        re.error: there is no such category.
    """
    plain = re.sub(r"[\s_-]", "", name).lower()
    if plain in _SCRIPTS:
        return _spans([unicodedata.name(chr(code), "").startswith(_SCRIPTS[plain]) != negated for code in range(0x110000)])
    categories, more = _SEVERAL.get(plain, ((plain.capitalize(),), ""))
    reader = re.compile(f"[{more}]") if more else None
    inside = [
        unicodedata.category(chr(code)).startswith(categories) or (reader is not None and reader.match(chr(code)) is not None)
        for code in range(0x110000)
    ]
    if not any(inside):
        raise re.error(f"the property '{name}' is not known after \\p: general categories and common scripts are")
    return _spans([found != negated for found in inside])


@lru_cache(maxsize=1)
def cluster() -> str:
    """Return what matches a character with its marks, and what a joiner puts behind it."""
    marks = property_class("M", negated=False)
    return f"(?>\\r\\n|(?s:.)(?:[{marks}]|\\u200d[^{marks}\\u200d]?)*)"


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


@lru_cache(maxsize=256)
def caseless(members: str, sign: str) -> str:
    """Return the class ``[sign members]`` where case does not matter: as it is, unless Python would take the i of the Turks for an i."""
    as_is = re.compile(f"[{members}]")
    if not any(as_is.match(letter) for letter in "iI" + _TURKISH):
        return f"[{sign}{members}]"
    folded = re.compile(f"[{members}]", re.IGNORECASE)
    added = {letter for letter in _cased() if folded.match(letter) and not as_is.match(letter)} - {*"iI", *_TURKISH}
    if as_is.match("i") or as_is.match("I"):
        added |= {"i", "I"}
    return f"(?-i:[{sign}{members}{''.join(sorted(added))}])"


@lru_cache(maxsize=1)
def _cased() -> str:
    """Return the characters that have another case."""
    letters = map(chr, range(_LAST_CASED + 1))
    return "".join(letter for letter in letters if letter.lower() != letter or letter.upper() != letter)
