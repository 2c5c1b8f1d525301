"""One batch of calls: equal ones asked once, the others side by side in the runtime's pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fluxion_core.errors import RecordError
from fluxion_core.language import encode_value

__all__ = ["ask_once"]


def ask_once(calls: Sequence[Any], ask: Callable[[Any], Any], effects: Any) -> list[Any]:
    """Return the answer to every call, or the ``RecordError`` that it met; *ask* runs once per distinct call.

    Raises:
        TransientError: the outside world is away; nothing of the batch counts.
        FatalError: no call can succeed.
    """
    keys = [encode_value(call) for call in calls]
    distinct = dict(zip(keys, calls, strict=True))

    def answer(call: Any) -> Any:
        try:
            return ask(call)
        except RecordError as error:
            return error

    if len(distinct) == 1:
        answers = dict.fromkeys(distinct, answer(next(iter(distinct.values()))))
    else:
        answers = dict(zip(distinct, effects.pool.map(answer, distinct.values()), strict=True))
    return [answers[key] for key in keys]
