"""A runner in one file: runs the stages over the source, and writes nothing."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import Context, EndOfInput, Execution, Options, RecordError, Runner, option

FLUXION_SPI = (1, 0)


@attrs.frozen
class DryOptions(Options):
    records: int = option(1000, "After how many records to stop, if the source does not end before.", minimum=1)


class DryRunner(Runner):
    """Runs the stages over the first records and reports what would become of them; opens neither sink nor state."""

    name: ClassVar[str] = "dry"
    options: ClassVar[type[Options]] = DryOptions

    def start(self, plan: Any) -> Execution:
        return _DryRun(plan, self.config.records)


class _DryRun:
    """What the handle asks: any thread may."""

    def __init__(self, plan: Any, records: int) -> None:
        self._bound, self._left = plan.bound, records
        self._context = Context(pipeline_id=plan.bound.definition.id, host=plan.host, stopping=Event())
        threads = ThreadPoolExecutor(1)
        self._ended: Future[None] = threads.submit(self._run)  # start() returns at once
        threads.shutdown(wait=False)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        done, _ = wait([self._ended], timeout_seconds)
        if done:
            self._ended.result()  # raises what stopped it
        return bool(done)

    def stop(self, *, abandon: bool = False) -> None:
        self._context.stopping.set()  # nothing is in hand: abandoned or drained is the same

    def status(self) -> str:
        return "finished" if self._ended.done() else "running"

    def _run(self) -> None:
        bound, source = self._bound, self._bound.source
        run = bound.program.start(emit=bound.emit)
        made = failed = 0
        try:
            source.open(self._context, {split.id: None for split in source.splits(self._context)})
            while self._left > 0 and not self._context.stopping.is_set():
                batch = source.poll(min(self._left, 500), 0.1)
                self._left -= len(batch)
                payloads = batch.payload_list()
                read = batch.documents if payloads is None else bound.source_codec.decode_batch(payloads)
                output = run.feed(documents=[document for document in read if not isinstance(document, RecordError)])
                made += len(output.documents)
                failed += len(output.failures) + sum(isinstance(document, RecordError) for document in read)
        except EndOfInput:
            pass
        finally:
            source.close()
        made += len(run.finish().documents)
        self._context.logger.warning("a dry run: %d documents would be written, %d records are at fault", made, failed)


@hookimpl
def fluxion_register_runners() -> list[type[Runner]]:
    return [DryRunner]
