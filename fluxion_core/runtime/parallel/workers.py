"""The worker processes of a pipeline: started before anything is open, watched, and ended with it."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from fluxion_core.errors import FatalError, FencedError, FluxionError, PluginError, StateError, TransientError
from fluxion_core.runtime.parallel.channel import Channel, Closed, Message
from fluxion_core.runtime.parallel.worker import Assignment, work
from fluxion_core.runtime.retry import Abandoned

__all__ = ["Worker", "Workers", "can_fork", "fault_of"]

_END_SECONDS: Final = 2.0
"""How long a worker has to end by itself when its channel is shut; then it is killed: nothing in it matters."""


_TOLD: Final[Mapping[str, type[FluxionError]]] = {found.__name__: found for found in (FatalError, StateError, FencedError)}


class _Process(Protocol):
    pid: int

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal) once the process has ended."""

    def kill(self) -> None:
        """End it."""


class _Forked:
    """A forked process, as ``subprocess`` would show it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            try:
                found, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has waited for it
                found, status = self.pid, 0
            self._code = os.waitstatus_to_exitcode(status) if found else None
        return self._code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Worker(msgspec.Struct, eq=False):
    """One worker, as this process sees it. *pending*: the pieces that it has been given and not answered.

    What is read goes over *channel*, which the source's thread uses; what is told and asked of *groups* over one of their own, which
    the stages' thread uses.
    """

    number: int
    process: _Process
    channel: Channel
    groups: Channel
    pending: set[int] = msgspec.field(default_factory=set)


class Workers:
    """All workers of one pipeline. Used by one thread at a time, but for :meth:`shut` and :meth:`close`."""

    def __init__(self, members: Sequence[Worker]) -> None:
        self.members = list(members)
        self.exhausted = False
        """Whether the source has ended: the next seal is the last."""
        self._selector = selectors.DefaultSelector()
        for member in members:
            self._selector.register(member.channel, selectors.EVENT_READ, member)
        self._shut = threading.Event()
        self._closing = threading.Lock()
        self._closed = False

    @classmethod
    def forked(cls, assignment: Assignment) -> Workers:
        """Start the processes as copies of this one, which takes milliseconds; only where :func:`can_fork` says so."""
        ends = [_Ends.made() for _ in range(assignment.division.processes)]
        members = [
            Worker(number, _fork(number, ends, assignment), Channel(end.ours[0]), Channel(end.ours[1]))
            for number, end in enumerate(ends, 1)
        ]
        for end in ends:
            end.close_theirs()
        return cls(members)

    @classmethod
    def spawned(cls, assignment: Assignment, told: Mapping[str, Any]) -> Workers:
        """Start the processes as new interpreters, which make their assignment of what they are *told*."""
        members = []
        for number in range(1, assignment.division.processes + 1):
            ends = _Ends.made()
            members.append(Worker(number, _spawn(ends.theirs), Channel(ends.ours[0]), Channel(ends.ours[1])))
            ends.close_theirs()
            members[-1].channel.send(Message("pipeline", [assignment.seed, number, dict(told)]))
        return cls(members)

    @property
    def busy(self) -> bool:
        """Whether a worker has a piece that it has not answered."""
        return any(member.pending for member in self.members)

    def refusal(self) -> str:
        """Wait until every worker is ready; return why one cannot be, or nothing."""
        for member in self.members:
            answer = self.receive(member)
            if answer.kind != "ready":
                return str(answer.content)
        return ""

    def send(self, member: Worker, message: Message, *, of_groups: bool = False) -> None:
        """Send *message* to *member*, over the channel *of_groups* or the other one.

        Raises:
            FatalError: the worker is gone.
        """
        try:
            (member.groups if of_groups else member.channel).send(message)
        except Closed as closed:
            raise self._lost(member) from closed

    def receive(self, member: Worker, *, of_groups: bool = False) -> Message:
        """Return the next message of *member*.

        Raises:
            FatalError: the worker is gone.
            Abandoned: it was shut.
        """
        try:
            return (member.groups if of_groups else member.channel).receive()
        except Closed as closed:
            raise self._lost(member) from closed

    def answers(self, timeout_seconds: float) -> list[tuple[Worker, Message]]:
        """Return a message of each worker that has sent one, waiting at most *timeout_seconds* for the first."""
        ready = self._selector.select(max(0.0, timeout_seconds))
        return [(key.data, self.receive(key.data)) for key, _ in ready]

    def _lost(self, member: Worker) -> BaseException:
        if self._shut.is_set():
            return Abandoned()
        code = _ended(member.process, _END_SECONDS)
        if code is None:
            how = "it closed its channel"
        elif code < 0:
            how = f"it was ended by signal {-code} ({signal.Signals(-code).name})"
        else:
            how = f"it ended with exit code {code}"
        return FatalError(
            f"worker {member.number} (process {member.process.pid}): {how}; what was sealed is safe; run the pipeline again to go on"
        )

    def shut(self) -> None:
        """Tell the workers to end, and whoever waits for one to stop waiting. May be called from any thread."""
        self._shut.set()
        for member in self.members:
            member.channel.shut()
            member.groups.shut()

    def close(self) -> None:
        """End the workers. May be called from any thread, and twice."""
        self.shut()
        with self._closing:
            if self._closed:
                return
            self._closed = True
            deadline = time.monotonic() + _END_SECONDS
            for member in self.members:
                if _ended(member.process, deadline - time.monotonic()) is None:
                    member.process.kill()
                    _ended(member.process, _END_SECONDS)
            self._selector.close()
            for member in self.members:
                member.channel.close()
                member.groups.close()


def fault_of(content: Any) -> FluxionError:
    """Return what a worker said went wrong, as the error that it met."""
    _, name, text, retry_after_seconds, trace = content
    error: FluxionError
    if name == "TransientError":
        error = TransientError(text, retry_after_seconds=retry_after_seconds)
    else:
        error = _TOLD.get(name, PluginError)(text)
    error.add_note(f"in a worker process:\n{trace}")
    return error


def can_fork() -> bool:
    """Whether this process has a single thread: of several, one might hold a lock that the copy would wait for in vain.

    Threads of extensions count too, so a system that does not list them gets new interpreters.
    """
    tasks = Path("/proc/self/task")
    return threading.active_count() == 1 and tasks.is_dir() and len(list(tasks.iterdir())) == 1


class _Ends(msgspec.Struct):
    """Both ends of the two channels to a worker: of what is read, and of its groups."""

    ours: Sequence[socket.socket]
    theirs: Sequence[socket.socket]

    @classmethod
    def made(cls) -> _Ends:
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        return cls(ours, theirs)

    def close_ours(self) -> None:
        for end in self.ours:
            end.close()

    def close_theirs(self) -> None:
        for end in self.theirs:
            end.close()


def _fork(number: int, ends: Sequence[_Ends], assignment: Assignment) -> _Process:
    pid = os.fork()
    if pid:
        return _Forked(pid)
    code = 1
    try:
        for index, other in enumerate(ends, 1):
            other.close_ours()
            if index != number:
                other.close_theirs()
        channel, groups = map(Channel, ends[number - 1].theirs)
        work(channel, groups, msgspec.structs.replace(assignment, number=number))
        code = 0
    except KeyboardInterrupt:  # a terminal signals the whole group, and this copy could not ignore it yet
        code = 130
    except BaseException:  # noqa: BLE001  # nothing of the caller's must run here
        traceback.print_exc()
    finally:
        os._exit(code)


def _spawn(theirs: Sequence[socket.socket]) -> _Process:
    descriptors = [end.fileno() for end in theirs]
    command = [sys.executable, "-P", "-m", "fluxion_core.runtime.parallel.spawned", *map(str, descriptors)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors)  # noqa: S603  # our own interpreter


def _ended(process: _Process, seconds: float) -> int | None:
    """Return the exit code of *process*, waiting at most *seconds* for it."""
    deadline = time.monotonic() + seconds
    while (code := process.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.001)
    return code
