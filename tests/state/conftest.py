"""State files, stores over them, and owners in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from fluxion_core.spi import Context, Lease, SealedOutput, SealRequest
from fluxion_core.state import SqliteStateStore

OWNER = """
import sys
from fluxion_core.spi import Context, FencedError, SealRequest, SealedOutput
from fluxion_core.state import SqliteStateStore

store = SqliteStateStore(path=sys.argv[1])
store.open(Context(pipeline_id="p"))
lease = store.claim("p", takeover=sys.argv[2] == "takeover")
print("claimed", lease.epoch, flush=True)
seq = store.load().sealed.get("sink", 0)
for command in sys.stdin:
    value = b"%d" % (seq + 1) * 50
    try:
        store.seal(SealRequest(
            lease=lease,
            positions={"0": seq + 1},
            rows=[("g", b"last", value), ("g", b"key %d" % ((seq + 1) % 7), value)],
            outputs=[SealedOutput("sink", seq + 1, 1, value)],
        ))
    except FencedError as error:
        print("fenced", error, flush=True)
    else:
        seq += 1
        print("sealed", seq, flush=True)
"""


@attrs.define
class Process:
    """An owner in a process of its own: it seals once for every line that it is sent."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid

    def answer(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def send(self, seals: int = 1) -> None:
        """Tell it to seal."""
        assert self.process.stdin is not None
        self.process.stdin.write("seal\n" * seals)
        self.process.stdin.flush()

    def seal(self) -> str:
        """Tell it to seal, and return what came of it."""
        self.send()
        return self.answer()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The state file."""
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path, tmp_path: Path) -> Iterator[Callable[..., SqliteStateStore]]:
    """Make stores over ``path``, open; closes them all."""
    with ExitStack() as stores:

        def store(**options: Any) -> SqliteStateStore:
            made = SqliteStateStore(**({"path": path} | options))
            stores.enter_context(closing(made))
            made.open(Context(pipeline_id="p", base_dir=tmp_path))
            return made

        yield store


@pytest.fixture
def owner(path: Path) -> Iterator[Callable[..., Process]]:
    """Start owners in processes of their own, with what they said first; kills them all."""
    started: list[Process] = []

    def owner(mode: str = "claim", **environment: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment or None,
        )
        started.append(Process(process))
        return started[-1]

    yield owner
    for one in started:
        one.kill()
        for stream in (one.process.stdin, one.process.stdout, one.process.stderr):
            try:
                assert stream is not None
                stream.close()
            except BrokenPipeError:
                pass


def request(lease: Lease, seq: int, **changes: Any) -> SealRequest:
    """Return the seal numbered *seq*, which also is its position, its row's value and its output."""
    value = b"%d" % seq
    whole: dict[str, Any] = {
        "positions": {"0": seq},
        "rows": [("g", b"key", value)],
        "outputs": [SealedOutput("sink", seq, 1, value)],
    }
    return SealRequest(lease=lease, **(whole | changes))


@pytest.fixture(name="request_of")
def request_fixture() -> Callable[..., SealRequest]:
    """Make seals."""
    return request
