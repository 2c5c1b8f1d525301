"""``fluxion explain FILE``: the plan of a pipeline, what streams and what does not, and the Python that it becomes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fluxion_core.cli.checks import check_file
from fluxion_core.cli.letters import EXIT_CONFIG, show_problems

if TYPE_CHECKING:
    from fluxion_core.runtime.binding import BoundPipeline

__all__ = ["command", "notes_of", "support_lines"]


@click.command(name="explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", "with_source", is_flag=True, help="Show the generated Python too, and what its names stand for.")
def command(file: Path, *, with_source: bool) -> None:
    """Show what the pipeline in FILE promises, how its stages run, and (--source) the code that runs them."""
    from fluxion_core.plugins import load_plugins

    bound, problems = check_file(file, load_plugins().components)
    show_problems(problems)
    if bound is None:
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
    if bound.division is not None:
        click.echo(f"processes {bound.division.described()}")
    fields = "whole documents" if program.required_fields is None else ", ".join(program.required_fields) or "none"
    click.echo(f"reads     {fields}")
    click.echo("plan")
    for line in support_lines(bound):
        click.echo(f"  {line}")
    for note in notes_of(bound):
        click.echo(f"note      {note}")
    if with_source:
        click.echo("\n" + program.listing)


def notes_of(bound: BoundPipeline) -> Iterator[str]:
    """Yield what is told of a pipeline without problems: what is allowed, and perhaps not what was meant."""
    from fluxion_core.config.interpolate import references

    yield from bound.notes
    for path, text in islice(references(list(bound.definition.stages), "stages"), 1):
        yield f"{path}: {text} is text like any other: nothing is taken from the environment in stages"
    for index, stage in enumerate(bound.definition.stages):
        for place, text, meaning in _texts_in_a_group(stage.get("$group")):
            yield f"stages[{index}].$group.{place}: '{text}' is text, {meaning}; write ${text} for the field"
    if bound.undivided:
        yield bound.undivided


def _texts_in_a_group(group: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the place of every text in *group* that computes nothing: most likely the ``$`` of a field was left out."""
    for name, given in group.items() if isinstance(group, Mapping) else ():
        if name == "_id" and _is_plain(given):
            yield "_id", given, "which makes one group of everything"
        for accumulator in ("$sum", "$avg") if name != "_id" and isinstance(given, Mapping) else ():
            if _is_plain(given.get(accumulator)):
                yield f"{name}.{accumulator}", given[accumulator], "which is no number"


_LONGEST_NAME: Final = 60
"""Of a field that a hint speaks of: a hint is a line."""


def _is_plain(value: Any) -> bool:
    """Whether *value* is text that may well be the name of a field."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable() and not value.startswith("$")


def support_lines(bound: BoundPipeline) -> list[str]:
    """Return, step by step, which stages stream and which wait for the end of input."""
    lines = []
    for index, step in enumerate(bound.program.plan, 1):
        names = ", ".join(f"[{stage}] {name}" for stage, name in zip(step.stages, step.names, strict=False))
        flow = "streams" if step.streaming else "waits for the end of input"
        lines.append(f"{index}. {step.kind:<10} {names}: {flow}{'; ' + step.note if step.note else ''}")
    return lines or ["every document passes unchanged"]
