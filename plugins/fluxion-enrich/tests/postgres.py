"""A real PostgreSQL for one test session: its own data directory, loopback, no durability, gone at the end."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

REQUIRE_VARIABLE = "FLUXION_REQUIRE_POSTGRES"
USER = "postgres"


def _binary(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Start a server; yield its URL for SQLAlchemy."""
    initdb, postgres = _binary("initdb"), _binary("postgres")
    if initdb is None or postgres is None:
        problem = "PostgreSQL is not installed"
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"{problem} (and {REQUIRE_VARIABLE}=1)", pytrace=False)
        pytest.skip(problem)
    root = os.geteuid() == 0
    who = {"user": USER, "group": USER, "extra_groups": []} if root else {}  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="fluxion-pg-"))
    data = folder / "data"
    data.mkdir()
    if root:
        folder.chmod(0o711)
        shutil.chown(data, USER, USER)
    port = _free_port()
    initialise = [initdb, "-D", str(data), "-U", USER, "-A", "trust", "-N", "--locale=C.UTF-8", "-E", "UTF8"]
    subprocess.run(initialise, check=True, stdout=subprocess.DEVNULL, **who)
    serve = [postgres, "-D", str(data), "-p", str(port), "-k", str(data), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen([*serve, "-c", "shared_buffers=16MB"], stderr=subprocess.DEVNULL, **who)
    try:
        _await(port)
        yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user={USER} dbname=postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
