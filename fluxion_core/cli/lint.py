"""``fluxion lint FILE...``: every problem of pipeline files, found without opening a component."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fluxion_core.cli.checks import check_file
from fluxion_core.cli.explain import notes_of, support_lines
from fluxion_core.cli.letters import EXIT_CONFIG, show_problems, shown_path
from fluxion_core.components import ComponentSet

__all__ = ["command"]


@click.command(name="lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Check pipeline FILES: options, names, stages. Nothing is opened, nothing is written, no network is reached."""
    from fluxion_core.plugins import load_plugins

    components = load_plugins().components
    problems = [_problems_of(file, components) for file in files]
    if any(problems):
        sys.exit(EXIT_CONFIG)


def _problems_of(path: Path, components: ComponentSet) -> int:
    bound, problems = check_file(path, components)
    show_problems(problems)
    if bound is None:
        return len(problems)
    for note in notes_of(bound):
        click.echo(f"{shown_path(path)}: note: {note}")
    click.echo(f"{shown_path(path)}: ok: delivery {bound.delivery} ({bound.delivery_note}), emit {bound.emit}")
    for line in support_lines(bound):
        click.echo(f"  {line}")
    return 0
