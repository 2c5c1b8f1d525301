"""An operator in one file: a function of its arguments, a descriptor, and an example that a test executes."""

from typing import Any

from fluxion_core import EvaluationError, Operator
from fluxion_core.hookspecs import hookimpl
from fluxion_core.language import MISSING, Example, type_name

FLUXION_SPI = (1, 0)


def shout(text: Any) -> Any:
    if text is None or text is MISSING:  # as MongoDB's own string operators do
        return None
    if not isinstance(text, str):
        raise EvaluationError(f"$shout needs a string, not {type_name(text)}")
    return text.upper() + "!"


SHOUT = Operator(
    name="$shout",
    function=shout,
    summary="The text in capitals.",
    examples=[Example({"$shout": "hi"}, "HI!")],
)


@hookimpl
def fluxion_register_operators() -> list[Operator]:
    return [SHOUT]
