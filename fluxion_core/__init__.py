"""Fluxion: plugin-first streaming, source -> MongoDB aggregation stages -> sink.

This page is nothing but names. Each is imported when it is first used, so that ``import fluxion_core`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluxion_core.components import ComponentSet
    from fluxion_core.config.load import load_pipeline, load_stages
    from fluxion_core.config.model import (
        CodecConfig,
        ErrorPolicy,
        PipelineDefinition,
        RunnerConfig,
        RuntimeConfig,
        SinkConfig,
        SourceConfig,
        StateConfig,
    )
    from fluxion_core.errors import CompileError, ConfigError, EvaluationError, FluxionError
    from fluxion_core.language import Accumulator, Operator, Program, aggregate, aggregate_ndjson, compile_pipeline
    from fluxion_core.observability.metrics import MetricsRegistry, StageMetrics
    from fluxion_core.plugins import load_plugins
    from fluxion_core.runtime.orchestrator import PipelineHandle, PipelineOrchestrator
    from fluxion_core.spi import StateStore
    from fluxion_core.state import InMemoryStateStore, SqliteStateStore

_HOMES = {
    "fluxion_core.components": ("ComponentSet",),
    "fluxion_core.config.load": ("load_pipeline", "load_stages"),
    "fluxion_core.config.model": (
        "CodecConfig",
        "ErrorPolicy",
        "PipelineDefinition",
        "RunnerConfig",
        "RuntimeConfig",
        "SinkConfig",
        "SourceConfig",
        "StateConfig",
    ),
    "fluxion_core.errors": ("CompileError", "ConfigError", "EvaluationError", "FluxionError"),
    "fluxion_core.language": ("Accumulator", "Operator", "Program", "aggregate", "aggregate_ndjson", "compile_pipeline"),
    "fluxion_core.observability.metrics": ("MetricsRegistry", "StageMetrics"),
    "fluxion_core.plugins": ("load_plugins",),
    "fluxion_core.runtime.orchestrator": ("PipelineHandle", "PipelineOrchestrator"),
    "fluxion_core.spi": ("StateStore",),
    "fluxion_core.state": ("InMemoryStateStore", "SqliteStateStore"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Accumulator",
    "CodecConfig",
    "CompileError",
    "ComponentSet",
    "ConfigError",
    "ErrorPolicy",
    "EvaluationError",
    "FluxionError",
    "InMemoryStateStore",
    "MetricsRegistry",
    "Operator",
    "PipelineDefinition",
    "PipelineHandle",
    "PipelineOrchestrator",
    "Program",
    "RunnerConfig",
    "RuntimeConfig",
    "SinkConfig",
    "SourceConfig",
    "SqliteStateStore",
    "StageMetrics",
    "StateConfig",
    "StateStore",
    "aggregate",
    "aggregate_ndjson",
    "compile_pipeline",
    "load_pipeline",
    "load_plugins",
    "load_stages",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        msg = f"module 'fluxion_core' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
