"""What a plugin must keep to, checked when it is loaded: its SPI version, its hooks, and each component that it registers."""

from __future__ import annotations

import inspect
from typing import Any

from fluxion_core import hookspecs
from fluxion_core.components import KINDS, name_is_good
from fluxion_core.errors import PluginError, did_you_mean
from fluxion_core.spi import SPI_VERSION, Codec, Options, Runner, Sink, Source, Stage, StateStore

__all__ = ["check_component", "check_hooks", "check_version"]

_BASES: dict[str, type[Any]] = {
    "source": Source,
    "sink": Sink,
    "codec": Codec,
    "stage": Stage,
    "state store": StateStore,
    "runner": Runner,
}
_HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("fluxion_"))
_MARK = f"{hookspecs.PROJECT_NAME}_impl"


def check_version(module: Any) -> None:
    """Refuse a plugin that was built for an SPI that this core does not offer.

    Raises:
        PluginError: ``FLUXION_SPI`` is missing, of another major version, or newer.
    """
    built_for = getattr(module, "FLUXION_SPI", None)
    if not (isinstance(built_for, tuple) and len(built_for) == 2 and all(isinstance(part, int) for part in built_for)):
        msg = "the module does not say which SPI it was built for; expected FLUXION_SPI = (1, 0)"
        raise PluginError(msg)
    if built_for[0] != SPI_VERSION[0] or built_for > SPI_VERSION:
        have = ".".join(map(str, SPI_VERSION))
        msg = f"built for SPI {'.'.join(map(str, built_for))}, this fluxion-core offers {have}; install matching versions"
        raise PluginError(msg)


def check_hooks(module: Any) -> None:
    """Refuse a mistyped hook, and one that was not marked as a hook: both would do nothing, in silence.

    Raises:
        PluginError: names the function and the hook that was probably meant.
    """
    for name, function in vars(module).items():
        marked = getattr(function, _MARK, None) is not None
        ours = (
            inspect.isfunction(function)
            and function.__module__ == getattr(module, "__name__", None)
            and name.startswith("fluxion_")
        )
        if (marked or ours) and name not in _HOOKS:
            msg = f"{name}() is no hook; {did_you_mean(name, _HOOKS) or f'the hooks are {sorted(_HOOKS)}'}"
            raise PluginError(msg)
        if ours and not marked:
            msg = f"{name}() is not marked as a hook; put @fluxion_core.hookspecs.hookimpl above it"
            raise PluginError(msg)


def check_component(kind: str, value: Any) -> str:
    """Return the name of a registered component, after a look at whether it is one.

    Raises:
        PluginError: it is of another kind, incomplete, or its name is not spelled as names of that kind are.
    """
    _check_kind(kind, value)
    name = getattr(value, "name", None)
    if not isinstance(name, str) or not name_is_good(kind, name):
        msg = f"{kind} {_called(value)} has the name {name!r}; expected a name like {KINDS[kind].pattern}"
        raise PluginError(msg)
    options = getattr(value, "options", Options)
    if kind in _BASES and not (isinstance(options, type) and issubclass(options, Options)):
        msg = f"{kind} '{name}' has the options {options!r}; expected a subclass of fluxion_core.spi.Options"
        raise PluginError(msg)
    return name


def _check_kind(kind: str, value: Any) -> None:
    hook = KINDS[kind].hook
    if kind not in _BASES:
        _check_descriptor(kind, value, hook)
        return
    base = _BASES[kind]
    if not (isinstance(value, type) and issubclass(value, base)):
        msg = f"{hook}() returned {_called(value)}; expected subclasses of fluxion_core.spi.{base.__name__}"
        raise PluginError(msg)
    missing = sorted(getattr(value, "__abstractmethods__", ()))
    if missing:
        msg = f"{kind} {_called(value)} does not define {', '.join(missing)}; the contract is fluxion_core.spi.{base.__name__}"
        raise PluginError(msg)


def _check_descriptor(kind: str, value: Any, hook: str) -> None:
    from fluxion_core.language import Accumulator, Form, Operator  # only a plugin of operators needs the language here

    expected: tuple[type[Any], ...] = (Operator, Form) if kind == "operator" else (Accumulator,)
    if not isinstance(value, expected):
        msg = f"{hook}() returned {_called(value)}; expected fluxion_core.language.{expected[0].__name__} objects"
        raise PluginError(msg)


def _called(value: Any) -> str:
    return value.__qualname__ if isinstance(value, type) else f"a {type(value).__name__}"
