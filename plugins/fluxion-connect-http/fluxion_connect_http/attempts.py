"""Sends one request until the server has decided, within bounds: the pauses between, and the words for giving up."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fluxion_connect_http.client import Answer, UnknownHost
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.verdicts import Verdict, retry_after_seconds, verdict_on
from fluxion_core.spi import Context, FatalError, TransientError

__all__ = ["Attempts"]


@attrs.define
class Attempts:
    """Repeats a request that failed for now, at most ``max_retries`` times, and never while the pipeline is stopping.

    *reached* says whether the host was ever found: before that, an unknown host is taken for a mistake in the endpoint.
    """

    config: HttpSinkOptions
    context: Context
    reached: bool = False

    def send(self, request: Callable[[], Answer]) -> Answer:
        """Return the server's decision: an answer whose verdict is done, partly or records.

        Raises:
            TransientError: not decided within the retries, or the pipeline is stopping; carries the server's ``Retry-After``.
            FatalError: the server will never take it.
        """
        for attempt in range(self.config.max_retries + 1):
            try:
                return self._once(request)
            except TransientError as error:
                if attempt == self.config.max_retries:
                    raise
                self._pause(error, attempt)
        msg = "unreachable: the last attempt returns or raises"
        raise AssertionError(msg)

    def _once(self, request: Callable[[], Answer]) -> Answer:
        try:
            answer = request()
        except UnknownHost as error:
            if self.reached:
                raise
            msg = f"{error}; correct the endpoint"
            raise FatalError(msg) from None
        self.reached = True
        verdict = verdict_on(answer.status)
        if verdict is Verdict.NEVER:
            raise FatalError(self._refusal(answer))
        if verdict is Verdict.LATER:
            wish = retry_after_seconds(answer.retry_after, self.context.host.clock.now())
            raise TransientError(self._said(answer), retry_after_seconds=wish)
        return answer

    def _pause(self, error: TransientError, attempt: int) -> None:
        """Wait as long as the server wishes, else a random part of the backoff; both capped.

        Raises:
            TransientError: *error* again, because the pipeline is stopping.
        """
        cap = self.config.max_backoff_seconds
        backoff = min(cap, self.config.backoff_seconds * 2.0**attempt) * self.context.host.rng.random()
        seconds = backoff if error.retry_after_seconds is None else min(cap, error.retry_after_seconds)
        if self.context.host.clock.wait(self.context.stopping, seconds):
            raise error

    def _said(self, answer: Answer) -> str:
        said = f": {answer.excerpt}" if answer.excerpt else ""
        return f"{self.config.safe_endpoint}: the server answered {answer.status}{said}"

    def _refusal(self, answer: Answer) -> str:
        hints = {401: "check the credentials", 403: "check the credentials' rights", 404: "check the endpoint's path"}
        hints |= {405: f"it does not take {self.config.method}; check method", 415: "check format and headers"}
        if 300 <= answer.status < 400:
            target = f" to {answer.location}" if answer.location else ""
            hint = f"redirected{target}; redirects are not followed; set the endpoint to where it leads, if you trust it"
        else:
            hint = hints.get(answer.status, "no request of this kind will be taken")
        return f"{self._said(answer)}; {hint}"
