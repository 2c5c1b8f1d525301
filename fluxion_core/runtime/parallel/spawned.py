"""A worker that was not forked: a new interpreter that is told what the pipeline is, and binds it again.

Only plain values travel, so a pipeline with anything else in it (a callable, an object that only the caller's process has) runs in one
process. A worker that cannot make the same pipeline of what it was told says so before anything has begun.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from fluxion_core.config.model import CodecConfig, PipelineDefinition, RuntimeConfig, SinkConfig, SourceConfig, StateConfig
from fluxion_core.errors import FluxionError
from fluxion_core.plugins import load_plugins
from fluxion_core.runtime.binding import bind
from fluxion_core.runtime.parallel.channel import Channel, Closed, Message
from fluxion_core.runtime.parallel.launch import components_of
from fluxion_core.runtime.parallel.worker import Assignment, work
from fluxion_core.spi import Context

__all__ = ["main"]


def _definition(told: dict[str, Any]) -> PipelineDefinition:
    source, sink = told["source"], told["sink"]
    return PipelineDefinition(
        id=told["id"],
        source=SourceConfig(source["type"], codec=_codec(source["codec"]), **source["options"]),
        sink=SinkConfig(sink["type"], codec=_codec(sink["codec"]), **sink["options"]),
        stages=told["stages"],
        emit=told["emit"],
        state_store=StateConfig("memory"),
        runtime=RuntimeConfig(**told["runtime"]),
        connections=told["connections"],
        variables=told["variables"],
        collections={name: [] for name in told["collections"]},
        pipelines=told["pipelines"],
        base_dir=Path(told["base_dir"]),
    )


def _codec(told: Any) -> Any:
    return CodecConfig(told["type"], **told["options"]) if isinstance(told, dict) else told


def main(*descriptors: int) -> None:
    """Be told a pipeline over the first of the two sockets with these *descriptors*, and work for it."""
    channel, groups = (Channel(socket.socket(fileno=descriptor)) for descriptor in descriptors)
    try:
        seed, number, told = channel.receive().content
        try:
            bound = bind(_definition(told), load_plugins().components)
        except FluxionError as error:
            channel.send(Message("refused", f"a new process does not know all of it: {error}"))
            return
        if bound.division is None or told["components"] != components_of(bound):
            channel.send(Message("refused", "a new process finds other components under the same names"))
            return
        definition = bound.definition
        context = Context(
            pipeline_id=definition.id,
            base_dir=definition.base_dir,
            connections=definition.connections,
            max_record_bytes=definition.runtime.max_record_bytes,
        )
        assignment = Assignment(division=bound.division, seed=seed, context=context, number=number)
        work(channel, groups, assignment)
    except Closed:
        return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
