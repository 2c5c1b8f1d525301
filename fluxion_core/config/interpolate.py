"""Environment variables in a pipeline file: ``${NAME}`` and ``${NAME:-default}`` inside scalars, after parsing.

What a variable holds can therefore never become structure. ``$${`` stands for a literal ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fluxion_core.errors import Problem, did_you_mean

__all__ = ["interpolated", "references"]

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<body>[^}]*)(?P<end>\}?)")
_BODY: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<rest>:-(?P<default>.*))?\Z", re.DOTALL)


def interpolated(value: Any, path: str, environment: Mapping[str, str], problems: list[Problem]) -> Any:
    """Return *value* with every reference replaced; what is wrong is added to *problems*, never with a variable's content."""
    if isinstance(value, dict):
        return {name: interpolated(item, f"{path}.{name}", environment, problems) for name, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, f"{path}[{index}]", environment, problems) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def replace(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        body = _BODY.match(found["body"])
        if body is None or not found["end"]:
            problems.append(
                Problem(
                    path,
                    f"'{found[0]}' is no reference to a variable",
                    "write ${NAME} or ${NAME:-default}, or $${ for a literal",
                )
            )
            return ""
        name, default = body["name"], body["default"]
        content = environment.get(name)
        if content is not None and (content or default is None):
            return content
        if default is not None:
            return default
        hint = did_you_mean(name, environment) or f"set it, or write ${{{name}:-default}}"
        problems.append(Problem(path, f"environment variable {name} is not set", hint))
        return ""

    return _REFERENCE.sub(replace, value)


def references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of everything in *value*, and of every name in it, that would be a reference where these are replaced."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from references(name, f"{path}.{name}")
            yield from references(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from ((path, found[0]) for found in _REFERENCE.finditer(value) if found["end"] and _BODY.match(found["body"]))
