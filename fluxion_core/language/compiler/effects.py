"""Effectful calls between segments: gathered for a whole batch, asked once, answered beside the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fluxion_core.language.compiler.frame import Gathering, stage_of
from fluxion_core.language.compiler.loaded import SegmentStep
from fluxion_core.language.compiler.nodes import Call
from fluxion_core.language.compiler.output import Failure

if TYPE_CHECKING:
    from fluxion_core.language.compiler.run import Run

__all__ = ["EffectStep"]


class EffectStep(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of effectful operators, inner ones first, and the segments that gather their arguments."""

    calls: tuple[Call, ...]
    gathers: tuple[SegmentStep, ...]

    def ask(
        self, run: Run, rows: Sequence[Any], origins: Sequence[int | None] | None
    ) -> tuple[list[Any], list[int | None], list[list[Any]]]:
        """Ask every operator once; return the documents that got their answers, their records, and the answers to each call."""
        documents = list(rows)
        places: list[int | None] = list(origins if origins is not None else range(len(documents)))
        answers: list[list[Any]] = []
        for call, gather in zip(self.calls, self.gathers, strict=True):
            gathered: list[Any] = []
            kept: list[int | None] = []
            code = gather.load()
            positions = range(len(documents))
            frame = Gathering(run, code, places)
            code.function(documents, positions, answers, frame, gathered, kept, None)
            calls = [_arguments(call, row["_"]) for row in gathered]
            evaluate = call.operator.evaluate_batch
            given = evaluate(calls, run.context) if calls and evaluate is not None else ()
            stage = stage_of(call.where)
            remaining: list[int] = []
            got: list[Any] = []
            for position, answer in zip(kept, given, strict=True):
                assert position is not None  # a range gave it
                if isinstance(answer, Exception):
                    run.failures.append(Failure(places[position], stage, call.where, answer, documents[position]))
                    if stage is not None:
                        run.counts[stage][2] += 1
                else:
                    remaining.append(position)
                    got.append(answer)
            documents = [documents[position] for position in remaining]
            places = [places[position] for position in remaining]
            answers = [*([column[position] for position in remaining] for column in answers), got]
        return documents, places, answers


def _arguments(call: Any, values: Sequence[Any]) -> Any:
    operator = call.operator
    if operator.named:
        return dict(zip((*operator.arguments, *operator.optional), values, strict=True))
    return tuple(values)
