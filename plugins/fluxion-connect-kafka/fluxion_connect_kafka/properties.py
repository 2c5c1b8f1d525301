"""What ``client_properties`` may hold: settings of the client that neither break a promise of ours nor open a door.

A list of what is allowed, not of what is forbidden, because a setting that a later client invents must not slip through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxion_core.errors import did_you_mean

__all__ = ["CONSUMER_PROPERTIES", "PRODUCER_PROPERTIES", "normalised", "problem_with"]

_SHARED = frozenset(
    {
        "client_dns_lookup",
        "client_id",
        "connections_max_idle_ms",
        "max_in_flight_requests_per_connection",
        "metadata_max_age_ms",
        "receive_buffer_bytes",
        "receive_message_max_bytes",
        "reconnect_backoff_max_ms",
        "reconnect_backoff_ms",
        "request_timeout_ms",
        "retry_backoff_ms",
        "send_buffer_bytes",
    }
)
CONSUMER_PROPERTIES = _SHARED | {
    "check_crcs",
    "client_rack",
    "enable_incremental_fetch_sessions",
    "fetch_max_bytes",
    "fetch_max_wait_ms",
    "fetch_min_bytes",
    "max_partition_fetch_bytes",
}
"""What the source passes on."""

PRODUCER_PROPERTIES = _SHARED | {
    "allow_auto_create_topics",
    "batch_size",
    "delivery_timeout_ms",
    "linger_ms",
    "max_block_ms",
    "max_request_size",
}
"""What the sink passes on."""

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
            "plugin_library_paths",
            "interceptor_classes",
        ),
        _LOADS_CODE,
    ),
    **dict.fromkeys(("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile"), _READS_FILES),
    **dict.fromkeys(
        (
            "auto_commit_interval_ms",
            "auto_offset_reset",
            "bootstrap_timeout_ms",
            "enable_auto_commit",
            "enable_idempotence",
            "group_instance_id",
            "max_poll_records",
            "retries",
            "transactional_id",
        ),
        _OURS,
    ),
    **dict.fromkeys(
        ("proxy_url", "socks5_proxy", "sasl_jaas_config"),
        "it would send the connection, or its credentials, elsewhere",
    ),
}


def normalised(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return *properties* under the client's own names: ``fetch.max.bytes`` becomes ``fetch_max_bytes``."""
    return {name.replace(".", "_").replace("-", "_"): value for name, value in properties.items()}


def problem_with(properties: Mapping[str, Any], allowed: frozenset[str], options: frozenset[str]) -> str | None:
    """Return what is wrong with *properties*, or ``None``; *options* are the declared options of the component."""
    for name in normalised(properties):
        if name in allowed:
            continue
        if name in options:
            return f"'{name}' is an option of its own; set it beside client_properties"
        reason = _REASONS.get(name)
        hint = did_you_mean(name, allowed) or f"known: {', '.join(sorted(allowed))}"
        return f"'{name}' is not allowed: {reason}" if reason else f"'{name}' is no property of the client; {hint}"
    return None
