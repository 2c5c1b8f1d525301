"""Questions about topics, asked with confluent-kafka's admin client."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fluxion_connect_kafka.client import TopicDescription
from fluxion_connect_kafka.librdkafka_codes import MAY_NOT_BE_ASKED, NO_SUCH_TOPIC
from fluxion_connect_kafka.librdkafka_connection import LibrdkafkaConnection

__all__ = ["LibrdkafkaCluster"]

_LIMIT = "max.message.bytes"
_TURN_SECONDS = 0.05
_GRACE_SECONDS = 1.0
_64_BITS = (1 << 64) - 1


class LibrdkafkaCluster:
    """See :class:`~fluxion_connect_kafka.client.Cluster`; one of these lives as long as a question or two."""

    def __init__(self, connection: LibrdkafkaConnection) -> None:
        """Prepare; the first question connects.

        Raises:
            BrokerError: librdkafka refuses a setting.
        """
        self._connection = connection
        connection.forget_errors()
        self._admin = connection.build(AdminClient, "connecting to Kafka", connection.settings)

    def topics(self) -> Sequence[TopicDescription]:
        """Return the topics that these credentials may see, without internal ones."""
        what = "listing topics"
        with self._connection.doing(what, lambda: self._admin.poll(0)):
            names = sorted(self._admin.list_topics(timeout=self._connection.timeout_seconds).topics)
        if not names:
            return []
        described = []
        for name, future in self._describe(names).items():
            try:
                topic = self._answer(future, what)
            except KafkaException:  # this one may not be seen, or has just gone
                continue
            if not topic.is_internal:
                described.append(_described(name, topic))
        return described

    def describe(self, topic: str) -> TopicDescription | None:
        """Return the topic, or ``None`` if there is none."""
        what = f"describing topic '{topic}'"
        with self._connection.doing(what):
            try:
                return _described(topic, self._answer(self._describe([topic])[topic], what))
            except KafkaException as error:
                if error.args[0].code() in NO_SUCH_TOPIC:
                    return None
                raise

    def largest_message_bytes(self, topic: str) -> int | None:
        """Return the topic's ``max.message.bytes``, or ``None`` if it may not be asked."""
        what = f"asking for the limits of topic '{topic}'"
        resource = ConfigResource(ResourceType.TOPIC, topic)
        with self._connection.doing(what):
            asked = self._admin.describe_configs([resource], request_timeout=self._connection.timeout_seconds)
            try:
                found = self._answer(asked[resource], what).get(_LIMIT)
            except KafkaException as error:
                if error.args[0].code() in MAY_NOT_BE_ASKED:
                    return None
                raise
        return int(found.value) if found is not None and found.value is not None else None

    def close(self) -> None:
        """Let go of the connections."""
        self._admin = None

    def _describe(self, names: Sequence[str]) -> dict[str, Future[Any]]:
        asked: dict[str, Future[Any]] = self._admin.describe_topics(
            TopicCollection(names), request_timeout=self._connection.timeout_seconds
        )
        return asked

    def _answer(self, future: Future[Any], what: str) -> Any:
        """Wait for *future*, but no longer than it takes to learn that the brokers refuse us.

        Raises:
            BrokerError: they do, or nobody answers.
            KafkaException: they answered with an error.
        """
        deadline = time.monotonic() + self._connection.timeout_seconds + _GRACE_SECONDS
        while time.monotonic() < deadline:
            try:
                return future.result(timeout=_TURN_SECONDS)
            except TimeoutError:
                self._admin.poll(0)
                refusal = self._connection.refusal(what)
                if refusal is not None:
                    raise refusal from None
        raise self._connection.silence(what)


def _described(name: str, topic: Any) -> TopicDescription:
    """Return *topic* in our terms; its id in the spelling of :mod:`uuid`, whichever client asked."""
    high, low = (
        part & _64_BITS for part in (topic.topic_id.get_most_significant_bits(), topic.topic_id.get_least_significant_bits())
    )
    identity = uuid.UUID(int=high << 64 | low)
    return TopicDescription(
        name=name,
        id=str(identity) if identity.int else None,
        partitions=sorted(partition.id for partition in topic.partitions),
    )
