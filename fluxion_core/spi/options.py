"""Declared options: one line per option parses it, lints it, redacts it, documents it and describes it as JSON Schema.

::

    @attrs.frozen
    class TickOptions(Options):
        interval_seconds: float = option(1.0, "Time between two ticks.", minimum=0)
        label: str = option("tick", "Text of each tick.")

    TickOptions.parse({"interval_seconds": "2.5"}, where="source")     # TickOptions(interval_seconds=2.5, label='tick')

The type annotation says what is accepted: ``str``, ``int``, ``float``, ``bool``, ``Path``, ``Secret``, ``Literal["a", "b"]``,
``list[...]``, ``dict[str, ...]``, ``Any``, and any of these ``| None``. Text from the environment is converted (``"5"`` for an
``int``); nothing else is guessed.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import attrs

from fluxion_core.errors import ConfigError, Problem, did_you_mean

__all__ = ["REQUIRED", "Option", "Options", "Secret", "option"]

REQUIRED: Any = attrs.NOTHING
"""Give it as the default of an option that must be set."""

_KEY = "fluxion_option"


class Secret:
    """Text that never shows itself: ``repr`` and ``str`` give ``***``; ask :meth:`reveal` where it is used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap *text*."""
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        """Return ``***``."""
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Compare the texts."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self._text)


@attrs.frozen(kw_only=True)
class Option:
    """The declaration of one option, as tools see it."""

    name: str
    doc: str
    annotation: Any
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    example: Any = None
    deprecated: str = ""
    check: Callable[[Any], str | None] | None = None

    @property
    def required(self) -> bool:
        """Whether the option must be set."""
        return self.default is REQUIRED

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return _holds_secret(self.annotation)

    @property
    def type_text(self) -> str:
        """The type in words that a pipeline author knows (``text``, ``integer``, ``one of a, b``)."""
        return " or ".join(_type_word(part) for part in _alternatives(self.annotation) if part is not type(None))

    @property
    def limits_text(self) -> str:
        """The least and the greatest value in words, or nothing (``at least 0``, ``1 to 256``)."""
        if self.minimum is None:
            return "" if self.maximum is None else f"at most {self.maximum:.15g}"
        return f"at least {self.minimum:.15g}" if self.maximum is None else f"{self.minimum:.15g} to {self.maximum:.15g}"

    @property
    def default_text(self) -> str:
        """The default as it would be written in a pipeline file, or ``required``."""
        if self.required:
            return "required"
        value = self.default.factory() if isinstance(self.default, attrs.Factory) else self.default  # type: ignore[arg-type]
        return "" if value is None else _yaml_text(value)


def option(
    default: Any,
    doc: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    example: Any = None,
    deprecated: str = "",
    check: Callable[[Any], str | None] | None = None,
) -> Any:
    """Declare an option: its *default* (``REQUIRED`` if there is none), one sentence of *doc*, and what limits its value.

    *check* gets the converted value and returns what is wrong with it, or ``None``. *deprecated* says what to use instead.
    A mutable default is given as ``attrs.Factory``.
    """
    facts = {"doc": doc, "minimum": minimum, "maximum": maximum, "example": example, "deprecated": deprecated, "check": check}
    return attrs.field(default=default, kw_only=True, metadata={_KEY: facts})


@attrs.frozen
class Options:
    """Base of every options class; itself an options class without options."""

    @classmethod
    @functools.cache  # reading the annotations takes most of the time of a parse, and every parse asks twice
    def declarations(cls) -> tuple[Option, ...]:
        """Return the declared options in the order of the class."""
        hints = typing.get_type_hints(cls)
        return tuple(
            Option(name=field.name, annotation=hints[field.name], default=field.default, **field.metadata[_KEY])
            for field in attrs.fields(cls)
            if _KEY in field.metadata
        )

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, where: str = "", base_dir: Path | None = None) -> Self:
        """Return the options in *values*, converted and checked; relative paths are taken relative to *base_dir*.

        Raises:
            ConfigError: with one :class:`Problem` for each option that is unknown, missing or wrong, each at *where*.option.
        """
        problems: list[Problem] = []
        parsed = {
            declared.name: value
            for declared in cls.declarations()
            if (value := _parse_one(declared, values, where, base_dir, problems)) is not REQUIRED
        }
        problems += _unknown(values, {declared.name for declared in cls.declarations()}, where)
        if not problems:
            options = cls(**parsed)
            problems = [Problem(_dotted(where, name), message) for name, message in options.lint()]
        if problems:
            raise ConfigError(problems)
        return options

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return ``(option name, what is wrong)`` for problems that need several options at once to see."""
        return ()

    def redacted(self) -> dict[str, Any]:
        """Return the options as plain values with every secret as ``***``, fit for logs."""
        return {declared.name: _plain(getattr(self, declared.name)) for declared in self.declarations()}

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return a JSON Schema (draft 2020-12) of these options."""
        declared = cls.declarations()
        schema: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {item.name: _schema_of(item) for item in declared},
            "additionalProperties": False,
        }
        required = [item.name for item in declared if item.required]
        return schema | ({"required": required} if required else {})


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _unknown(values: Mapping[str, Any], known: set[str], where: str) -> list[Problem]:
    return [
        Problem(
            _dotted(where, str(name)),
            f"unknown option '{name}'",
            did_you_mean(str(name), known) or f"known options: {', '.join(sorted(known)) or 'none'}",
        )
        for name in values
        if name not in known
    ]


def _parse_one(declared: Option, values: Mapping[str, Any], where: str, base_dir: Path | None, problems: list[Problem]) -> Any:
    path = _dotted(where, declared.name)
    if declared.name not in values:
        if declared.required:
            problems.append(Problem(path, "required option is missing", f"set it to {declared.type_text}: {declared.doc}"))
        return REQUIRED
    try:
        value = _convert(values[declared.name], declared.annotation, base_dir)
        _check(declared, value)
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return REQUIRED
    return value


def _check(declared: Option, value: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        small = declared.minimum is not None and value < declared.minimum
        if small or (declared.maximum is not None and value > declared.maximum):
            msg = f"{value} is too {'small' if small else 'large'}; expected {declared.limits_text}"
            raise ValueError(msg)
    if declared.check and value is not None and (wrong := declared.check(value)):
        raise ValueError(wrong)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _holds_secret(annotation: Any) -> bool:
    """Return whether *annotation* is ``Secret`` or holds it anywhere, as ``dict[str, Secret]`` does."""
    return annotation is Secret or any(_holds_secret(part) for part in typing.get_args(annotation))


def _convert(value: Any, annotation: Any, base_dir: Path | None) -> Any:
    """Return *value* as one of the annotated types, trying them in order.

    Raises:
        ValueError: it is none of them.
    """
    alternatives = _alternatives(annotation)
    for alternative in alternatives:
        converted = _as_type(value, alternative, base_dir)
        if converted is not REQUIRED:
            return converted
    words = " or ".join(_type_word(part) for part in alternatives if part is not type(None))
    shown = "***" if _holds_secret(annotation) else f"{_yaml_text(value)} ({_kind_word(value)})"
    msg = f"{shown} does not fit; expected {words}"
    raise ValueError(msg)


def _as_type(value: Any, kind: Any, base_dir: Path | None) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if kind is type(None):
        return None if value is None else REQUIRED
    if origin is Literal:
        return value if value in typing.get_args(kind) else REQUIRED
    if origin is list:
        return _as_list(value, typing.get_args(kind)[0], base_dir)
    if origin is dict:
        return _as_mapping(value, typing.get_args(kind)[1], base_dir)
    return _SCALARS[kind](value, base_dir)


def _as_list(value: Any, item: Any, base_dir: Path | None) -> Any:
    if isinstance(value, str) and item is str:
        return [part.strip() for part in value.split(",")]
    return [_convert(part, item, base_dir) for part in value] if isinstance(value, list | tuple) else REQUIRED


def _as_mapping(value: Any, item: Any, base_dir: Path | None) -> Any:
    if not isinstance(value, Mapping):
        return REQUIRED
    return {str(name): _convert(part, item, base_dir) for name, part in value.items()}


def _as_bool(value: Any, _: Path | None) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), REQUIRED)
    return value if isinstance(value, bool) else REQUIRED


def _as_int(value: Any, _: Path | None) -> Any:
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.lstrip("+-").isdecimal() else REQUIRED
    return value if isinstance(value, int) and not isinstance(value, bool) else REQUIRED


def _as_float(value: Any, _: Path | None) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return REQUIRED
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return REQUIRED
    return number if math.isfinite(number) else REQUIRED


def _as_str(value: Any, _: Path | None) -> Any:
    return value if isinstance(value, str) else REQUIRED


def _as_secret(value: Any, _: Path | None) -> Any:
    if isinstance(value, Secret):
        return value
    return Secret(value) if isinstance(value, str) else REQUIRED


def _as_path(value: Any, base_dir: Path | None) -> Any:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        return REQUIRED
    path = Path(value).expanduser()
    return (base_dir / path) if base_dir else path


_SCALARS: dict[Any, Callable[[Any, Path | None], Any]] = {
    bool: _as_bool, int: _as_int, float: _as_float, str: _as_str, Secret: _as_secret, Path: _as_path,
}  # fmt: skip

_WORDS = {
    bool: "true or false", int: "an integer", float: "a number", str: "text", Secret: "text (secret)", Path: "a path",
}  # fmt: skip
_SCHEMA_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", Secret: "string", Path: "string"}


def _type_word(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in arguments)
    if origin is list:
        return f"a list ({_type_word(arguments[0])})"
    if origin is dict:
        return f"a mapping of text to {_type_word(arguments[1])}"
    return "any value" if kind is Any else _WORDS[kind]


def _kind_word(value: Any) -> str:
    names = {
        bool: "true or false",
        int: "an integer",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def _yaml_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml_text(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml_text(part)}" for name, part in value.items()) + "}"
    if value is None:
        return "null"
    return repr(value) if isinstance(value, str) and not value else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Path | Secret):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _schema_of(declared: Option) -> dict[str, Any]:
    kinds = [part for part in _alternatives(declared.annotation) if part is not type(None)]
    schemas = [_schema_of_type(kind) for kind in kinds]
    schema: dict[str, Any] = dict(schemas[0]) if len(schemas) == 1 else {"anyOf": schemas}
    schema["description"] = declared.doc
    limits = {"minimum": declared.minimum, "maximum": declared.maximum, "writeOnly": declared.secret or None}
    schema |= {name: limit for name, limit in limits.items() if limit is not None}
    if not declared.required and isinstance(declared.default, str | int | float):
        schema["default"] = declared.default
    return schema | ({"deprecated": True} if declared.deprecated else {})


def _schema_of_type(kind: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema_of_type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of_type(arguments[1])}
    return {} if kind is Any else {"type": _SCHEMA_TYPES[kind]}
