"""Everything that is wrong with a pipeline file, from its text to its stages, found in one go and without opening anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fluxion_core.config.load import read_file
from fluxion_core.errors import ConfigError, Problem

if TYPE_CHECKING:
    from fluxion_core.components import ComponentSet
    from fluxion_core.runtime.binding import BoundPipeline

__all__ = ["check_file"]


def check_file(path: Path, components: ComponentSet) -> tuple[BoundPipeline | None, Sequence[tuple[Path, Problem]]]:
    """Return the pipeline in the file at *path*, bound, or every problem with the file in which it stands."""
    from fluxion_core.runtime.binding import bind

    try:
        file, problems = read_file(path)
    except ConfigError as error:
        return None, [(path, problem) for problem in error.problems]
    found = [(path, problem) for problem in problems]
    if file is None:
        return None, found
    try:
        bound = bind(file.definition, components)
    except ConfigError as error:
        known = [problem.path for problem in problems]
        found += [file.locate(problem) for problem in error.problems if not _follows(problem.path, known)]
        return None, _in_order(found)
    return (None if found else bound), _in_order(found)


def _in_order(problems: Sequence[tuple[Path, Problem]]) -> Sequence[tuple[Path, Problem]]:
    """Return *problems* as a reader meets them; those without a place come first."""
    files = list(dict.fromkeys(file for file, _ in problems))
    return sorted(problems, key=lambda one: (files.index(one[0]), one[1].line or 0, one[1].column or 0))


def _follows(path: str, known: Sequence[str]) -> bool:
    """Return whether a problem at *path* follows from one at a *known* path, which was told already."""
    return any(path == above or path.startswith((f"{above}.", f"{above}[")) for above in known)
