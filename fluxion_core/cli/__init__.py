"""The command line. Nothing is imported with this page, so that an interrupt meets :func:`main` almost from the start."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; an interrupt that no command answers ends it with 130 and without a word."""
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        code = _EXIT_INTERRUPTED
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    import click

    from fluxion_core.cli.group import cli
    from fluxion_core.cli.letters import exit_with

    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, prog_name="fluxion", standalone_mode=False)
    except click.exceptions.Abort:
        return _EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return 78 if isinstance(error, click.UsageError) else error.exit_code
    except Exception as error:  # noqa: BLE001  # the last place where anything can be told to a person
        exit_with(error)
    return code if isinstance(code, int) else 0
