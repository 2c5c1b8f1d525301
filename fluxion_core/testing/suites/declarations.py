"""What every component class must declare, checked the same way for all kinds."""

from __future__ import annotations

import inspect
from typing import Any

from fluxion_core.components import name_is_good
from fluxion_core.spi import Options

__all__ = ["declaration_problems"]


def declaration_problems(kind: str, component: type[Any]) -> list[str]:
    """Return what is wrong with what *component*, a class of *kind*, declares about itself."""
    problems: list[str] = []
    name = getattr(component, "name", None)
    if not isinstance(name, str) or not name_is_good(kind, name):
        problems.append(f"name is {name!r}; expected lower-case words joined by '-' or '_'")
    options = getattr(component, "options", None)
    if not (isinstance(options, type) and issubclass(options, Options)):
        problems.append(f"options is {options!r}; expected a subclass of Options")
    else:
        problems += [f"option {declared.name} has no doc" for declared in options.declarations() if not declared.doc.strip()]
    if not (inspect.getdoc(component) or "").strip():
        problems.append("the class has no docstring; `fluxion components` shows it")
    return problems
