"""A loopback HTTP server, an SQLite file, and what an effectful operator gets from the runtime."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fluxion_core.errors import ConfigError


class Effects:
    """The runtime's side of a call, with connections from the test."""

    def __init__(self, pool, **connections) -> None:
        self.pool = pool
        self.connections = connections
        self.base_dir = Path.cwd()
        self.closing = ExitStack()

    def on_close(self, callback) -> None:
        self.closing.callback(callback)

    def connection(self, name):
        if name not in self.connections:
            raise ConfigError(f"no connection is called '{name}'")
        return self.connections[name]


@pytest.fixture
def effects_class() -> type[Effects]:
    return Effects


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


class Server:
    """Answers by path and keeps every request."""

    def __init__(self) -> None:
        self.requests = []
        self.answers = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else b""
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = outer.answers.get(self.path.partition("?")[0], (200, {}, {"path": self.path}))
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_arguments) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def http_effects(server, pool) -> Iterator[Effects]:
    made = Effects(
        pool, crm={"type": "http", "base_url": f"{server.url}/v1", "bearer_token": "s3cr3t-token", "timeout_seconds": 2}
    )
    with made.closing:
        yield made
