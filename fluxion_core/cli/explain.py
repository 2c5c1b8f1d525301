"""``fluxion explain FILE``: the plan of a pipeline, what streams and what does not, and the Python that it becomes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fluxion_core.cli.letters import EXIT_CONFIG, show_problems
from fluxion_core.config.load import load_file
from fluxion_core.errors import ConfigError

__all__ = ["command"]


@click.command(name="explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", "with_source", is_flag=True, help="Show the generated Python too.")
def command(file: Path, *, with_source: bool) -> None:
    """Show what the pipeline in FILE promises, how its stages run, and (--source) the code that runs them."""
    from fluxion_core.plugins import load_plugins
    from fluxion_core.runtime.binding import BoundPipeline, bind

    locate = None
    try:
        loaded = load_file(file)
        locate = loaded.locate
        bound: BoundPipeline = bind(loaded.definition, load_plugins().components)
    except ConfigError as error:
        show_problems(file, error.problems, locate)
        sys.exit(EXIT_CONFIG)
    program = bound.program
    source, sink = bound.source, bound.sink
    click.echo(f"pipeline  {bound.definition.id}")
    click.echo(
        f"source    {source.name} ({'bounded' if source.bounded else 'does not end'}, {'replayable' if source.replayable else 'not replayable'})"
    )
    click.echo(f"sink      {sink.name} (dedupe: {sink.dedupe})")
    click.echo(f"state     {bound.store.name}")
    click.echo(f"delivery  {bound.delivery}: {bound.delivery_note}")
    click.echo(f"emit      {bound.emit}")
    fields = "whole documents" if program.required_fields is None else ", ".join(program.required_fields) or "none"
    click.echo(f"reads     {fields}")
    click.echo("plan")
    for index, step in enumerate(program.plan, 1):
        names = ", ".join(f"[{stage}] {name}" for stage, name in zip(step.stages, step.names, strict=False))
        flow = "streams" if step.streaming else "waits for the end of input"
        click.echo(f"  {index}. {step.kind:<10} {names}: {flow}{'; ' + step.note if step.note else ''}")
    if not program.plan:
        click.echo("  every document passes unchanged")
    for note in bound.notes:
        click.echo(f"note      {note}")
    if with_source:
        click.echo("\n" + program.source)
