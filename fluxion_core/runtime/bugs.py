"""Says whose bug an exception is that no component may raise, by the calls that it came through.

Found out afterwards, from the traceback, so that a call of a component costs nothing more while all goes well.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from inspect import isfunction, ismethod
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias

from fluxion_core.errors import EvaluationError, FluxionError, PluginError, RecordError
from fluxion_core.language import Accumulator, Form, Operator
from fluxion_core.runtime.retry import Abandoned
from fluxion_core.spi import Codec, Runner, Sink, Source, Stage, StateStore

__all__ = ["Registered", "bug_text", "check_answers", "error_text", "presentable", "wrong_answer"]

Registered: TypeAlias = "Sequence[Operator | Form | Accumulator]"
"""What plugins have registered for expressions: functions, whose calls show no object that has a name."""

_KINDS: Final[Mapping[type, str]] = {
    Source: "source",
    Sink: "sink",
    Codec: "codec",
    StateStore: "state store",
    Stage: "stage",
    Runner: "runner",
}
_OF_A_RECORD: Final = (EvaluationError, RecordError)
"""What says that a record is at fault; where it gets here, a component raised it in a call that no record can be told of."""


def presentable(error: BaseException, registered: Registered) -> BaseException:
    """Return what to raise for *error* where somebody listens: itself, if it was raised on purpose, else a bug of a component.

    ``sys.exit`` in a component is no purpose: it would end the program as if the pipeline had.
    """
    if isinstance(error, FluxionError | KeyboardInterrupt | Abandoned) and not isinstance(error, _OF_A_RECORD):
        return error
    wrapped = PluginError(bug_text(error, registered))
    wrapped.__cause__ = error
    return wrapped


def bug_text(error: BaseException, registered: Registered) -> str:
    """Return the message for *error*, which names the component in whose call it came up, if one is found."""
    text = error_text(error)
    where = _culprit(error, registered)
    if where:
        return f"{where}: {text} (this is a bug in that component; --debug shows where)"
    return f"{text} (this is a bug in a component or in Fluxion; --debug shows where)"


def wrong_answer(call: str, answer: object, contract: str) -> PluginError:
    """Return that *call* of a component gave *answer*, which is of another class than the *contract* says."""
    return PluginError(f"{call} gave {type(answer).__name__}; the contract says {contract} (this is a bug in that component)")


def check_answers(answers: Any, count: int, call: str, what: str) -> None:
    """Refuse what *call* gave in answer to *count* of *what* (documents, calls, payloads), unless there is one answer to each.

    Raises:
        PluginError: names the call.
    """
    if not isinstance(answers, Sequence):
        raise wrong_answer(call, answers, "a list")
    if len(answers) != count:
        msg = f"{call} gave {len(answers)} answers to {count} {what} (this is a bug in that component)"
        raise PluginError(msg)


def error_text(error: BaseException) -> str:
    """Return the class of *error*, and what it says if it says anything."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _culprit(error: BaseException, registered: Registered) -> str:
    """Return the component whose call is the innermost on the way of *error*, and that call; nothing if there is none."""
    names: dict[CodeType, str] = {}
    for one in registered:
        for code, name in _codes(one):
            names[code] = name if names.get(code, name) == name else ""  # several are made by one decorator
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        found = names.get(frame.f_code) or _component_of(frame)
        if found:
            return found
    return ""


def _component_of(frame: FrameType) -> str:
    code = frame.f_code
    if not code.co_argcount:
        return ""
    owner = frame.f_locals.get(code.co_varnames[0])
    for kind, word in _KINDS.items():
        if isinstance(owner, kind) or (isinstance(owner, type) and issubclass(owner, kind)):
            return f"{word} '{getattr(owner, 'name', '?')}': {code.co_name}()"
    return ""


def _codes(registered: Operator | Form | Accumulator) -> Iterator[tuple[CodeType, str]]:
    word = "accumulator" if isinstance(registered, Accumulator) else "operator"
    for attribute in registered.__struct_fields__:
        value = getattr(registered, attribute)
        if callable(value) and (code := _code_of(value)) is not None:
            yield code, f"{word} '{registered.name}'"


def _code_of(function: Any) -> CodeType | None:
    plain = getattr(function, "func", function)  # of functools.partial
    plain = plain if isfunction(plain) or ismethod(plain) else type(plain).__call__
    code = getattr(plain, "__code__", None)
    return code if isinstance(code, CodeType) else None
