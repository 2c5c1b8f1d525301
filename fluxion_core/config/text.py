"""Pipeline text into plain values that know where they stand: YAML or JSON, safe, with line and column of every path."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from fluxion_core.config.json_places import json_places
from fluxion_core.errors import ConfigError, Problem

__all__ = ["Text", "read_text"]

MAXIMUM_BYTES: Final = 4 * 1024 * 1024


class Text(msgspec.Struct, frozen=True):
    """A parsed file: its value, and ``path -> (line, column)`` for everything in it, both from 1."""

    file: Path
    value: Any
    places: dict[str, tuple[int, int]]

    def locate(self, problem: Problem) -> Problem:
        """Return *problem* with line and column of its path, or of the nearest thing above that the file holds."""
        if problem.line is not None:
            return problem
        path = problem.path
        while path:
            place = self.places.get(path)
            if place is not None:
                return msgspec.structs.replace(problem, line=place[0], column=place[1])
            path = re.sub(r"(\.[^.\[\]]*|\[\d+\])\Z", "", path) if re.search(r"[.\[]", path) else ""
        return problem


def read_text(path: Path, where: str = "") -> Text:
    """Return the file at *path*; *where* is the path of what it stands for, if it is a part of another file.

    Raises:
        ConfigError: it cannot be read, or is neither YAML nor JSON.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "check the path" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError([Problem(where, f"cannot read {path}: {error.strerror or error}", hint)]) from None
    if len(data) > MAXIMUM_BYTES:
        raise ConfigError([Problem(where, f"{path} has {len(data)} bytes; a pipeline has at most {MAXIMUM_BYTES}")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(where, f"{path} is not UTF-8: byte {error.start} cannot be decoded")]) from None
    if path.suffix == ".json":
        return _json(path, text, where)
    from fluxion_core.config.yaml_text import parse_yaml  # who writes JSON need not wait for YAML to be imported

    return Text(path, *parse_yaml(path, text, where))


def _json(path: Path, text: str, where: str) -> Text:
    def no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, value in pairs:
            if name in seen:
                raise ConfigError([Problem(where, f"{path}: '{name}' is given twice in one object")])
            seen[name] = value
        return seen

    def no_constant(word: str) -> Any:
        raise ConfigError([Problem(where, f"{path}: {word} is no JSON", "write a number, or null")])

    try:
        value = json.loads(text, object_pairs_hook=no_repetition, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError([Problem(where, f"not JSON: {error.msg}", line=error.lineno, column=error.colno)]) from None
    except RecursionError:
        raise ConfigError([Problem(where, f"{path} is nested too deeply")]) from None
    except ValueError as error:  # an integer of more digits than Python takes
        raise ConfigError([Problem(where, f"{path}: {error}")]) from None
    return Text(path, value, json_places(text, where))
