"""What a server said, made fit for an error message: short, one line, printable, and without our own secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import attrs

__all__ = ["EXCERPT_BYTES", "Scrubber", "secrets_of_url"]

EXCERPT_BYTES = 2048
"""The most bytes of an answer that are looked at for a message."""

_SHOWN_CHARACTERS = 200
_SHORTEST_SECRET = 4


def secrets_of_url(url: str) -> list[str]:
    """Return the query of *url* and each value in it, encoded and plain: a server's answer may repeat any of them."""
    query = urlsplit(url).query
    values = [value for _, value in parse_qsl(query, keep_blank_values=True)]
    return [query, unquote(query), *values, *(quote(value, safe="") for value in values)]


@attrs.frozen(repr=False)
class Scrubber:
    """Takes known secrets out of text. Texts under four characters are no secret: removing them would mangle every message."""

    _secrets: tuple[str, ...]

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Scrubber:
        """Return one that knows *secrets*; the longest goes first, so that none leaves a rest of another."""
        worth_it = {text for text in secrets if len(text) >= _SHORTEST_SECRET}
        return cls(tuple(sorted(worth_it, key=lambda text: (-len(text), text))))

    def excerpt(self, body: bytes) -> str:
        """Return the beginning of *body* (at most 2 KiB of it are read), cleaned, at most 200 characters."""
        text = self.scrub(printable(body[:EXCERPT_BYTES].decode("utf-8", "replace")))
        if len(body) >= EXCERPT_BYTES and self._secrets:
            text = text[: -len(self._secrets[0])]  # half a secret may stand at the cut
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"

    def scrub(self, text: str) -> str:
        """Return *text* with ``***`` in place of each secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def printable(text: str) -> str:
    """Return *text* as one line: blanks collapsed, unprintable characters left out."""
    one_line = re.sub(r"\s+", " ", text).strip()
    return "".join(character for character in one_line if character.isprintable())
