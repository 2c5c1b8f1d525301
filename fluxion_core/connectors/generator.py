"""Source "generator": documents that nobody had to record, the same ones for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import attrs

from fluxion_core.connectors.templates import Draw, check_template, fill_template
from fluxion_core.spi import Batch, Context, Document, EndOfInput, Json, Options, Source, option

__all__ = ["GeneratorOptions", "GeneratorSource"]

_SPLIT = "0"
_START = datetime(2024, 1, 1, tzinfo=UTC)
_STATUSES = ("PAID", "PAID", "PAID", "PAID", "PAID", "PAID", "PENDING", "PENDING", "CANCELLED", "REFUNDED")


@attrs.frozen
class GeneratorOptions(Options):
    """How many documents of which kind, and how fast."""

    kind: Literal["counter", "orders"] = option(
        "counter", "What to make: counter is {n: 0}, {n: 1}, and so on; orders are order events."
    )
    template: dict[str, Any] | None = option(
        None,
        "A document to make in place of a kind. In it {$index: start} counts, {$int: [low, high]} and {$number: [low, high]} draw"
        " between the two, {$choice: [...]} draws one of a list, {$time: seconds} counts time in steps.",
        example={"id": {"$index": 1}, "level": {"$choice": ["info", "error"]}},
        check=check_template,
    )
    count: int | None = option(None, "How many documents to make; unset, they never end.", minimum=0)
    rate_per_second: float | None = option(
        None, "How many to make per second; unset, as fast as they are taken.", minimum=0.001
    )
    seed: int = option(0, "Another seed makes other documents.")


class GeneratorSource(Source[GeneratorOptions]):
    """Makes documents: each follows from the seed and its index alone, so any range can be made again.

    In a *template*, ``{$index: start}`` counts from *start*, ``{$int: [low, high]}`` and ``{$number: [low, high]}`` draw
    between the two, ``{$choice: [...]}`` draws one of a list, ``{$time: seconds}`` counts time from the start of 2024 in
    steps, and everything else is taken as it is.
    """

    name: ClassVar[str] = "generator"
    options: ClassVar[type[Options]] = GeneratorOptions
    prompt: ClassVar[bool] = True
    ranges: ClassVar[bool] = True

    def __init__(self, config: GeneratorOptions) -> None:
        """Keep the options."""
        super().__init__(config)
        self._make = _maker(config)
        self._context = Context(pipeline_id="-")
        self._next = self._first = 0
        self._began = 0.0

    @property
    def bounded(self) -> bool:
        """Whether there is a *count*."""
        return self.config.count is not None

    def open(self, context: Context, positions: Mapping[str, Json | None]) -> None:
        """Stand at the position; a *rate* counts from now."""
        position = positions.get(_SPLIT)
        self._context = context
        self._next = self._first = position if isinstance(position, int) else 0
        self._began = context.host.clock.monotonic()

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        """Return the next documents, as many as the rate allows by now.

        Raises:
            EndOfInput: *count* documents were made.
        """
        if self.config.count is not None and self._next >= self.config.count:
            raise EndOfInput
        end = min(self._next + max_records, self._allowed(timeout_seconds))
        if end <= self._next:
            return Batch.empty()
        places = range(self._next, end)
        self._next = end
        return Batch(positions={_SPLIT: end}, documents=[self._make(index) for index in places], record_positions=places)

    def _allowed(self, timeout_seconds: float) -> int:
        """Return the index before which the rate allows to make documents, waiting for one more if there is none."""
        count, rate = self.config.count, self.config.rate_per_second
        most = count if count is not None else 2**63
        if rate is None:
            return most
        clock = self._context.host.clock
        due = self._began + (self._next + 1 - self._first) / rate
        wait = min(due - clock.monotonic(), timeout_seconds)
        if wait > 0:
            clock.wait(self._context.stopping, wait)
        elapsed = (clock.monotonic() - self._began) * rate
        return min(
            most, self._first + math.floor(elapsed + 1e-6)
        )  # at the very moment when one is due, rounding may lack a hair


def _maker(config: GeneratorOptions) -> Callable[[int], Document]:
    seed = config.seed
    if config.template is not None:
        template = config.template
        return lambda index: fill_template(template, Draw(seed, index))
    return (lambda index: {"n": index}) if config.kind == "counter" else lambda index: _order(Draw(seed, index))


def _order(draw: Draw) -> Document:
    return {
        "orderId": f"o-{draw.index:08d}",
        "customerId": f"c-{min(draw.below(10_000), draw.below(10_000)):05d}",
        "status": draw.one_of(_STATUSES),
        "orderValue": round(5 + draw.between(0, 1) ** 3 * 995, 2),
        "currency": "EUR",
        "items": draw.below(9) + 1,
        "createdAt": (_START + timedelta(seconds=draw.index)).isoformat().replace("+00:00", "Z"),
    }
