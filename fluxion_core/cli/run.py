"""``fluxion run FILE``: a pipeline in the foreground, with progress, signals, a ledger at the end, and an exit code."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from fluxion_core.cli.letters import EXIT_CONFIG, exit_with, show_problems
from fluxion_core.config.load import load_pipeline
from fluxion_core.errors import ConfigError
from fluxion_core.observability.logs import EventLog
from fluxion_core.observability.metrics import MetricsRegistry
from fluxion_core.runtime.process import settle

__all__ = ["command"]

_TICK_SECONDS = 0.25
_LINE_SECONDS = 10.0


@click.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--takeover", is_flag=True, help="Take the pipeline over from a process that still runs it; that one ends at its next seal."
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics on 127.0.0.1 at this port.")
@click.option("--progress/--no-progress", default=None, help="Show live progress; the default is to do so on a terminal.")
@click.option("--verbose", is_flag=True, help="Log every seal.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def command(file: Path, *, takeover: bool, metrics_port: int | None, progress: bool | None, verbose: bool, debug: bool) -> None:
    """Run the pipeline in FILE until its source ends (exit code 0) or a signal comes.

    The first SIGINT or SIGTERM drains: what was read is sealed and delivered. A second one leaves it to the next run, which is always
    safe. Running the same file again resumes.
    """
    gc.disable()  # until everything is loaded: what is loaded stays
    live = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
    _log(verbose=verbose, quiet=live)
    received: list[int] = []
    with ExitStack() as stack:
        try:
            handle, drain_seconds = _start(
                file, takeover=takeover, served=lambda metrics: stack.enter_context(_served(metrics, metrics_port))
            )
        except ConfigError as error:
            if debug:
                traceback.print_exception(error)
            sys.exit(EXIT_CONFIG)
        metrics: MetricsRegistry = handle.metrics()
        stack.enter_context(_signals(handle, received))
        settle()
        started = time.monotonic()
        failure = _watch(handle, metrics, _Stop(metrics.pipeline_id, drain_seconds, received), live=live)
        hung = _hung(f"fluxion-{metrics.pipeline_id}-")
        if not hung:
            _flush_streams()
        click.echo(_summary(metrics, time.monotonic() - started), err=True)
    try:
        if failure is not None:
            exit_with(failure, debug=debug)
        sys.exit(128 + received[0] if received else 0)
    except SystemExit as end:
        if hung:  # one of them may hold the lock of a stream that the interpreter would wait for
            sys.stderr.flush()
            os._exit(int(str(end.code)))
        raise


def _start(file: Path, *, takeover: bool, served: Callable[[MetricsRegistry], object]) -> tuple[Any, float]:
    """Start the pipeline, its metrics *served* before anything else happens; return it and how long a drain may take."""
    from fluxion_core.plugins import load_plugins
    from fluxion_core.runtime.orchestrator import PipelineOrchestrator

    registry = load_plugins()
    try:
        definition = load_pipeline(file)
        orchestrator, metrics = PipelineOrchestrator(registry=registry, listeners=[EventLog()]), MetricsRegistry(definition.id)
        served(metrics)
        handle = orchestrator.run(definition, takeover=takeover, metrics=metrics)
    except ConfigError as error:  # told in full, and by line and column, by a second look
        from fluxion_core.cli.checks import check_file

        _, problems = check_file(file, registry.components)
        show_problems(problems or [(file, problem) for problem in error.problems])
        raise
    return handle, definition.runtime.drain_timeout_seconds


def _log(*, verbose: bool, quiet: bool) -> None:
    """Write log lines to standard error; beside a live display only what a person must see."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger("fluxion")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)


@contextmanager
def _signals(handle: Any, received: list[int]) -> Iterator[None]:
    """Drain at the first signal, abandon at the second."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        handle.stop(abandon=bool(received))
        received.append(number)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stop:
    """Says that a signal was *received*, outside the code that receives it: that may stand in the middle of a line of the log."""

    def __init__(self, pipeline_id: str, drain_seconds: float, received: Sequence[int]) -> None:
        self._logger = logging.getLogger(f"fluxion.pipeline.{pipeline_id}")
        self._drain_seconds = drain_seconds
        self._received = received
        self._told = 0

    def tell(self) -> None:
        """Write a line for the first signal, and one for the second."""
        while self._told < min(2, len(self._received)):
            name = signal.Signals(self._received[self._told]).name
            self._told += 1
            if self._told == 1:
                text = (
                    f"stopping: delivering what was read may take {self._drain_seconds:g} s (drain_timeout_seconds); "
                    "a second signal leaves it to the next run"
                )
            else:
                text = "ending at once: what was not delivered comes with the next run"
            self._logger.warning("%s: %s", name, text)


@contextmanager
def _served(metrics: MetricsRegistry, port: int | None) -> Iterator[None]:
    if port is None:
        yield
        return
    from fluxion_core.observability.prometheus import serve_metrics

    try:
        server = serve_metrics(metrics, port)
    except OSError as error:
        msg = f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); choose another"
        raise click.BadParameter(msg, param_hint="--metrics-port") from error
    logging.getLogger("fluxion.metrics").info("serving on http://127.0.0.1:%d/metrics", server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _watch(handle: Any, metrics: MetricsRegistry, stop: _Stop, *, live: bool) -> BaseException | None:
    """Wait for the end and show how it goes; return the reason of a failure."""
    show = _live_display if live else _log_lines
    with show(metrics) as update:
        while True:
            try:
                if handle.wait(_TICK_SECONDS):
                    return None
            except Exception as error:  # noqa: BLE001  # told, with its exit code, by the caller
                return error
            stop.tell()
            update()


@contextmanager
def _log_lines(metrics: MetricsRegistry) -> Iterator[Any]:
    logger = logging.getLogger(f"fluxion.pipeline.{metrics.pipeline_id}")
    last = [time.monotonic(), metrics.records_this_run]

    def update() -> None:
        now = time.monotonic()
        if now - last[0] >= _LINE_SECONDS:
            rate = (metrics.records_this_run - last[1]) / (now - last[0])
            logger.info("%s", _line(metrics, rate))
            last[:] = [now, metrics.records_this_run]

    yield update


@contextmanager
def _live_display(metrics: MetricsRegistry) -> Iterator[Any]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    last = [time.monotonic(), float(metrics.records_this_run), 0.0]
    with Live(Text(""), console=Console(stderr=True), refresh_per_second=4, transient=True) as display:

        def update() -> None:
            now = time.monotonic()
            rate = (metrics.records_this_run - last[1]) / max(now - last[0], 1e-6)
            last[:] = [now, metrics.records_this_run, rate if not last[2] else 0.7 * last[2] + 0.3 * rate]
            display.update(Text(f"{metrics.pipeline_id}  {_line(metrics, last[2])}"))

        yield update


def _line(metrics: MetricsRegistry, rate: float) -> str:
    lag = "-" if metrics.lag_records is None else f"{metrics.lag_records:,}"
    return (
        f"{metrics.status}: {metrics.records_this_run:,} in, {metrics.documents_this_run:,} out, {rate:,.0f}/s, lag {lag}, "
        f"{metrics.failures:,} failures"
    )


def _hung(prefix: str) -> bool:
    """Return whether a thread of the pipeline did not end: it may be within a write that nobody will ever take."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]
    for thread in threads:
        thread.join(0.2)  # the last one ends just after it has said so
    return any(thread.is_alive() for thread in threads)


def _flush_streams() -> None:
    if sys.stdout is None:  # it was closed before this process began
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _summary(metrics: MetricsRegistry, seconds: float) -> str:
    ledger = metrics.ledger
    rate = metrics.records_this_run / seconds if seconds else 0.0
    fates = (
        f"{ledger.delivered:,} delivered + {ledger.filtered:,} filtered + {ledger.skipped:,} skipped"
        f" + {ledger.dead_lettered:,} dead-lettered + {ledger.in_flight:,} in flight"
    )
    documents = (
        f"{ledger.documents_delivered:,} delivered + {ledger.documents_refused:,} refused"
        f" + {ledger.documents_waiting:,} waiting"
    )
    lines = [
        f"{metrics.pipeline_id} {metrics.status} after {seconds:.1f} s: {metrics.records_this_run:,} records in this run ({rate:,.0f}/s)",
        f"  records   {ledger.records_in:,} in = {fates}",
        f"  documents {ledger.documents_sealed:,} sealed = {documents}",
        f"  seals     {metrics.seals:,}; {metrics.state_keys:,} groups kept; {metrics.retries:,} retries; {metrics.pauses:,} pauses",
    ]
    return "\n".join(lines)
