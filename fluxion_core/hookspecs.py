"""Every hook on one page.

A hook is a door, not a corridor: the ``fluxion_register_*`` hooks run once, at start-up, and hand over classes or descriptors;
no hook runs per record. Built-in components come in through the same doors::

    # my_plugin.py, named by the entry point  [project.entry-points.fluxion]  my-plugin = "my_plugin"
    from fluxion_core.hookspecs import hookimpl
    from my_plugin.source import TickSource

    FLUXION_SPI = (1, 0)

    @hookimpl
    def fluxion_register_sources():
        return [TickSource]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    import click

    from fluxion_core.language import Accumulator, Operator
    from fluxion_core.observability.events import Event
    from fluxion_core.spi import Codec, Runner, Sink, Source, Stage, StateStore

__all__ = ["ENTRY_POINT_GROUP", "PROJECT_NAME", "hookimpl", "hookspec"]

PROJECT_NAME: Final = "fluxion"
ENTRY_POINT_GROUP: Final = "fluxion"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def fluxion_register_sources() -> list[type[Source[Any]]]:  # type: ignore[empty-body]  # a specification has no body
    """Return source classes. Called once per process; must not block, open anything or import a client library."""


@hookspec
def fluxion_register_sinks() -> list[type[Sink[Any]]]:  # type: ignore[empty-body]  # a specification has no body
    """Return sink classes. Called once per process; must not block, open anything or import a client library."""


@hookspec
def fluxion_register_codecs() -> list[type[Codec[Any]]]:  # type: ignore[empty-body]  # a specification has no body
    """Return codec classes: bytes to documents and back."""


@hookspec
def fluxion_register_stages() -> list[type[Stage]]:  # type: ignore[empty-body]  # a specification has no body
    """Return stage classes; their names start with ``$`` and must not be a stage of MongoDB's."""


@hookspec
def fluxion_register_operators() -> list[Operator]:  # type: ignore[empty-body]  # a specification has no body
    """Return expression operators: descriptors with a function, an argument schema and examples that a test executes."""


@hookspec
def fluxion_register_accumulators() -> list[Accumulator]:  # type: ignore[empty-body]  # a specification has no body
    """Return accumulators for ``$group``: descriptors with a start value, a step, a result and examples."""


@hookspec
def fluxion_register_state_stores() -> list[type[StateStore[Any]]]:  # type: ignore[empty-body]  # a specification has no body
    """Return state store classes."""


@hookspec
def fluxion_register_runners() -> list[type[Runner]]:  # type: ignore[empty-body]  # a specification has no body
    """Return runner classes: who executes a bound pipeline."""


@hookspec
def fluxion_register_commands(cli: click.Group) -> None:
    """Add commands to the ``fluxion`` command line. Called only when the command line starts."""


@hookspec
def fluxion_event(event: Event) -> None:
    """Learn of something that happened to a pipeline: a start, a seal, a pause, a failure, an end.

    Called at most once per batch, from the runtime's threads; must return quickly. What it raises is logged and ignored.
    The classes of events are in :mod:`fluxion_core.observability.events`.
    """
