"""librdkafka, through confluent-kafka, behind the interface of :mod:`fluxion_connect_kafka.client`."""

from __future__ import annotations

from collections.abc import Callable

from fluxion_connect_kafka.client import Cluster, Committer, Consumer, Producer
from fluxion_connect_kafka.commit_thread import CommitThread
from fluxion_connect_kafka.librdkafka_cluster import LibrdkafkaCluster
from fluxion_connect_kafka.librdkafka_connection import LibrdkafkaConnection
from fluxion_connect_kafka.librdkafka_consumer import LibrdkafkaConsumer
from fluxion_connect_kafka.librdkafka_group import LibrdkafkaGroup
from fluxion_connect_kafka.librdkafka_producer import LibrdkafkaProducer
from fluxion_connect_kafka.options import KafkaOptions, KafkaSinkOptions, KafkaSourceOptions

__all__ = ["LibrdkafkaClient"]


class LibrdkafkaClient:
    """See :class:`~fluxion_connect_kafka.client.Client`. What it makes connects by itself, and says so when first asked."""

    def __init__(self, config: KafkaOptions, client_id: str) -> None:
        """Read what the options name; reach no network.

        Raises:
            BrokerError: a certificate file cannot be used.
        """
        self._config = config
        self._connection = LibrdkafkaConnection(config, client_id)

    def cluster(self) -> Cluster:
        """Prepare to ask about topics."""
        return LibrdkafkaCluster(self._connection)

    def consumer(self) -> Consumer:
        """Prepare to read the topic."""
        assert isinstance(self._config, KafkaSourceOptions)
        return LibrdkafkaConsumer(self._connection, self._config)

    def committer(self, group_id: str, on_failure: Callable[[str], None]) -> Committer:
        """Return a committer for the topic, which connects later."""
        topic = self._config.topic
        return CommitThread(LibrdkafkaGroup(self._connection, topic, group_id), f"kafka-commit-{topic}", on_failure)

    def producer(self) -> Producer:
        """Prepare to write to the topic."""
        assert isinstance(self._config, KafkaSinkOptions)
        return LibrdkafkaProducer(self._connection, self._config)

    def close(self) -> None:
        """Stop listening to the client's log."""
        self._connection.close()
