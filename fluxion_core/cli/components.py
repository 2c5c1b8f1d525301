"""``fluxion components [TYPE]``: what a pipeline can name, and the options of one component in three formats."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from itertools import groupby
from typing import Any

import click

from fluxion_core.cli.letters import EXIT_CONFIG
from fluxion_core.components import KINDS, Component, ComponentSet, Provenance
from fluxion_core.errors import did_you_mean
from fluxion_core.spi.options import Option, Options

__all__ = ["command", "options_markdown"]


@click.command(name="components")
@click.argument("name", metavar="[TYPE]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json-schema", "markdown"]),
    default="table",
    help="How to write the options.",
)
def command(name: str | None, form: str) -> None:
    """List the components, or show the options of those called TYPE: file, kafka, sqlite, ..., or runtime.

    Of a stage, operator or accumulator ('$group', in quotes) it shows how it is written.
    """
    from fluxion_core.plugins import load_plugins

    known = _known(load_plugins().components)
    if name is None and form != "table":
        raise click.UsageError(f"--format {form} shows the options of one component; name it: components file --format {form}")
    if name is None:
        _list(known)
        return
    if name.startswith("$"):
        known += _of_the_language()
    found = [component for component in known if component.name == name]
    if not found:
        near = did_you_mean(name, [component.name for component in known])
        if name.startswith("$") and _is_mongodbs(name):
            near = "MongoDB has it, and Fluxion has not"
        click.echo(
            f"error: no component is called '{name}'{'; ' + near if near else '; run fluxion components for a list'}", err=True
        )
        sys.exit(EXIT_CONFIG)
    if form == "json-schema":
        schemas = {component.kind: _schema(component) for component in found}
        click.echo(json.dumps(schemas if len(schemas) > 1 else next(iter(schemas.values())), indent=2))
        return
    for index, component in enumerate(found):
        click.echo(("\n" if index else "") + _described(component, form))


def _known(components: ComponentSet) -> list[Component]:
    """Return what has a name and options: the components, the types of connection, and the runtime's part of a file."""
    from fluxion_core.config.model import RuntimeConfig

    core = components.get("runner", "local").provenance
    listed = [component for kind in KINDS for component in components.all(kind)]
    return [*listed, *components.connections(), Component("section", "runtime", RuntimeConfig, core)]


def _is_mongodbs(name: str) -> bool:
    from fluxion_core.language.compiler import known

    return name in known.STAGES | known.EXPRESSIONS


def _of_the_language() -> list[Component]:
    from fluxion_core.language.accumulators import ACCUMULATORS
    from fluxion_core.language.expressions import OPERATORS
    from fluxion_core.language.stages import STAGES

    core = Provenance("fluxion-core", metadata.version("fluxion-core"), "language")
    tables: dict[str, Mapping[str, Any]] = {"stage": STAGES, "operator": OPERATORS, "accumulator": ACCUMULATORS}
    return [Component(kind, name, value, core) for kind, table in tables.items() for name, value in table.items()]


def _list(known: list[Component]) -> None:
    for kind, group in groupby(known, key=lambda component: component.kind):
        found = list(group)
        click.echo(f"{kind}s")
        width = max(len(component.name) for component in found)
        for component in found:
            click.echo(f"  {component.name:<{width}}  {_plain(component.summary)}  ({component.provenance})")


def _options(component: Component) -> type[Options] | None:
    value = component.value
    return value if isinstance(value, type) and issubclass(value, Options) else getattr(value, "options", None)


def _schema(component: Component) -> dict[str, Any]:
    options = _options(component)
    return options.json_schema() if options is not None else {}


def _described(component: Component, form: str) -> str:
    options = _options(component)
    if form == "markdown":
        return f"## {component.kind} `{component.name}`\n\n{_plain(component.summary, '`')}\n\n{options_markdown(options)}"
    lines = [f"{component.kind} {component.name}  ({component.provenance})", f"  {_plain(component.summary)}"]
    if options is None and not isinstance(component.value, type):
        return "\n".join(lines)  # an operator: what it takes was said
    if options is None or not options.declarations():
        return "\n".join([*lines, "  no options"])
    for declared in options.declarations():
        lines += [f"  {declared.name}: {_accepted(declared)}, {_default(declared)}", f"      {_plain(declared.doc)}"]
    return "\n".join(lines)


def _plain(text: str, around: str = "") -> str:
    """Return the text of a docstring without reStructuredText's marks; what is code has *around* on both sides."""
    return re.sub(r"(?::[a-z:]+:`~?|``)(.+?)``?", rf"{around}\1{around}", text)


def _default(declared: Option) -> str:
    if declared.required:
        return "required"
    return f"default {declared.default_text}" if declared.default_text else "optional"


def _accepted(declared: Option) -> str:
    return f"{declared.type_text}, {declared.limits_text}" if declared.limits_text else declared.type_text


def options_markdown(options: type[Options] | None) -> str:
    """Return the options as a Markdown table."""
    if options is None or not options.declarations():
        return "No options."
    rows = ["| Option | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    for declared in options.declarations():
        default = "required" if declared.required else f"`{declared.default_text}`" if declared.default_text else ""
        cells = (f"`{declared.name}`", _accepted(declared), default, declared.doc)
        rows.append(f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)
