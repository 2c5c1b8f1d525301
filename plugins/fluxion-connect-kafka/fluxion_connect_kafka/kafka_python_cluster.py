"""Questions about topics, asked with kafka-python's admin client."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource

from fluxion_connect_kafka.client import TopicDescription
from fluxion_connect_kafka.kafka_python_connection import Connection

__all__ = ["KafkaPythonCluster"]

_NO_ID = uuid.UUID(int=0)
_LIMIT = "max.message.bytes"


class KafkaPythonCluster:
    """See :class:`~fluxion_connect_kafka.client.Cluster`; one of these lives as long as a question or two."""

    def __init__(self, connection: Connection) -> None:
        """Connect.

        Raises:
            BrokerError: the brokers do not answer, or refuse us.
        """
        self._connection = connection
        known = {name: value for name, value in connection.settings.items() if name in KafkaAdminClient.DEFAULT_CONFIG}
        known["request_timeout_ms"] = max(connection.timeout_ms, 1000)
        self._admin = connection.build(KafkaAdminClient, "connecting to Kafka", **known)

    def topics(self) -> Sequence[TopicDescription]:
        """Return the topics that these credentials may see, without internal ones."""
        with self._connection.doing("listing topics"):
            described = self._admin.describe_topics()
        shown = (topic for topic in described if not topic["error_code"] and not topic["is_internal"])
        return sorted((_described(topic) for topic in shown), key=lambda topic: topic.name)

    def describe(self, topic: str) -> TopicDescription | None:
        """Return the topic, or ``None`` if there is none."""
        with self._connection.doing(f"describing topic '{topic}'"):
            (answer,) = self._admin.describe_topics([topic])
            kind = errors.for_code(answer["error_code"])
            if kind is errors.UnknownTopicOrPartitionError:
                return None
            if kind not in (errors.NoError, errors.LeaderNotAvailableError):
                raise kind
        return _described(answer)

    def largest_message_bytes(self, topic: str) -> int | None:
        """Return the topic's ``max.message.bytes``, or ``None`` if it may not be asked."""
        resource = ConfigResource("TOPIC", topic, {_LIMIT: None})
        try:
            answer = self._admin.describe_configs([resource], config_filter="all")
            found = answer["topic"][topic].get(_LIMIT)
            return int(found["value"]) if found else None
        except (errors.AuthorizationError, errors.UnsupportedVersionError, errors.UnknownTopicOrPartitionError):
            return None
        except (errors.KafkaError, OSError) as error:
            raise self._connection.explain(error, f"asking for the limits of topic '{topic}'") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._admin.close()


def _described(topic: Mapping[str, Any]) -> TopicDescription:
    identity = topic.get("topic_id") or _NO_ID
    return TopicDescription(
        name=topic["name"],
        id=None if identity == _NO_ID else str(identity),
        partitions=sorted(partition["partition_index"] for partition in topic["partitions"]),
    )
