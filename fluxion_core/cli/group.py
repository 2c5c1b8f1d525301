"""The group of all commands: ``fluxion run | lint | explain | plugins | components``, one file per command.

Commands are imported when they are called, so that each starts as fast as what it needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

import click

__all__ = ["cli"]

_COMMANDS: Final[Mapping[str, str]] = {
    "run": "Run a pipeline until its source ends or a signal comes.",
    "lint": "Check pipeline files without running them or reaching the network.",
    "explain": "Show the plan of a pipeline and the Python that it becomes.",
    "plugins": "List the plugins that were found.",
    "components": "List what a pipeline can name, or the options of one component.",
}


class _Group(click.Group):
    """The built-in commands by name; a plugin's commands are asked for only when the name is none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands, then those of plugins."""
        del ctx
        self._add_plugin_commands()
        return [*_COMMANDS, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it."""
        del ctx
        if cmd_name in _COMMANDS:
            command: click.Command = importlib.import_module(f"fluxion_core.cli.{cmd_name}").command
            return command
        self._add_plugin_commands()
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name what is close to a mistyped command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from fluxion_core.errors import did_you_mean

            near = did_you_mean(args[0], self.list_commands(ctx)) if args else ""
            raise click.UsageError(f"{error.message.rstrip('.')}{'; ' + near if near else ''}", ctx) from None

    def _add_plugin_commands(self) -> None:
        if not getattr(self, "_asked", False):
            self._asked = True
            from fluxion_core.plugins import load_plugins

            for distribution, error in load_plugins().call_each("fluxion_register_commands", cli=self):
                click.echo(f"plugin {distribution}: its commands are missing ({type(error).__name__}: {error})", err=True)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        names = self.list_commands(ctx)
        rows = [(name, _COMMANDS.get(name) or self.commands[name].get_short_help_str(80)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fluxion-core", prog_name="fluxion")
def cli() -> None:
    """Plugin-first streaming: source, MongoDB aggregation stages, sink.

    Exit codes: 0 done, 70 bug, 74 gave up on the outside world, 75 fenced or already running, 76 state does not fit,
    78 configuration, 128+n ended by signal n.
    """
