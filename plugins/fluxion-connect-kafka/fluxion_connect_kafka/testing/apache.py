"""A real Apache Kafka for tests: one KRaft node on loopback, in a directory of its own.

The jars come from Maven once and stay in the user's cache. It needs Java 17 or newer, and Maven for the first time; the
standard library does the rest. As a process, ``python -m fluxion_connect_kafka.testing.apache`` prints the address and lives
until its standard input closes; the lines ``stop`` (``kill -9``) and ``start`` on standard input play an outage.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

__all__ = ["VERSION", "ApacheKafka", "main", "missing_requirement"]

VERSION = "4.3.1"
_SCALA = "2.13"
_START_TIMEOUT_SECONDS = 60.0
_STOP_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.05
_LOG_TAIL_CHARACTERS = 2000
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fluxion.testing</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{scala}</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
_PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
num.partitions=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=4194304
"""
"""One node, small tables. The two ``broker.*`` lines let it come back 4 s after ``kill -9``; by default it takes 13 s.

Retention is off: a record that a test dates a week back would be removed by the next look of the log cleaner, 30 s after the
start and every 5 minutes, perhaps before the test has read it.
"""


def cache_directory() -> Path:
    """Return where the jars are kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "fluxion" / f"kafka-{VERSION}"


def missing_requirement() -> str | None:
    """Return what this machine lacks to run Kafka, in words, or ``None`` if nothing."""
    if shutil.which("java") is None:
        return "Apache Kafka needs Java 17 or newer: no java on the PATH"
    if not _jars(cache_directory()) and shutil.which("mvn") is None:
        return f"Apache Kafka {VERSION} is not in {cache_directory()}, and there is no mvn on the PATH to fetch it"
    return None


def _jars(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"kafka_{_SCALA}-{VERSION}.jar"))


def fetch_jars() -> Path:
    """Return the directory of the jars, fetched with Maven if they are not there.

    Raises:
        subprocess.CalledProcessError: Maven failed; it has told why on standard error.
    """
    cache = cache_directory()
    if _jars(cache):
        return cache
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_POM.format(scala=_SCALA, kafka=VERSION))
        fresh = Path(work) / "jars"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], check=True, stdout=sys.stderr)  # noqa: S603, S607  # our own words
        _install(fresh, cache)
    return cache


def _install(fresh: Path, cache: Path) -> None:
    """Give complete jars their place in one step; another process may have been quicker."""
    try:
        fresh.rename(cache)
    except OSError:
        if not _jars(cache):
            raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _cluster_id() -> str:
    """Return a random cluster id; Kafka's command line takes one that begins with '-' for an option."""
    return "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


class ApacheKafka:
    """A Kafka node: ``start`` it, point clients at ``bootstrap_servers``, ``close`` it. Works as a context manager."""

    def __init__(self) -> None:
        """Choose ports and a directory; nothing runs yet."""
        self._port = _free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="fluxion-kafka-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The address, ``host:port``."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Start the node and wait until it listens: about 5 s the first time, 4 s after ``stop``.

        Raises:
            RuntimeError: it ended or did not listen within a minute; the message ends with its log.
            subprocess.CalledProcessError: Maven or the formatting failed.
        """
        properties = self._directory / "server.properties"
        if not properties.exists():
            self._format(properties)
        with self._log.open("ab") as log:
            command = [*_java(), "kafka.Kafka", str(properties)]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603  # our own words
        self._wait_until_it_listens()
        return self

    @property
    def _log(self) -> Path:
        return self._directory / "log"

    def _format(self, properties: Path) -> None:
        fetch_jars()
        data = self._directory / "data"
        properties.write_text(_PROPERTIES.format(broker=self._port, controller=_free_port(), data=data))
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id(), "-c", str(properties)]
        subprocess.run([*_java(), *tool], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own words

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1.0).close()
            except OSError:
                time.sleep(_POLL_SECONDS)
            else:
                return
        tail = self._log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
        self.stop()
        msg = f"Apache Kafka did not start; the end of its log:\n{tail}"
        raise RuntimeError(msg)

    def stop(self) -> None:
        """End the node as ``kill -9`` does; its data stays, ``start`` continues with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT_SECONDS)
            self._process = None

    def close(self) -> None:
        """End the node and delete its data. May be called twice."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close."""
        self.close()


def _java() -> list[str]:
    return [
        "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{cache_directory()}/*",
    ]  # fmt: skip


def main(commands: TextIO, answers: TextIO) -> None:
    """Run a node until *commands* ends."""
    with ApacheKafka() as kafka:
        print(kafka.bootstrap_servers, file=answers, flush=True)
        for line in commands:
            print(_obey(kafka, line.strip()), file=answers, flush=True)


def _obey(kafka: ApacheKafka, command: str) -> str:
    actions = {"stop": kafka.stop, "start": kafka.start}
    if command not in actions:
        return f"error: {command!r} is no command; expected stop or start"
    actions[command]()
    return "ok"


if __name__ == "__main__":
    if problem := missing_requirement():
        sys.exit(problem)
    main(sys.stdin, sys.stdout)
