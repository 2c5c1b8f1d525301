"""Errors for a person: *file:line:column path: what was found; what to do*, one line per problem, and the exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from fluxion_core.errors import CompileError, ConfigError, FluxionError, Problem

__all__ = ["exit_with", "show_problems", "shown_problem"]

EXIT_BUG = 70
EXIT_IO = 74
EXIT_CONFIG = 78


def shown_path(path: Path) -> str:
    """Return *path* from where the user stands, if it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def shown_problem(file: Path, problem: Problem) -> str:
    """Return *problem* as one line that an editor can follow."""
    place = f":{problem.line}:{problem.column}" if problem.line is not None else ""
    return f"{shown_path(file)}{place}{' ' if problem.path else ': '}{problem}"


def show_problems(problems: Iterable[tuple[Path, Problem]]) -> None:
    """Write *problems*, each with the file in which it stands, to standard error."""
    for file, problem in problems:
        click.echo(shown_problem(file, problem), err=True)


def exit_with(error: BaseException, *, debug: bool = False) -> NoReturn:
    """Tell *error* in one letter and exit with its code; the traceback is for ``--debug``."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, ConfigError | CompileError):
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(EXIT_CONFIG)
    if isinstance(error, FluxionError):
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    if isinstance(error, BrokenPipeError):
        sys.exit(EXIT_IO)
    if isinstance(error, OSError):
        click.echo(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        sys.exit(EXIT_IO)
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0].removesuffix(":")
    click.echo(
        f"error: this is a bug in Fluxion or in a plugin: {text}; run again with --debug and report what you see", err=True
    )
    sys.exit(EXIT_BUG)
