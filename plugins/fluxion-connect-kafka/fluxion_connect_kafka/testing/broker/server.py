"""Connections: frames in, frames out, one request at a time for each connection, with faults on the way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Mapping

from fluxion_connect_kafka.testing.broker import (
    requests_cluster,
    requests_data,
    requests_groups,
    requests_transactions,
    sasl,
)
from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler
from fluxion_connect_kafka.testing.broker.codes import Code
from fluxion_connect_kafka.testing.broker.faults import Delay, Drop, DropAfter, Fault
from fluxion_connect_kafka.testing.broker.wire import (
    APIS,
    Api,
    Frame,
    decode_request,
    encode_response,
    read_frame,
    unsupported_version,
)

__all__ = ["Server"]

_HANDLERS: Mapping[str, Handler] = {
    **requests_cluster.HANDLERS,
    **requests_data.HANDLERS,
    **requests_groups.HANDLERS,
    **requests_transactions.HANDLERS,
}
_LENGTH = struct.Struct(">i")
_EXPIRY_INTERVAL_SECONDS = 0.1
_REFUSED_LOGIN_SECONDS = 0.1  # as Kafka does, lest the end of the connection overtakes the answer


class _Hangup(Exception):  # a signal between two functions of this module
    """The connection is to be closed."""


class Server:
    """Listens on loopback and answers for one cluster."""

    def __init__(self, cluster: Cluster, tls: ssl.SSLContext | None) -> None:
        """Answer for *cluster*, under *tls* if given; nothing listens yet."""
        self._cluster = cluster
        self._tls = tls
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._expiry: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Begin to listen, on the cluster's port, or on a free one that becomes the cluster's."""
        cluster = self._cluster
        self._listener = await asyncio.start_server(self._serve, cluster.host, cluster.port, ssl=self._tls)
        cluster.port = self._listener.sockets[0].getsockname()[1]
        self._expiry = asyncio.create_task(self._expire_members())

    async def close(self) -> None:
        """Stop listening and close every connection, as if the process had died; what is stored stays."""
        if self._listener is not None:
            self._listener.close()
        tasks = [*self._connections, *([self._expiry] if self._expiry else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener, self._expiry = None, None

    async def _expire_members(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_INTERVAL_SECONDS)
            self._cluster.groups.expire()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = sasl.Session(self._cluster.settings.users)
        try:
            while True:
                await self._answer_one(reader, writer, session)
        except _Hangup:
            writer.close()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: sasl.Session) -> None:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        frame = read_frame(await reader.readexactly(length))
        api = APIS.get(frame.key)
        if api is None or not session.allows(api):
            raise _Hangup
        self._cluster.requests[api.name] += 1
        answer = await self._answer(api, frame, session)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        if session.failed:
            await asyncio.sleep(_REFUSED_LOGIN_SECONDS)
            raise _Hangup

    async def _answer(self, api: Api, frame: Frame, session: sasl.Session) -> bytes | None:
        if not api.oldest <= frame.version <= api.newest:
            return _refuse_version(api, frame)
        fault = self._cluster.faults.next(api.name)
        if isinstance(fault, Drop):
            raise _Hangup
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
        answer = await self._carry_out(api, frame, session, fault)
        if isinstance(fault, DropAfter):
            raise _Hangup
        return answer

    async def _carry_out(self, api: Api, frame: Frame, session: sasl.Session, fault: Fault | None) -> bytes | None:
        error = fault if isinstance(fault, Code) else Code.NONE
        call = Call(request=decode_request(api, frame), version=frame.version, error=error)
        handler = session.handlers.get(api.name) or _HANDLERS[api.name]
        fields = await handler(self._cluster, call)
        return None if fields is None else encode_response(api, frame.version, frame.correlation_id, fields)


def _refuse_version(api: Api, frame: Frame) -> bytes:
    if api.name == "ApiVersions":
        return unsupported_version(frame.correlation_id)
    print(f"small broker: {api.name} version {frame.version} is not known", file=sys.stderr)  # noqa: T201  # a broker's log
    raise _Hangup
