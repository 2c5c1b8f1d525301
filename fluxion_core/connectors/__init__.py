"""Connectors of the core: files, standard input and output, Python lists, and generated documents."""

from __future__ import annotations

from typing import Any

from fluxion_core.connectors.file_sink import FileSink
from fluxion_core.connectors.file_source import FileSource
from fluxion_core.connectors.generator import GeneratorSource
from fluxion_core.connectors.memory import MemorySink, MemorySource
from fluxion_core.connectors.stdio import StdinSource, StdoutSink
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Sink, Source

__all__ = ["FileSink", "FileSource", "GeneratorSource", "MemorySink", "MemorySource", "StdinSource", "StdoutSink"]


@hookimpl
def fluxion_register_sources() -> list[type[Source[Any]]]:
    """Return the sources."""
    return [FileSource, GeneratorSource, MemorySource, StdinSource]


@hookimpl
def fluxion_register_sinks() -> list[type[Sink[Any]]]:
    """Return the sinks."""
    return [FileSink, MemorySink, StdoutSink]
