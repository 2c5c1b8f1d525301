"""librdkafka's error codes by what they mean to us."""

# ruff: noqa: SLF001  # confluent-kafka writes the codes that the client itself gives with a leading underscore

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError

__all__ = [
    "ADVICE",
    "GONE",
    "LOGIN_ERRORS",
    "MAY_NOT_BE_ASKED",
    "NO_SUCH_TOPIC",
    "NO_TIME_LEFT",
    "PARTITION_END",
    "PASSING",
    "RECORD_FAULTS",
    "REFUSALS",
    "SILENCES",
    "TOO_LARGE",
]

_SASL_REFUSED = "check sasl_mechanism, sasl_username and sasl_password"
ADVICE: Mapping[int, str] = {
    KafkaError._AUTHENTICATION: _SASL_REFUSED,
    KafkaError.SASL_AUTHENTICATION_FAILED: _SASL_REFUSED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "the brokers offer another sasl_mechanism",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "these credentials have no right to the topic; ask for an ACL",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "these credentials have no right to the group; ask for an ACL or set group_id",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "these credentials have no such right in the cluster; ask for an ACL",
}
"""What a person can do."""

LOGIN_ERRORS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
REFUSALS = frozenset(
    {
        *ADVICE,
        KafkaError._CONFLICT,
        KafkaError._INVALID_ARG,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_REQUIRED_ACKS,
        KafkaError.POLICY_VIOLATION,
        KafkaError.SECURITY_DISABLED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.UNSUPPORTED_VERSION,
    }
)
"""What time does not heal."""

NO_TIME_LEFT = KafkaError._MSG_TIMED_OUT
SILENCES = frozenset(
    {
        NO_TIME_LEFT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._WAIT_COORD,
    }
)
"""What only says that nobody answered; why is in what the client reported meanwhile."""

NO_SUCH_TOPIC = frozenset({KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART})
MAY_NOT_BE_ASKED = NO_SUCH_TOPIC | {
    KafkaError._UNSUPPORTED_FEATURE,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNSUPPORTED_VERSION,
}
PARTITION_END = KafkaError._PARTITION_EOF
GONE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION, KafkaError.OFFSET_OUT_OF_RANGE})
"""Offsets that the topic does not have (any more)."""

PASSING = frozenset(
    {
        PARTITION_END,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What reading does not depend on: librdkafka looks for a coordinator that we never use, and reconnects by itself."""

TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
RECORD_FAULTS = TOO_LARGE | {
    KafkaError._INVALID_DIFFERENT_RECORD,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
}
"""What may be wrong with a record, or with another of its batch."""
