"""An operator that asks the outside world: a batch at a time, through a connection of the pipeline file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from fluxion_core import Operator
from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import REQUIRED, Options, RecordError, TransientError, option

FLUXION_SPI = (1, 0)


@attrs.frozen
class RateOptions(Options):
    path: Path = option(REQUIRED, "The JSON file with a rate for every currency.")


def rates_of(calls: Sequence[Mapping[str, Any]], effects: Any) -> list[Any]:
    """Return an answer to every call; an exception object answers a call that failed on its own."""
    given = effects.connection(calls[0]["connection"])  # a constant, so the same for all; as it stands in the pipeline file
    told = {name: value for name, value in given.items() if name != "type"}
    path = RateOptions.parse(told, base_dir=effects.base_dir).path  # relative to the pipeline file
    try:
        rates = json.loads(path.read_text())
    except FileNotFoundError:
        raise TransientError(f"$rate: {path} is not there") from None  # the source pauses, and the whole batch is asked again
    unknown = (RecordError(f"$rate: there is no rate for {call['currency']!r}") for call in calls)
    return [rates.get(call["currency"], error) for call, error in zip(calls, unknown, strict=True)]


RATE = Operator(
    name="$rate",
    pure=False,
    foldable=False,
    evaluate_batch=rates_of,
    connection=("rates", RateOptions),
    arguments=("connection", "currency"),
    constants=("connection",),
)


@hookimpl
def fluxion_register_operators() -> list[Operator]:
    return [RATE]
