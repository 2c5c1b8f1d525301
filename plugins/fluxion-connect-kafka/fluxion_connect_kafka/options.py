"""The options of the source and of the sink, each declared once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from fluxion_connect_kafka.durations import check_duration, seconds_of
from fluxion_connect_kafka.properties import KAFKA_PYTHON, Role, problem_with
from fluxion_core.spi import REQUIRED, Options, Secret, option

__all__ = ["KafkaOptions", "KafkaSinkOptions", "KafkaSourceOptions"]

_LONGEST_TOPIC_NAME = 249
_TOPIC_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_WHOLE_SECONDS = 10.0


def _check_topic(name: str) -> str | None:
    if name and len(name) <= _LONGEST_TOPIC_NAME and set(name) <= _TOPIC_CHARACTERS and name not in {".", ".."}:
        return None
    return f"'{name}' is no topic name; expected 1 to {_LONGEST_TOPIC_NAME} letters, digits, '.', '_' or '-'"


def _check_servers(servers: Sequence[str]) -> str | None:
    for server in servers:
        host, separator, port = server.rpartition(":")
        if not (host and separator and port.isdecimal() and 0 < int(port) < 65536):  # the ports there are
            return f"'{server}' is no address; expected host:port, several separated by commas"
    return None if servers else "expected at least one host:port"


def _check_start(start: str) -> str | None:
    if start in {"earliest", "latest"}:
        return None
    try:
        datetime.fromisoformat(start)
    except ValueError:
        return f"'{start}' is no start; expected earliest, latest or a point of time such as 2026-01-31T12:00:00Z"
    return None


def _check_acks(acks: str | int) -> str | None:
    if str(acks) in {"all", "-1", "1"}:
        return None
    if str(acks) == "0":
        return "0 would report records as written that nobody has received; expected all, or 1"
    return f"{acks} is no way to acknowledge; expected all, or 1"


def _check_key(key: str) -> str | None:
    name = key.removeprefix("$")
    if name and "." not in name and not name.startswith("$"):
        return None
    return f"'{key}' is no top-level field; expected its name, such as customerId or _id"


@attrs.frozen(kw_only=True)
class KafkaOptions(Options):
    """What source and sink have in common: where the brokers are and how to get in."""

    role: ClassVar[Role]

    topic: str = option(REQUIRED, "The topic.", example="orders.v1", check=_check_topic)
    bootstrap_servers: list[str] = option(
        REQUIRED,
        "Brokers to begin with, as host:port, several separated by commas.",
        example="broker-1:9092,broker-2:9092",
        check=_check_servers,
    )
    client: Literal["kafka-python", "librdkafka"] = option(
        KAFKA_PYTHON, "The library that talks to Kafka; librdkafka takes less CPU and needs fluxion-connect-kafka[librdkafka]."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = option(
        "PLAINTEXT", "Whether to use TLS (SSL) and whether to log in (SASL)."
    )
    ssl_cafile: Path | None = option(None, "PEM file of the authorities to trust; the system's own if not set.")
    ssl_certfile: Path | None = option(None, "PEM file of the client's certificate, for brokers that ask for one.")
    ssl_keyfile: Path | None = option(None, "PEM file of the client's private key.")
    ssl_password: Secret | None = option(None, "Password of the private key.")
    ssl_crlfile: Path | None = option(None, "PEM file of revoked certificates.")
    ssl_ciphers: str | None = option(None, "Ciphers in OpenSSL's notation; OpenSSL's own choice if not set.")
    ssl_check_hostname: bool = option(True, "Whether the certificate must name the broker. Turning it off is logged.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = option(None, "How to log in.")
    sasl_username: str | None = option(None, "Name to log in with.")
    sasl_password: Secret | None = option(None, "Password to log in with.")
    connect_timeout_seconds: float = option(
        _WHOLE_SECONDS, "How long to wait for a first answer of the brokers.", minimum=0.1, maximum=300
    )
    client_properties: dict[str, Any] = option(
        attrs.Factory(dict),
        "Further settings of the client, under its own names, with dots or underscores; those that would break a promise are refused.",
        example="{fetch_max_wait_ms: 200}",
    )

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return what does not go together."""
        return [*self._lint_login(), *self._lint_tls(), *self._lint_properties()]

    def _lint_login(self) -> list[tuple[str, str]]:
        logs_in = self.security_protocol.startswith("SASL")
        given = {name: getattr(self, name) for name in ("sasl_mechanism", "sasl_username", "sasl_password")}
        if logs_in:
            return [
                (name, f"required with security_protocol {self.security_protocol}")
                for name, value in given.items()
                if value is None
            ]
        return [
            (name, f"has no effect with security_protocol {self.security_protocol}; expected SASL_SSL or SASL_PLAINTEXT")
            for name, value in given.items()
            if value is not None
        ]

    def _lint_tls(self) -> list[tuple[str, str]]:
        names = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_crlfile", "ssl_ciphers")
        given = [name for name in names if getattr(self, name) is not None]
        if not self.security_protocol.endswith("SSL"):
            return [
                (name, f"has no effect with security_protocol {self.security_protocol}; expected SSL or SASL_SSL")
                for name in given
            ]
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            return [("ssl_certfile", "required with ssl_keyfile")]
        return []

    def _lint_properties(self) -> list[tuple[str, str]]:
        declared = frozenset(item.name for item in self.declarations())
        problem = problem_with(self.client_properties, self.client, self.role, declared)
        return [("client_properties", problem)] if problem else []


@attrs.frozen(kw_only=True)
class KafkaSourceOptions(KafkaOptions):
    """The options of the source."""

    role: ClassVar[Role] = "consumer"

    group_id: str | None = option(
        None,
        "Group under which progress is committed, for lag tools only; fluxion-<pipeline id> if not set. Must have no members.",
    )
    commit_offsets: bool = option(True, "Whether to commit progress to the group after each seal.")
    start_from: str = option(
        "earliest",
        "Where a first run begins: earliest, latest, or a point of time (ISO 8601, UTC unless it says otherwise).",
        example="2026-01-31T12:00:00Z",
        check=_check_start,
    )
    on_out_of_range: Literal["fail", "earliest", "latest"] = option(
        "fail", "What to do when a stored position is no longer in the topic. All but fail lose records, and say so."
    )
    isolation_level: Literal["read_committed", "read_uncommitted"] = option(
        "read_committed", "Whether records of open and aborted transactions are left out."
    )
    tombstones: Literal["keep", "skip"] = option(
        "keep", "What to do with records without a value: keep hands over an empty payload, which no codec of JSON accepts."
    )
    poll_timeout_seconds: float | None = option(
        None, "The longest that one poll waits for records; as long as the runtime wants if not set.", minimum=0.001
    )
    poll_timeout: str | float | None = option(
        None, "The same as text with a unit.", example="500ms", deprecated="poll_timeout_seconds", check=check_duration
    )
    queue_capacity: int | None = option(
        None, "The most records that one poll hands over; as many as the runtime wants if not set.", minimum=1
    )
    new_partitions_seconds: float = option(30.0, "How often to look for new partitions.", minimum=0.1, maximum=3600)
    health_check_seconds: float = option(
        5.0, "How long nothing may come before the brokers are asked whether they are alive.", minimum=0.1, maximum=3600
    )

    @property
    def start_milliseconds(self) -> int | None:
        """The point of time to start from, in milliseconds since the epoch; ``None`` for earliest and latest."""
        if self.start_from in {"earliest", "latest"}:
            return None
        moment = datetime.fromisoformat(self.start_from)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)

    @property
    def longest_poll_seconds(self) -> float | None:
        """The poll timeout, by whichever name it was given."""
        return _seconds(self.poll_timeout_seconds, self.poll_timeout)

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return what does not go together."""
        twice = self.poll_timeout is not None and self.poll_timeout_seconds is not None
        return [*super().lint(), *([("poll_timeout", "given twice; drop it beside poll_timeout_seconds")] if twice else [])]


@attrs.frozen(kw_only=True)
class KafkaSinkOptions(KafkaOptions):
    """The options of the sink."""

    role: ClassVar[Role] = "producer"

    key: str | None = option(
        "_id",
        "Top-level field whose value becomes the record's key: its text, or its JSON; a record without it has no key.",
        example="customerId",
        check=_check_key,
    )
    acks: str | int = option("all", "Whose acknowledgement counts: all in-sync replicas, or the leader (1).", check=_check_acks)
    compression_type: Literal["none", "gzip", "snappy", "lz4", "zstd"] = option(
        "none",
        "Codec of the record batches; all but gzip need a package with kafka-python, such as fluxion-connect-kafka[zstd].",
    )
    batch_size: int | None = option(
        None, "The most records of one sealed batch; as many as a seal brings if not set.", minimum=1
    )
    max_record_bytes: int | None = option(
        None,
        "The largest record to send; larger ones are refused. The topic's max.message.bytes if not set.",
        minimum=1,
    )
    flush_timeout_seconds: float | None = option(
        None, "How long a sealed batch may take to be acknowledged (30 s) before it is tried again.", minimum=0.5
    )
    flush_timeout: str | float | None = option(
        None, "The same as text with a unit.", example="30s", deprecated="flush_timeout_seconds", check=check_duration
    )

    @property
    def all_acknowledge(self) -> bool:
        """Whether every in-sync replica has to acknowledge."""
        return str(self.acks) in {"all", "-1"}

    @property
    def longest_flush_seconds(self) -> float:
        """The flush timeout, by whichever name it was given; 30 s if not at all."""
        return _seconds(self.flush_timeout_seconds, self.flush_timeout) or 30.0

    @property
    def key_field(self) -> str | None:
        """The name of the key's field, without a leading ``$``."""
        return self.key.removeprefix("$") if self.key is not None else None

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return what does not go together."""
        twice = self.flush_timeout is not None and self.flush_timeout_seconds is not None
        return [*super().lint(), *([("flush_timeout", "given twice; drop it beside flush_timeout_seconds")] if twice else [])]


def _seconds(seconds: float | None, text: str | float | None) -> float | None:
    return seconds_of(str(text)) if seconds is None and text is not None else seconds
