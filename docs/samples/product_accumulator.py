"""An accumulator in one file: where it begins, what a document adds, and an example that a test executes."""

from typing import Any

from fluxion_core import Accumulator
from fluxion_core.hookspecs import hookimpl
from fluxion_core.language import Example

FLUXION_SPI = (1, 0)


def multiplied(product: Any, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return product * value if number else product  # as MongoDB's $sum leaves out what is no number


PRODUCT = Accumulator(
    name="$product",
    initial=lambda: 1,
    step=multiplied,
    summary="The product of the numbers.",
    examples=[Example({"$product": "$v"}, 6, documents=[{"v": 2}, {"v": 3}])],
)


@hookimpl
def fluxion_register_accumulators() -> list[Accumulator]:
    return [PRODUCT]
