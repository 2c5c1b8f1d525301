"""Gives the stages that ask the outside world what they need: named connections, a bounded pool, patience, and retries.

The language calls an effectful operator once per batch with the arguments of all documents. Here that call learns to wait out
an outage (the source then pauses, because the stages do not come back) and to try single records again, as the error policy
says, before their errors count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from fluxion_core.config.model import RetryPolicy
from fluxion_core.errors import ConfigError, Problem, TransientError, did_you_mean
from fluxion_core.language import Operator
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.bugs import check_answers
from fluxion_core.runtime.retry import Abandoned, Patience
from fluxion_core.spi import Context

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

__all__ = ["EffectContext", "patient_operator"]


class EffectContext(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True, weakref=True):
    """What an effectful operator gets: ``host``, ``logger`` and ``stopping`` as every component, connections, and a pool.

    There is one per run, compared by identity: an operator may keep what it opened under it, and has it closed by ``on_close``.
    """

    context: Context
    pool_size: int
    patience: Patience
    retrying: RetryPolicy | None
    metrics: MetricsRegistry
    closing: ExitStack

    def on_close(self, callback: Callable[[], object]) -> None:
        """Have *callback* called when the run has ended."""
        self.closing.callback(callback)

    @cached_property
    def pool(self) -> Executor:
        """Threads that calls may wait in, started when they are first asked for."""
        from concurrent.futures import ThreadPoolExecutor  # few pipelines ask the outside

        pool = ThreadPoolExecutor(self.pool_size, "fluxion-effects")
        self.on_close(lambda: pool.shutdown(wait=False, cancel_futures=True))
        return pool

    @property
    def host(self) -> Any:
        """Clock, randomness and files."""
        return self.context.host

    @property
    def logger(self) -> Any:
        """Where to report what a person should know."""
        return self.context.logger

    @property
    def stopping(self) -> Any:
        """Set when the pipeline is stopping."""
        return self.context.stopping

    @property
    def base_dir(self) -> Path:
        """Where relative paths of a connection start: ``RateOptions.parse(..., base_dir=effects.base_dir)``."""
        return self.context.base_dir

    def connection(self, name: str) -> Mapping[str, Any]:
        """Return the connection called *name* from the pipeline file.

        Raises:
            ConfigError: there is none.
        """
        found = self.context.connections.get(name)
        if found is None:
            hint = did_you_mean(name, self.context.connections) or "declare it under connections:"
            raise ConfigError([Problem("connections", f"no connection is called '{name}'", hint)])
        return found


def patient_operator(operator: Operator) -> Operator:
    """Return *operator* with an ``evaluate_batch`` that waits out outages and tries records again."""
    evaluate = operator.evaluate_batch
    if evaluate is None:
        return operator

    def checked(calls: Sequence[Any], effects: EffectContext) -> Sequence[Any]:
        answers = evaluate(calls, effects)
        check_answers(answers, len(calls), f"operator '{operator.name}': evaluate_batch()", "calls")
        return answers

    def evaluate_patiently(calls: Sequence[Any], effects: EffectContext) -> Sequence[Any]:
        return _evaluate(checked, calls, effects)

    return msgspec.structs.replace(operator, evaluate_batch=evaluate_patiently)


def _evaluate(
    evaluate: Callable[[Sequence[Any], EffectContext], Sequence[Any]], calls: Sequence[Any], effects: EffectContext
) -> Sequence[Any]:
    answers = list(effects.patience.call(lambda: _outages_raised(evaluate(calls, effects))))
    retrying = effects.retrying
    for attempt in range(2, (retrying.max_attempts if retrying else 1) + 1):
        failed = [index for index, answer in enumerate(answers) if isinstance(answer, Exception)]
        if not failed or retrying is None:
            break
        if effects.host.clock.wait(effects.stopping, retrying.pause_seconds(attempt, effects.host.rng.random())):
            raise Abandoned
        effects.metrics.retries += len(failed)
        again = effects.patience.call(lambda: _outages_raised(evaluate([calls[index] for index in failed], effects)))  # noqa: B023  # called at once
        for index, answer in zip(failed, again, strict=True):
            answers[index] = answer
    return answers


def _outages_raised(answers: Sequence[Any]) -> Sequence[Any]:
    """Raise the first outage among *answers*: while one part of the outside is away, none of the batch is final."""
    for answer in answers:
        if isinstance(answer, TransientError):
            raise answer
    return answers
