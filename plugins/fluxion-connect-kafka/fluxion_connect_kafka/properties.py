"""What ``client_properties`` may hold: settings of the client that neither break a promise of ours nor open a door.

A list of what is allowed, not of what is forbidden, because a setting that a later client invents must not slip through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from fluxion_core.errors import did_you_mean

__all__ = ["COMMON_LIBRDKAFKA", "KAFKA_PYTHON", "LIBRDKAFKA", "ClientName", "Role", "normalised", "problem_with"]

ClientName: TypeAlias = Literal["kafka-python", "librdkafka"]
Role: TypeAlias = Literal["consumer", "producer"]

KAFKA_PYTHON: ClientName = "kafka-python"
LIBRDKAFKA: ClientName = "librdkafka"

_BOTH_CLIENTS = frozenset(
    {
        "client_dns_lookup",
        "client_id",
        "connections_max_idle_ms",
        "max_in_flight_requests_per_connection",
        "metadata_max_age_ms",
        "receive_message_max_bytes",
        "reconnect_backoff_max_ms",
        "reconnect_backoff_ms",
        "retry_backoff_ms",
    }
)
_BOTH_CONSUMERS = _BOTH_CLIENTS | {
    "check_crcs",
    "client_rack",
    "fetch_max_bytes",
    "fetch_min_bytes",
    "max_partition_fetch_bytes",
}
_BOTH_PRODUCERS = _BOTH_CLIENTS | {"batch_size", "delivery_timeout_ms", "linger_ms", "request_timeout_ms"}
_OF_KAFKA_PYTHON = frozenset({"receive_buffer_bytes", "request_timeout_ms", "send_buffer_bytes"})
_OF_LIBRDKAFKA = frozenset(
    {
        "broker_address_family",
        "broker_address_ttl",
        "retry_backoff_max_ms",
        "socket_connection_setup_timeout_ms",
        "socket_keepalive_enable",
        "socket_nagle_disable",
        "socket_receive_buffer_bytes",
        "socket_send_buffer_bytes",
        "socket_timeout_ms",
        "topic_metadata_refresh_interval_ms",
    }
)

_ALLOWED: Mapping[tuple[ClientName, Role], frozenset[str]] = {
    (KAFKA_PYTHON, "consumer"): _BOTH_CONSUMERS | _OF_KAFKA_PYTHON | {"enable_incremental_fetch_sessions", "fetch_max_wait_ms"},
    (KAFKA_PYTHON, "producer"): _BOTH_PRODUCERS
    | _OF_KAFKA_PYTHON
    | {"allow_auto_create_topics", "max_block_ms", "max_request_size"},
    (LIBRDKAFKA, "consumer"): _BOTH_CONSUMERS
    | _OF_LIBRDKAFKA
    | {
        "fetch_error_backoff_ms",
        "fetch_message_max_bytes",
        "fetch_queue_backoff_ms",
        "fetch_wait_max_ms",
        "queued_max_messages_kbytes",
        "queued_min_messages",
    },
    (LIBRDKAFKA, "producer"): _BOTH_PRODUCERS
    | _OF_LIBRDKAFKA
    | {
        "batch_num_messages",
        "compression_level",
        "message_max_bytes",
        "message_timeout_ms",
        "queue_buffering_max_kbytes",
        "queue_buffering_max_messages",
        "sticky_partitioning_linger_ms",
    },
}

COMMON_LIBRDKAFKA = _BOTH_CLIENTS | _OF_LIBRDKAFKA
"""What goes to every client that librdkafka makes, those that only ask questions included."""

_LOADS_CODE = "it would load code or objects, which a pipeline file cannot name"
_READS_FILES = "it names a file; use the declared option of that name"
_OURS = "the connector sets it itself, because its guarantees depend on it"
_REASONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "kafka_client",
            "key_deserializer",
            "key_serializer",
            "metric_reporters",
            "partition_assignment_strategy",
            "partitioner",
            "sasl_oauth_token_provider",
            "selector",
            "socket_options",
            "ssl_context",
            "value_deserializer",
            "value_serializer",
            "interceptor_classes",
            "plugin_library_paths",
            "ssl_engine_location",
            "ssl_providers",
        ),
        _LOADS_CODE,
    ),
    **dict.fromkeys(("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile"), _READS_FILES),
    **dict.fromkeys(
        ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "ssl_crl_location", "ssl_keystore_location"),
        "it names a file; use ssl_cafile, ssl_certfile, ssl_keyfile or ssl_crlfile",
    ),
    **dict.fromkeys(
        (
            "auto_commit_interval_ms",
            "auto_offset_reset",
            "bootstrap_timeout_ms",
            "delivery_report_only_error",
            "enable_auto_commit",
            "enable_auto_offset_store",
            "enable_partition_eof",
            "enable_idempotence",
            "group_instance_id",
            "max_poll_records",
            "retries",
            "transactional_id",
        ),
        _OURS,
    ),
    **dict.fromkeys(
        ("proxy_url", "socks5_proxy", "sasl_jaas_config", "sasl_oauthbearer_token_endpoint_url"),
        "it would send the connection, or its credentials, elsewhere",
    ),
}


def normalised(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return *properties* under kafka-python's spelling: ``fetch.max.bytes`` becomes ``fetch_max_bytes``."""
    return {name.replace(".", "_").replace("-", "_"): value for name, value in properties.items()}


def problem_with(properties: Mapping[str, Any], client: ClientName, role: Role, options: frozenset[str]) -> str | None:
    """Return what is wrong with *properties* for that client, or ``None``; *options* are the declared options of the component."""
    allowed = _ALLOWED[client, role]
    other = LIBRDKAFKA if client == KAFKA_PYTHON else KAFKA_PYTHON
    for name in normalised(properties):
        if name in allowed:
            continue
        if name in options:
            return f"'{name}' is an option of its own; set it beside client_properties"
        if name in _REASONS:
            return f"'{name}' is not allowed: {_REASONS[name]}"
        hint = did_you_mean(name, allowed) or f"known: {', '.join(sorted(allowed))}"
        if name in _ALLOWED[other, role]:
            return f"'{name}' is known to {other} only, and the client here is {client}; {hint}"
        return f"'{name}' is no property of the client; {hint}"
    return None
