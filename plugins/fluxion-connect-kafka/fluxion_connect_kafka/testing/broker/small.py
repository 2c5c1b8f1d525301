"""The small broker as an object: runs in a thread of the test's own process, where the test can look into it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from fluxion_connect_kafka.testing.broker.cluster import Cluster, Settings
from fluxion_connect_kafka.testing.broker.codes import Refused
from fluxion_connect_kafka.testing.broker.faults import Fault
from fluxion_connect_kafka.testing.broker.server import Server

__all__ = ["SmallBroker"]

R = TypeVar("R")
_CALL_TIMEOUT_SECONDS = 10.0


class SmallBroker:
    """A broker in a thread: ``start`` it, point clients at ``bootstrap_servers``, ``close`` it.

    ``stop`` and ``start`` play an outage: the port and everything stored stay. Works as a context manager.
    """

    def __init__(self, *, settings: Settings | None = None, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Prepare a broker; *tls* is the server side's context, *port* 0 takes a free one at the first start."""
        self._cluster = Cluster(settings or Settings())
        self._cluster.port = port
        self._server = Server(self._cluster, tls)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The address, ``host:port``."""
        return f"{self._cluster.host}:{self._cluster.port}"

    def start(self) -> Self:
        """Listen, for the first time or again after ``stop``."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="small-kafka-broker", daemon=True)
            self._thread.start()
        self._await(self._server.listen())
        return self

    def stop(self) -> None:
        """Close every connection and stop listening; what is stored stays."""
        self._await(self._server.close())

    def close(self) -> None:
        """Stop for good. May be called twice."""
        if self._loop is None or self._thread is None:
            return
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_TIMEOUT_SECONDS)
        self._loop.close()
        self._loop = self._thread = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close."""
        self.close()

    def create_topic(self, name: str, partitions: int = 1, settings: Mapping[str, str] | None = None) -> None:
        """Create a topic.

        Raises:
            Refused: there is one of that name.
        """
        self.look(lambda cluster: cluster.topics.create(name, partitions, settings))

    def add_partitions(self, name: str, total: int) -> None:
        """Let the topic *name* have *total* partitions.

        Raises:
            Refused: there is no such topic, or it has as many already.
        """

        def grow(cluster: Cluster) -> None:
            cluster.topics.partition(name, 0)
            topic = cluster.topics.get(name)
            if topic is not None:
                topic.grow(total)

        self.look(grow)

    def delete_records(self, name: str, partition: int, before: int) -> None:
        """Let a partition begin at the offset *before*, as if older records had passed their retention.

        Raises:
            Refused: there is no such partition.
        """
        self.look(lambda cluster: cluster.topics.partition(name, partition).delete_before(before))

    def fail(self, api: str, *faults: Fault) -> None:
        """Queue *faults* for the next requests of the kind *api* (``"Produce"``, ``"Fetch"``, ...).

        Raises:
            ValueError: there is no such request.
        """
        self.look(lambda cluster: cluster.faults.add(api, *faults))

    def look(self, question: Callable[[Cluster], R]) -> R:
        """Return what *question* answers about the cluster, asked in the broker's own thread."""

        async def ask() -> R | Refused:
            try:
                return question(self._cluster)
            except Refused as refused:
                return refused

        answer = self._await(ask())
        if isinstance(answer, Refused):
            raise answer
        return answer

    def _await(self, work: Coroutine[Any, Any, R]) -> R:
        if self._loop is None:
            work.close()
            msg = "the broker has not been started, or is closed"
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_TIMEOUT_SECONDS)
