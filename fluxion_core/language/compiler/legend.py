"""What the names in generated text stand for: nothing that a user wrote stands in the text, and without it nobody could read it."""

from __future__ import annotations

from typing import Any, Final

from fluxion_core.language.compiler.written import Written
from fluxion_core.language.values import shown

__all__ = ["legend"]

_OURS: Final = "fluxion_core.language."
_ALWAYS: Final = {"M": "what is missing", "N": "no number so far"}


def legend(written: Written) -> str:
    """Return comments, a line for each name: fields of the input, constants, and functions by the file where they are found."""
    names = {f"d.{attribute}": field for attribute, field in _fields(written.record).items()}
    names |= {name: _meaning(value) for name, value in written.constants.items()} | _ALWAYS
    return "".join(f"# {name:<5} {meaning}\n" for name, meaning in names.items())


def _fields(record: Any) -> dict[str, str]:
    """Return for each attribute of a class that documents are decoded into the name of its field; none of any other class."""
    attributes = getattr(record, "__struct_fields__", ())
    return {attribute: shown(record.__struct_encode_fields__[place]) for place, attribute in enumerate(attributes)}


def _meaning(value: Any) -> str:
    if isinstance(value, type):
        fields = ", ".join(f"{attribute} {field}" for attribute, field in _fields(value).items())
        return f"an object, decoded in part: {fields}" if fields else f"class {value.__name__}"
    if not callable(value):
        return shown(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    module = str(getattr(value, "__module__", None) or type(value).__module__).removeprefix(_OURS)
    return f"{module}.{named.__qualname__.rpartition('.')[2]}"
