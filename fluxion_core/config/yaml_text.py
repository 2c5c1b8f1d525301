"""YAML into plain values and the place of each.

It is read by the core schema of YAML 1.2: ``true`` and ``false`` are the only booleans, so that ``on``, ``no`` and a country code
stay text, and so do dates. Aliases are allowed while they do not make the text larger than a person would write.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from fluxion_core.errors import ConfigError, Problem

__all__ = ["parse_yaml"]

MAXIMUM_NODES: Final = 200_000
MAXIMUM_DEPTH: Final = 120


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


def _problem(error: yaml.MarkedYAMLError) -> str:
    """Return what is wrong as a sentence: PyYAML begins one of them in the context of the error and ends it in the problem."""
    problem = error.problem or str(error)
    return f"{error.context}, {problem}" if error.context and problem.startswith("but ") else problem


def parse_yaml(path: Path, text: str, where: str) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Return the value of *text* and ``path -> (line, column)`` for everything in it; *path* is the file's, for messages.

    Raises:
        ConfigError: it is no YAML, or asks for more than the core schema has.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        reader = _Reader(loader, where)
        value = None if node is None else reader.value(node, where, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        quotes = "put what holds ${...} in quotes" if mark and "${" in text.splitlines()[mark.line] else ""
        raise ConfigError([Problem(where, f"not YAML: {_problem(error)}", quotes, line, column)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(where, f"not YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise ConfigError([Problem(where, f"{path} is nested too deeply")]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if reader.problems:
        raise ConfigError(reader.problems)
    return value, reader.places


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
