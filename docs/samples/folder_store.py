"""A state store in one file: a JSON file for each pipeline, replaced as a whole by every seal."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any, ClassVar

import attrs

from fluxion_core.hookspecs import hookimpl
from fluxion_core.spi import (
    REQUIRED,
    Checkpoint,
    Context,
    FencedError,
    Lease,
    Options,
    SealedOutput,
    SealRequest,
    StateError,
    StateStore,
    TransientError,
    option,
)

FLUXION_SPI = (1, 0)
_EMPTY = {"positions": {}, "sealed": {}, "delivered": {}, "outputs": [], "ledger": {}, "meta": {}, "rows": {}}


@attrs.frozen
class FolderOptions(Options):
    path: Path = option(REQUIRED, "The folder with a file for each pipeline.")


class FolderStore(StateStore[FolderOptions]):
    """Keeps each pipeline's state in a JSON file."""

    name: ClassVar[str] = "folder"
    options: ClassVar[type[Options]] = FolderOptions
    _lock: Any = None

    def open(self, context: Context) -> None:
        self._host = context.host
        self._host.files.make_directory(self.config.path)

    def claim(self, pipeline_id: str, *, takeover: bool = False) -> Lease:
        self._path = self.config.path / f"{pipeline_id}.json"
        self._lock = self._host.files.open(self.config.path / f"{pipeline_id}.lock", "ab")
        if not self._host.files.try_lock(self._lock) and not takeover:
            raise FencedError(f"{self._path}: another process owns the pipeline; only a takeover can end that")
        state = self._read()
        self._write(state | {"epoch": state["epoch"] + 1})  # it rises with every owner, and fences the ones before
        self._lease = Lease(pipeline_id=pipeline_id, epoch=state["epoch"] + 1, incarnation=state["incarnation"])
        return self._lease

    def load(self) -> Checkpoint:
        state = self._read()
        rows = [(operator, _bytes(key), _bytes(value)) for operator, key, value in _rows(state)]
        outputs = [SealedOutput(target, seq, count, _bytes(data)) for target, seq, count, data in state["outputs"]]
        told = {name: state[name] for name in ("positions", "sealed", "delivered", "ledger", "meta")}
        return Checkpoint(**told, outputs=outputs, rows=rows)

    def seal(self, request: SealRequest) -> None:
        state = self._read()  # of the disk: a newer owner may have written
        if state["epoch"] != request.lease.epoch:
            raise FencedError(f"{self._path}: a newer owner has claimed the pipeline; this one ends")
        for operator, key, value in request.rows:
            rows = state["rows"].setdefault(operator, {})
            if value is None:
                rows.pop(_text(key), None)
            else:
                rows[_text(key)] = _text(value)
        for output in request.outputs:
            expected = state["sealed"].get(output.target, 0) + 1
            if output.seq != expected:
                raise ValueError(f"output {output.seq} for {output.target} is sealed where {expected} is due")
            state["sealed"][output.target] = output.seq
            state["outputs"].append([output.target, output.seq, output.count, _text(output.data)])
        state["positions"] |= request.positions
        state["delivered"] |= request.delivered
        state["outputs"] = [one for one in state["outputs"] if one[1] > state["delivered"].get(one[0], 0)]
        self._host.reach("sealing")  # where the suite kills the process
        self._write(state | {"ledger": dict(request.ledger), "meta": dict(request.meta)})

    def snapshot(self) -> bytes:
        content = self._path.read_bytes()
        return b"%08x" % zlib.crc32(content) + content

    def restore(self, snapshot: bytes) -> None:
        if not snapshot[8:] or snapshot[:8] != b"%08x" % zlib.crc32(snapshot[8:]):
            raise StateError("these bytes are no snapshot, or are damaged")
        self._write(json.loads(snapshot[8:]) | {"epoch": self._lease.epoch})

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()  # which unlocks

    @property
    def state_bytes(self) -> int:
        return self._path.stat().st_size

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return json.loads(json.dumps(_EMPTY)) | {"epoch": 0, "incarnation": self._host.new_id()}
        try:
            return json.loads(self._path.read_text())
        except ValueError:
            raise StateError(f"{self._path} is damaged; put back a copy, or move it away to begin anew") from None

    def _write(self, state: dict[str, Any]) -> None:
        new = self._path.with_suffix(".new")
        try:
            with self._host.files.open(new, "wb") as file:
                file.write(json.dumps(state).encode())
                self._host.files.sync(file)
            self._host.files.replace(new, self._path)  # atomic: a crash leaves the old state, or the new one
        except OSError as error:
            raise TransientError(f"{self._path}: {error.strerror}") from error


def _rows(state: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(operator, key, value) for operator, rows in state["rows"].items() for key, value in rows.items()]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


@hookimpl
def fluxion_register_state_stores() -> list[type[StateStore[Any]]]:
    return [FolderStore]
