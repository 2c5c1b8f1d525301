"""kafka-python behind the interface of :mod:`fluxion_connect_kafka.client`."""

from __future__ import annotations

from collections.abc import Callable

from fluxion_connect_kafka.client import Cluster, Committer, Consumer, Producer
from fluxion_connect_kafka.commit_thread import CommitThread
from fluxion_connect_kafka.kafka_python_cluster import KafkaPythonCluster
from fluxion_connect_kafka.kafka_python_connection import Connection
from fluxion_connect_kafka.kafka_python_consumer import KafkaPythonConsumer
from fluxion_connect_kafka.kafka_python_group import KafkaPythonGroup
from fluxion_connect_kafka.kafka_python_producer import KafkaPythonProducer
from fluxion_connect_kafka.options import KafkaOptions, KafkaSinkOptions, KafkaSourceOptions

__all__ = ["KafkaPythonClient"]


class KafkaPythonClient:
    """See :class:`~fluxion_connect_kafka.client.Client`."""

    def __init__(self, config: KafkaOptions, client_id: str) -> None:
        """Read what the options name; reach no network.

        Raises:
            BrokerError: a certificate file cannot be used.
        """
        self._config = config
        self._connection = Connection(config, client_id)

    def cluster(self) -> Cluster:
        """Connect to ask about topics."""
        return KafkaPythonCluster(self._connection)

    def consumer(self) -> Consumer:
        """Connect to read the topic."""
        assert isinstance(self._config, KafkaSourceOptions)
        return KafkaPythonConsumer(self._connection, self._config)

    def committer(self, group_id: str, on_failure: Callable[[str], None]) -> Committer:
        """Return a committer for the topic, which connects later."""
        topic = self._config.topic
        return CommitThread(KafkaPythonGroup(self._connection, topic, group_id), f"kafka-commit-{topic}", on_failure)

    def producer(self) -> Producer:
        """Connect to write to the topic."""
        assert isinstance(self._config, KafkaSinkOptions)
        return KafkaPythonProducer(self._connection, self._config)

    def close(self) -> None:
        """Stop listening to the client's log."""
        self._connection.close()
