"""A loopback HTTP server that answers what a test tells it to, and remembers what it was asked.

with ScriptedServer([Reply(503), Reply(200)]) as server:
    ...                                   # send to server.url
    assert [request.header("Idempotency-Key") for request in server.requests] == ["p:i:1", "p:i:1"]
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

import attrs

__all__ = ["Reply", "Request", "ScriptedServer"]


@attrs.frozen(kw_only=True)
class Request:
    """What a client asked. Names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of the header *name*, in any case, or ``None``."""
        return self.headers.get(name.lower())


@attrs.frozen
class Reply:
    """What the server answers: a status with headers and a body, or one of three misdeeds after reading the request.

    ``drop`` resets the connection without an answer; ``hang`` never answers; ``drip`` sends the head and then one byte at a
    time, for ever, until the server is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    drop: bool = False
    hang: bool = False
    drip: bool = False


class ScriptedServer:
    """A server on a free loopback port that answers the replies of *script* in turn, and then what *decide* says (200).

    With *tls* (a server-side context) it speaks HTTPS. ``requests`` holds every request in the order of arrival;
    ``connections`` counts the connections that clients opened.
    """

    def __init__(
        self,
        script: Iterable[Reply] = (),
        *,
        decide: Callable[[Request], Reply] = lambda _request: Reply(),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.closing = Event()
        self._script = list(script)
        self._decide = decide
        self._lock = Lock()
        self._server = _Server(self, tls)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._scheme = "https" if tls else "http"

    @property
    def url(self) -> str:
        """The address of the server, by name (a certificate is issued for a name), without a path."""
        return f"{self._scheme}://localhost:{self._server.server_address[1]}"

    def answer(self, request: Request) -> Reply:
        """Remember *request* and return what to say to it."""
        with self._lock:
            self.requests.append(request)
            return self._script.pop(0) if self._script else self._decide(request)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the server."""
        self.close()


class _Server(ThreadingHTTPServer):
    """One thread per connection; closing the server closes them all."""

    daemon_threads = True

    def __init__(self, script: ScriptedServer, tls: ssl.SSLContext | None) -> None:
        self.script = script
        self._open: set[socket.socket] = set()
        self._tls = tls
        super().__init__(("127.0.0.1", 0), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:  # the handshake happens in the connection's own thread
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.script.connections += 1
        self._open.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that break off are what tests are about."""


class _Connection(BaseHTTPRequestHandler):
    """Reads requests and sends the script's replies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _reply(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, target=self.path, headers=headers, body=self.rfile.read(length))
        reply = self.server.script.answer(request)
        if reply.drop or reply.hang:
            self._misbehave(reply)
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815  # the names that the base class looks for

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(2**40 if reply.drip else len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        while reply.drip and not self.server.script.closing.wait(0.01):
            self.wfile.write(b".")

    def _misbehave(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.hang:
            self.server.script.closing.wait()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the name that the base class gave it
        """Say nothing."""
