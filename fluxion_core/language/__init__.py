"""MongoDB's aggregation language over plain Python values, compiled to Python. Pure: documents in, documents out.

Source of the meaning: MongoDB manual 8.0. This page is the facade; nothing else of the package is public.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluxion_core.language.columns import pack_columns, unpack_columns
from fluxion_core.language.compilation import compile_pipeline, own_names
from fluxion_core.language.compiler.cut import Cut, TailRun, cut_program
from fluxion_core.language.compiler.decode import lines_within
from fluxion_core.language.compiler.output import Failure, Output
from fluxion_core.language.compiler.parts import AnsweringStep, StageForm, StepPart
from fluxion_core.language.compiler.program import PlanStep, Program
from fluxion_core.language.compiler.run import Run
from fluxion_core.language.compiler.sharding import MAX_SHARDS, Dealt, Delta, Shard
from fluxion_core.language.encoding import decode_value, encode_documents, encode_json_lines, encode_value
from fluxion_core.language.operators import Accumulator, Example, Form, Operator
from fluxion_core.language.values import MISSING, type_name

if TYPE_CHECKING:
    from fluxion_core.language.aggregation import aggregate, aggregate_ndjson

__all__ = [
    "MAX_SHARDS",
    "MISSING",
    "Accumulator",
    "AnsweringStep",
    "Cut",
    "Dealt",
    "Delta",
    "Example",
    "Failure",
    "Form",
    "Operator",
    "Output",
    "PlanStep",
    "Program",
    "Run",
    "Shard",
    "StageForm",
    "StepPart",
    "TailRun",
    "aggregate",
    "aggregate_ndjson",
    "compile_pipeline",
    "cut_program",
    "decode_value",
    "encode_documents",
    "encode_json_lines",
    "encode_value",
    "lines_within",
    "own_names",
    "pack_columns",
    "type_name",
    "unpack_columns",
]


def __getattr__(name: str) -> Any:
    if name not in {"aggregate", "aggregate_ndjson"}:
        msg = f"module 'fluxion_core.language' has no attribute {name!r}"
        raise AttributeError(msg)
    from fluxion_core.language import aggregation  # not before it is used: the runtime needs only programs

    return getattr(aggregation, name)
