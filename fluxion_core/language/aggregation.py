"""A pipeline over input that ends, in one call: documents in memory, or newline-delimited JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, cast

from fluxion_core.language.allowance import LIMIT_DOCUMENT_BYTES
from fluxion_core.language.collections import NONE_GIVEN
from fluxion_core.language.compilation import compile_pipeline
from fluxion_core.language.compiler.decode import lines_within
from fluxion_core.language.compiler.output import Output
from fluxion_core.language.compiler.program import Program
from fluxion_core.language.operators import Accumulator, Form, Operator
from fluxion_core.language.weighing import Weighing, too_large

__all__ = ["aggregate", "aggregate_ndjson"]

CHUNK_DOCUMENTS = 256
HELD_CHUNK_DOCUMENTS = 2048
"""The same where all documents are in memory already, once the first are through: a batch costs 5 us beside its documents."""


def aggregate(
    documents: Iterable[dict[str, Any]],
    stages: Sequence[Mapping[str, Any]],
    *,
    operators: Iterable[Operator | Form] = (),
    accumulators: Iterable[Accumulator] = (),
    variables: Mapping[str, Any] | None = None,
    collections: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    pipelines: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the result of *stages* over *documents*, which are read as far as needed and never changed.

    *operators*, *accumulators*, *variables*, *collections* and *pipelines* are those of :func:`compile_pipeline`.

    Raises:
        CompileError: at once, for wrong stages.
        EvaluationError: where MongoDB fails on a document, and for one of more than 16 MiB as BSON that is found.
        TypeError: something among *documents* is no dict, if the stages read it or it is the first.
    """
    program = compile_pipeline(
        stages,
        operators=operators,
        accumulators=accumulators,
        variables=variables,
        collections=NONE_GIVEN if collections is None else collections,
        pipelines=pipelines,
    )
    return _run(program, documents)


def _run(program: Program, documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    run = program.start(once=True)
    weighing = Weighing(program)
    batch: Sequence[Any] = ()
    try:
        for batch in _batches(documents, run.adapts_after):
            if not isinstance(batch[0], dict):
                _check_documents(documents, batch)
            yield from weighing.left(_checked(run.feed(documents=weighing.came(batch))).documents)
            if run.done:
                break
        yield from weighing.left(_checked(run.finish()).documents, held=True)
    except (AttributeError, TypeError):  # looking at the class of every document would cost up to a twentieth of a run
        _check_documents(documents, batch)
        raise


def _check_documents(documents: Iterable[Any], batch: Sequence[Any]) -> None:
    """Refuse what is no document among *documents*, if they can be gone through again, or in *batch* of them."""
    known = isinstance(documents, list | tuple)
    for number, document in enumerate(documents if known else batch):
        if not isinstance(document, dict):
            where = f"documents[{number}]" if known else "documents"
            msg = f"{where}: a document (dict) was expected, not {document!r}"
            raise TypeError(msg[:200]) from None


def _batches(documents: Iterable[Any], first: int) -> Iterator[Sequence[Any]]:
    """Yield *documents*, which may be none, batch by batch; of those that are in memory larger ones, once about *first* are through."""
    if (
        documents.__class__ is list or documents.__class__ is tuple
    ):  # a slice takes 50 ns a document less than what an iterator gives
        held = cast("Sequence[Any]", documents)
        start, size = 0, CHUNK_DOCUMENTS
        while batch := held[start : start + size]:
            yield batch
            start += size
            if start > 2 * first:
                size = HELD_CHUNK_DOCUMENTS
        return
    rest = iter(documents)
    while batch := list(islice(rest, CHUNK_DOCUMENTS)):
        yield batch


def aggregate_ndjson(
    chunks: Iterable[bytes],
    stages: Sequence[Mapping[str, Any]],
    *,
    emit: Literal["final", "updates", "each"] = "final",
    variables: Mapping[str, Any] | None = None,
    collections: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
) -> Iterator[bytes]:
    """Yield the result of *stages* over newline-delimited JSON, as newline-ended JSON.

    *chunks* may be cut anywhere; the last line may lack its newline; blank lines are left out. *emit* ``updates`` gives the groups
    that changed with each chunk, ``each`` the group after every document that touches it.

    Raises:
        CompileError: at once, for wrong stages.
        RecordError: a line is no JSON object, or longer than 16 MiB.
        EvaluationError: where MongoDB fails on a document.
        TypeError: *chunks* is one value instead of several, at once, or something among them is not bytes.
    """
    if isinstance(chunks, bytes | bytearray | memoryview | str):  # each gives out its numbers or characters
        msg = f"chunks: an iterable of bytes was expected, not {type(chunks).__name__} itself; write [chunk]"
        raise TypeError(msg)
    program = compile_pipeline(stages, variables=variables, collections=NONE_GIVEN if collections is None else collections)
    return _run_ndjson(program, chunks, emit)


def _run_ndjson(program: Program, chunks: Iterable[bytes], emit: Literal["final", "updates", "each"]) -> Iterator[bytes]:
    run = program.start(emit=emit, once=emit != "updates")
    run.skips_blank_lines = True
    run.max_record_bytes = LIMIT_DOCUMENT_BYTES
    for block in _blocks(chunks):
        yield from _lines(program, _checked(run.feed(block=block)))
        if emit == "updates":
            yield from _lines(program, _checked(run.changed()))
        if run.done:
            break
    yield from _lines(program, _checked(run.finish()))


def _lines(program: Program, output: Output) -> Iterator[bytes]:
    """Yield the rows of *output* as newline-ended JSON."""
    for lines in output.json_parts():
        if not lines_within(lines, LIMIT_DOCUMENT_BYTES):
            raise too_large(program)
        yield lines


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines."""
    rest = b""
    for chunk in chunks:
        try:
            end = chunk.rfind(b"\n") + 1
        except (AttributeError, TypeError):
            msg = f"chunks: bytes were expected, not {chunk!r}"
            raise TypeError(msg[:200]) from None
        if not end:
            rest += chunk
            continue
        block = b"".join((rest, memoryview(chunk)[:end])) if rest else chunk[:end]  # copied once
        rest = chunk[end:]
        yield block
    if rest.strip():
        yield rest + b"\n"


def _checked(output: Output) -> Output:
    if output.failures:
        raise output.failures[0].error
    return output
