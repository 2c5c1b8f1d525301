"""How bytes are read by a program: which fields are decoded, and whether the original lines can leave as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep
from fluxion_core.language.compiler.output import Output
from fluxion_core.language.compiler.parts import StepPart

if TYPE_CHECKING:
    from fluxion_core.language.compiler.program import Program

__all__ = ["blocking_after", "choose_reading", "put_lines"]


def choose_reading(program: Program, *, each: bool) -> tuple[Decoder, Loaded | None, str]:
    """Return the decoder for bytes, the code of the first segment for what it makes, and the form of the rows."""
    first = program.first
    if not program.steps:
        return Decoder(()), None, "index"
    if first is None:
        return Decoder(None), None, "dict"
    alone = len(program.steps) == 1 and first.segment.folding is None
    passes = alone and first.load().written.passes
    try:
        if passes:
            fields = first.load(output="index").written
            decoder = Decoder(fields.loads if not fields.whole else None)
            return decoder, first.load(attributes=decoder.attributes, output="index"), "index"
        if program.required_fields is None:
            return Decoder(None), None, "dict"
        decoder = Decoder(program.required_fields)
        if alone:
            return decoder, first.load(attributes=decoder.attributes, output="struct"), "struct"
        return decoder, first.load(attributes=decoder.attributes, each=each), "dict"
    except ValueError:  # a name that msgspec cannot take as a field's name
        return Decoder(None), None, "dict"


def put_lines(output: Output, block: bytes | None, payloads: Sequence[bytes]) -> None:
    """Put the original lines in place of their indexes."""
    output.form = "line"
    if not output.rows:
        return
    lines: Sequence[bytes] = payloads
    if block is not None:
        lines = block.split(b"\n")
        if len(output.rows) == len(lines) - 1:
            output.block = block
            output.rows = lines[:-1]
            return
    output.rows = [lines[index] for index in output.rows]


def blocking_after(program: Program, index: int) -> bool:
    """Whether anything after step *index* holds documents back or changes what it gave out."""
    return any(
        isinstance(step, StepPart) or (isinstance(step, SegmentStep) and step.segment.folding is not None)
        for step in program.steps[index + 1 :]
    )
