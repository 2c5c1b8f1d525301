"""A source in one file: a document per tick, resumable, bounded on request."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Batch, Context, EndOfInput, Options, Source, option

FLUXION_SPI = (1, 0)  # the version of the SPI that this plugin was written for


@attrs.frozen
class TickOptions(Options):
    count: int | None = option(None, "How many ticks to make; unset, they never end.", minimum=0)
    prefix: str = option("tick", "What every tick is called.")


class TickSource(Source[TickOptions]):
    """Makes ticks, numbered from 0."""

    name: ClassVar[str] = "ticks"
    options: ClassVar[type[Options]] = TickOptions
    ranges: ClassVar[bool] = True  # reading [a, b) again gives the same ticks

    @property
    def bounded(self) -> bool:
        return self.config.count is not None

    def open(self, context: Context, positions: Mapping[str, Any]) -> None:
        self._next = positions.get("0") or 0  # where the last seal ended; None on the first run

    def poll(self, max_records: int, timeout_seconds: float) -> Batch:
        end = self._next + max_records
        if self.config.count is not None:
            end = min(end, self.config.count)
            if self._next >= end:
                raise EndOfInput
        numbers = range(self._next, end)
        self._next = end
        return Batch(positions={"0": end}, documents=[{"_id": n, "name": f"{self.config.prefix}-{n}"} for n in numbers])


@hookimpl
def fluxion_register_sources() -> list[type[Source[Any]]]:
    return [TickSource]
