"""What the crash tests run and kill: the real runtime, and two loops that are wrong on purpose."""

import json
from pathlib import Path
from typing import Any, ClassVar

import attrs

from fluxion_core import (
    ErrorPolicy,
    PipelineDefinition,
    PipelineOrchestrator,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    compile_pipeline,
    load_plugins,
)
from fluxion_core.spi import REQUIRED, Context, Cursor, Host, Options, SealedBatch, Sink, WriteResult, option

STATELESS = [{"$match": {"n": {"$mod": [3, 0]}}}, {"$set": {"twice": {"$multiply": ["$n", 2]}, "drawn": {"$rand": {}}}}]
GROUP = [{"$match": {"n": {"$gte": 0}}}, {"$group": {"_id": "$k", "count": {"$sum": 1}, "total": {"$sum": "$n"}}}]
PIPELINES = {"stateless": STATELESS, "group": GROUP, "totals": GROUP, "all": []}
REGISTRY = load_plugins()


@attrs.frozen
class AppendOptions(Options):
    path: str = option(REQUIRED, "The file.")


class AppendSink(Sink[AppendOptions]):
    """Appends lines and keeps no cursor: at least once."""

    name: ClassVar[str] = "append"
    options: ClassVar[type[Options]] = AppendOptions

    def open(self, context: Context) -> Cursor | None:
        self._file = Path(self.config.path).open("ab", buffering=0)  # noqa: SIM115  # closed by the kill that the test is about
        self._host = context.host
        return None

    def write(self, batch: SealedBatch) -> WriteResult:
        lines = [payload + b"\n" for payload in batch.payloads]
        self._file.write(b"".join(lines[: len(lines) // 2]))
        self._host.reach("written-half")
        self._file.write(b"".join(lines[len(lines) // 2 :]))
        return WriteResult()


COMPONENTS = REGISTRY.components.with_class("sink", AppendSink)


def sound(
    folder: str,
    pipeline: str,
    sink: str,
    batch: int,
    seal_seconds: float,
    direct: bool = False,
    dead: bool = False,
    parallel: int = 1,
) -> None:
    """Run the pipeline as it is meant to be run; *dead*: with a dead-letter sink."""
    place = Path(folder)
    definition = PipelineDefinition(
        id="crash",
        source=SourceConfig("file", path=str(place / "in.ndjson"), piece_bytes=batch * 20),
        stages=PIPELINES[pipeline],
        sink=SinkConfig(sink, path=str(place / "out.ndjson")),
        emit={"group": "updates", "totals": "final"}.get(pipeline, "auto"),
        dead_letter=SinkConfig("file", path=str(place / "dead.ndjson")) if dead else None,
        error_policy=ErrorPolicy.dead_letter() if dead else ErrorPolicy.fail_fast(),
        state_store=StateConfig("sqlite", path=str(place / "state.db")),
        runtime=RuntimeConfig(
            micro_batch_size=batch, seal_interval_seconds=seal_seconds, direct_handoff=direct, parallelism=parallel
        ),
    )
    PipelineOrchestrator(COMPONENTS, registry=REGISTRY).run(definition, takeover=True).wait()


def _lines(place: Path) -> list[bytes]:
    return (place / "in.ndjson").read_bytes().splitlines()


def _checkpoint(place: Path) -> dict[str, Any]:
    path = place / "checkpoint.json"
    return json.loads(path.read_text()) if path.exists() else {"position": 0, "seq": 0}


def _keep(place: Path, checkpoint: dict[str, Any]) -> None:
    fresh = place / "checkpoint.tmp"
    fresh.write_text(json.dumps(checkpoint))
    fresh.replace(place / "checkpoint.json")


def checkpoint_first(folder: str, batch: int, **_: Any) -> None:
    """Wrong: the position is made durable before the output is delivered."""
    place, host = Path(folder), Host()
    run = compile_pipeline(STATELESS).start()
    lines, checkpoint = _lines(place), _checkpoint(place)
    while checkpoint["position"] < len(lines):
        payloads = lines[checkpoint["position"] : checkpoint["position"] + batch]
        output = run.feed(payloads=payloads).json_lines()
        checkpoint = {"position": checkpoint["position"] + len(payloads), "seq": checkpoint["seq"] + 1}
        _keep(place, checkpoint)
        host.reach("sealed")
        with (place / "out.ndjson").open("ab", buffering=0) as file:
            file.write(output)
        host.reach("written")


def deliver_first(folder: str, batch: int, **_: Any) -> None:
    """Wrong: the output is delivered under the number of its batch before the position is durable; a batch may be cut anew."""
    place, host = Path(folder), Host()
    run = compile_pipeline(STATELESS).start()
    sink = REGISTRY.components.get("sink", "file").value
    opened = sink(sink.options.parse({"path": str(place / "out.ndjson")}))
    opened.open(Context(pipeline_id="crash", host=host))
    lines, checkpoint = _lines(place), _checkpoint(place)
    while checkpoint["position"] < len(lines):
        payloads = lines[checkpoint["position"] : checkpoint["position"] + batch]
        output = run.feed(payloads=payloads)
        checkpoint = {"position": checkpoint["position"] + len(payloads), "seq": checkpoint["seq"] + 1}
        sealed = SealedBatch(
            pipeline_id="crash", incarnation="i", epoch=1, seq=checkpoint["seq"], count=output.count, block=output.json_lines()
        )
        opened.write(sealed)
        host.reach("written")
        _keep(place, checkpoint)
        host.reach("sealed")
    opened.close()
