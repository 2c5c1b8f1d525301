"""Where everything in a JSON text stands, which Python's parser does not say."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Final

__all__ = ["json_places"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def json_places(text: str, where: str) -> dict[str, tuple[int, int]]:
    """Return ``path -> (line, column)``, both from 1, for every value and name in *text*, which is valid JSON.

    *where* is the path of the whole text.
    """
    lines = [0, *(found.end() for found in re.finditer(r"\n", text))]
    places: dict[str, tuple[int, int]] = {}
    open_ones: list[tuple[str, int]] = []  # path, and the index of the element; -1 for an object
    path, name_comes = where, False
    for token in _TOKEN.finditer(text):
        word, line = token[0], bisect_right(lines, token.start())
        place = (line, token.start() - lines[line - 1] + 1)
        if word == ",":
            outer, index = open_ones[-1]
            name_comes = index < 0
            if not name_comes:
                open_ones[-1] = (outer, index + 1)
                path = f"{outer}[{index + 1}]"
        elif word in "}]":
            open_ones.pop()
            name_comes = False
        elif name_comes:
            outer, name = open_ones[-1][0], json.loads(word)
            path, name_comes = f"{outer}.{name}" if outer else name, False
            places.setdefault(path, place)
        elif word != ":":
            places.setdefault(path, place)
            if word == "{":
                open_ones.append((path, -1))
                name_comes = True
            elif word == "[":
                open_ones.append((path, 0))
                path = f"{path}[0]"
    return places
