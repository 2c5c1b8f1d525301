"""Pipeline text into plain values that know where they stand: YAML or JSON, safe, with line and column of every path.

YAML is read by the core schema of YAML 1.2: ``true`` and ``false`` are the only booleans, so that ``on``, ``no`` and a country
code stay text, and so do dates. Aliases are allowed while they do not make the text larger than a person would write.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import attrs
import yaml

from fluxion_core.config.json_places import json_places
from fluxion_core.errors import ConfigError, Problem

__all__ = ["Text", "read_text"]

MAXIMUM_BYTES: Final = 4 * 1024 * 1024
MAXIMUM_NODES: Final = 200_000
MAXIMUM_DEPTH: Final = 120


@attrs.frozen
class Text:
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
                return attrs.evolve(problem, line=place[0], column=place[1])
            path = re.sub(r"(\.[^.\[\]]*|\[\d+\])\Z", "", path) if re.search(r"[.\[]", path) else ""
        return problem


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of the 1.2 core schema."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))

_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "bool", "null", "int", "float"))
"""What YAML's core schema knows; every other tag asks for a class or a conversion."""


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
    return _yaml(path, text, where)


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


def _yaml(path: Path, text: str, where: str) -> Text:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        reader = _Reader(loader, where)
        value = None if node is None else reader.value(node, where, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise ConfigError([Problem(where, f"not YAML: {error.problem or error}", line=line, column=column)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(where, f"not YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise ConfigError([Problem(where, f"{path} is nested too deeply")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if reader.problems:
        raise ConfigError(reader.problems)
    return Text(path, value, reader.places)


class _Reader:
    """Turns nodes into values and notes where they stand."""

    def __init__(self, loader: _Loader, where: str) -> None:
        self._loader = loader
        self._nodes = 0
        self.where = where
        self.places: dict[str, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: str, depth: int) -> Any:
        """Return the value of *node*, which stands at *path*."""
        self._nodes += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if self._nodes > MAXIMUM_NODES or depth > MAXIMUM_DEPTH:
            limit = f"deeper than {MAXIMUM_DEPTH} levels" if depth > MAXIMUM_DEPTH else f"more than {MAXIMUM_NODES} values"
            raise ConfigError([Problem(path, f"the text holds {limit}", line=line, column=column)])
        self.places.setdefault(path, (line, column))
        if node.tag not in _TAGS:
            self._problem(node, path, f"the tag {node.tag} is not supported")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        try:
            if node.tag.endswith(":int"):
                return int(node.value, 0 if node.value[:2] in {"0o", "0x"} else 10)
            return self._loader.construct_object(node)
        except (ValueError, KeyError) as error:  # a tag that its text does not fit, or an integer of thousands of digits
            reason = f" ({error})" if isinstance(error, ValueError) else ""
            self._problem(node, path, f"'{node.value[:40]}' is no {node.tag.rpartition(':')[2]}{reason}"[:200])
            return None

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or name == "<<":
                self._problem(key, path, "a name must be text" if name is None else "merge keys (<<) are not supported")
                continue
            below = f"{path}.{name}" if path else name
            if name in result:
                self._problem(key, below, f"'{name}' is given twice")
            self.places[below] = (key.start_mark.line + 1, key.start_mark.column + 1)
            result[name] = self.value(item, below, depth + 1)
        return result

    def _problem(self, node: yaml.Node, path: str, message: str) -> None:
        self.problems.append(Problem(path, message, line=node.start_mark.line + 1, column=node.start_mark.column + 1))
