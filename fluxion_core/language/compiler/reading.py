"""How bytes are read by a program: which fields are decoded, and whether the original lines can leave as they came."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from itertools import islice
from operator import sub
from typing import TYPE_CHECKING, Final, Literal

from fluxion_core.language.compiler.decode import Decoder
from fluxion_core.language.compiler.demand import Demand
from fluxion_core.language.compiler.loaded import Loaded, SegmentStep
from fluxion_core.language.compiler.output import Output
from fluxion_core.language.compiler.parts import StepPart

if TYPE_CHECKING:
    from fluxion_core.language.compiler.program import Program

_FEW: Final = 8
"""So few rows of a block, in order, are found one after the other: on average the half of its lines is left alone."""

__all__ = ["blocking_after", "choose_reading", "put_lines"]


def choose_reading(program: Program, *, each: bool) -> tuple[Decoder, Loaded | None, str]:
    """Return the decoder for bytes, the code of the first segment for what it makes, and the form of the rows."""
    first = program.first
    if not program.steps:
        nothing = Demand()
        nothing.settle_record()
        return Decoder(nothing.decodes_into), None, "index"
    if first is None:
        return Decoder(None), None, "dict"
    alone = len(program.steps) == 1 and (each or first.segment.folding is None)
    plain: Loaded | None = None
    form: Literal["index", "struct", "dict"] = "struct" if alone else "dict"
    if alone and first.load().written.passes:
        form, plain = "index", first.load(output="index")
    whole = program.required_fields is None if plain is None else plain.written.whole
    if not whole:
        with suppress(ValueError):  # a name that msgspec cannot take as that of a row's field
            loaded = first.load(records=True, output=form, each=each)
            if loaded.written.record is not None:
                return Decoder(loaded.written.record), loaded, form
    return Decoder(None), plain, form if plain is not None else "dict"


def put_lines(output: Output, block: bytes | None, count: int, payloads: Sequence[bytes]) -> None:
    """Put the original lines in place of their indexes; *count*: how many lines *block* has."""
    output.form = "line"
    if block is None:
        output.rows = [payloads[index] for index in output.rows]
    elif len(output.rows) == count:
        output.block = block
    elif output.rows:
        output.form = "ended line"
        lines = BytesIO(block)  # the fastest that Python has to find newlines
        if len(output.rows) <= _FEW:
            steps = map(sub, output.rows, [0, *(index + 1 for index in output.rows)])
            output.rows = [next(islice(lines, step, None)) for step in steps]
        else:
            found = lines.readlines()
            output.rows = [found[index] for index in output.rows]


def blocking_after(program: Program, index: int) -> bool:
    """Whether anything after step *index* holds documents back or changes what it gave out."""
    return any(
        isinstance(step, StepPart) or (isinstance(step, SegmentStep) and step.segment.folding is not None)
        for step in program.steps[index + 1 :]
    )
